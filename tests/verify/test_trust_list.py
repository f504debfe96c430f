"""The trust list is the reader's own: lenient in white space, strict in everything that decides whom he believes."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from verify_forging import world
from verify_world import VALIDATORS, signer

from core.errors import CarbonSealError, InputError
from core.signatures import key_id
from ledger.checkpoint import log_key, witness_key
from verify.trust import REQUIRED, STEPS, ChainTrust, Trust, ValidatorSet, key_by_id, load_trust, parse_trust


def document() -> dict[str, Any]:
    return world().trust().as_json()


def parsed(change: Callable[[dict[str, Any]], object] = lambda _: None) -> Trust:
    value = document()
    change(value)
    return parse_trust(json.dumps(value, indent=3, sort_keys=True).encode())


def test_what_was_written_is_read_back() -> None:
    trust = world().trust(max_age=86_400_000, require=(1, 2, 3), allow_development_chain=True)
    assert parse_trust(json.dumps(trust.as_json()).encode()) == trust


def test_white_space_and_order_are_free() -> None:
    assert parsed() == world().trust()


@pytest.mark.parametrize("member", document())
def test_every_member_is_needed(member: str) -> None:
    with pytest.raises(CarbonSealError, match="document-members"):
        parsed(lambda value: value.pop(member))


def test_a_misspelt_member_is_refused() -> None:
    with pytest.raises(CarbonSealError, match="document-members"):
        parsed(lambda value: value.update(registrar=[]))


@pytest.mark.parametrize(("change", "code"), [
    (lambda v: v.update(schema="carbonseal-trust/2"), "trust-schema"),
    (lambda v: v.update(origin="other.example/park"), "trust-log-key"),
    (lambda v: v.update(log_key="log.example/park+00000000+AAAA"), "note-key-malformed"),
    (lambda v: v.update(log_key=witness_key("log.example/park", signer("log").public_key)), "trust-log-key"),
    (lambda v: v["witnesses"].update(threshold="2"), "witness-policy"),
    (lambda v: v["witnesses"].update(threshold=1), "number-not-canonical"),
    (lambda v: v["witnesses"].update(keys=[log_key("w", signer("w").public_key)]), "witness-policy"),
    (lambda v: v["chain"].update(id="031337"), "number-not-canonical"),
    (lambda v: v["chain"].update(anchor_registry="0x00"), "address-malformed"),
    (lambda v: v["chain"].update(anchor_registry=v["chain"]["anchor_registry"].lower()), "address-malformed"),
    (lambda v: v["chain"]["validators"][0].update(addresses=[]), "trust-validators"),
    (lambda v: v["chain"]["validators"][0]["addresses"].append(VALIDATORS[0].address), "trust-validators"),
    (lambda v: v.update(registrars=["00"]), "key-malformed"),
    (lambda v: v.update(registrars=["00" * 300]), "key-malformed"),
    (lambda v: v.update(registrars=[7]), "key-malformed"),
    (lambda v: v.update(rule_publishers="none"), "document-array"),
    (lambda v: v.update(allow_development_chain="true"), "trust-flag"),
    (lambda v: v.update(allow_development_chain=1), "trust-flag"),
    (lambda v: v.update(max_age_ms="-1"), "number-not-canonical"),
    (lambda v: v.update(require=[2, 1]), "trust-require"),
    (lambda v: v.update(require=[0]), "trust-require"),
    (lambda v: v.update(require=[11]), "trust-require"),
    (lambda v: v.update(require=[1, 1]), "trust-require"),
    (lambda v: v.update(require=[True]), "trust-require"),
])
def test_what_could_be_misread_is_refused(change: Callable[[dict[str, Any]], object], code: str) -> None:
    with pytest.raises(CarbonSealError) as refused:
        parsed(change)
    assert refused.value.code == code


@pytest.mark.parametrize("data", [b"", b"[]", b"null", b"{", b'{"schema":1.5}', b"\xff", b'{"a":1,"a":2}'])
def test_what_is_no_document_is_a_form_error(data: bytes) -> None:
    with pytest.raises(CarbonSealError):
        parse_trust(data)


def test_an_unreadable_file_says_where_and_why(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="trust-unreadable") as refused:
        load_trust(tmp_path / "none.json")
    assert str(tmp_path) in refused.value.where
    assert "never taken from the evidence" in refused.value.hint


def test_a_list_on_disk_is_read(tmp_path: Path) -> None:
    (tmp_path / "trust.json").write_text(json.dumps(document()))
    assert load_trust(tmp_path / "trust.json") == world().trust()


@pytest.mark.parametrize(("number", "covered"), [(9, False), (10, True), (20, True), (21, False)])
def test_a_validator_set_covers_its_blocks_inclusively(number: int, covered: bool) -> None:
    addresses = tuple(account.address for account in VALIDATORS)
    chain = ChainTrust(1, "", "", "", (ValidatorSet(10, 20, addresses),))
    assert bool(chain.validators_at(number)) is covered


def test_an_open_validator_set_covers_all_that_follow() -> None:
    chain = ChainTrust(1, "", "", "", (ValidatorSet(0, 9, ("old",)), ValidatorSet(10, None, ("new",))))
    assert [chain.validators_at(number) for number in (9, 10, 10**9)] == [("old",), ("new",), ("new",)]


def test_levels_require_what_the_specification_says() -> None:
    assert REQUIRED == {"public": (1, 2, 3, 4, 5, 9, 10), "buyer": (1, 2, 3, 4, 5, 6, 9, 10), "auditor": STEPS,
                        "full": STEPS}
    trust = world().trust()
    assert trust.required("buyer") == REQUIRED["buyer"]
    assert replace(trust, require=(4,)).required("buyer") == (4,)


def test_keys_are_found_by_their_id_only() -> None:
    keys = [signer(name).public_key for name in ("a", "b")]
    assert key_by_id(keys, key_id(keys[1])) == keys[1]
    assert key_by_id(keys, key_id(signer("c").public_key)) is None
    assert key_by_id([], key_id(keys[0])) is None
