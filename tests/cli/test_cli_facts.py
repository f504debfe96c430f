"""The facts document that an enterprise writes: what each member is, and what is said of a wrong one."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from cli_helpers import START, period, refused, run

from cli.desks.enterprise import Facts, facts_from_json
from core.claims import Carried, DocumentInput, MeterInput
from core.errors import FormError
from core.period import Period

DAY = 86_400_000
WHOLE: dict[str, Any] = {
    "subject": "org:lanhe-steel", "boundary": "蓝河厂区", "period": period(START, START + DAY),
    "methodology": "inventory.enterprise",
    "inputs": {"purchased_electricity": [{"meter": "m:lanhe-main", "quantity": "energy"}],
               "gas.natural_gas": [{"document": "ab" * 32, "value": "0.86", "unit": "1e4Nm3", "title": "结算单"}]},
    "options": {"region": "cn"}, "claim_point": "cp:lanhe-pv", "supersedes": "cd" * 32,
    "carried": {"statement": "ef" * 32, "value": "999999", "unit": "Wh"},
}


def test_every_member_is_read() -> None:
    assert facts_from_json(WHOLE) == Facts(
        subject="org:lanhe-steel", boundary="蓝河厂区", period=Period(START, START + DAY),
        methodology="inventory.enterprise",
        inputs={"purchased_electricity": (MeterInput("m:lanhe-main", "energy"),),
                "gas.natural_gas": (DocumentInput(bytes.fromhex("ab" * 32), Decimal("0.86"), "1e4Nm3", "结算单"),)},
        options={"region": "cn"}, claim_point="cp:lanhe-pv", supersedes=bytes.fromhex("cd" * 32),
        carried=Carried(bytes.fromhex("ef" * 32), Decimal(999_999), "Wh"))


@pytest.mark.parametrize(("name", "absent"), [("options", {}), ("claim_point", None), ("supersedes", None),
                                              ("carried", None)])
def test_what_does_not_apply_may_be_left_out(name: str, absent: object) -> None:
    facts = facts_from_json({key: value for key, value in WHOLE.items() if key != name})
    assert getattr(facts, name) == absent


@pytest.mark.parametrize("name", ["subject", "boundary", "period", "methodology", "inputs"])
def test_what_always_applies_must_be_there(name: str) -> None:
    with pytest.raises(FormError) as raised:
        facts_from_json({key: value for key, value in WHOLE.items() if key != name})
    assert raised.value.code == "document-members"
    assert name in raised.value.message


@pytest.mark.parametrize(("name", "value", "code", "where"), [
    ("subject", "Lanhe Steel", "id-malformed", "facts.subject"),
    ("subject", None, "id-malformed", "facts.subject"),
    ("boundary", "", "document-text", "facts.boundary"),
    ("boundary", " 蓝河", "document-text", "facts.boundary"),
    ("period", {"start": "2026-11-17", "end": "2026-11-18", "zone": "Asia/Shanghai"}, "instant-malformed",
     "facts.period.start"),
    ("period", period(START + DAY, START), "period-empty", "facts.period"),
    ("methodology", 3, "document-text", "facts.methodology"),
    ("inputs", [], "document-members", "facts.inputs"),
    ("inputs", {"Purchased": []}, "claim-input-name", "facts.inputs"),
    ("inputs", {"gas": [{"meter": "m:a"}]}, "document-members", "facts.inputs.gas"),
    ("inputs", {"gas": [{"document": "ab" * 32, "value": "1e2", "unit": "t", "title": "x"}]}, "number-not-canonical",
     "facts.inputs.gas"),
    ("options", [], "document-members", "facts.options"),
    ("claim_point", 7, "id-malformed", "facts.claim_point"),
    ("supersedes", "abc", "hex-malformed", "facts.supersedes"),
    ("carried", {"statement": "ef" * 32, "value": "-1", "unit": "Wh"}, "claim-carried-negative",
     "facts.carried.value"),
])
def test_a_wrong_member_is_named_and_told_what_belongs_there(name: str, value: object, code: str, where: str) -> None:
    with pytest.raises(FormError) as raised:
        facts_from_json({**WHOLE, name: value})
    assert (raised.value.code, raised.value.where) == (code, where)
    assert raised.value.hint


@pytest.mark.parametrize("value", [None, [], "facts", 1])
def test_what_is_no_object_is_no_facts(value: object) -> None:
    with pytest.raises(FormError):
        facts_from_json(value)


def test_an_unknown_member_is_refused() -> None:
    with pytest.raises(FormError) as raised:
        facts_from_json({**WHOLE, "amount": "24"})
    assert "amount" in raised.value.message


@pytest.mark.parametrize(("text", "code"), [("", "json-malformed"), ('{"subject":1.5}', "json-number"),
                                            ('{"a":1,"a":1}', "json-duplicate-key"), ("{}", "document-members")])
def test_a_file_that_holds_no_facts_is_unusable_before_any_node_is_asked(tmp_path: Path, text: str, code: str) -> None:
    run("keys", "make", "--dir", tmp_path / "steel")
    (tmp_path / "facts.json").write_text(text, encoding="utf-8")
    refused(run("claim", "create", "--facts", tmp_path / "facts.json", "--key", tmp_path / "steel" / "account.key",
                "--org", "org:lanhe-steel", "--dir", tmp_path / "nowhere", "--json"), 2, code)


def test_a_key_that_is_none_is_unusable(tmp_path: Path) -> None:
    (tmp_path / "facts.json").write_text(json.dumps(WHOLE), encoding="utf-8")
    (tmp_path / "account.key").write_text("secret", encoding="utf-8")
    for key, code in (("account.key", "key-malformed"), ("absent.key", "key-file-missing")):
        refused(run("claim", "create", "--facts", tmp_path / "facts.json", "--key", tmp_path / key,
                    "--org", "org:lanhe-steel", "--json"), 2, code)
