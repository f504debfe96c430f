"""Which serials a certificate spends: whole units of a claim point's register, or the facilities' time."""

from __future__ import annotations

from core.errors import FormError
from core.ids import check_id
from core.records import Interval
from mrv.calculation.inputs import Inputs
from mrv.definitions.methodology import Methodology


def intervals_of(methodology: Methodology, inputs: Inputs) -> tuple[Interval, ...]:
    """The intervals by the methodology's rule, sorted.

    none: an inventory spends nothing. register-whole-units: from each claim point's position, n whole units, the
    remainder stays on the register. register-span: all that each claim point's register moved. facility-time: the
    period, for each facility of the project's boundary.
    """
    rule = methodology.intervals
    if rule["rule"] == "register-whole-units":
        return _whole_units(inputs, rule["input"], int(rule["unit"]))
    if rule["rule"] == "register-span":
        return _whole_units(inputs, rule["input"], 1)
    if rule["rule"] == "facility-time":
        marks = inputs.options.get(rule["option"])
        if not isinstance(marks, list):
            raise FormError("option-missing", f"the option {rule['option']!r} lists the facilities", where="options")
        return tuple(sorted(Interval(check_id(mark, where="options"), inputs.period.start, inputs.period.end)
                            for mark in marks))
    return ()


def _whole_units(inputs: Inputs, name: str, unit: int) -> tuple[Interval, ...]:
    intervals = []
    for item in inputs.items.get(name, ()):
        start, end = item.span()
        whole = (end - start) // unit
        if whole:
            intervals.append(Interval(check_id(item.source["mark"], where=name), start, start + whole * unit))
    return tuple(sorted(intervals))
