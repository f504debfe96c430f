"""Every input enters the calculation, no paper counts twice, and what is unconfirmed is accepted or refused."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
from mrv_helpers import run_methodology
from split_helpers import AUGUST, JULY, JUNE, TODAY, glass, in_parts, month, paper_item, whole

from core.errors import CarbonSealError
from mrv.authoring.catalogue import load, shipped
from mrv.calculation.run import run
from mrv.calculation.service import evaluate_batch

MIDDLE = "2026-06-14T16:00:00.000Z"
RULES = shipped()


def error_of(action: Any) -> CarbonSealError:
    with pytest.raises(CarbonSealError) as caught:
        action()
    return caught.value


def plant(**inputs: Any) -> dict[str, Any]:
    [case, *_] = [case for case in load().cases if case.rule == "inventory.general@2"]
    document = deepcopy(case.body["document"]) | {"allow_unconfirmed": True}
    for name, items in inputs.items():
        document["inputs"].pop(name.replace("__", "."), None)
        if items is not None:
            document["inputs"][name.replace("__", ".")] = items
    return document


def general(document: dict[str, Any]) -> Any:
    return run(RULES, "inventory.general@2", None, document, TODAY)


def measured(value: str, unit: str) -> list[dict[str, Any]]:
    return [paper_item(value, unit, "cd", priority="1")]


def covering(start: str, end: str, account: str | None = None, digest: str = "ab", tonnes: str = "1") -> dict[str, Any]:
    return paper_item(tonnes, "t", source={"type": "document", "digest": digest * 32, "title": "结算单",
                                           "covers": {"start": start, "end": end, "account": account}})


@pytest.mark.parametrize(("name", "value", "unit", "near"), [
    ("fuel_ncv.Diesel", "40", "GJ/t", "fuel_ncv.diesel"), ("fuel_cc.coke", "0.03", "tC/GJ", "fuel_cc.diesel"),
    ("carbonate_purity.MgCO3", "0.9", "1", "carbonate_purity.CaCO3"),
])
def test_a_measured_companion_of_no_line_is_refused_and_never_set_aside(name: str, value: str, unit: str,
                                                                       near: str) -> None:
    document = plant(**{near.replace(".", "__"): None})
    document["inputs"][name] = measured(value, unit)
    error = error_of(lambda: general(document))
    assert (error.code, error.where) == ("input-unused", f"inputs.{name}")
    assert near in error.hint


def test_a_companion_of_a_line_given_is_read() -> None:
    assert general(plant()).outputs["fuel_emission.diesel"].value > 0


def test_a_companion_with_no_line_at_all_says_what_it_belongs_to() -> None:
    error = error_of(lambda: general(plant(gas_ncv__natural_gas=measured("389", "GJ/1e4Nm3"))))
    assert (error.code, error.where) == ("input-unused", "inputs.gas_ncv.natural_gas")
    assert error.hint


def test_an_unused_input_of_a_part_names_its_part() -> None:
    document = in_parts((JUNE, JULY, month("1")), (JULY, AUGUST, month("2")))
    document["parts"][1]["inputs"]["colour"] = document["parts"][1]["inputs"]["glass"]
    assert error_of(lambda: glass(document)).where == "parts[1].inputs.colour"


def test_every_worked_case_uses_all_it_gives() -> None:
    """No case of the catalogue is refused for an input that nothing reads."""
    for case in load().cases:
        if case.kind != "methodology" or "error" in case.body:
            continue
        document = case.body["document"] | {"allow_unconfirmed": True}
        assert run_methodology(RULES, case.rule, document, TODAY.fromisoformat(case.body["at"]))["result"]


def test_a_paper_given_whole_in_two_parts_counts_twice_and_is_refused() -> None:
    document = in_parts((JUNE, JULY, month("1")), (JULY, AUGUST, month("2")))
    for part in document["parts"]:
        part["inputs"]["soda_ash"][0]["source"]["digest"] = "ee" * 32
    error = error_of(lambda: glass(document))
    assert (error.code, error.where) == ("inputs-overlap", "inputs.soda_ash")
    assert "covers" in error.hint


def test_shares_of_one_paper_are_taken_where_it_says_which_time_each_is_of() -> None:
    document = in_parts((JUNE, JULY, month("1") | {"soda_ash": [covering(JUNE, JULY, tonnes="100")]}),
                        (JULY, AUGUST, month("2") | {"soda_ash": [covering(JULY, AUGUST, tonnes="300")]}))
    assert glass(document).outputs["process"].value == 190


@pytest.mark.parametrize(("one", "other", "code"), [
    (covering(JUNE, MIDDLE), covering(MIDDLE, JULY), None),
    (covering(JUNE, JULY), covering(MIDDLE, JULY, digest="cd"), "inputs-overlap"),
    (covering(JUNE, JULY, "1"), covering(JUNE, JULY, "2", "cd"), None),
    (covering(JUNE, JULY, "1"), covering(JUNE, JULY, "1", "cd"), "inputs-overlap"),
    (covering(JUNE, JULY), paper_item("1", "t"), "inputs-overlap"),
    (covering(JUNE, JULY), paper_item("1", "t", "cd"), None),
    (covering(JUNE, AUGUST), paper_item("1", "t", "cd"), "period-outside"),
    (covering(MIDDLE, MIDDLE), paper_item("1", "t", "cd"), "period-outside"),
    (covering(JUNE, JULY, ""), paper_item("1", "t", "cd"), "inputs-malformed"),
])
def test_two_bills_of_one_account_do_not_share_time(one: dict[str, Any], other: dict[str, Any],
                                                    code: str | None) -> None:
    document = whole(JUNE, JULY, month("1") | {"soda_ash": [one, other]})
    if code is None:
        assert glass(document).outputs["process"].value > 0
        return
    error = error_of(lambda: glass(document))
    assert error.code == code
    assert error.hint


def test_a_rule_not_confirmed_is_refused_unless_the_inputs_accept_it() -> None:
    error = error_of(lambda: general(plant() | {"allow_unconfirmed": False}))
    assert (error.code, error.where) == ("parameter-unconfirmed", "inventory.general@2")
    assert "allow_unconfirmed" in error.hint
    assert "unconfirmed-methodology" in general(plant()).notices


def test_an_error_names_the_input_of_the_run_and_what_was_written() -> None:
    error = error_of(lambda: general(plant(carbonate_purity__CaCO3=measured("101", "%"))))
    assert (error.code, error.where) == ("out-of-range", "inputs.carbonate_purity.CaCO3")
    assert error.message == "101 % is given: 1.01 is not at least 0 and at most 1"
    assert error.hint


@pytest.mark.parametrize(("start", "end", "unusual"), [
    (JUNE, JULY, False), (JUNE, "2026-06-30T15:59:59.999Z", True), ("2026-05-31T16:00:00.001Z", JULY, True),
    ("2026-05-31T16:00:00.000Z", "2026-05-31T16:00:00.001Z", True),
])
def test_a_period_of_no_whole_days_is_noticed(start: str, end: str, unusual: bool) -> None:
    assert ("period-unusual" in glass(whole(start, end, month("1"))).notices) is unusual


@pytest.mark.parametrize(("end", "unusual"), [("2027-10-01", False), ("2027-10-02", True)])
def test_a_period_longer_than_a_year_is_noticed(end: str, unusual: bool) -> None:
    document = plant() | {"period": {"start": "2026-10-01", "end": end, "zone": "Asia/Shanghai"}}
    assert ("period-unusual" in run_methodology(RULES, "inventory.general@2", document, TODAY)["notices"]) is unusual


def test_a_local_date_is_the_midnight_of_its_zone_and_the_end_is_not_in_the_period() -> None:
    document = plant() | {"period": {"start": "2026-10-01", "end": "2027-01-01", "zone": "Asia/Shanghai"}}
    assert run_methodology(RULES, "inventory.general@2", document, TODAY)["period"] == {
        "start": "2026-09-30T16:00:00.000Z", "end": "2026-12-31T16:00:00.000Z", "zone": "Asia/Shanghai"}


@pytest.mark.parametrize(("start", "code"), [("2026-10-1", "instant-malformed"), ("2026-02-30", "date-malformed"),
                                             ("1 Oct 2026", "instant-malformed"), (None, "instant-malformed")])
def test_what_is_neither_date_nor_instant_is_refused(start: Any, code: str) -> None:
    document = plant() | {"period": {"start": start, "end": "2027-01-01", "zone": "Asia/Shanghai"}}
    error = error_of(lambda: run_methodology(RULES, "inventory.general@2", document, TODAY))
    assert (error.code, error.where) == (code, "period.start")
    assert "2026" in error.hint
    assert "None" not in error.message


def test_a_statement_reads_no_local_date() -> None:
    document = plant() | {"period": {"start": "2026-10-01", "end": "2027-01-01", "zone": "Asia/Shanghai"}}
    assert error_of(lambda: general(document)).code == "instant-malformed"


def test_a_priority_left_out_is_that_of_its_source_and_a_wrong_one_is_told() -> None:
    document = plant()
    [item] = document["inputs"]["purchased_electricity"]
    given = {**document["inputs"], "purchased_electricity": [
        {name: value for name, value in item.items() if name != "priority"}]}
    ours = run_methodology(RULES, "inventory.general@2", document | {"inputs": given}, TODAY)
    assert ours == run_methodology(RULES, "inventory.general@2", document, TODAY)
    wrong = document | {"inputs": {**given, "purchased_electricity": [item | {"priority": "1"}]}}
    error = error_of(lambda: run_methodology(RULES, "inventory.general@2", wrong, TODAY))
    assert (error.code, error.where) == ("priority-mismatch", "inputs.purchased_electricity[0].priority")
    assert '"2"' in error.hint


def test_a_digest_that_is_none_is_told_how_to_make_one() -> None:
    document = plant()
    document["inputs"]["stack"][0]["source"]["digest"] = "invoice.pdf"
    error = error_of(lambda: general(document))
    assert (error.code, error.where) == ("hex-malformed", "inputs.stack[0].source.digest")
    assert "carbonseal document digest" in error.hint


def test_an_unknown_member_of_a_batch_line_is_refused_in_that_line() -> None:
    inputs = '"inputs":{"consumption":{"value":"1","unit":"MWh"},"factor":{"value":"0.5","unit":"tCO2/MWh"}}'
    lines = [f'{{"id":"a","formula":"electricity.location",{inputs},"at":"x"}}'.encode(),
             f'{{"id":"b","formula":"electricity.location",{inputs}}}'.encode()]
    first, second = evaluate_batch(RULES, lines)
    assert (first["id"], first["error"]["code"]) == ("a", "inputs-malformed")
    assert "'at'" in first["error"]["message"]
    assert first["error"]["hint"]
    assert "outputs" in second


@pytest.mark.parametrize("account", ["0512-0017", "m:main", "户号0512#2", "A" * 80])
def test_an_account_is_written_in_one_spelling(account: str) -> None:
    billed = whole(JUNE, JULY, month("1") | {"soda_ash": [covering(JUNE, JULY, account)]})
    assert glass(billed).outputs["process"].value > 0


@pytest.mark.parametrize("account", ["0512 ", "0512\u200b", "０５１２", "-0512", "A" * 81, "0512\n", "0512 0017", 512])
def test_a_second_spelling_of_an_account_is_refused(account: Any) -> None:
    billed = whole(JUNE, JULY, month("1") | {"soda_ash": [covering(JUNE, JULY, account)]})
    error = error_of(lambda: glass(billed))
    assert (error.code, error.where) == ("inputs-malformed", "inputs.soda_ash[0].source.covers.account")
    assert "0512-0017" in error.hint
