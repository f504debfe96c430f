"""Certificates and claims by commands beside the straight path: refusals, corrections, pledges, questions, files."""

import csv
import io
import json

import pytest
from cli_helpers import (
    GOV,
    HOUR,
    JIANGHUI,
    MAIN,
    MARK,
    MARK2,
    REGISTRAR,
    START,
    STEEL,
    SUZHENG,
    Park,
    answered,
    refused,
    run,
)

from core.period import instant_text

pytestmark = [pytest.mark.chain, pytest.mark.timeout(300)]
DAY = 24 * HOUR
UNKNOWN = "77" * 32


# claims

def test_a_claim_is_refused_by_the_node_with_its_own_code(park: Park, inventory: dict[str, str]) -> None:
    again = park.inventory("again", START, START + DAY, "jiangsu")
    refused(park.as_(STEEL, "claim", "create", "--facts", again), 1, "claim-exclusive")


def test_a_claim_signed_with_another_s_account_is_refused(park: Park) -> None:
    facts = park.inventory("foreign", START, START + HOUR)
    outcome = park.do("claim", "create", "--facts", facts, "--org", STEEL, "--key", park.keys(JIANGHUI) / "account.key")
    refused(outcome, 1, "claim-signer")


@pytest.mark.parametrize(("changes", "code"), [
    ({"claim_point": None}, "claim-point-missing"), ({"claim_point": "cp:absent"}, "mark-unknown"),
    ({"inputs": {}}, "claim-input-missing"), ({"methodology": "green-power.moon"}, "methodology-unknown")])
def test_green_power_needs_a_claim_point_and_its_meter(park: Park, changes: dict[str, object], code: str) -> None:
    path = park.green("incomplete", START, START + HOUR)
    path.write_text(json.dumps(json.loads(path.read_text()) | changes), encoding="utf-8")
    refused(park.as_(STEEL, "claim", "create", "--facts", path), 2, code)


def test_less_than_a_unit_is_no_claim_yet(park: Park) -> None:
    refused(park.as_(STEEL, "claim", "create", "--facts", park.green("short", START, START + HOUR // 4)), 2,
            "claim-below-one-unit")


def test_a_reduction_names_its_facilities(park: Park) -> None:
    facts = park.facts("reduction", boundary="空压站", period={
        "start": instant_text(START), "end": instant_text(START + HOUR), "zone": "Asia/Shanghai"},
        methodology="reduction.energy-saving", inputs={"project_electricity": [{"meter": MAIN, "quantity": "energy"}]})
    error = refused(park.as_(STEEL, "claim", "create", "--facts", facts), 2, "claim-facilities-missing")
    assert error["where"] == "facts.options.facilities"


def test_a_claim_is_shown_to_its_subject_not_to_a_trader(park: Park, inventory: dict[str, str]) -> None:
    shown = answered(park.do("claim", "show", inventory["claim"], "--org", STEEL))
    assert shown["statement"]["digest"] == inventory["statement"]
    refused(park.do("claim", "show", inventory["claim"], "--org", JIANGHUI), 1, "organisation-other")
    refused(park.do("claim", "show", UNKNOWN), 2, "claim-unknown")
    refused(park.do("claim", "show", "xyz"), 2, "hex-malformed")


def test_people_read_a_claim_in_short_first(park: Park, inventory: dict[str, str]) -> None:
    outcome = run("--lang", "en", "claim", "show", inventory["claim"], "--dir", park.directory)
    head = outcome.stdout.splitlines()[:14]
    assert head[0].split()[-1] == inventory["claim"]
    for number, words in enumerate(("claim id", "state", "subject", "boundary", "period", "methodology", "result")):
        assert head[number].startswith(words)
    text = "\n".join(head)
    for words in ("issued", STEEL, "2026-11-17 → 2026-11-18 (Asia/Shanghai)", "inventory.enterprise", "kgCO2e",
                  inventory["statement"], "org:suzheng: Unmodified", f"certificate show {inventory['statement']}"):
        assert words in text
    assert "statement.payload" not in outcome.stdout


def test_every_member_of_a_claim_is_there_for_the_asking(park: Park, inventory: dict[str, str]) -> None:
    outcome = run("claim", "show", inventory["claim"], "--all", "--dir", park.directory)
    assert outcome.stdout.startswith("申报编号")
    assert f"statement.digest{' '}" in outcome.stdout
    assert "statement.payload.completeness.gaps" in outcome.stdout


def test_a_claim_is_shown_by_its_statement_and_its_claim_hash(park: Park, inventory: dict[str, str]) -> None:
    shown = park.done("claim", "show", inventory["claim"])
    assert park.done("claim", "show", inventory["statement"]) == shown
    assert park.done("claim", "show", shown["statement"]["payload"]["claim"]) == shown


def test_a_verifier_finds_what_there_is_to_review(park: Park, inventory: dict[str, str]) -> None:
    claim = park.claimed(park.inventory("waiting", START, START + 3 * HOUR))
    listed = park.done("claim", "list", "--state", "to-review", "--organisation", STEEL, "--org", SUZHENG)
    assert claim["claim"] in {item["claim"] for item in listed}
    assert inventory["claim"] not in {item["claim"] for item in listed}
    told = run("claim", "list", "--org", SUZHENG, "--dir", park.directory).stdout
    assert inventory["claim"] in told
    assert "待核查 (to-review)" in told
    assert park.done("claim", "list", "--org", JIANGHUI) == []
    refused(park.do("claim", "list", "--state", "lost"), 2, "parameter-invalid")


# opinions

def test_a_review_signs_nothing(park: Park) -> None:
    claim = park.claimed(park.inventory("reviewed", START, START + HOUR))
    reviewed = answered(park.as_(SUZHENG, "opinion", "review", claim["claim"], "--trust",
                                 park.directory / "trust.json"))
    assert reviewed["report"]["valid"] is True
    assert reviewed["entries"] > 0
    assert park.done("claim", "show", claim["claim"])["opinion"] is None
    refused(park.do("certificate", "issue", claim["claim"], "--org", STEEL), 2, "opinion-missing")
    refused(park.do("certificate", "issue", claim["claim"], "--org", JIANGHUI), 1, "role-missing")


def test_an_adverse_opinion_issues_nothing(park: Park) -> None:
    claim = park.claimed(park.inventory("adverse", START, START + 2 * HOUR))
    opinion = answered(park.sign(claim["claim"], "--conclusion", "adverse"))
    assert opinion["job"] is None
    refused(park.do("certificate", "issue", claim["claim"]), 1, "opinion-conclusion")
    status = park.done("certificate", "show", claim["statement"]["digest"])
    assert (status["status"], status["pieces"]) == ("not-issued", [])
    refused(park.do("evidence", "export", claim["statement"]["digest"], "-o", park.root / "none.cseal"), 2,
            "piece-unknown")


@pytest.mark.parametrize(("words", "code"), [
    (("--conclusion", "splendid"), "usage"), (("--assurance", "total"), "usage"), (("--visit", "by-boat"), "usage"),
    (("--materiality", "5%"), "number-not-canonical")])
def test_terms_of_an_opinion_are_those_of_the_standard(park: Park, inventory: dict[str, str], words: tuple[str, ...],
                                                      code: str) -> None:
    refused(park.sign(inventory["claim"], *words), 2, code)


def test_who_is_not_accredited_gives_no_opinion(park: Park, inventory: dict[str, str]) -> None:
    words = ("opinion", "sign", inventory["claim"], "--trust", park.directory / "trust.json", "--criteria", "x",
             "--reasons", "x", "--materiality-source", "x")
    assert park.as_(JIANGHUI, *words).code in (1, 2)
    assert park.as_(GOV, *words).error["code"] == "verifier-not-accredited"


def test_a_verifier_that_trusts_another_log_stops_before_it_signs(park: Park, inventory: dict[str, str]) -> None:
    trust = json.loads((park.directory / "trust.json").read_text())
    (park.root / "other-trust.json").write_text(json.dumps(trust | {"registrars": []}), encoding="utf-8")
    outcome = park.as_(SUZHENG, "opinion", "review", inventory["claim"], "--trust", park.root / "other-trust.json")
    refused(outcome, 1, "review-failed")


# certificates

def test_a_corrected_inventory_supersedes_the_first(park: Park) -> None:
    first = park.certified(park.inventory("first", START, START + 3 * HOUR))
    facts = park.inventory("corrected", START, START + 3 * HOUR, "jiangsu")
    claim = answered(park.as_(STEEL, "certificate", "supersede", first["statement"], "--facts", facts))
    answered(park.sign(claim["claim"]))
    shown = park.done("certificate", "show", first["statement"])
    assert (shown["status"], shown["superseded_by"]) == ("superseded", claim["statement"]["digest"])


def test_corrected_green_power_begins_where_the_first_began(park: Park, green: dict[str, str]) -> None:
    facts = park.green("evening", START + 4 * HOUR, START + 8 * HOUR)
    first = park.certified(facts)
    serials = park.done("certificate", "show", first["statement"])["serials"]
    claim = answered(park.as_(STEEL, "certificate", "supersede", first["statement"], "--facts", facts))
    (interval,) = claim["document"]["intervals"]
    assert serials == f"{MARK2}[{interval['start']},{interval['end']})"


def test_what_supersedes_names_a_statement_and_facts(park: Park) -> None:
    path = park.root / "list.json"
    path.write_text("[]", encoding="utf-8")
    refused(park.as_(STEEL, "certificate", "supersede", UNKNOWN, "--facts", path), 2, "document-members")
    refused(park.as_(STEEL, "certificate", "supersede", "1", "--facts", park.green("x", START, START + DAY)), 2,
            "hex-malformed")


def test_an_inventory_is_no_ware(park: Park, inventory: dict[str, str]) -> None:
    refused(park.as_(STEEL, "certificate", "transfer", inventory["piece"], "--to", park.account(JIANGHUI)), 1,
            "certificate-not-transferable")


def test_a_pledged_piece_stays_until_the_pledgee_frees_it(park: Park, green: dict[str, str]) -> None:
    piece = green["piece"]
    assert answered(park.as_(STEEL, "certificate", "pledge", piece, "--to", park.account(JIANGHUI)))["state"] == "done"
    moved = park.as_(STEEL, "certificate", "transfer", piece, "--to", park.account(JIANGHUI))
    refused(moved, 1, "certificate-pledged-to")
    assert park.as_(STEEL, "certificate", "release", piece).code == 1
    assert answered(park.as_(JIANGHUI, "certificate", "release", piece))["operation"] == "release"


def test_a_certificate_is_revoked_by_its_verifier_not_by_its_holder(park: Park) -> None:
    made = park.certified(park.inventory("revoked", START, START + 4 * HOUR))
    assert park.as_(STEEL, "certificate", "revoke", made["statement"], "--reason", "误报").code == 1
    revoked = answered(park.as_(SUZHENG, "certificate", "revoke", made["statement"], "--reason", "误报"))
    assert (revoked["operation"], revoked["state"]) == ("revoke", "done")
    assert park.done("certificate", "show", made["statement"])["status"] == "revoked"
    assert park.do("certificate", "check", made["piece"]).code == 1


def test_a_seller_that_is_not_the_owner_is_told(park: Park, inventory: dict[str, str]) -> None:
    answer = park.do("certificate", "check", inventory["piece"], "--seller", SUZHENG)
    assert answer.code == 1
    assert {point["name"]: point["outcome"] for point in answer.json["points"]}["owner"] == "bad"
    spoken = run("certificate", "check", inventory["piece"], "--dir", park.directory)
    assert "owner" in spoken.stdout


@pytest.mark.parametrize("words", [("split", "--units", "1"), ("transfer", "--to", "0x" + "11" * 20), ("release",)])
def test_what_is_no_piece_cannot_be_handled(park: Park, words: tuple[str, ...]) -> None:
    refused(park.as_(STEEL, "certificate", words[0], UNKNOWN, *words[1:]), 2, "piece-unknown")
    refused(park.as_(STEEL, "certificate", words[0], "12", *words[1:]), 2, "hex-malformed")


def test_a_piece_is_not_split_into_more_than_it_holds(park: Park, inventory: dict[str, str]) -> None:
    amount = int(park.done("certificate", "show", inventory["statement"])["amount"])
    assert park.as_(STEEL, "certificate", "split", inventory["piece"], "--units", str(amount)).code == 1


def test_a_period_of_use_has_a_length(park: Park, inventory: dict[str, str]) -> None:
    words = ("certificate", "retire", inventory["piece"], "--purpose", "x", "--beneficiary", "x", "--beneficiary-id",
             "x", "--place", "x", "--start", instant_text(START), "--end")
    refused(park.as_(STEEL, *words, instant_text(START)), 2, "period-empty")
    refused(park.as_(STEEL, *words, "tomorrow"), 2, "instant-malformed")


def test_evidence_of_higher_levels_is_for_the_subject(park: Park, inventory: dict[str, str]) -> None:
    file = park.root / "inventory.cseal"
    words = ("evidence", "export", inventory["statement"], "-o", file)
    assert answered(park.do(*words, "--org", STEEL))["level"] == "auditor"
    refused(park.do(*words, "--org", JIANGHUI), 1, "organisation-other")
    assert park.do(*words, "--level", "secret").code == 2
    refused(park.do("evidence", "export", UNKNOWN, "-o", file), 2, "certificate-unknown")


def test_a_file_that_cannot_be_written_is_named(park: Park, inventory: dict[str, str]) -> None:
    error = refused(park.do("evidence", "export", inventory["piece"], "-o", park.root / "no" / "where.cseal"), 2,
                    "file-unusable")
    assert error["where"].endswith("where.cseal")


# the ledger

def test_an_authority_asks_by_organisation_meter_period_and_serials(park: Park, inventory: dict[str, str]) -> None:
    def found(*words: str) -> set[str]:
        return {row["statement"] for row in park.done("ledger", "query", *words, "--org", GOV)}

    assert inventory["statement"] in found("--organisation", STEEL)
    assert inventory["statement"] in found("--meter", MAIN)
    assert inventory["statement"] in found("--start", instant_text(START), "--end", instant_text(START + HOUR))
    assert found("--start", instant_text(START + 2 * DAY), "--end", instant_text(START + 3 * DAY)) == set()
    assert inventory["statement"] not in found("--serials", f"{MARK}:0:99999999999")
    assert found("--organisation", REGISTRAR) == set()


def test_csv_has_a_header_and_a_row_for_each_piece(park: Park, inventory: dict[str, str]) -> None:
    outcome = run("ledger", "query", "--certificate", inventory["statement"], "--csv", "--dir", park.directory)
    (row,) = csv.DictReader(io.StringIO(outcome.stdout))
    assert (row["statement"], row["piece"]) == (inventory["statement"], inventory["piece"])


def test_people_see_a_table(park: Park, inventory: dict[str, str]) -> None:
    outcome = run("ledger", "query", "--certificate", inventory["piece"], "--dir", park.directory, COLUMNS="200")
    assert STEEL in outcome.stdout
    assert inventory["piece"][:16] in outcome.stdout


@pytest.mark.parametrize(("words", "exit_code", "code"), [
    (("--start", "2026-11-17T00:00:00.000Z"), 2, "parameter-invalid"), (("--serials", "x"), 2, "id-malformed"),
    (("--organisation", "X Y"), 2, "id-malformed"), (("--certificate", "12"), 2, "hex-malformed"),
    (("--csv",), 2, "usage"), (("--org", STEEL), 1, "role-missing")])
def test_a_question_that_is_none_is_refused(park: Park, words: tuple[str, ...], exit_code: int, code: str) -> None:
    refused(park.do("ledger", "query", *words), exit_code, code)
