"""The whole path by commands alone: claim, opinion, issue, split, transfer, retire, export, and the offline check."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from cli_helpers import GOV, HOUR, JIANGHUI, MARK, PV, START, STEEL, Park

from core.period import instant_text

pytestmark = [pytest.mark.chain, pytest.mark.timeout(300)]


def verified(file: Path, trust: Path, folder: Path) -> dict[str, object]:
    """The verdict of carbonseal-verify, run elsewhere."""
    done = subprocess.run([sys.executable, "-m", "verify.command", file, "--trust", trust, "--json"], cwd=folder,
                          capture_output=True, check=False, env={"PYTHONPATH": str(Path(__file__).parents[2])})
    return dict(json.loads(done.stdout))


def test_a_meter_s_energy_becomes_a_certificate_is_sold_used_and_checked_offline(park: Park, tmp_path: Path) -> None:
    # 1 the enterprise claims 12 hours of its PV register: 48 quarters of 500 kWh
    claim = park.as_(STEEL, "claim", "create", "--facts", park.green(
        "morning", START, START + 12 * HOUR, PV, MARK)).json
    statement = claim["statement"]["digest"]
    assert claim["statement"]["payload"]["certificate"] == {"amount": "24", "unit": "MWh"}
    assert claim["opinion"] is None
    # 2 the verifier recomputes, then signs; an opinion that permits it issues by itself
    opinion = park.sign(claim["claim"], "--assurance", "reasonable", "--visit", "virtual")
    assert opinion.code == 0, opinion.stdout
    assert opinion.json["issued"]["statement"] == statement
    shown = park.done("claim", "show", claim["claim"])
    assert shown["opinion"]["payload"]["assurance"] == "reasonable"
    assert shown["opinion"]["payload"]["visit"] == "virtual"
    # 3 issuing again finds the same certificate
    again = park.done("certificate", "issue", claim["claim"])
    assert again["statement"] == statement
    certificate = park.done("certificate", "show", statement)
    assert (certificate["status"], len(certificate["pieces"])) == ("live", 1)
    # 4 split, sold, checked, used
    whole = certificate["pieces"][0]["piece"]
    parts = park.as_(STEEL, "certificate", "split", whole, "--units", 5).json
    sold = park.as_(STEEL, "certificate", "transfer", parts["lower"], "--to", park.account(JIANGHUI))
    assert sold.json["state"] == "done"
    clean = park.do("certificate", "check", parts["lower"], "--seller", JIANGHUI)
    assert (clean.code, clean.json["clean"]) == (0, True)
    used = park.as_(JIANGHUI, "certificate", "retire", parts["lower"], "--purpose", "绿色电力消费声明", "--beneficiary",
                    "蓝河特钢", "--beneficiary-id", STEEL, "--place", "江苏", "--start", instant_text(START),
                    "--end", instant_text(START + 12 * HOUR))
    assert used.json["state"] == "done"
    assert park.do("certificate", "check", parts["lower"]).code == 1
    # 5 the authority sees who holds what
    rows = park.done("ledger", "query", "--certificate", statement, "--org", GOV)
    assert {(row["owner"], row["piece_status"], row["piece_from"], row["piece_to"]) for row in rows} == {
        (JIANGHUI, "retired", "0", "5"), (STEEL, "live", "5", "24")}
    # 6 anybody checks the file offline
    for level in ("public", "full"):
        file = tmp_path / f"{level}.cseal"
        exported = park.done("evidence", "export", parts["lower"], "-o", file, "--level", level)
        assert exported == {"piece": parts["lower"], "level": level, "path": str(file), "bytes": file.stat().st_size}
        report = verified(file, park.directory / "trust.json", tmp_path)
        assert report["valid"], report
