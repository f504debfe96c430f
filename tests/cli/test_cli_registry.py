"""What registrars enter by commands: participants, gateways, meters, claim points, rules; and what is refused."""

import json
import tomllib

import pytest
from cli_helpers import (
    GATEWAY,
    GOV,
    MAIN,
    MARK,
    OPENING,
    ORIGIN,
    PV,
    REGISTRAR,
    ROLES,
    SITE,
    START,
    STEEL,
    Park,
    answered,
    profile,
    refused,
    run,
)

from core.ethereum import Account
from core.period import instant_text
from core.signer import KeySigner

pytestmark = [pytest.mark.chain, pytest.mark.timeout(300)]
NEWCOMER = Account(b"newcomer".ljust(32, b".")).address
KEY = KeySigner.from_seed(b"newcomer".ljust(32, b".")).public_key.hex()


def add(park: Park, org: str, *more: object, role: str = "trader") -> tuple[object, ...]:
    return ("participant", "add", "--id", org, "--name-zh", "新来者", "--name-en", "Newcomer", "--role", role, *more)


def test_a_participant_enters_the_log_first_and_the_chain_once_governors_signed(park: Park) -> None:
    added = answered(park.registrar(*add(park, "org:newcomer", "--account", NEWCOMER)))
    assert (added["participant"], added["entered"]) == ("org:newcomer", False)
    entry = ("participant", "enter", "--id", "org:newcomer", "--governor-key", park.keys("governor") / "account.key")
    assert answered(park.registrar(*entry))["entered"] is True
    assert answered(park.registrar(*entry))["entered"] is True
    listed = {row["org"]: row for row in park.done("participant", "list")}
    assert listed["org:newcomer"]["accounts"] == [NEWCOMER]
    assert set(ROLES) <= set(listed)


def test_who_is_no_governor_enters_nobody_on_the_chain(park: Park) -> None:
    answered(park.registrar(*add(park, "org:pushed", "--account", Account(b"pushed".ljust(32, b".")).address)))
    refused(park.registrar("participant", "enter", "--id", "org:pushed", "--governor-key",
                           park.keys(STEEL) / "account.key"), 1, "participant-signature")


def test_a_registered_participant_is_not_registered_again(park: Park) -> None:
    refused(park.registrar(*add(park, STEEL, "--account", NEWCOMER)), 1, "history-order")


@pytest.mark.parametrize(("more", "role", "where"), [
    (("--account", "0x12"), "trader", ""), ((), "king", "roles"), (("--valid-until", "2027"), "trader", "valid_until"),
    (("--public-key", "00=statement"), "trader", ""), (("--public-key", KEY), "trader", "--public-key"),
    (("--public-key", f"{KEY}=everything"), "trader", "keys"), (("--group", "A B"), "trader", "group")])
def test_a_malformed_registration_is_unusable(park: Park, more: tuple[str, ...], role: str, where: str) -> None:
    outcome = park.registrar(*add(park, "org:malformed", *more, role=role))
    assert outcome.code == 2, outcome.stdout
    assert where in outcome.error["where"]


def test_another_s_key_registers_nobody(park: Park) -> None:
    outcome = park.do(*add(park, "org:forged"), "--signer", park.keys(STEEL) / "signer.pem")
    assert outcome.code in (1, 2)
    assert outcome.error["code"]


def test_an_enterprise_s_token_registers_nobody(park: Park) -> None:
    refused(park.registrar(*add(park, "org:forged"), "--org", STEEL), 1, "role-missing")


def test_a_gateway_is_enrolled_and_told_its_configuration(park: Park) -> None:
    enrolled = answered(park.registrar("gateway", "enrol", "--id", "gw:second", "--site", SITE, "--owner", STEEL,
                                       "--public-key", KEY))
    config = tomllib.loads(enrolled["config"])
    assert config == {"node": {"url": park.url, "origin": ORIGIN},
                      "gateway": {"id": "gw:second", "site": SITE, "key": "signer.pem"}}


def test_people_get_the_lines_alone(park: Park) -> None:
    outcome = run("gateway", "enrol", "--id", "gw:third", "--site", SITE, "--owner", STEEL, "--public-key", KEY,
                  "--dir", park.directory, "--signer", park.keys(REGISTRAR) / "signer.pem")
    assert tomllib.loads(outcome.stdout)["gateway"]["id"] == "gw:third"


@pytest.mark.parametrize("key", ["", "zz", "00", "ab" * 44])
def test_a_gateway_without_a_key_is_not_enrolled(park: Park, key: str) -> None:
    assert park.registrar("gateway", "enrol", "--id", "gw:none", "--site", SITE, "--owner", STEEL,
                          "--public-key", key).code == 2


def test_a_gateway_is_enrolled_once(park: Park) -> None:
    assert park.registrar("gateway", "enrol", "--id", GATEWAY, "--site", SITE, "--owner", STEEL,
                          "--public-key", KEY).code in (1, 2)


def test_a_meter_s_head_is_what_the_gateway_s_configuration_names(park: Park) -> None:
    path = park.root / "second.json"
    path.write_text(json.dumps(profile("import", "SECOND")), encoding="utf-8")
    added = answered(park.registrar("meter", "add", "--id", "m:second", "--profile", path))
    assert bytes.fromhex(added["head"])
    assert int(added["index"]) > 0


@pytest.mark.parametrize("text", ["", "[]", '{"carrier":"electricity"}', '{"capacity_w":1.5}'])
def test_a_profile_that_is_none_is_unusable(park: Park, text: str) -> None:
    path = park.root / "broken.json"
    path.write_text(text, encoding="utf-8")
    assert park.registrar("meter", "add", "--id", "m:broken", "--profile", path).code == 2


def open_point(park: Park, mark: str, *more: object, meter: str = MAIN, at: int = START) -> tuple[object, ...]:
    return ("claim-point", "open", "--id", mark, "--meter", meter, "--quantity", "energy", "--grid-point", "CN-JS-2",
            "--at", instant_text(at), "--key", park.keys(REGISTRAR) / "account.key", *more)


def test_a_claim_point_opens_at_the_reading_of_an_instant(park: Park) -> None:
    opened = answered(park.registrar(*open_point(park, "cp:main", at=START + 1)))
    assert opened["opening"] == str(7_000_000 + 4 * 100_000)
    assert opened["time"] == instant_text(START)


def test_the_pv_s_claim_point_began_where_its_register_stood(park: Park) -> None:
    history = park.done("claim-point", "facility", "--id", "fac:hall", "--owner", STEEL, "--start", instant_text(START),
                        "--signer", park.keys(REGISTRAR) / "signer.pem", "--key", park.keys(REGISTRAR) / "account.key")
    assert history == {"facility": "fac:hall", "opening": instant_text(START)}
    assert OPENING == 9_000_000


@pytest.mark.parametrize(("meter", "at", "code"), [("m:absent", START, "meter-unknown"),
                                                   (PV, START - 86_400_000, "register-not-yet")])
def test_a_claim_point_needs_a_meter_and_its_reading(park: Park, meter: str, at: int, code: str) -> None:
    refused(park.registrar(*open_point(park, "cp:absent", meter=meter, at=at)), 2, code)


def test_only_a_registrar_s_account_opens_marks(park: Park) -> None:
    outcome = park.registrar("claim-point", "facility", "--id", "fac:forged", "--owner", STEEL, "--start",
                             instant_text(START), "--key", park.keys(STEEL) / "account.key")
    refused(outcome, 1, "mark-forbidden")


def test_a_mark_is_opened_once(park: Park) -> None:
    assert park.registrar(*open_point(park, MARK, meter=PV)).code in (1, 2)


def test_the_rules_that_run_are_released_under_any_version(park: Park) -> None:
    assert int(answered(park.registrar("rules", "release", "--version", "2"))["index"]) > 0


def test_who_is_no_publisher_releases_no_rules(park: Park) -> None:
    outcome = park.do("rules", "release", "--version", "3", "--signer", park.keys(STEEL) / "signer.pem")
    assert outcome.code in (1, 2)
    refused(park.registrar("rules", "release", "--version", "3", "--org", GOV), 1, "role-missing")
