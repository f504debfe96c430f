"""Statements: the same bytes when evaluated again, and every change of a detail shows."""

from __future__ import annotations

from copy import deepcopy
from datetime import date
from typing import Any

import pytest
from mrv_helpers import PERIOD, code_of, green, inventory, item, paper, saving

from core.claims import exclusivity_key
from core.errors import VerificationFailed
from core.jcs import canonical, parse
from core.merkle import inclusion_path, leaf_hash, verify_inclusion
from core.period import Period
from mrv.authoring.catalogue import shipped
from mrv.calculation.run import run
from mrv.calculation.statement import Context, build, details_root, inputs_document, rebuild, records_of
from mrv.definitions.ruleset import RuleSet, check_released, listing, listing_root, release

RULES = shipped()
TODAY = date(2026, 12, 5)
CONTEXT = Context("park.example/lanhe", "11" * 32, "22" * 32, {"frames": "720", "gaps": []}, ("gec:A1",), None,
                  ("simulated-source",))


def statement(name: str = "inventory.enterprise",
              doc: dict[str, Any] | None = None) -> tuple[dict[str, Any], list[Any]]:
    result = run(RULES, name, None, doc or inventory(), TODAY)
    salts = [bytes([i % 251]) * 16 for i in range(len(records_of(result)))]
    return build(result, CONTEXT, salts)


@pytest.mark.parametrize(("name", "doc"), [
    ("inventory.enterprise", inventory()), ("green-power.pv", green()), ("reduction.energy-saving", saving()),
    ("reduction.energy-saving", saving(carried={"statement": "00" * 32, "value": "0.5", "unit": "tCO2e"}))])
def test_a_statement_is_rebuilt_byte_for_byte(name: str, doc: dict[str, Any]) -> None:
    payload, details = statement(name, doc)
    again, details_again = rebuild(RULES, parse(canonical(payload)), parse(canonical(details)))
    assert canonical(again) == canonical(payload)
    assert canonical(details_again) == canonical(details)


def test_the_rules_of_the_evidence_alone_are_enough() -> None:
    payload, details = statement()
    methodology = RULES.methodologies["inventory.enterprise@2"]
    documents = parse(canonical(RULES.documents_for(methodology)))
    assert len(documents) < len(RULES.documents())
    assert rebuild(RuleSet.from_documents(documents), payload, details) == (payload, details)


def test_a_released_rule_set_is_accepted_and_a_changed_factor_is_not() -> None:
    methodology = RULES.methodologies["inventory.enterprise@2"]
    payload = release(RULES, "1", 0)
    documents = RULES.documents_for(methodology)
    assert check_released(documents, listing(RULES), payload).digests().items() <= RULES.digests().items()
    forged = deepcopy(documents)
    forged["parameters/grid.average.jiangsu"]["values"][-1]["value"] = "0.0001"
    assert code_of(lambda: check_released(forged, listing(RULES), payload)) == "rule-not-released"


@pytest.mark.parametrize("change", [
    lambda listed: listed.pop("parameters/grid.average.jiangsu"), lambda listed: listed.clear(),
    lambda listed: listed.update({"parameters/x": "00" * 32}),
    lambda listed: listed.update({"parameters/grid.average.jiangsu": "00" * 32}),
    lambda listed: listed.update({"parameters/grid.average.jiangsu": None})])
def test_another_list_than_the_one_released_is_refused(change: Any) -> None:
    listed = listing(RULES)
    change(listed)
    documents = RULES.documents_for(RULES.methodologies["inventory.enterprise@2"])
    assert code_of(lambda: check_released(documents, listed, release(RULES, "1", 0))) == "rules-not-listed"


def test_a_release_is_as_long_with_ten_thousand_rules_as_with_one() -> None:
    few, many = ({f"parameters/p{i}": "00" * 32 for i in range(count)} for count in (1, 10_000))
    assert listing_root(few) != listing_root(many)
    assert len(canonical(release(RULES, "1", 0))) < 300


def test_another_factor_gives_another_statement() -> None:
    payload, details = statement()
    forged = deepcopy(RULES.documents_for(RULES.methodologies["inventory.enterprise@2"]))
    forged["parameters/grid.average.jiangsu"]["values"][-1]["value"] = "0.0001"
    again, _ = rebuild(RuleSet.from_documents(forged), payload, details)
    assert again["result"] != payload["result"]
    assert again["details"] != payload["details"]


def test_every_detail_is_a_leaf_under_the_root() -> None:
    payload, details = statement()
    leaves = [leaf_hash(canonical(detail)) for detail in details]
    root = bytes.fromhex(payload["details"]["root"])
    for i, leaf in enumerate(leaves):
        verify_inclusion(leaf, i, int(payload["details"]["count"]), inclusion_path(leaves, i), root)
        with pytest.raises(VerificationFailed):
            verify_inclusion(leaf, i, int(payload["details"]["count"]), inclusion_path(leaves, i), bytes(32))


@pytest.mark.parametrize("index", [0, 1, 2, -1])
def test_a_changed_detail_changes_the_root(index: int) -> None:
    payload, details = statement()
    details[index]["record"]["note"] = "x"
    assert details_root(details).hex() != payload["details"]["root"]


def test_the_details_name_the_run_every_input_parameter_and_node() -> None:
    _, details = statement()
    kinds = [detail["record"]["kind"] for detail in details]
    assert kinds[:4] == ["run", "input", "parameter", "parameter"]
    assert set(kinds[4:]) == {"node"}
    factor = details[2]["record"]
    assert (factor["path"], factor["value"], factor["year"]) == ("grid.average.jiangsu", "0.5827", "2023")
    assert (factor["published"], factor["status"]) == ("2025-12-31", "published")


def test_the_payload_names_what_it_is_about() -> None:
    payload, _ = statement()
    key = exclusivity_key("org:plant", "厂区", "inventory.enterprise", Period.from_json(PERIOD))
    assert payload["exclusivity_key"] == key.hex()
    assert payload["certificate"] == {"amount": "582700", "unit": "kgCO2e"}
    assert payload["notices"] == ["after-transcriptions", "residual-factor-approximated", "simulated-source",
                                  "unconfirmed-methodology"]
    assert payload["carried_out"] is None


def test_a_reduction_states_what_it_carries() -> None:
    payload, _ = statement("reduction.energy-saving", saving())
    assert payload["carried_out"] == {"unit": "tCO2e", "value": "0.827"}
    assert payload["intervals"] == [{"mark": "fac:line-1", "start": "1793462400000", "end": "1796054400000"}]


def test_the_inputs_document_is_read_back() -> None:
    payload, details = statement()
    document, at = inputs_document(payload, details)
    assert document == inventory() | {"carried": None}
    assert at == TODAY


@pytest.mark.parametrize("count", [0, -1, 1])
def test_salts_must_be_as_many_as_records(count: int) -> None:
    result = run(RULES, "inventory.enterprise", None, inventory(), TODAY)
    salts = [bytes(16)] * (len(records_of(result)) + count)
    if count == 0:
        assert build(result, CONTEXT, salts)
        salts[3] = bytes(15)
    assert code_of(lambda: build(result, CONTEXT, salts)) == "salts-mismatch"


def test_a_detail_left_out_is_noticed() -> None:
    payload, details = statement()
    assert code_of(lambda: rebuild(RULES, payload, details[:-1])) == "statement-differs"


@pytest.mark.parametrize("details", [[], [{}], [{"record": {}}], [None], [{"record": {"kind": "run"}, "salt": "00"}]])
def test_details_that_lack_a_member_are_refused(details: list[Any]) -> None:
    payload, _ = statement()
    assert code_of(lambda: rebuild(RULES, payload, details)) == "statement-malformed"


@pytest.mark.parametrize("member", ["subject", "period", "methodology", "notices", "origin", "claim"])
def test_a_payload_that_lacks_a_member_is_refused(member: str) -> None:
    payload, details = statement()
    del payload[member]
    assert code_of(lambda: rebuild(RULES, payload, details)) == "statement-malformed"


def test_an_unknown_document_path_is_no_rule() -> None:
    assert code_of(lambda: RuleSet.from_documents({"recipes/cake": {}})) == "rule-malformed"
    formula = RULES.formulas["heat.purchased@1"].document
    assert code_of(lambda: RuleSet.from_documents({"formulas/heat.other@1": formula})) == "rule-malformed"


@pytest.mark.parametrize("folder", ["parameters", "formulas", "methodologies"])
@pytest.mark.parametrize("document", [None, [], {}, "x", {"schema": "other"}, {"id": 5}])
def test_a_malformed_rule_of_an_evidence_file_is_refused(folder: str, document: Any) -> None:
    assert code_of(lambda: RuleSet.from_documents({f"{folder}/x@1": document})) == "rule-malformed"


def test_a_methodology_without_its_formula_is_refused() -> None:
    methodology = RULES.methodologies["green-power.pv@1"].document
    assert code_of(lambda: RuleSet.from_documents({"methodologies/green-power.pv@1": methodology})) == "rule-malformed"


def test_inputs_stand_in_the_order_of_their_names() -> None:
    doc = inventory()
    doc["inputs"]["retired_certificates"] = [item("0", "MWh", paper())]
    payload, details = statement(doc=doc)
    assert [d["record"]["name"] for d in details if d["record"]["kind"] == "input"] == [
        "purchased_electricity", "retired_certificates"]
    assert payload["details"]["count"] == str(len(details))
