"""Every error says what to do: at the place that raises it, or by its code."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import core
from core import errors
from core.errors import CarbonSealError, FormError, VerificationFailed
from core.hints import HINTS

ROOT = Path(core.__file__).parents[1]
ROOMS = ("core", "certificates", "mrv")
KINDS = {name for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, CarbonSealError)}


def raised() -> Iterator[tuple[str, str, bool]]:
    """(place, literal code or "", whether it gives a hint) of every error that the rooms build."""
    for path in sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in KINDS:
                code = node.args[0]
                literal = code.value if isinstance(code, ast.Constant) else ""
                yield f"{path.name}:{node.lineno}", str(literal), any(word.arg == "hint" for word in node.keywords)


def test_every_error_of_core_and_certificates_says_what_to_do() -> None:
    found = list(raised())
    assert len(found) > 100
    # Where the code is a variable, it is one of those that the place's other errors name.
    assert [place for place, code, hinted in found if not hinted and code and code not in HINTS] == []


def test_no_hint_is_kept_for_a_code_that_nothing_raises() -> None:
    assert set(HINTS) - {code for _, code, _ in raised()} == set()


@pytest.mark.parametrize("hint", HINTS.values())
def test_a_hint_is_one_line_that_begins_in_lower_case_or_with_a_sample(hint: str) -> None:
    assert hint == hint.strip()
    assert "\n" not in hint
    assert not hint.endswith(".")


def test_a_place_that_knows_better_gives_its_own_hint() -> None:
    assert FormError("json-malformed", "not JSON").hint == HINTS["json-malformed"]
    assert FormError("json-malformed", "not JSON", hint="quote the text").hint == "quote the text"
    assert VerificationFailed("of-another-room", "no").hint == ""


def test_an_error_shows_code_message_place_and_hint() -> None:
    error = FormError("document-text", "not plain text", where="claim.boundary", hint="no line breaks", limit=500)
    assert str(error) == "document-text: not plain text at claim.boundary (no line breaks)"
    assert error.as_dict() == {"code": "document-text", "message": "not plain text", "where": "claim.boundary",
                               "hint": "no line breaks", "limit": 500}
    assert str(VerificationFailed("of-another-room", "no")) == "of-another-room: no"


def test_exit_codes_and_http_statuses_follow_the_tree() -> None:
    tree = {name: (getattr(errors, name).exit_code, getattr(errors, name).http_status) for name in KINDS}
    assert tree == {
        "CarbonSealError": (2, 422), "InputError": (2, 422), "FormError": (2, 400), "NotFound": (2, 404),
        "Refused": (1, 409), "Forbidden": (1, 403), "VerificationFailed": (1, 422), "Unavailable": (3, 503)}
