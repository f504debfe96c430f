"""The page of methodologies says which inputs go together."""

from __future__ import annotations

from mrv.authoring.catalogue import load
from mrv.authoring.catalogue_docs import methodologies_page

PAGE = methodologies_page(load())


def row(section: str, name: str) -> str:
    body = PAGE.split(f"## `{section}`")[1].split("\n## ")[0]
    return next(line for line in body.splitlines() if line.startswith(f"| `{name}`"))


def test_the_free_allocation_of_a_precursor_is_needed_with_it() -> None:
    assert "(needed with 随之必填 `precursor.*`)" in row("cbam.complex-goods@1", "precursor_sefa.*")


def test_the_precursor_itself_is_needed_with_nothing() -> None:
    assert "needed with" not in row("cbam.complex-goods@1", "precursor.*")


def test_what_a_default_stands_in_for_is_not_needed() -> None:
    assert "needed with" not in row("inventory.carbon-materials@1", "fuel_ncv.*")
