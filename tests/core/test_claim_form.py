"""What a claim may say: which kinds spend, what is carried in, what an input is named and taken from."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from core_helpers import signed_claim

from core import jcs
from core.claims import (
    MAX_INPUTS,
    Carried,
    DocumentInput,
    MeterInput,
    carried_from_json,
    chain_claim,
    claim_payload,
    inputs_from_json,
    parse_claim,
)
from core.documents import UNITS
from core.errors import FormError
from core.records import Kind

INVENTORIES = (Kind.EMISSION, Kind.PRODUCT_FOOTPRINT, Kind.CBAM)
BEFORE = bytes(range(32))


def code_of(document: dict[str, Any]) -> str:
    with pytest.raises(FormError) as refusal:
        parse_claim(jcs.canonical(document))
    return refusal.value.code


@pytest.mark.parametrize("kind", [Kind.GREEN_POWER, Kind.REDUCTION])
def test_what_claims_an_attribute_spends_at_least_one_interval(kind: Kind) -> None:
    assert parse_claim(claim_payload(signed_claim(kind=kind))).kind is kind
    with pytest.raises(FormError, match="claim-intervals-missing"):
        claim_payload(signed_claim(kind=kind, intervals=()))


@pytest.mark.parametrize("kind", INVENTORIES)
def test_an_inventory_spends_and_carries_nothing(kind: Kind) -> None:
    assert parse_claim(claim_payload(signed_claim(kind=kind, intervals=()))).kind is kind
    carried = Carried(BEFORE, Decimal("0.5"), UNITS[kind])
    for changes in ({}, {"intervals": (), "carried": carried}):
        with pytest.raises(FormError, match="claim-intervals-unexpected"):
            claim_payload(signed_claim(kind=kind, **changes))


@pytest.mark.parametrize(("kind", "unit"), [(Kind.GREEN_POWER, "MWh"), (Kind.REDUCTION, "tCO2e")])
@pytest.mark.parametrize("value", ["0", "0.000001", "0.999999999999999999"])
def test_a_remainder_is_below_one_unit_of_its_certificate(kind: Kind, unit: str, value: str) -> None:
    carried = Carried(BEFORE, Decimal(value), unit)
    assert parse_claim(claim_payload(signed_claim(kind=kind, carried=carried))).carried == carried


@pytest.mark.parametrize(("value", "unit"), [
    ("1", "MWh"), ("1000000", "MWh"), ("0.5", "kWh"), ("0.5", "GWh"), ("0.5", "tCO2e"), ("0", "")])
def test_whoever_carries_in_a_whole_unit_would_mint_it_from_nothing(value: str, unit: str) -> None:
    document = signed_claim().as_json() | {"carried": {"statement": BEFORE.hex(), "value": value, "unit": unit}}
    assert code_of(document) in ("claim-carried-whole", "document-text")


def test_a_remainder_is_null_or_whole_and_never_negative() -> None:
    assert carried_from_json(None) is None
    value = {"statement": BEFORE.hex(), "value": "0.25", "unit": "MWh"}
    assert carried_from_json(value) == Carried(BEFORE, Decimal("0.25"), "MWh")
    for changes, code in (({"value": "-0.25"}, "claim-carried-negative"), ({"value": "0.250"}, "number-not-canonical"),
                          ({"statement": None}, "hex-malformed"), ({"more": "1"}, "document-members")):
        with pytest.raises(FormError) as refusal:
            carried_from_json(value | changes)
        assert refusal.value.code == code


@pytest.mark.parametrize("name", ["g", "purchased_electricity", "fuel.diesel", "fuel.raw-coal_2", "a" * 64])
def test_an_input_has_a_plain_name(name: str) -> None:
    assert list(inputs_from_json({name: []})) == [name]


@pytest.mark.parametrize("name", ["", "G", "2fuel", "fuel coal", "燃料", "a" * 65, ".fuel", "fuel/coal"])
def test_any_other_name_is_refused(name: str) -> None:
    with pytest.raises(FormError, match="claim-input-name"):
        inputs_from_json({name: []})


def test_an_input_is_a_meter_s_quantity_or_a_figure_of_a_document_and_nothing_between() -> None:
    meter = {"meter": "m:main", "quantity": "active-import"}
    paper = {"document": BEFORE.hex(), "value": "12.5", "unit": "t", "title": "过磅单"}
    assert inputs_from_json({"coal": [meter, paper]}) == {"coal": (
        MeterInput("m:main", "active-import"), DocumentInput(BEFORE, Decimal("12.5"), "t", "过磅单"))}
    for item in (meter | paper, meter | {"value": "1"}, {"value": "1", "unit": "t"}, [], None, "m:main"):
        with pytest.raises(FormError, match="document-members"):
            inputs_from_json({"coal": [item]})


def test_a_document_may_state_its_uncertainty_in_percent_and_says_so_in_one_way() -> None:
    paper = {"document": BEFORE.hex(), "value": "12.5", "unit": "t", "title": "过磅单"}
    (stated,) = inputs_from_json({"coal": [paper | {"uncertainty": "1.5"}]})["coal"]
    assert stated == DocumentInput(BEFORE, Decimal("12.5"), "t", "过磅单", Decimal("1.5"))
    assert stated.as_json() == paper | {"uncertainty": "1.5"}
    (silent,) = inputs_from_json({"coal": [paper]})["coal"]
    assert silent.as_json() == paper
    for text, code in (("-1", "claim-uncertainty-negative"), ("1.50", "number-not-canonical"),
                       ("5%", "number-not-canonical"), (None, "document-text"), (5, "document-text")):
        with pytest.raises(FormError, match=code):
            inputs_from_json({"coal": [paper | {"uncertainty": text}]})
    with pytest.raises(FormError, match="document-members"):
        inputs_from_json({"coal": [{"meter": "m:main", "quantity": "active-import", "uncertainty": "1"}]})


def test_inputs_are_bounded_by_name_and_altogether() -> None:
    meter = MeterInput("m:main", "active-import").as_json()
    assert len(inputs_from_json({"coal": [meter] * MAX_INPUTS})["coal"]) == MAX_INPUTS
    with pytest.raises(FormError, match="document-array"):
        inputs_from_json({"coal": [meter] * (MAX_INPUTS + 1)})
    with pytest.raises(FormError, match="document-members"):
        inputs_from_json({f"fuel{n}": [] for n in range(MAX_INPUTS + 1)})


def test_a_claim_of_another_schema_is_another_document() -> None:
    assert code_of(signed_claim().as_json() | {"schema": "carbonseal-claim/2"}) == "claim-schema"


def test_what_a_methodology_lets_an_enterprise_choose_is_kept_as_it_was_signed() -> None:
    options = {"region": "js", "gases": ["CH4", "N2O"], "rounded": True, "year": 2026, "none": None}
    assert parse_claim(claim_payload(signed_claim(options=options))).options == options
    assert code_of(signed_claim().as_json() | {"options": []}) == "document-members"


def test_zero_false_nothing_and_no_text_are_four_claims() -> None:
    claims = [signed_claim(options={"x": value}) for value in (0, False, None, "")]
    assert len({claim_payload(document) for document in claims}) == 4
    assert len({chain_claim(document).struct_hash() for document in claims}) == 4
