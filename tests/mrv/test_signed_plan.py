"""A control plan under an account's signature: one form, for one log and contract, and nothing in it can change."""

from __future__ import annotations

from typing import Any

import pytest
from mrv_helpers import code_of, inventory
from test_control_plan import plan, revision

from core import jcs
from core.errors import CarbonSealError, VerificationFailed
from core.ethereum import Account, Domain
from mrv.authoring.catalogue import shipped
from mrv.quality.plan import check_document, check_plan, parse_plan
from mrv.quality.signed_plan import read_signed_plan, sign_plan

ACCOUNT = Account(b"a" * 32)
DOMAIN = Domain("CarbonSeal", "1", 31337, "0x5FbDB2315678afecb367f032d93F642f64180aa3")
ORIGIN = "park.example"


def signed(document: dict[str, Any] | None = None) -> bytes:
    return sign_plan(document or plan(), ACCOUNT, ORIGIN, DOMAIN)


def signer_of(payload: bytes) -> str:
    """Whoever the signature would be of; "" where it is of nobody."""
    try:
        return read_signed_plan(payload).signer
    except VerificationFailed:
        return ""


def test_the_signer_is_found_again() -> None:
    found = read_signed_plan(signed())
    assert (found.signer, found.origin, found.domain) == (ACCOUNT.address, ORIGIN, DOMAIN)
    assert found.plan == parse_plan(plan())


@pytest.mark.parametrize("change", [
    lambda value: value["plan"].update(boundary="别处"), lambda value: value["plan"]["data"][0].update(gap="refused"),
    lambda value: value.update(origin="other.example"), lambda value: value["domain"].update(chain_id="1")])
def test_nothing_can_change_under_the_signature(change: Any) -> None:
    value = jcs.parse(signed())
    change(value)
    assert signer_of(jcs.canonical(value)) != ACCOUNT.address


@pytest.mark.parametrize(("change", "code"), [
    (lambda value: value.update(schema="x"), "plan-schema"), (lambda value: value.pop("origin"), "document-members"),
    (lambda value: value.update(note=""), "document-members"),
    (lambda value: value.update(signature="00" * 65), "eip712-signature-form"),
    (lambda value: value.update(signature="00"), "hex-malformed"),
    (lambda value: value.update(plan=[]), "plan-malformed"),
    (lambda value: value["domain"].update(name="Other"), "domain-unknown")])
def test_another_form_is_refused(change: Any, code: str) -> None:
    value = jcs.parse(signed())
    change(value)
    assert code_of(lambda: read_signed_plan(jcs.canonical(value))) == code


def test_bytes_that_are_not_canonical_are_refused() -> None:
    with pytest.raises(CarbonSealError):
        read_signed_plan(b" " + signed())


# what a methodology lets a plan say

@pytest.mark.parametrize(("changes", "code"), [
    ({}, None), ({"source": "claim-point"}, "source-not-allowed"), ({"method": "manual"}, "source-not-allowed"),
    ({"gap": "zero"}, "source-not-allowed"), ({"gap": "refused"}, None), ({"unit": "GJ"}, None),
    ({"unit": "t"}, "unit-mismatch"), ({"input": "electricity"}, "input-unknown"),
    ({"input": "fuel.diesel", "source": "document", "gap": "refused", "unit": "t", "instrument": None}, None)])
def test_a_datum_is_one_that_the_methodology_knows(changes: dict[str, Any], code: str | None) -> None:
    parsed = parse_plan(plan(data=[plan()["data"][0] | changes]))
    if code is None:
        check_plan(parsed, shipped())
    else:
        assert code_of(lambda: check_plan(parsed, shipped())) == code


def test_a_plan_of_no_methodology_is_refused() -> None:
    assert code_of(lambda: check_plan(parse_plan(plan(methodology="no.such")), shipped())) == "methodology-unknown"


# an inputs document against versions of a plan

def checked(*plans: Any, **members: Any) -> Any:
    inputs = inventory(options={"region": "jiangsu", "gwp": "AR6"}) | members
    return check_document(shipped(), "inventory.general", {"plans": list(plans), "inputs": inputs})


def test_the_answer_names_the_version_and_every_finding() -> None:
    answer = checked(plan(), revision(plan()))
    assert (answer["plan"]["version"], answer["methodology"]) == ("1", "inventory.general@2")
    assert [item["code"] for item in answer["findings"]] == ["plan-changed"]


@pytest.mark.parametrize(("plans", "members", "code"), [
    ([], {}, "plan-malformed"), ([plan(version="3")], {}, "plan-malformed"),
    ([plan(), plan()], {}, "plan-history"), ([plan(valid_from="2027-01-01")], {}, "plan-not-in-force"),
    ([plan(methodology="inventory.steel")], {}, "plan-not-in-force"), ([plan()], {"inputs": {}}, "input-missing"),
    ([plan()], {"period": None}, "period-malformed")])
def test_what_cannot_be_checked_says_why(plans: list[Any], members: dict[str, Any], code: str) -> None:
    assert code_of(lambda: checked(*plans, **members)) == code
