"""fsck finds every edit and names its place; a whole deployment has no findings."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from api_world import World

from api import fsck, pipeline
from api.deployment import writing
from core.database import transaction

pytestmark = [pytest.mark.chain, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def certified(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A deployment with one certificate, closed."""
    folder = tmp_path_factory.mktemp("fsck")
    world = World.made(folder / "node")
    with writing(world.deployment):
        world.prepare().accept_frames(24)
        claim = pipeline.claim(world.deployment, world.claim())
        statement = pipeline.calculate(world.deployment, claim.digest)
        pipeline.review(world.deployment, world.opinion(statement))
        pipeline.issue(world.deployment, world.link, statement.digest)
    world.close()
    return folder / "node"


@pytest.fixture
def world(certified: Path, tmp_path: Path) -> Iterator[World]:
    shutil.copytree(certified, tmp_path / "node")
    opened = World.opened(tmp_path / "node")
    opened.link.start()
    yield opened
    opened.close()


def damaged(world: World, sql: str) -> set[tuple[str, str]]:
    """(step, code) of what is found after an edit that changes at least one row."""
    with transaction(world.deployment.engine) as connection:
        assert connection.exec_driver_sql(sql).rowcount > 0
    return {(item.step, item.code) for item in fsck.check(world.deployment, world.link)}


def test_a_whole_deployment_has_no_findings(world: World) -> None:
    told: list[str] = []
    assert fsck.check(world.deployment, world.link, lambda step, done, total: told.append(step)) == []
    assert list(dict.fromkeys(told)) == list(fsck.STEPS)


@pytest.mark.parametrize(("sql", "step", "code"), [
    ("UPDATE log_segment SET data = zeroblob(length(data)) WHERE first = 0", "log", "leaf-hash-mismatch"),
    ("UPDATE log_tile SET hashes = zeroblob(length(hashes))", "log", "tile-mismatch"),
    ("UPDATE attestation_rollup SET total = total + 1 WHERE meter = 'm:lanhe-pv'", "read-models", "rollup-differs"),
    ("DELETE FROM attestation_registration WHERE subject = 'm:lanhe-pv'", "read-models", ""),
    ("UPDATE cert_claim SET log_index = log_index + 1000", "documents", "document-differs"),
    ("DELETE FROM cert_statement", "documents", "document-differs"),
    ("UPDATE cert_statement SET details = '[]'", "documents", "document-differs"),
    ("DELETE FROM cert_opinion", "documents", "document-differs"),
    ("UPDATE api_entry SET payload = x'00'", "documents", "document-differs"),
    ("DELETE FROM api_entry", "documents", "document-differs"),
    ("UPDATE api_anchor SET root = zeroblob(32)", "anchors", "anchor-differs"),
    ("UPDATE cert_certificate SET amount = amount + 1", "certificates", "mirror-differs"),
    ("UPDATE cert_piece SET owner = '0x' || substr(owner, 3, 39) || '0'", "certificates", "mirror-differs"),
])
def test_every_edit_is_found_in_its_place(world: World, sql: str, step: str, code: str) -> None:
    found = damaged(world, sql)
    assert any(at == step and (not code or code == what) for at, what in found), found


def test_the_place_is_named(world: World) -> None:
    with transaction(world.deployment.engine) as connection:
        index = connection.exec_driver_sql("SELECT log_index FROM cert_opinion").scalar()
        connection.exec_driver_sql("DELETE FROM cert_opinion")
    (finding,) = fsck.check(world.deployment, None)
    assert finding.place == f"entry {index}"
    assert finding.as_json() == {"step": "documents", "code": "document-differs", "place": f"entry {index}",
                                 "message": "the entry has no row"}


def test_a_chain_that_is_away_is_a_finding_of_its_own(world: World) -> None:
    world.link.stop()
    found = {(item.step, item.code) for item in fsck.check(world.deployment, world.link)}
    assert found == {("anchors", "chain-unavailable"), ("certificates", "chain-unavailable")}


def test_anchors_the_chain_lost_are_findings(world: World) -> None:
    world.link.stop()
    shutil.rmtree(world.deployment.directory / "chain" / "none", ignore_errors=True)
    (world.deployment.directory / "chain" / "anvil.json").unlink()
    world.link.start()
    found = {item.code for item in fsck.check(world.deployment, world.link)}
    assert "anchor-lost" in found
