"""A period across a rule's change: given in parts it is the sum of the parts, otherwise it is refused."""

from __future__ import annotations

from copy import deepcopy
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mrv_helpers import code_of
from split_helpers import AUGUST, JULY, JUNE, glass, glass_rules, in_parts, month, paper_item, span, whole

from core.jcs import canonical, parse
from core.numbers import decimal_text
from mrv.calculation.run import RunResult
from mrv.calculation.service import result_json
from mrv.calculation.statement import Context, build, inputs_document, rebuild, records_of
from mrv.definitions.ruleset import RuleSet

CONTEXT = Context("park.example", "11" * 32, "22" * 32, {"max_staleness_ms": "0"})
RULES = glass_rules()
SPLIT = in_parts((JUNE, JULY, month("100")), (JULY, AUGUST, month("300")))


def statement_of(result: RunResult) -> tuple[dict[str, Any], list[Any]]:
    return build(result, CONTEXT, [bytes(16)] * len(records_of(result)))


@pytest.mark.parametrize(("start", "end", "value"), [(JUNE, JULY, "40"), (JULY, AUGUST, "50")])
def test_each_side_of_the_change_has_its_own_factor(start: str, end: str, value: str) -> None:
    assert str(glass(whole(start, end, month("100"))).outputs["process"]) == f"{value} tCO2"


def test_a_whole_period_across_the_change_is_refused() -> None:
    assert code_of(lambda: glass(whole(JUNE, AUGUST, month("100")))) == "period-crosses-change"


def test_one_millisecond_beyond_the_day_is_across() -> None:
    assert str(glass(whole(JUNE, "2026-06-30T16:00:00.000Z", month("100"))).outputs["process"]) == "40 tCO2"
    assert code_of(lambda: glass(whole(JUNE, "2026-06-30T16:00:00.001Z", month("100")))) == "period-crosses-change"


def test_parts_are_added_each_with_its_own_parameter() -> None:
    result = glass(SPLIT)
    assert [str(part.outputs["process"]) for part in result.parts] == ["40 tCO2", "150 tCO2"]
    assert [value.key for part in result.parts for _, value in part.parameters] == ["old", "new"]
    assert str(result.result) == "190000 kgCO2e"
    assert "period-split" in result.notices


def test_a_ratio_is_reported_of_each_part_and_never_added() -> None:
    result = glass(SPLIT)
    assert set(result.outputs) == {"process", "total"}
    assert [str(part.outputs["intensity"]) for part in result.parts] == ["4 tCO2e/t", "15 tCO2e/t"]


def test_a_part_that_itself_crosses_the_change_is_refused() -> None:
    day = "2026-07-01T16:00:00.000Z"
    document = in_parts((JUNE, day, month("1")), (day, AUGUST, month("1")))
    assert code_of(lambda: glass(document)) == "period-crosses-change"


def test_a_methodology_may_forbid_splitting() -> None:
    assert code_of(lambda: glass(SPLIT, glass_rules(split=None))) == "split-not-allowed"


def test_a_methodology_that_itself_changes_is_not_split() -> None:
    rules = glass_rules(valid={"from": "2025-01-01", "to": "2026-07-01"})
    assert code_of(lambda: glass(SPLIT, rules)) == "period-crosses-change"


@pytest.mark.parametrize("change", [
    lambda doc: doc["parts"].pop(), lambda doc: doc["parts"].reverse(), lambda doc: doc.update(parts=[]),
    lambda doc: doc.update(parts="two"), lambda doc: doc.update(inputs=month("1")),
    lambda doc: doc["parts"][0].update(note="x"), lambda doc: doc["parts"][1].pop("inputs"),
    lambda doc: doc["parts"][1].update(period=span("2026-06-30T16:00:00.001Z", AUGUST)),
    lambda doc: doc["parts"][0].update(period=span(JUNE, "2026-06-30T15:59:59.999Z")),
    lambda doc: doc["parts"][1]["period"].update(zone="UTC"),
    lambda doc: doc.update(period=span(JUNE, "2026-08-31T16:00:00.000Z"))])
def test_parts_that_do_not_make_up_the_period_are_refused(change: Any) -> None:
    document = deepcopy(SPLIT)
    change(document)
    assert code_of(lambda: glass(document)) == "parts-malformed"


def test_a_cut_within_a_day_is_refused() -> None:
    noon = "2026-06-15T04:00:00.000Z"
    document = in_parts((JUNE, noon, month("1")), (noon, JULY, month("1")))
    assert code_of(lambda: glass(document)) == "parts-malformed"


def test_every_part_needs_its_required_inputs() -> None:
    document = deepcopy(SPLIT)
    del document["parts"][1]["inputs"]["soda_ash"]
    assert code_of(lambda: glass(document)) == "input-missing"


def test_one_register_span_is_not_counted_in_two_parts() -> None:
    def metered(start: str, end: str, first: str, last: str) -> dict[str, Any]:
        place = {"gateway": "gw:a", "epoch": "0", "seq": "1", "block": "0", "ordinal": "0", "index": "7"}
        source = {"type": "register", "meter": "m:scale", "quantity": "mass",
                  "from": {"position": first, "time": start, **place}, "to": {"position": last, "time": end, **place}}
        item = paper_item("1", "t", source=source, priority="1")
        return {"soda_ash": [item], "glass": [paper_item("1", "t", priority="1")]}

    apart = in_parts((JUNE, JULY, metered(JUNE, JULY, "0", "1000000")),
                     (JULY, AUGUST, metered(JULY, AUGUST, "1000000", "2000000")))
    assert str(glass(apart).result) == "900 kgCO2e"
    twice = in_parts((JUNE, JULY, metered(JUNE, JULY, "0", "1000000")),
                     (JULY, AUGUST, metered(JULY, AUGUST, "999999", "1999999")))
    assert code_of(lambda: glass(twice)) == "inputs-overlap"


def test_a_split_statement_is_rebuilt_byte_for_byte() -> None:
    payload, details = statement_of(glass(SPLIT, RULES))
    again, details_again = rebuild(RULES, parse(canonical(payload)), parse(canonical(details)))
    assert (canonical(again), canonical(details_again)) == (canonical(payload), canonical(details))


def test_the_parts_are_read_back_from_the_details() -> None:
    payload, details = statement_of(glass(SPLIT, RULES))
    document, _ = inputs_document(payload, details)
    assert document == SPLIT | {"carried": None}


def test_every_record_of_a_split_run_names_its_part() -> None:
    _, details = statement_of(glass(SPLIT, RULES))
    parameters = [detail["record"] for detail in details if detail["record"]["kind"] == "parameter"]
    assert [(record["key"], record["part"]) for record in parameters] == [("old", "0"), ("new", "1")]
    assert {detail["record"]["part"] for detail in details if detail["record"]["kind"] == "node"} == {"0", "1"}


def test_a_run_prints_its_parts() -> None:
    parts = result_json(glass(SPLIT))["parts"]
    assert [part["outputs"]["process"]["value"] for part in parts] == ["40", "150"]
    assert parts[0]["parameters"] == [{"path": "glass.soda-ash", "key": "old"}]


@given(st.integers(0, 10**12), st.integers(0, 10**12))
def test_splitting_where_nothing_changes_gives_the_sum(first: int, second: int) -> None:
    def tonnes(grams: int) -> str:
        return decimal_text(Decimal(grams) / 10**6)

    middle = "2026-06-15T16:00:00.000Z"
    split = in_parts((JUNE, middle, month(tonnes(first))), (middle, JULY, month(tonnes(second))))
    together = whole(JUNE, JULY, month(tonnes(first + second)))
    assert glass(split, RULES).outputs["total"] == glass(together, RULES).outputs["total"]


@pytest.mark.parametrize("members", [
    {"split": ["process"]}, {"split": ["total", "nothing"]},
    {"intervals": {"rule": "facility-time", "option": "facilities"}}])
def test_a_split_that_makes_no_sense_is_no_methodology(members: dict[str, Any]) -> None:
    assert code_of(lambda: glass_rules(**members)) == "rule-malformed"


def test_the_rules_of_a_split_run_are_those_it_read() -> None:
    methodology = RULES.methodologies["inventory.glass@1"]
    documents = RULES.documents_for(methodology, [path for path, _ in glass(SPLIT, RULES).parameters])
    assert [name for name in documents if name.startswith("parameters/")] == ["parameters/glass.soda-ash"]
    payload, details = statement_of(glass(SPLIT, RULES))
    assert rebuild(RuleSet.from_documents(documents), payload, details) == (payload, details)
