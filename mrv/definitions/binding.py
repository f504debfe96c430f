"""The form of a binding: what an argument of a formula call is taken from. `mrv.calculation.arguments` binds it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from core.errors import FormError

_FORMS = tuple(frozenset(form.split()) for form in (
    "input", "items", "parameter", "parameter year", "parameter selected_by", "step output", "option",
    "value unit", "first", "list", "rows fields", "table key unit value", "table key unit value neighbour among at",
    "neighbour among at"))
NEIGHBOURS = ("below", "above")


def check_binding(binding: object) -> None:
    """Passes for exactly one of the forms of docs/spec/rules.md §3. Raises FormError (rule-malformed)."""
    if not isinstance(binding, Mapping) or frozenset(binding) not in _FORMS:
        raise FormError("rule-malformed", "an argument is not bound in one of the forms of the specification",
                        hint="; ".join(" and ".join(sorted(form)) for form in _FORMS))
    for name, value in binding.items():
        if name == "fields" and isinstance(value, Mapping):
            _check_all(value.values())
        elif name in ("first", "list") and isinstance(value, list):
            _check_all(value)
        elif name == "at" and isinstance(value, Mapping):
            check_binding(value)
        elif name in ("first", "list", "fields", "at") or not isinstance(value, str):
            raise FormError("rule-malformed", f"the member {name!r} of a binding has another kind")
    if binding.get("first") == []:
        raise FormError("rule-malformed", "the first of no bindings binds nothing")
    if binding.get("neighbour", "below") not in NEIGHBOURS:
        raise FormError("rule-malformed", "a neighbour is the value below or the value above")


def _check_all(bindings: Iterable[object]) -> None:
    for binding in bindings:
        check_binding(binding)
