"""Manifests of the node: what they cover and cost, when they are due, what keeps a false one from being signed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from api_world import DAY, GATEWAY, HOUR, START, World

from api import entries, pipeline
from api.sealer import manifest_due
from attestation.envelope import MANIFEST
from attestation.manifest import fold, parse_manifest
from core.clock import FixedClock
from core.database import reading, transaction
from core.errors import VerificationFailed
from core.merkle import root
from ledger import log


def size(world: World) -> int:
    with reading(world.deployment.engine) as connection:
        return log.size(connection)


def test_a_manifest_is_the_fold_of_the_entries_before_it(bare: World) -> None:
    bare.put(*bare.gateway.frames(START, 3))
    written = pipeline.manifest(bare.deployment, size(bare) - 1)
    manifest = parse_manifest(written.payload)
    with reading(bare.deployment.engine) as connection:
        rows = fold(entry for _, entry in log.entries(connection, 0, manifest.size))
    assert manifest.size == written.log_index
    assert manifest.root == root([row.leaf() for row in rows])
    assert f"frames/{GATEWAY}" in {row.subject for row in rows}


def test_a_manifest_that_covers_is_not_written_again(bare: World) -> None:
    first = pipeline.manifest(bare.deployment, 0)
    assert pipeline.manifest(bare.deployment, 0) == first
    later = pipeline.manifest(bare.deployment, first.log_index)
    assert later.log_index == first.log_index + 1
    with reading(bare.deployment.engine) as connection:
        assert entries.newest(connection, MANIFEST) == later
        assert [item.log_index for item in entries.listed(connection, MANIFEST, 2**62, 10)] == [
            later.log_index, first.log_index]


def test_a_manifest_reads_only_what_came_since_the_one_before(bare: World, monkeypatch: pytest.MonkeyPatch) -> None:
    first = pipeline.manifest(bare.deployment, 0)
    bare.put(*bare.gateway.frames(START, 3))
    read: list[int] = []
    whole = log.entries

    def watched(connection: Any, begin: int, end: int) -> Iterator[tuple[int, bytes]]:
        for index, entry in whole(connection, begin, end):
            read.append(index)
            yield index, entry

    monkeypatch.setattr(log, "entries", watched)
    pipeline.manifest(bare.deployment, first.log_index)
    assert read == list(range(first.log_index, first.log_index + 4))


def test_rows_edited_since_the_last_manifest_are_not_signed_on(bare: World) -> None:
    first = pipeline.manifest(bare.deployment, 0)
    with transaction(bare.deployment.engine) as connection:
        connection.exec_driver_sql("DELETE FROM attestation_manifest_row WHERE subject = ?", (GATEWAY,))
    with pytest.raises(VerificationFailed) as caught:
        pipeline.manifest(bare.deployment, first.log_index)
    assert caught.value.code == "manifest-mismatch"
    assert size(bare) == first.log_index + 1


def test_a_manifest_that_was_not_written_keeps_no_rows(bare: World, monkeypatch: pytest.MonkeyPatch) -> None:
    class Died(Exception):
        pass

    def dying(*_: Any) -> Any:
        raise Died

    with monkeypatch.context() as patch:
        patch.setattr(entries, "record", dying)
        with pytest.raises(Died):
            pipeline.manifest(bare.deployment, 0)
    with reading(bare.deployment.engine) as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM attestation_manifest_row").scalar() == 0
    assert parse_manifest(pipeline.manifest(bare.deployment, 0).payload).size == size(bare) - 1


def test_a_manifest_from_the_future_holds_none_back(bare: World) -> None:
    """The node's clock had leapt ahead and was set right: waiting until then could take years."""
    assert isinstance(bare.clock, FixedClock)
    bare.clock.instant += 365 * DAY
    pipeline.manifest(bare.deployment, 0)
    bare.clock.instant -= 365 * DAY
    bare.put(*bare.gateway.frames(START, 1))
    assert manifest_due(bare.deployment, size(bare))
    bare.clock.instant += HOUR
    later = pipeline.manifest(bare.deployment, size(bare) - 1)
    assert not manifest_due(bare.deployment, later.log_index + 1)
