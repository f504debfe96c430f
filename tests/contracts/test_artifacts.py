"""The committed artifacts are those of the sources, small enough for every chain, and laid out as the proofs assume."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from chain_helpers import World

from contracts import compile as compiler
from core.ethereum import Fields
from core.records import ANCHOR_FIELDS, CLAIM_FIELDS, OPINION_FIELDS
from ledger.anchor import layout
from ledger.anchor.artifacts import artifact

ROOT = Path(__file__).resolve().parents[2]
OURS = ("Participant", "Anchor", "Certificate", "Mark")
CONTRACTS = sorted((ROOT / "contracts").rglob("*.sol"))
SPEC = ROOT / "docs" / "spec" / "chain.md"
# EIP-170; chains of Berlin have no other.
MAX_CODE_BYTES = 24_576


@pytest.mark.chain
def test_the_committed_artifacts_are_what_the_sources_compile_to() -> None:
    assert compiler.check() == []


@pytest.mark.chain
def test_a_changed_artifact_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for path in compiler.ARTIFACTS.glob("*.json"):
        document = json.loads(path.read_text())
        if path.stem == "AnchorRegistry":
            document["bytecode"] += "00"
        (tmp_path / path.name).write_text(json.dumps(document))
    fresh = {path.stem: json.loads(path.read_text()) for path in compiler.ARTIFACTS.glob("*.json")}
    monkeypatch.setattr(compiler, "ARTIFACTS", tmp_path)
    monkeypatch.setattr(compiler, "compile_all", lambda: fresh)
    assert compiler.check() == ["AnchorRegistry"]
    (tmp_path / "Rfc9162Probe.json").unlink()
    assert compiler.check() == ["AnchorRegistry", "Rfc9162Probe"]


@pytest.mark.parametrize("name", compiler.DEPLOYED)
def test_a_contract_fits_every_chain(name: str) -> None:
    assert 0 < len(artifact(name)["deployedBytecode"]) // 2 - 1 <= MAX_CODE_BYTES
    assert artifact(name)["evmVersion"] == "berlin"


@pytest.mark.parametrize("path", CONTRACTS, ids=lambda path: path.name)
def test_a_contract_can_be_read_in_one_sitting(path: Path) -> None:
    lines = path.read_text().splitlines()
    assert len(lines) < 300
    assert max(map(len, lines)) <= 130


def slots(name: str) -> dict[str, dict[str, Any]]:
    return {entry["label"]: entry for entry in artifact(name)["storageLayout"]}


def test_the_slots_of_the_proofs_are_those_of_the_compiler() -> None:
    anchors, certificates = slots("AnchorRegistry"), slots("CertificateRegistry")
    expected = {"_marks": layout.MARKS_SLOT, "_holes": layout.HOLES_SLOT, "_debts": layout.DEBTS_SLOT,
                "_certificates": layout.CERTIFICATES_SLOT, "_spent": layout.SPENT_SLOT, "_pieces": layout.PIECES_SLOT,
                "_live": layout.LIVE_SLOT, "_references": layout.REFERENCES_SLOT}
    assert int(anchors["_anchors"]["slot"]) == layout.ANCHORS_SLOT
    assert {label: int(certificates[label]["slot"]) for label in expected} == expected


def members(name: str, label: str) -> list[tuple[str, int, int]]:
    return [(item["label"], int(item["slot"]), item["offset"]) for item in slots(name)[label]["members"]]


def test_the_structs_are_packed_as_the_decoders_read_them() -> None:
    assert members("AnchorRegistry", "_anchors") == [("root", 0, 0), ("time", 1, 0)]
    assert members("CertificateRegistry", "_marks") == [
        ("org", 0, 0), ("kind", 1, 0), ("opening", 1, 1), ("position", 1, 9), ("capacity", 1, 17),
        ("firstReading", 2, 0), ("live", 2, 8), ("retired", 2, 16), ("holes", 2, 24)]
    assert members("CertificateRegistry", "_certificates") == [
        ("claimHash", 0, 0), ("exclusivityKey", 1, 0), ("subject", 2, 0), ("verifier", 3, 0), ("supersededBy", 4, 0),
        ("holder", 5, 0), ("kind", 5, 20), ("status", 5, 21), ("issuedAt", 5, 22),
        ("amount", 6, 0), ("first", 6, 8), ("moved", 6, 16), ("short", 6, 24)]
    assert members("CertificateRegistry", "_spent") == [
        ("mark", 0, 0), ("start", 1, 0), ("end", 1, 8), ("weight", 1, 16), ("left", 1, 24)]
    assert members("CertificateRegistry", "_pieces") == [
        ("payloadDigest", 0, 0), ("owner", 1, 0), ("status", 1, 20), ("moved", 1, 21), ("from", 1, 22),
        ("to", 2, 0), ("pledgee", 2, 8), ("retirement", 3, 0)]


def type_text(name: str, fields: Fields) -> str:
    return f"{name}({','.join(f'{kind} {field}' for kind, field in fields)})"


@pytest.mark.parametrize(("name", "fields", "source"), [
    ("Claim", CLAIM_FIELDS, "Records.sol"), ("Opinion", OPINION_FIELDS, "Records.sol"),
    ("Anchor", ANCHOR_FIELDS, "AnchorRegistry.sol")])
def test_python_solidity_and_the_specification_sign_the_same_types(name: str, fields: Fields, source: str) -> None:
    text = type_text(name, fields)
    joined = re.sub(r'"\s*"', "", (ROOT / "contracts" / source).read_text())
    assert f'"{text}"' in joined
    assert text in SPEC.read_text()


def test_the_specification_names_every_slot_error_event_and_function() -> None:
    text = SPEC.read_text()
    for name in compiler.DEPLOYED:
        for entry in artifact(name)["abi"]:
            ours = entry["type"] == "error" and entry["name"].startswith(OURS)
            if ours or (entry["type"] == "event" and entry["name"] not in {
                    "EIP712DomainChanged", "ApprovalForAll", "TransferSingle", "TransferBatch", "URI"}):
                assert f"`{entry['name']}`" in text, f"{name}.{entry['name']}"
        for label, entry in slots(name).items():
            if "mapping" in entry["type"] and label not in {"_balances", "_operatorApprovals"} \
                    and name != "ParticipantRegistry":
                assert f"| {label} | {entry['slot']} |" in text, f"{name}.{label}"


def test_every_error_of_ours_explains_itself() -> None:
    for name in compiler.DEPLOYED:
        ours = {entry["name"] for entry in artifact(name)["abi"] if entry["type"] == "error"
                and entry["name"].startswith(OURS)}
        assert ours <= artifact(name)["notices"].keys()


def test_every_function_of_the_interfaces_is_in_the_artifacts() -> None:
    declared = {match for path in (ROOT / "contracts" / "interfaces").glob("*.sol")
                for match in re.findall(r"function (\w+)", path.read_text())}
    built = {entry["name"] for name in compiler.DEPLOYED for entry in artifact(name)["abi"]
             if entry["type"] == "function"}
    assert declared <= built


@pytest.mark.chain
def test_the_chain_names_the_domain_that_is_signed(world: World) -> None:
    for name, address in (("AnchorRegistry", world.addresses.anchors),
                          ("CertificateRegistry", world.addresses.certificates),
                          ("ParticipantRegistry", world.addresses.participants)):
        _fields, domain, version, chain_id, contract, *_ = world.chain("node").contract(
            name, address).functions.eip712Domain().call()
        assert (domain, version, chain_id, contract) == ("CarbonSeal", "1", world.chain_id, address)
