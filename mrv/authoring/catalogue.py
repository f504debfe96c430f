"""Reads the rules from YAML: the only module that knows YAML. Everything after it is canonical JSON.

    mrv/rules/parameters/**.yaml     families of dated values
    mrv/rules/formulas/**.yaml       one formula each, its cases beside it
    mrv/rules/methodologies/**.yaml  one methodology each, its cases beside it
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from core.errors import CarbonSealError, FormError
from mrv.authoring.cases import FORMULA, METHODOLOGY, Case, canonical_case, cases_of
from mrv.authoring.translate import formula_document, methodology_document, parameter_documents
from mrv.calculation.inputs import EXAMPLE
from mrv.definitions.parameter import Parameter
from mrv.definitions.ruleset import RuleSet

RULES = Path(__file__).parent.parent / "rules"
MAX_FILE_BYTES = 2**20
MAX_DEPTH = 64
"""Of lists and mappings; rules and their cases stay below 10."""


class _Loader(yaml.CSafeLoader if hasattr(yaml, "CSafeLoader") else yaml.SafeLoader):  # type: ignore[misc]
    """Every scalar stays text, so no float and no date is ever guessed; a key that occurs twice is an error."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012  read by PyYAML as a class attribute

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        keys = [key.value for key, _ in node.value]
        if not all(isinstance(key, yaml.ScalarNode) for key, _ in node.value):
            raise FormError("rule-malformed", "a key is a text")
        if len(set(keys)) != len(keys):
            raise FormError("rule-malformed", f"a key occurs twice among {', '.join(keys[:20])}")
        return dict(super().construct_mapping(node, deep))


@dataclass(frozen=True)
class Catalogue:
    """The rules of a folder and the cases beside them."""

    ruleset: RuleSet
    cases: tuple[Case, ...]


def load(folder: Path = RULES) -> Catalogue:
    """Every rule below a folder, checked. Raises FormError naming the file."""
    documents: dict[str, Any] = {}
    cases: list[Case] = []
    for path in sorted((folder / "parameters").rglob("*.yaml")):
        for document in _convert(path, parameter_documents)[0]:
            _check_parameter(document, path)
            _add(documents, f"parameters/{document['id']}", document, path)
    readers: dict[str, Callable[[Any], dict[str, Any]]] = {
        "formulas": formula_document, "methodologies": methodology_document}
    for kind, reader in readers.items():
        for path in sorted((folder / kind).rglob("*.yaml")):
            document, written = _convert(path, reader)
            key = f"{document['id']}@{document['version']}"
            _add(documents, f"{kind}/{key}", document, path)
            _check_key(documents, key, path)
            cases += _cases(written, kind, key, path)
    ruleset = RuleSet.from_documents(documents)
    return Catalogue(ruleset, tuple(canonical_case(ruleset, case) for case in cases))


@cache
def shipped_catalogue() -> Catalogue:
    """The rules that come with this version, and their cases."""
    return load()


def shipped() -> RuleSet:
    """The rules that come with this version."""
    return shipped_catalogue().ruleset


def example(catalogue: Catalogue, kind: str, key: str) -> dict[str, Any] | None:
    """The first case beside a rule that gives a number, as a caller writes it; None where there is none.

    `kind` "formula": {"inputs"}; "methodology": {"at", "inputs"}, the inputs document, whose boundary and titles say
    that it is an example: a run of what keeps one of them has the notice "example-input".
    """
    for case in catalogue.cases:
        if (case.kind, case.rule) == (kind, key) and "error" not in case.body:
            if kind == "formula":
                return {"inputs": case.body["inputs"]}
            document = case.body["document"]
            given = _labelled(document) | {"boundary": f"{EXAMPLE} · {document['boundary']}"}
            return {"at": case.body["at"],
                    "inputs": given | {"allow_unconfirmed": given["allow_unconfirmed"] == "true"}}
    return None


def _labelled(value: Any) -> Any:
    """The same with the title of each document that backs a quantity marked as an example's."""
    if isinstance(value, list):
        return [_labelled(item) for item in value]
    if not isinstance(value, dict):
        return value
    marked = {"title": f"{EXAMPLE} · {value['title']}"} if value.get("type") == "document" else {}
    return {name: _labelled(item) for name, item in value.items()} | marked


def _add(documents: dict[str, Any], name: str, document: Any, path: Path) -> None:
    if name in documents:
        raise FormError("rule-malformed", f"{name} is defined twice", where=path.name)
    documents[name] = document


def _check_parameter(document: Any, path: Path) -> None:
    # A date or a validity out of form is noticed where only the value is known: name the file and the parameter.
    try:
        Parameter.from_document(document)
    except CarbonSealError as error:
        error.where = error.where or f"{path.name} {document['id']}"
        raise


def _check_key(documents: Mapping[str, Any], key: str, path: Path) -> None:
    if {f"formulas/{key}", f"methodologies/{key}"} <= documents.keys():
        raise FormError("rule-malformed", f"a formula and a methodology are both called {key!r}", where=path.name,
                        hint="give one of them another id: cases and commands name a rule by its key")


def _convert(path: Path, reader: Callable[[Any], Any]) -> tuple[Any, dict[str, Any]]:
    """The canonical form of what a file says, and what it says."""
    try:
        written = read_yaml(path)
        return reader(written), written
    except CarbonSealError as error:
        error.where = f"{path.name} {error.where.removeprefix(path.name)}".strip()
        raise


def read_yaml(path: Path) -> dict[str, Any]:
    """One YAML document, scalars as text. Raises FormError (yaml-malformed)."""
    data = path.read_bytes()
    if len(data) > MAX_FILE_BYTES:
        raise FormError("yaml-malformed", f"{len(data)} bytes exceed the limit of {MAX_FILE_BYTES}", where=path.name)
    try:
        _check_plain(data, path)
        value = yaml.load(data, Loader=_Loader)  # noqa: S506  a safe loader that keeps text
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise FormError("yaml-malformed", f"not YAML: {error}", where=path.name) from None
    if not isinstance(value, dict):
        raise FormError("yaml-malformed", "a rule file is a mapping", where=path.name)
    return value


def _check_plain(data: bytes, path: Path) -> None:
    """Passes for plain scalars, lists and mappings, before any of them is made.

    An anchor makes megabytes of a line, a tag a value that is no text, and nesting ends the YAML library (and Python
    with it) instead of raising.
    """
    depth = 0
    for event in yaml.parse(data, Loader=_Loader):
        if getattr(event, "anchor", None) is not None or getattr(event, "tag", None) is not None:
            raise FormError("yaml-malformed", "a rule file has no anchors and no tags", where=path.name,
                            hint="write each value out, as text")
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:
            raise FormError("yaml-malformed", f"nested deeper than {MAX_DEPTH}", where=path.name)


def _cases(written: Mapping[str, Any], kind: str, key: str, path: Path) -> list[Case]:
    try:
        return list(cases_of(written, METHODOLOGY if kind == "methodologies" else FORMULA, key))
    except CarbonSealError as error:
        error.where = f"{path.name} {error.where}"
        raise
