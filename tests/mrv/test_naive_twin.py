"""A second, naive implementation of the formulas that methodologies call most, in exact fractions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from core.errors import InputError
from core.quantity import Quantity
from core.units import Unit
from mrv.authoring.catalogue import shipped
from mrv.definitions.fields import Field
from mrv.language.interpreter import Step

RULES = shipped()
F = Fraction
Rows = list[dict[str, Fraction]]
CO2_PER_C = F(44, 12)
KILO = 1000


def total(rows: Rows, *columns: str) -> Fraction:
    """Σ of the product of these columns."""
    found = F(0)
    for row in rows:
        product = F(1)
        for column in columns:
            product *= row[column]
        found += product
    return found


def combustion(consumption: Fraction, net_calorific_value: Fraction, carbon_content: Fraction,
               oxidation: Fraction) -> dict[str, Fraction]:
    return {"emission": consumption * net_calorific_value * carbon_content * oxidation * CO2_PER_C}


def scope3_category(status: str, reported: list[Fraction], by_mass: Rows, by_energy: Rows, by_count: Rows,
                    by_money: Rows, freight: Rows, travel: Rows) -> dict[str, Fraction]:
    amounts = sum(total(rows, "quantity", "factor") for rows in (by_mass, by_energy, by_count, by_money))
    moved = total(freight, "mass", "distance", "factor") + total(travel, "distance", "factor")
    return {"emission": sum(reported, F(0)) + amounts + moved}


def sector(fuels: list[Fraction], process: list[Fraction], measured: list[Fraction], process_gases: list[Fraction],
           leaks: Rows, deducted: list[Fraction], purchased_electricity: Fraction, purchased_heat: Fraction,
           exported_electricity: Fraction, exported_heat: Fraction) -> dict[str, Fraction]:
    """GB/T 32150: direct + purchased − exported, in kgCO2e."""
    direct = KILO * (sum(fuels + measured + process + process_gases) + total(leaks, "mass", "gwp") - sum(deducted))
    indirect = KILO * (purchased_electricity + purchased_heat - exported_electricity - exported_heat)
    return {"direct": F(direct), "indirect": indirect, "total": direct + indirect}


def stage(by_mass: Rows, by_energy: Rows, freight: Rows, direct: list[Fraction]) -> dict[str, Fraction]:
    return {"emission": total(by_mass, "quantity", "factor") + total(by_energy, "quantity", "factor")
            + total(freight, "mass", "distance", "factor") + sum(direct, F(0))}


def embedded(goods: Fraction, see_direct: Fraction, electricity: Fraction, electricity_factor: Fraction,
             activity_level: Fraction, indirect_counted: Fraction) -> dict[str, Fraction]:
    indirect = electricity * electricity_factor / activity_level
    see = see_direct + indirect * indirect_counted
    return {"see_indirect": indirect, "see": see, "embedded": KILO * goods * see}


def certified_market(consumption: Fraction, certified: Fraction, residual_factor: Fraction) -> dict[str, Fraction]:
    return {"emission": (consumption - certified) * residual_factor,
            "coverage": certified / consumption if consumption else F(0)}


def comprehensive(basis: str, electricity: Rows, fuels: Rows, gases: Rows, standard_gases: Rows,
                  heat: Rows) -> dict[str, Fraction]:
    lists = (electricity, fuels, gases, standard_gases, heat)
    return {"energy": sum((total(rows, "quantity", "coefficient") for rows in lists), F(0)) / KILO}


def allocate(emission: Fraction, basis: str, product_mass: Fraction, product_value: Fraction, co_mass: list[Fraction],
             co_value: list[Fraction]) -> dict[str, Fraction]:
    own, others = (product_mass, co_mass) if basis == "mass" else (product_value, co_value)
    share = own / (own + sum(others))
    return {"share": share, "allocated": emission * share}


def calcination(green_coke: Fraction, green_fixed_carbon: Fraction, calcined_coke: Fraction,
                undercalcined_coke: Fraction, dust: Fraction, calcined_fixed_carbon: Fraction,
                green_volatile: Fraction, calcined_volatile: Fraction,
                methane_share: Fraction) -> dict[str, Fraction]:
    out = calcined_coke + undercalcined_coke + dust
    volatile = green_coke * green_volatile - calcined_coke * calcined_volatile
    return {"emission": (green_coke * green_fixed_carbon - out * calcined_fixed_carbon) * CO2_PER_C
            + volatile * methane_share * F(44, 16)}


def clinker(clinker: Fraction, kiln_dust: Fraction, bypass_dust: Fraction, cao: Fraction, cao_noncarbonate: Fraction,
            mgo: Fraction, mgo_noncarbonate: Fraction) -> dict[str, Fraction]:
    """The trap of public codes: MgO divides by 40, not by 56."""
    return {"emission": (clinker + kiln_dust + bypass_dust)
            * ((cao - cao_noncarbonate) * F(44, 56) + (mgo - mgo_noncarbonate) * F(44, 40))}


def enterprise_total(solid_and_liquid: list[Fraction], gaseous: list[Fraction],
                     electricity: Fraction) -> dict[str, Fraction]:
    fuels = sum(solid_and_liquid + gaseous, F(0))
    return {"direct": KILO * fuels, "total": KILO * (fuels + electricity)}


NAIVE: dict[str, Callable[..., dict[str, Fraction]]] = {
    "scope3.category@1": scope3_category, "inventory.sector@1": sector, "footprint.stage@1": stage,
    "fuel.combustion.heat@1": combustion, "fuel.combustion.gas@1": combustion,
    "heat.purchased@1": lambda heat, factor: {"emission": heat * factor},
    "electricity.location@1": lambda consumption, factor: {"emission": consumption * factor},
    "electricity.net@1": lambda purchased, exported, factor: {"net": (purchased - exported) * factor},
    "electricity.market.certified@1": certified_market,
    "process.activity@1": lambda consumption, factor, purity: {"emission": consumption * factor * purity},
    "process.desulphurisation@1": lambda sorbent, carbonate_share, factor, conversion: {
        "emission": sorbent * carbonate_share * factor * conversion},
    "process.cement.clinker@1": clinker, "carbon-materials.calcination@1": calcination,
    "cbam.attributed-direct@1": lambda direct, heat_imported, heat_exported, waste_gas_imported, waste_gas_exported,
    electricity_produced: {"attributed": direct + heat_imported - heat_exported + waste_gas_imported
                           - waste_gas_exported - electricity_produced},
    "cbam.embedded@1": embedded,
    "cbam.free-allocation@1": lambda cbam_factor, correction, benchmark, precursors: {
        "sefa": cbam_factor * correction * benchmark + total(precursors, "mass", "sefa")},
    "cbam.certificates@1": lambda goods, see, benchmark, cbam_factor, carbon_price_paid, cbam_price: {
        "certificates": goods * (see - benchmark * cbam_factor - carbon_price_paid / cbam_price)},
    "cbam.simple@1": lambda attributed, activity_level: {"see": attributed / activity_level},
    "cbam.complex@1": lambda attributed, activity_level, precursors: {
        "see": attributed / activity_level + total(precursors, "mass", "see")},
    "energy.comprehensive@1": comprehensive,
    "energy.intensity@1": lambda energy, production: {"intensity": energy / production},
    "inventory.intensity.co2e@1": lambda emission, production: {"intensity": emission / production / KILO},
    "inventory.enterprise.total@1": enterprise_total, "footprint.allocate@1": allocate,
}


def test_what_methodologies_call_most_is_written_a_second_time() -> None:
    calls = Counter(key for methodology in RULES.methodologies.values() for key in methodology.formula_keys())
    assert len(NAIVE) >= 20
    assert {key for key, _ in calls.most_common(10)} <= set(NAIVE)
    assert set(NAIVE) <= set(RULES.formulas)


def values_of(field: Field) -> st.SearchStrategy[Any]:
    if not isinstance(field.type, Unit):
        return st.sampled_from(field.one_of)
    upper = field.maximum if field.maximum is not None else field.below
    least = Decimal(0) if field.minimum is not None or field.above is not None else Decimal(-1000)
    return st.decimals(min_value=least, max_value=Decimal(10**6) if upper is None else upper, places=4)


def quantity(value: Any, kind: Any) -> Any:
    return value if isinstance(value, str) else Quantity(value, kind)


def drawn(data: st.DataObject, key: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Values for a formula, as the engine takes them and as fractions."""
    ours: dict[str, Any] = {}
    naive: dict[str, Any] = {}
    for item in RULES.formulas[key].inputs:
        name = item.name
        if not item.is_list:
            value = data.draw(values_of(item.field), name)  # type: ignore[arg-type]
            ours[name], naive[name] = quantity(value, item.type), exact(value)
        elif item.fields:
            rows = data.draw(st.lists(st.fixed_dictionaries({f.name: values_of(f) for f in item.fields}),
                                      min_size=item.least, max_size=3), name)
            ours[name] = [{f.name: quantity(row[f.name], f.type) for f in item.fields} for row in rows]
            naive[name] = [{column: exact(value) for column, value in row.items()} for row in rows]
        else:
            found = data.draw(st.lists(values_of(item.field), min_size=item.least, max_size=3), name)  # type: ignore[arg-type]
            ours[name] = [quantity(value, item.field.type) for value in found]  # type: ignore[union-attr]
            naive[name] = [exact(value) for value in found]
    return ours, naive


def exact(value: Any) -> Any:
    return value if isinstance(value, str) else F(value)


@pytest.mark.parametrize("key", sorted(NAIVE))
@settings(max_examples=40)
@given(data=st.data())
def test_the_naive_implementation_agrees(key: str, data: st.DataObject) -> None:
    given_, fractions = drawn(data, key)
    try:
        evaluation = RULES.formulas[key].evaluate(given_)
    except InputError as error:
        # What a formula demands of its inputs together is told with its own cases.
        assume(error.code not in ("out-of-range", "division-by-zero"))
        raise
    for name, expected in NAIVE[key](**fractions).items():
        output = evaluation.outputs[name]
        assert isinstance(output, Quantity)
        assert abs(F(output.value) - expected) <= F(1, 10**12) + abs(expected) / 10**30, name


# Every single operation, rounded by hand

DIGITS = 40


def rounded(value: Fraction) -> Fraction:
    """To 40 significant digits, half up, with integers alone."""
    if value == 0:
        return value
    size, scale = abs(value), 0
    while size >= 10**DIGITS:
        size, scale = size / 10, scale + 1
    while size < 10 ** (DIGITS - 1):
        size, scale = size * 10, scale - 1
    whole = (size * 2 + 1) // 2
    return (whole if value > 0 else -whole) * F(10) ** scale


def expected_of(step: Step) -> Fraction | None:
    """What an operation gives by definition on what its operands gave; None for operators not computed here."""
    operands = [F(operand.value) for operand in step.steps if isinstance(operand.value, Decimal)]
    match step.node.operator:
        case "+":
            return rounded(operands[0] + operands[1])
        case "-":
            return rounded(operands[0] - operands[1])
        case "*":
            return rounded(operands[0] * operands[1])
        case "/":
            return rounded(operands[0] / operands[1])
        case "convert":
            assert step.node.ratio is not None
            converted = operands[0] * step.node.ratio
            return converted if step.node.ratio.denominator == 1 else rounded(converted)
        case "sum":
            found = F(0)
            for operand in operands:
                found = rounded(found + operand)
            return found
        case _:
            return None


def steps_of(step: Step) -> list[Step]:
    return [step, *(inner for operand in step.steps for inner in steps_of(operand))]


@pytest.mark.parametrize("key", sorted(NAIVE))
@settings(max_examples=10, suppress_health_check=[HealthCheck.filter_too_much])
@given(data=st.data())
def test_each_operation_is_rounded_once_half_up_at_forty_digits(key: str, data: st.DataObject) -> None:
    try:
        evaluation = RULES.formulas[key].evaluate(drawn(data, key)[0])
    except InputError:
        assume(False)
        raise
    for _, top in evaluation.trace:
        for step in steps_of(top):
            wanted = expected_of(step)
            if wanted is not None:
                assert isinstance(step.value, Decimal)
                assert F(step.value) == wanted, step.node.operator
