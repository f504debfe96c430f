"""A deployment: made once, its keys its own, one writer at a time, no default credential anywhere."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest
from api_helpers import NOW, ORIGIN, STEEL, clock

from api import accounts
from api.deployment import NODE_ORG, Deployment, Founding, add_token, check_writer, create, open_deployment, writing
from core.clock import SharedClock
from core.database import reading, transaction
from core.errors import CarbonSealError, InputError, NotFound, Refused, Unavailable


def made(directory: Path, **founding: Any) -> Deployment:
    return create(directory, Founding(**founding), chain=False)


def test_init_makes_keys_that_only_their_owner_reads(deployment: Deployment) -> None:
    files = sorted(path for path in deployment.directory.rglob("*") if path.parent.name in ("keys", "tokens"))
    assert [path.name for path in files if path.parent.name == "keys"] == [
        "chain.key", "log.pem", "node.pem", "salt.key"]
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    assert stat.S_IMODE(deployment.directory.stat().st_mode) == 0o700


def test_two_deployments_share_no_key_no_token_and_no_origin(tmp_path: Path) -> None:
    one, two = made(tmp_path / "one"), made(tmp_path / "two")
    assert one.log_signer.public_key != two.log_signer.public_key
    assert one.node_signer.public_key != one.log_signer.public_key
    assert one.account.address != two.account.address
    assert one.salt_secret != two.salt_secret
    assert one.origin != two.origin
    assert (tmp_path / "one/tokens/org-node.token").read_text() != (tmp_path / "two/tokens/org-node.token").read_text()


def test_a_deployment_opens_with_what_it_was_made_with(deployment: Deployment) -> None:
    again = open_deployment(deployment.directory, clock=clock())
    assert again.origin == ORIGIN
    assert again.log_signer.public_key == deployment.log_signer.public_key
    assert again.account.address == deployment.account.address
    assert again.salt_secret == deployment.salt_secret


def test_a_directory_is_not_made_twice(deployment: Deployment) -> None:
    with pytest.raises(InputError) as caught:
        made(deployment.directory)
    assert caught.value.code == "deployment-exists"


def test_init_that_died_before_the_settings_may_run_again(tmp_path: Path) -> None:
    first = made(tmp_path / "node", origin=ORIGIN)
    key = first.log_signer.public_key
    for name in ("carbonseal.toml", "carbonseal.db", "tokens/org-node.token"):
        (tmp_path / "node" / name).unlink()
    assert made(tmp_path / "node", origin=ORIGIN).log_signer.public_key == key


def test_an_empty_directory_is_no_deployment(tmp_path: Path) -> None:
    with pytest.raises(NotFound) as caught:
        open_deployment(tmp_path)
    assert caught.value.code == "deployment-missing"


def test_insecure_settings_make_no_deployment(tmp_path: Path) -> None:
    with pytest.raises(Refused) as caught:
        made(tmp_path / "node", settings={"http_host": "0.0.0.0"})
    assert caught.value.code == "setting-insecure"
    assert not (tmp_path / "node").exists()


def test_insecure_settings_do_not_start(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CARBONSEAL_DATABASE_URL", "postgresql+psycopg://postgres:postgres@127.0.0.1/x")
    with pytest.raises(Refused) as caught:
        open_deployment(deployment.directory)
    assert caught.value.code == "setting-insecure"


def test_a_simulated_clock_is_read_from_its_file(tmp_path: Path) -> None:
    node = made(tmp_path / "node", settings={"clock_file": "clock"})
    assert isinstance(node.clock, SharedClock)
    node.clock.start(NOW - 1)
    assert open_deployment(tmp_path / "node").clock.now() == NOW - 1


@pytest.mark.parametrize("content", ["", "zz", "ab" * 31])
def test_a_damaged_salt_secret_is_refused(deployment: Deployment, content: str) -> None:
    (deployment.directory / "keys" / "salt.key").write_text(content)
    with pytest.raises(InputError):
        open_deployment(deployment.directory)


def test_an_outdated_database_is_not_opened_by_a_reader(deployment: Deployment) -> None:
    with transaction(deployment.engine) as connection:
        connection.exec_driver_sql("DELETE FROM alembic_version")
    with pytest.raises(Unavailable) as caught:
        open_deployment(deployment.directory)
    assert caught.value.code == "schema-outdated"


def test_a_second_writer_in_this_process_is_refused(deployment: Deployment) -> None:
    with writing(deployment), pytest.raises(Refused) as caught, writing(deployment):
        pass
    assert caught.value.code == "deployment-locked"
    assert str(os.getpid()) in caught.value.message


def test_a_second_writer_in_another_process_is_refused(deployment: Deployment) -> None:
    script = textwrap.dedent("""
        import sys
        from pathlib import Path
        from api.deployment import open_deployment, writing
        from core.errors import CarbonSealError
        try:
            with writing(open_deployment(Path(sys.argv[1]))):
                print("writes")
        except CarbonSealError as error:
            print(error.code)
    """)
    command = [sys.executable, "-c", script, str(deployment.directory)]
    root = Path(__file__).parents[2]
    with writing(deployment):
        held = subprocess.run(command, capture_output=True, text=True, cwd=root, check=True)
    freed = subprocess.run(command, capture_output=True, text=True, cwd=root, check=True)
    assert (held.stdout.strip(), freed.stdout.strip()) == ("deployment-locked", "writes")


def test_a_writer_whose_lock_was_deleted_is_superseded(deployment: Deployment) -> None:
    with writing(deployment) as stale:
        (deployment.directory / "lock").unlink()
        with writing(deployment) as fresh, reading(deployment.engine) as connection:
            check_writer(connection, fresh)
            with pytest.raises(Refused) as caught:
                check_writer(connection, stale)
    assert caught.value.code == "writer-superseded"


def test_every_start_is_a_new_generation(deployment: Deployment) -> None:
    with writing(deployment) as one:
        pass
    with writing(deployment) as two:
        assert two == one + 1


def test_a_token_names_its_organisation_and_roles(deployment: Deployment) -> None:
    path = add_token(deployment, "org:lanhe-energy", ["enterprise", "trader"])
    token = path.read_text().strip()
    with reading(deployment.engine) as connection:
        account = accounts.authenticate(connection, token)
    assert account.org == "org:lanhe-energy"
    assert account.roles == {"enterprise", "trader"}


def test_the_database_holds_no_token_only_its_hash(deployment: Deployment) -> None:
    token = (deployment.directory / "tokens" / "org-node.token").read_text().strip()
    with reading(deployment.engine) as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint")
    stored = b"".join(path.read_bytes() for path in deployment.directory.glob("carbonseal.db*"))
    assert NODE_ORG.encode() in stored
    assert token.encode() not in stored
    assert token.removeprefix("cst_").encode() not in stored


def test_no_token_means_nobody(deployment: Deployment) -> None:
    with reading(deployment.engine) as connection:
        for text in ("", "cst_", "admin", "cst_" + "A" * 43, "\udcff", "x" * 10_000):
            with pytest.raises(CarbonSealError) as caught:
                accounts.authenticate(connection, text)
            assert caught.value.code == "token-unknown"


def test_a_revoked_token_means_nobody(deployment: Deployment) -> None:
    token = (deployment.directory / "tokens" / "org-lanhe-steel.token").read_text().strip()
    with transaction(deployment.engine) as connection:
        assert accounts.authenticate(connection, token).org == STEEL
        assert accounts.revoke_tokens(connection, STEEL, NOW) == 1
        assert accounts.revoke_tokens(connection, STEEL, NOW) == 0
        with pytest.raises(CarbonSealError) as caught:
            accounts.authenticate(connection, token)
    assert caught.value.code == "token-unknown"


@pytest.mark.parametrize(("org", "roles"), [(STEEL, []), (STEEL, ["god"]), ("Org!", ["trader"])])
def test_a_token_needs_an_id_and_known_roles(deployment: Deployment, org: str, roles: list[str]) -> None:
    with transaction(deployment.engine) as connection, pytest.raises(InputError):
        accounts.issue_token(connection, org, roles, NOW)


def test_what_a_role_may_do() -> None:
    steel = accounts.Account(STEEL, frozenset({"enterprise"}))
    steel.require("enterprise", "trader")
    steel.require_org(STEEL)
    for refused, code in ((lambda: steel.require("verifier"), "role-missing"),
                          (lambda: steel.require_org("org:other"), "organisation-other")):
        with pytest.raises(Refused) as caught:
            refused()
        assert caught.value.code == code
    operator = accounts.Account(NODE_ORG, frozenset({"operator"}))
    operator.require("verifier")
    operator.require_org(STEEL)


def test_roles_are_those_of_the_participant_registry_and_the_operator() -> None:
    from attestation.registration import ROLES

    assert set(accounts.ROLES) == ROLES | {"operator"}


def test_the_settings_file_is_text_a_person_reads(deployment: Deployment) -> None:
    text = (deployment.directory / "carbonseal.toml").read_text()
    assert f"origin = {json.dumps(ORIGIN)}" in text
