"""Whatever is handed to the engine, it answers with a value or an error of its own: no foreign exception leaves it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from copy import deepcopy
from datetime import date
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mrv_helpers import code_of, green, inventory, item, paper, saving
from split_helpers import AUGUST, JULY, JUNE, glass_rules, in_parts, month, paper_item, whole

from core.errors import CarbonSealError
from core.jcs import canonical, parse
from core.numbers import decimal_text, parse_decimal, parse_natural
from core.period import Period
from core.quantity import Quantity, printed_decimal
from core.units import parse_unit
from mrv.authoring.catalogue import load
from mrv.authoring.translate import formula_document, methodology_document, parameter_documents
from mrv.calculation.run import RunResult, run
from mrv.calculation.service import evaluate, evaluate_batch, result_json
from mrv.calculation.statement import Context, build, rebuild, records_of
from mrv.definitions.dates import Validity, days_of, parse_day
from mrv.definitions.formula import Formula
from mrv.definitions.ruleset import RuleSet
from mrv.language.parser import parse as parse_expression
from mrv.presentation.explain import explain

CATALOGUE = load()
RULES = CATALOGUE.ruleset
GLASS = glass_rules()
SPLIT = in_parts((JUNE, JULY, month("100")), (JULY, AUGUST, month("300")))
CONTEXT = Context("o", "00" * 32, "00" * 32, {})
# Each seed is a few dozen disturbed documents; `CARBONSEAL_FUZZ=200` for a long run.
SEEDS = range(int(os.environ.get("CARBONSEAL_FUZZ", "5")))

DEEP: Any = "a"
for _ in range(200):
    DEEP = [DEEP]
NUMBERS = ("NaN", "sNaN", "Infinity", "-Infinity", "1e400", "1e-400", "1e99999999999", "9" * 10_000, "0." + "3" * 9_998,
           "-0", "+1", "１", "1_000", "0x1", " 1", "1 ", "", "-", ".", "1" * 200, "1" * 201, "0." + "1" * 198)
JUNK: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 2**60, 1.5, float("nan"), float("inf"), *NUMBERS, "x", "t", "kWh", "text", "1e18GWh",
    "t^4", "2026-W27-3", "2026-07-01", "9999-12-31T23:59:59.999Z", "1970-01-01T00:00:00.000Z", "\ud800", "\x00", "../x",
    "fuel.*", "register", "claim-point", "document", "substitution", "register-span", "zero", "{member}", "{region}",
    "a.b", [], {}, [[]], ["x", "x"], [{}], DEEP, {"a": 1}, {"type": []}, {"first": []}, {"list": []}, {"input": ["x"]},
    {"value": "1", "unit": "t"}, {"value": "1" * 150, "unit": "1e18GWh"}, {"value": True, "unit": "t"},
    {"value": "1", "unit": ["t"]}, {"value": ["1"], "unit": "text"}, {"position": "5", "time": "x"})


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every (container, key) below a value."""
    for key in list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        yield value, key
        yield from places(value[key])


def disturbed(random: Random, value: Any) -> Any:
    """A copy with one to three places taken out, doubled, exchanged, or filled with junk."""
    value = deepcopy(value)
    for _ in range(random.choice((1, 1, 2, 3))):
        found = list(places(value))
        if not found:
            return deepcopy(random.choice(JUNK))
        (container, key), (other, name) = random.choice(found), random.choice(found)
        change = random.randrange(8)
        if change == 0 and isinstance(container, dict):
            del container[key]
        elif change == 1 and isinstance(container, list):
            container.append(deepcopy(random.choice(JUNK)))
        elif change == 2 and isinstance(container, dict):
            container[random.choice(("surplus", "list", "first", "min", "one_of", "5"))] = deepcopy(random.choice(JUNK))
        elif change == 3:
            container[key] = deepcopy(other[name])
        else:
            container[key] = deepcopy(random.choice(JUNK))
    return value


def complete(rules: RuleSet, name: str, document: Any, at: date) -> None:
    """A run and all that is made of it."""
    result: RunResult = run(rules, name, None, document, at)
    canonical(result_json(result))
    explain(result)
    build(result, CONTEXT, [b"0" * 16] * len(records_of(result)))


def ours(action: Callable[[], object]) -> bool:
    """Whether an action ended with a value; an error of ours is an answer too, any other exception fails the test."""
    with suppress(CarbonSealError):
        action()
        return True
    return False


def worked() -> list[tuple[RuleSet, str, Any, date]]:
    gap = paper_item("48", "t", source={
        "type": "substitution", "rule": "greatest-rate", "meter": "m:plant-main", "start": "2026-06-01T16:00:00.000Z",
        "end": "2026-06-03T16:00:00.000Z", "rate": {"value": "1", "unit": "t/h"}, "reason": "换表",
        "digest": "ab" * 32}, priority="4", method="estimated")
    gapped = whole(JUNE, JULY, {"soda_ash": [gap], "glass": month("1")["glass"]})
    cases = [(GLASS, "inventory.glass@1", document, date(2026, 12, 5)) for document in (SPLIT, gapped)]
    for name, document in (("inventory.enterprise@2", inventory()), ("green-power.pv@1", green()),
                           ("reduction.energy-saving@1", saving())):
        cases.append((RULES, name, document, date(2026, 12, 5)))
    for case in CATALOGUE.cases:
        if case.kind == "methodology" and "expected" in case.body:
            document = deepcopy(case.body["document"]) | {"allow_unconfirmed": True}
            for group in document["inputs"].values():
                for given in group:
                    given["uncertainty"] = "5"
            cases.append((RULES, case.rule, document, date.fromisoformat(case.body["at"])))
    return cases


WORKED = worked()


def test_what_is_disturbed_below_was_sound() -> None:
    sound = [ours(lambda case=case: complete(*case)) for case in WORKED]
    assert sum(sound) > len(WORKED) // 2


@pytest.mark.parametrize("seed", SEEDS)
def test_a_disturbed_inputs_document_meets_a_code(seed: int) -> None:
    random = Random(seed)
    for rules, name, document, at in WORKED:
        ours(lambda: complete(rules, name, disturbed(random, document), at))  # noqa: B023  called at once


@pytest.mark.parametrize("seed", SEEDS)
def test_disturbed_rules_meet_a_code_when_loaded_or_when_run(seed: int) -> None:
    random = Random(seed)
    refused = 0
    for rules, name, document, at in WORKED:
        methodology = rules.methodologies[name]
        documents = rules.documents_for(methodology)
        path = random.choice([f"methodologies/{name}", *(f"formulas/{key}" for key in methodology.formula_keys()),
                              random.choice(list(documents))])
        documents[path] = disturbed(random, documents[path])
        try:
            changed = RuleSet.from_documents(documents, complete=random.random() < 0.5)
        except CarbonSealError:
            refused += 1
            continue
        ours(lambda: complete(changed, name, document, at))  # noqa: B023
    assert refused


@pytest.mark.parametrize("seed", SEEDS)
def test_a_disturbed_evaluation_meets_a_code(seed: int) -> None:
    random = Random(seed)
    cases = [case for case in CATALOGUE.cases if case.kind == "formula"]
    for case in random.sample(cases, 60):
        ours(lambda: evaluate(RULES, case.rule, disturbed(random, case.body["inputs"])))  # noqa: B023


def statements() -> list[tuple[RuleSet, Any, Any]]:
    found = []
    for rules, name, document, at in WORKED:
        with suppress(CarbonSealError):
            result = run(rules, name, None, document, at)
            found.append((rules, *build(result, CONTEXT, [b"0" * 16] * len(records_of(result)))))
    return [(rules, parse(canonical(payload)), parse(canonical(details))) for rules, payload, details in found]


STATEMENTS = statements()


@pytest.mark.parametrize("seed", SEEDS)
def test_a_disturbed_statement_meets_a_code_when_rebuilt(seed: int) -> None:
    random = Random(seed)
    for rules, payload, details in STATEMENTS:
        ours(lambda: rebuild(rules, disturbed(random, payload), details))  # noqa: B023
        changed = list(details)
        number = random.randrange(min(12, len(details)))
        changed[number] = disturbed(random, details[number])
        ours(lambda: rebuild(rules, payload, changed))  # noqa: B023
        ours(lambda: rebuild(rules, payload, disturbed(random, details[:3])))  # noqa: B023


@pytest.mark.parametrize("seed", SEEDS)
def test_a_disturbed_rule_file_meets_a_code(seed: int) -> None:
    random = Random(seed)
    files: list[tuple[Callable[[Any], Any], Any]] = [
        (formula_document, {"id": "a", "version": "1", "title": {"zh": "甲", "en": "a"}, "source": "s",
                            "status": "published", "valid": {"from": None, "to": None},
                            "inputs": {"x": "t", "rows": {"list": {"k": "t", "v": {"unit": "1", "max": "1"}}}},
                            "let": {"y": "sum(r in rows: r.k * r.v)"}, "require": ["y > 0[t]"],
                            "outputs": {"z": {"unit": "kg", "expression": "convert(x + y, [kg])"}}}),
        (parameter_documents, {"shared": {"select": "fixed", "unit": "1", "source": "s", "status": "published",
                                          "title": {"zh": "甲", "en": "a"}},
                               "parameters": {"a.b": {"values": [{"value": "1"}]}}}),
        (methodology_document, {"id": "m", "version": "1", "kind": "emission", "title": {"zh": "甲", "en": "m"},
                                "source": "s", "status": "published", "valid": {"from": None, "to": None},
                                "inputs": {"x": {"zh": "甲", "en": "x", "unit": "t", "sources": ["document"],
                                                 "gap": "refused"}},
                                "steps": {"one": {"formula": "a@1", "with": {"x": ["inputs.x", "options.o"]}}},
                                "outputs": {"z": "steps.one.z"},
                                "result": {"output": "z", "unit": "kg", "rounding": "round", "digits": "0"}})]
    for reader, raw in files:
        assert ours(lambda: reader(raw))  # noqa: B023
        for _ in range(40):
            ours(lambda: reader(disturbed(random, raw)))  # noqa: B023


# Single values

anything = st.recursive(st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20),
                                  st.sampled_from(NUMBERS)),
                        lambda inner: st.one_of(st.lists(inner, max_size=3),
                                                st.dictionaries(st.text(max_size=5), inner, max_size=3)), max_leaves=8)
unit_like = st.lists(st.sampled_from(["t", "kWh", "tCO2", "1e18GWh", "Nm3", "m", "1", "%", "^2", "^3", "/", "·", "*",
                                      "(", ")", " ", "1e4", "°C", "short ton"]), max_size=16).map("".join)
expression_like = st.lists(st.sampled_from(
    ["a", "rows", "1", "1.5", "[t]", "[kg]", '"x"', "+", "-", "*", "/", "(", ")", ",", ":", "<", "=", "and", "or",
     "not", "if(", "min(", "sum(", "i in rows: ", "i.k", "round(", "convert(", "lookup(rows, k, v, ", "sqrt(", "exp(",
     "ln("]),
    max_size=24).map(" ".join)

READERS: tuple[Callable[[Any], object], ...] = (
    parse_unit, parse_decimal, printed_decimal, parse_natural, parse_day, Period.from_json, Quantity.from_json,
    Quantity.from_printed, Formula.from_document, RuleSet.from_documents, parse_expression)


@pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.__qualname__)
@given(value=anything)
def test_a_reader_of_values_meets_anything(reader: Callable[[Any], object], value: Any) -> None:
    ours(lambda: reader(value))


@given(st.one_of(unit_like, st.text(max_size=90)), unit_like)
def test_a_unit_is_read_or_refused_and_converts_or_not(one: str, other: str) -> None:
    def converted() -> None:
        Quantity(printed_decimal("1.5"), parse_unit(one)).to(other).as_json()
        assert parse_unit(parse_unit(one).text).same_as(parse_unit(one))

    ours(converted)


@given(st.sampled_from([*NUMBERS, "0", "1", "-1", "1e200", "1e-200", "5e-324", "44", "0.98", "400", "-400"]),
       st.sampled_from([*NUMBERS, "0", "1", "-1", "1e200", "1e-200", "3", "12"]))
@settings(max_examples=300)
def test_an_operator_meets_every_number(a: str, b: str) -> None:
    quantities = {"a": {"value": a, "unit": "1"}, "b": {"value": b, "unit": "1"}}
    for formula in OPERATORS:
        def evaluated(formula: Formula = formula) -> None:
            given_ = {name: Quantity.from_printed(value) for name, value in quantities.items()}
            for output in formula.evaluate(given_).outputs.values():
                assert isinstance(output, str) or decimal_text(output.value)

        ours(evaluated)


def _operators() -> list[Formula]:
    signed = {"unit": "1", "signed": "true"}
    texts = ("a + b", "a - b", "a * b", "a / b", "a * a * a * b", "1 / a / a / a / b", "sqrt(a)", "exp(a)",
             "exp(a) * exp(b)", "ln(a)", "round(a / b, 20)", "floor(a * b, 0)", "ceil(a, 3)", "min(a, b)", "abs(a) / b",
             "-a / 3", "sqrt(a * a + b * b)", "if(a < b, a / b, b / a)")
    return [Formula.from_document(formula_document({
        "id": "test", "version": "1", "title": {"zh": "测试", "en": "test"}, "source": "test", "status": "published",
        "valid": {"from": None, "to": None}, "inputs": {"a": signed, "b": signed}, "output": "1", "expression": text}))
        for text in texts]


OPERATORS = _operators()


@given(expression_like)
@settings(max_examples=300)
def test_an_expression_is_a_formula_or_is_refused(text: str) -> None:
    raw = {"id": "test", "version": "1", "title": {"zh": "测试", "en": "test"}, "source": "test", "status": "published",
           "valid": {"from": None, "to": None}, "inputs": {"a": "t", "rows": {"list": {"k": "t", "v": "1"}}},
           "output": "t", "expression": text}
    ours(lambda: Formula.from_document(formula_document(raw)).evaluate(
        {"a": Quantity.of("1", "t"), "rows": [{"k": Quantity.of("1", "t"), "v": Quantity.of("2", "1")}]}))


@given(st.lists(st.one_of(st.binary(max_size=60), anything.map(repr).map(str.encode)), max_size=4))
def test_a_batch_answers_every_line(lines: list[bytes]) -> None:
    answers = list(evaluate_batch(RULES, [line.replace(b"\n", b"") for line in lines]))
    assert all("error" in answer for answer in answers)


@pytest.mark.parametrize("spread", ["0", "5", "1e3"])
@pytest.mark.parametrize("tiny", ["0.00000000000000000000000000000000000000000000000001", "1"])
def test_an_uncertainty_beyond_every_scale_is_not_carried(spread: str, tiny: str) -> None:
    given_ = item(tiny, "kWh", paper(), "2") | {"uncertainty": decimal_text(printed_decimal(spread))}
    result = run(RULES, "inventory.enterprise", None, inventory(inputs={"purchased_electricity": [given_]}),
                 date(2026, 12, 5))
    assert result.uncertainty is None or result.uncertainty == printed_decimal(spread)


@given(anything)
def test_a_validity_and_a_period_are_days_or_nothing(value: Any) -> None:
    ours(lambda: Validity.from_document({"from": value, "to": None}))
    period = {"start": "1970-01-01T00:00:00.000Z", "end": "2026-01-01T00:00:00.000Z", "zone": "Asia/Shanghai"}
    for member in period:
        ours(lambda changed=period | {member: value}: days_of(Period.from_json(changed)))


def test_the_net_of_these_tests_catches_a_foreign_exception() -> None:
    with pytest.raises(ZeroDivisionError):
        ours(lambda: 1 / 0)
    assert code_of(lambda: parse_unit(["t"])) == "unit-unknown"
