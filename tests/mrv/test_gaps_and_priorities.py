"""A gap is filled only by the methodology's conservative rule, counted and said; a source does not sink unnoticed."""

from __future__ import annotations

from copy import deepcopy
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mrv_helpers import code_of
from split_helpers import JULY, JUNE, glass, glass_rules, month, paper_item, whole

from core.jcs import canonical, parse
from core.numbers import decimal_text
from core.period import instant_text
from mrv.calculation.service import result_json
from mrv.calculation.statement import Context, build, rebuild, records_of

RULES = glass_rules()
DAY_1, DAY_2, DAY_3 = "2026-06-01T16:00:00.000Z", "2026-06-02T16:00:00.000Z", "2026-06-03T16:00:00.000Z"
PLACE = {"gateway": "gw:a", "epoch": "0", "seq": "1", "block": "0", "ordinal": "0", "index": "7"}


def metered(tonnes: int, start: str = JUNE, end: str = DAY_1) -> dict[str, Any]:
    source = {"type": "register", "meter": "m:scale", "quantity": "mass",
              "from": {"position": "0", "time": start, **PLACE},
              "to": {"position": str(tonnes * 1_000_000), "time": end, **PLACE}}
    return paper_item(str(tonnes), "t", source=source, priority="1")


def gap(value: str = "48", rate: Any = ("1", "t/h"), start: str = DAY_1, end: str = DAY_3,
        **members: Any) -> dict[str, Any]:
    quantity = None if rate is None else {"value": rate[0], "unit": rate[1]}
    source = {"type": "substitution", "rule": "greatest-rate", "meter": "m:scale", "start": start, "end": end,
              "rate": quantity, "reason": "秤体故障", "digest": "ef" * 32} | members
    return paper_item(value, "t", source=source, priority="4", method="estimated")


def document(*items: dict[str, Any], **members: Any) -> dict[str, Any]:
    return whole(JUNE, JULY, month("1") | {"soda_ash": list(items)}, **members)


def test_a_gap_is_filled_with_the_greatest_rate_over_its_time() -> None:
    result = glass(document(metered(24), gap()))
    assert str(result.outputs["process"]) == "28.8 tCO2"
    assert "substituted-input" in result.notices


def test_the_substituted_share_is_counted_and_stands_in_the_statement() -> None:
    result = glass(document(metered(24), gap()))
    shares = result.shares["soda_ash"]
    assert (str(shares.measured), str(shares.substituted), shares.substitutions) == ("33.3333", "66.6667", 1)
    payload, _ = build(result, Context("o", "00" * 32, "00" * 32, {}), [bytes(16)] * len(records_of(result)))
    assert payload["outputs"]["quality.substituted.soda_ash"] == {"value": "66.6667", "unit": "%"}


def test_a_statement_without_a_gap_says_nothing_of_one() -> None:
    result = glass(document(metered(24, end=JULY)))
    assert not [code for code in result.notices if "substituted" in code]
    payload, _ = build(result, Context("o", "00" * 32, "00" * 32, {}), [bytes(16)] * len(records_of(result)))
    assert set(payload["outputs"]) == {"process", "total", "intensity"}


@pytest.mark.parametrize(("rate", "code"), [("1", None), ("0.99", "not-conservative")])
def test_a_gap_is_not_filled_below_a_measured_rate(rate: str, code: str | None) -> None:
    given_ = document(metered(24), gap(decimal_text(Decimal(rate) * 48), (rate, "t/h")))
    if code is None:
        assert glass(given_).amount == 28800
    else:
        assert code_of(lambda: glass(given_)) == code


def test_time_is_not_counted_twice() -> None:
    assert code_of(lambda: glass(document(metered(24), gap("48", start=JUNE, end=DAY_2)))) == "inputs-overlap"
    assert code_of(lambda: glass(document(gap(), gap("24", start=DAY_2, end=DAY_3)))) == "inputs-overlap"
    assert glass(document(gap("24", end=DAY_2), gap("24", start=DAY_2))).amount == 19200


@pytest.mark.parametrize(("item", "code"), [
    (gap("47.9"), "source-mismatch"), (gap(rate=("2", "t/h")), "source-mismatch"),
    (gap(rule="zero"), "source-not-allowed"), (gap(reason=""), "inputs-malformed"),
    (gap(reason="x" * 201), "inputs-malformed"), (gap(digest=None), "hex-malformed"), (gap(meter="M"), "id-malformed"),
    (gap("24", start="2026-05-30T16:00:00.000Z", end=JUNE), "period-outside"),
    (gap("0", start=DAY_1, end=DAY_1), "period-outside"), (gap(start="Monday"), "instant-malformed"),
    (gap(rate=("1", "t")), "unit-mismatch"), (gap(rate=("-1", "t/h")), "source-mismatch"),
    (gap(note="x"), "inputs-malformed"), (gap() | {"method": "measured"}, "source-not-allowed"),
    (gap() | {"priority": "1"}, "priority-mismatch")])
def test_a_substitution_that_does_not_hold_is_refused(item: dict[str, Any], code: str) -> None:
    assert code_of(lambda: glass(document(metered(24), item))) == code


def test_where_no_substitution_is_named_a_gap_is_refused() -> None:
    inputs = deepcopy(glass_rules().methodologies["inventory.glass@1"].document["inputs"])
    raw = {rule["name"]: {"zh": "x", "en": "x", "unit": rule["unit"], "required": str(rule["required"]).lower(),
                          "sources": [s for s in rule["sources"] if s != "substitution"], "gap": "refused",
                          "methods": rule["methods"]} for rule in inputs}
    assert code_of(lambda: glass(document(gap()), glass_rules(inputs=raw))) == "source-not-allowed"


@pytest.mark.parametrize(("sources", "rule"), [(["document", "substitution"], None), (["document"], "zero"),
                                               (["document", "substitution"], "guess")])
def test_a_substitution_and_its_rule_go_together(sources: list[str], rule: str | None) -> None:
    raw = {"zh": "x", "en": "x", "unit": "t", "sources": sources, "gap": "x"} | ({"substitution": rule} if rule else {})
    assert code_of(lambda: glass_rules(inputs={"soda_ash": raw})) == "rule-malformed"


def zero_rules() -> Any:
    raw = {"zh": "x", "en": "x", "unit": "t", "required": "true", "sources": ["document", "substitution"],
           "gap": "zero", "substitution": "zero"}
    return glass_rules(inputs={"soda_ash": raw, "purity": {**raw, "required": "false", "unit": "1", "single": "true"},
                               "glass": raw})


@pytest.mark.parametrize(("value", "rate", "digest", "code"), [
    ("0", None, None, None), ("1", None, None, "source-mismatch"), ("0", ("0", "t/h"), None, "source-mismatch"),
    ("0", None, "ef" * 32, "source-mismatch")])
def test_a_gap_counted_as_zero_is_zero(value: str, rate: Any, digest: str | None, code: str | None) -> None:
    item = gap(value, rate, rule="zero", digest=digest) | {"priority": "2"}
    given_ = whole(JUNE, JULY, {"soda_ash": [item, paper_item("10", "t", priority="1")],
                                "glass": [paper_item("1", "t", priority="1")]})
    if code is None:
        assert glass(given_, zero_rules()).amount == 4000
    else:
        assert code_of(lambda: glass(given_, zero_rules())) == code


def test_an_input_that_is_all_zero_is_what_its_worst_item_is() -> None:
    item = gap("0", None, rule="zero", digest=None) | {"priority": "2"}
    given_ = whole(JUNE, JULY, {"soda_ash": [item], "glass": [paper_item("1", "t", priority="1")]})
    assert glass(given_, zero_rules()).shares["soda_ash"].substituted == 100


@given(st.integers(1, 10**6), st.integers(1, 1000))
def test_a_substituted_quantity_is_its_rate_times_its_hours(grams: int, hours: int) -> None:
    start = 1780329600000
    end = instant_text(start + min(hours, 600) * 3_600_000)
    item = gap(decimal_text(Decimal(grams * min(hours, 600)) / 10**6), (str(grams), "g/h"), start=instant_text(start),
               end=end)
    assert glass(document(item), RULES).outputs["process"].value == Decimal(grams * min(hours, 600)) * 4 / 10**7


# Shares by method


@pytest.mark.parametrize(("method", "member"), [("measured", "measured"), ("manual", "manual")])
def test_shares_go_by_quantity(method: str, member: str) -> None:
    items = [paper_item("3", "t"), paper_item("1", "t", "cd", method=method)]
    shares = glass(document(*items)).shares["soda_ash"]
    assert getattr(shares, member) == (100 if method == "measured" else 25)


@given(st.lists(st.sampled_from(["measured", "manual"]), min_size=1, max_size=8))
def test_shares_make_a_hundred(methods: list[str]) -> None:
    items = [paper_item("1", "t", f"{i:02x}", method=method) for i, method in enumerate(methods)]
    shares = glass(document(*items), RULES).shares["soda_ash"]
    total = shares.measured + shares.estimated + shares.manual + shares.substituted
    assert abs(total - 100) <= Decimal("0.0002")


# The priority of sources from year to year


def previous(**priorities: str) -> dict[str, Any]:
    return {"statement": "aa" * 32, "priorities": priorities}


@pytest.mark.parametrize(("before", "dropped"), [("1", True), ("2", False), ("3", False)])
def test_a_source_below_that_of_the_year_before_is_a_notice(before: str, dropped: bool) -> None:
    result = glass(document(paper_item("1", "t"), previous=previous(soda_ash=before)))
    assert ("source-priority-dropped" in result.notices) == dropped
    assert result_json(result)["quality"]["priority_drops"] == (["soda_ash"] if dropped else [])


@pytest.mark.parametrize(("before", "refused"), [("1", True), ("2", False)])
def test_where_the_methodology_says_so_it_is_refused(before: str, refused: bool) -> None:
    given_ = document(paper_item("1", "t"), previous=previous(soda_ash=before))
    rules = glass_rules(priority_drop="refused")
    if refused:
        assert code_of(lambda: glass(given_, rules)) == "source-priority-dropped"
    else:
        assert glass(given_, rules).amount == 400


def test_a_substituted_gap_is_no_choice_of_a_source() -> None:
    given_ = document(metered(24), gap(), previous=previous(soda_ash="1"))
    assert glass(given_, glass_rules(priority_drop="refused")).amount == 28800


@pytest.mark.parametrize(("given_", "code"), [
    ({"statement": "aa", "priorities": {}}, "hex-malformed"), ({"priorities": {}}, "inputs-malformed"),
    ({"statement": "aa" * 32, "priorities": []}, "inputs-malformed"), ("last year", "inputs-malformed"),
    ({"statement": "aa" * 32, "priorities": {"sand": "1"}}, "input-unknown"),
    ({"statement": "aa" * 32, "priorities": {"soda_ash": "01"}}, "number-not-canonical"),
    ({"statement": "aa" * 32, "priorities": {"soda_ash": 1}}, "number-not-canonical")])
def test_a_malformed_previous_is_refused(given_: Any, code: str) -> None:
    assert code_of(lambda: glass(document(paper_item("1", "t"), previous=given_))) == code


def test_a_statement_with_gap_and_previous_is_rebuilt_byte_for_byte() -> None:
    result = glass(document(metered(24), gap(), previous=previous(soda_ash="1")), RULES)
    payload, details = build(result, Context("o", "00" * 32, "00" * 32, {}), [bytes(16)] * len(records_of(result)))
    again, details_again = rebuild(RULES, parse(canonical(payload)), parse(canonical(details)))
    assert (canonical(again), canonical(details_again)) == (canonical(payload), canonical(details))


def test_an_intensive_quantity_is_given_once() -> None:
    given_ = document(paper_item("1", "t"))
    given_["inputs"]["purity"] = [paper_item("0.5", "1", priority="1")]
    assert glass(given_).amount == 200
    given_["inputs"]["purity"].append(paper_item("0.5", "1", "cd", priority="1"))
    assert code_of(lambda: glass(given_)) == "input-repeated"
