"""Binds the arguments of a formula call: to inputs, options, parameters, outputs of earlier steps, constants.

`mrv.definitions.binding` is the form of a binding. Nothing is guessed: a missing input is an error, never a zero.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from core.errors import FormError, InputError
from core.quantity import Quantity
from mrv.calculation.bounds import Bound, joined_bounds
from mrv.calculation.chain import Chain
from mrv.calculation.inputs import Inputs
from mrv.calculation.items import Item
from mrv.calculation.spread import EXACT, joined, of_input
from mrv.definitions.binding import NEIGHBOURS
from mrv.definitions.dates import days_of
from mrv.definitions.methodology import fill, key_name
from mrv.definitions.parameter import DATA_YEAR, ParameterValue
from mrv.language.checker import TEXT


def bind(chain: Chain, binding: Mapping[str, Any], member: str) -> Bound:
    """What an argument binds to for this member of the step's family ("" where the step is not repeated).

    Raises InputError (input-missing, out-of-range, parameter-unconfirmed, rule-not-in-force), FormError.
    """
    if "first" in binding:
        return bind(chain, _first_available(chain, binding["first"], member), member)
    if "list" in binding:
        return joined_bounds([bind(chain, item, member) for item in binding["list"]])
    if "rows" in binding:
        return _rows(chain, binding)
    if "table" in binding:
        return _table(chain, binding, member)
    if "among" in binding:
        return Bound(_neighbour(chain, binding, member).quantity, EXACT, binding["among"])
    if "input" in binding:
        return _total(chain, _member_name(binding["input"], member))
    if "items" in binding:
        return _items(chain, _member_name(binding["items"], member))
    if "step" in binding:
        return _step_output(chain, binding["step"], binding["output"])
    if "parameter" in binding:
        return _parameter(chain, binding, member)
    if "option" in binding:
        return Bound(chain.inputs.option(binding["option"]), EXACT, f"options.{binding['option']}")
    if binding["unit"] == TEXT:
        return Bound(binding["value"], EXACT, "")
    return Bound(Quantity.from_printed({"value": binding["value"], "unit": binding["unit"]}), EXACT, "")


def _first_available(chain: Chain, bindings: Sequence[Mapping[str, Any]], member: str) -> Mapping[str, Any]:
    for binding in bindings:
        if "input" not in binding:
            return binding
        chain.asked.add(_member_name(binding["input"], member))
        if chain.inputs.given(_member_name(binding["input"], member)):
            return binding
    names = ", ".join(_member_name(binding["input"], member) for binding in bindings)
    raise InputError("input-missing", f"none of {names} is given", where="inputs",
                     hint="a missing value is never taken as zero")


def _rows(chain: Chain, binding: Mapping[str, Any]) -> Bound:
    """One row for each member of a family, its fields bound for this member."""
    rows = [{name: bind(chain, inner, member) for name, inner in binding["fields"].items()}
            for member in chain.inputs.members(binding["rows"])]
    return Bound([{name: item.value for name, item in row.items()} for row in rows],
                 [{name: item.spread for name, item in row.items()} for row in rows],
                 [{name: item.place for name, item in row.items()} for row in rows])


def _table(chain: Chain, binding: Mapping[str, Any], member: str) -> Bound:
    """The rows of a parameter: each value under `value`, the number that names it under `key`."""
    names = chain.inputs.texts() | {"member": member}
    if "among" in binding:
        names["neighbour"] = _neighbour(chain, binding, member).text
    path = fill(binding["table"], names)
    values = [chain.note(path, value) for value in chain.ruleset.parameter(path).rows()]
    rows = [{binding["key"]: Quantity.from_printed({"value": value.year, "unit": binding["unit"]}, where=path),
             binding["value"]: value.quantity} for value in values]
    return Bound(rows, [dict.fromkeys(row, EXACT) for row in rows], [dict.fromkeys(row, path) for row in rows])


def _neighbour(chain: Chain, binding: Mapping[str, Any], member: str) -> ParameterValue:
    """Of two values next to one another with `at` between them (its own value included) the one asked for.

    Raises InputError (out-of-range): nothing stands on one of its sides.
    """
    path = binding["among"]
    parameter = chain.ruleset.parameter(path)
    found = bind(chain, binding["at"], member)
    sought = found.value
    if not isinstance(sought, Quantity):
        raise FormError("rule-malformed", f"a neighbour among {path} is sought by a quantity", where=path)
    at = sought.to(parameter.unit).value
    for pair in pairwise(sorted(parameter.rows(), key=lambda value: value.quantity.value)):
        below, above = pair
        if below.quantity.value <= at <= above.quantity.value:
            return chain.note(path, pair[NEIGHBOURS.index(binding["neighbour"])])
    raise InputError("out-of-range", f"{sought} is outside the values of {path}", where=found.place or path,
                     hint="a table is never extended; give a measured value")


def _total(chain: Chain, name: str) -> Bound:
    total = chain.inputs.total(name)
    return Bound(total, joined(_items(chain, name).spread, total.unit), chain.inputs.place_of(name))


def _items(chain: Chain, name: str) -> Bound:
    chain.asked.add(name)
    chain.used.add(name)
    inputs = chain.inputs
    spreads = []
    for number, item in enumerate(inputs.items.get(name, ())):
        known = item.uncertainty
        spreads.append(EXACT if known is None else of_input(
            _origin(inputs, name, number, item), item.quantity.value, known, item.quantity.unit))
    quantities = inputs.quantities(name)
    return Bound(quantities, spreads, [f"{inputs.place_of(name)}[{i}]" for i in range(len(quantities))])


def _origin(inputs: Inputs, name: str, number: int, item: Item) -> str:
    """What errs together: a register errs alike in every input and part that reads it, any other item by itself."""
    source = item.source
    if source["type"] in ("register", "claim-point"):
        return f"{source['meter']}/{source['quantity']}"
    return f"{inputs.period.start}/{name}/{number}"


def _step_output(chain: Chain, step: str, output: str) -> Bound:
    values = [call.evaluation.outputs[output] for call in chain.calls(step)]
    spreads = [None if spreads is None else spreads.get(output, EXACT) for spreads in chain.spreads[step]]
    places = [f"{step}.{output}"] * len(values)
    if any(rule.name == step and rule.each is not None for rule in chain.methodology.steps):
        return Bound(values, spreads, places)
    return Bound(values[0], spreads[0], places[0])


def _parameter(chain: Chain, binding: Mapping[str, Any], member: str) -> Bound:
    names = chain.inputs.texts() | {"member": member}
    path = fill(binding["parameter"], names)
    first, last = days_of(chain.inputs.period)
    parameter, pattern = chain.ruleset.parameter(path), binding.get("year", "")
    if names.get(binding.get("selected_by", "")) == DATA_YEAR:
        value = parameter.of_data_year(chain.at, first, last)
    else:
        value = parameter.resolve(chain.at, first, last, fill(pattern, names), key_name(pattern))
    return Bound(chain.note(path, value).quantity, EXACT, path)


def _member_name(name: str, member: str) -> str:
    return name[:-1] + member if name.endswith(".*") else name
