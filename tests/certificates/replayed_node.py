"""A node's database that has lived through the small world of tests/verify, entry by entry; to export it again."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import verify_world
from sqlalchemy import Connection, Engine
from sqlmodel import SQLModel
from verify_world import World

import ledger.models  # noqa: F401  declares the tables
from attestation import acceptance, registry, rows
from attestation.envelope import CLAIM, FRAME, MANIFEST, OPINION, REGISTRATIONS, STATEMENT, open_envelope
from attestation.manifest import ManifestFold, parse_manifest
from certificates import mirror, store
from certificates.export import Sources
from core.claims import claim_payload
from core.clock import FixedClock
from core.database import open_engine, transaction
from core.merkle import leaf_hash
from ledger import log
from ledger.anchor.layout import PieceState, PieceStatus
from mrv.definitions.ruleset import listing

FOLDERS = ("attestation_", "cert_", "log_", "witness_")


class ReplayedNode:
    """`world`: what happened; `engine`: the database that holds it, sealed at the world's size."""

    def __init__(self, world: World, path: Path) -> None:
        self.world = world
        self.engine: Engine = open_engine(path)
        SQLModel.metadata.create_all(self.engine, tables=[
            table for name, table in SQLModel.metadata.tables.items() if name.startswith(FOLDERS)])
        with transaction(self.engine) as connection:
            for index, entry in enumerate(world.entries):
                self._accept(connection, index, entry)
        sealed = log.seal(self.engine, verify_world.signer("log"), verify_world.ORIGIN,
                          FixedClock(verify_world.CHAIN_TIME))
        assert sealed is not None
        assert (sealed.size, sealed.root) == (world.checkpoint.size, world.checkpoint.root)
        with transaction(self.engine) as connection:
            # The world's checkpoint carries a witness's line as well.
            connection.exec_driver_sql("UPDATE log_checkpoint SET note = ?", (world.checkpoint.note,))

    def sources(self, connection: Connection, **changes: Any) -> Sources:
        """Where the exporter gathers from."""
        facts: dict[str, Any] = {
            "connection": connection, "size": self.world.checkpoint.size, "manifest": self.world.manifest_index,
            "release": self.world.release, "rules": self.world.rules,
            "listed": listing(self.world.rules), "chain": WorldChain(self.world),
            "registry": WorldRegistry(self.world)}
        return Sources(**(facts | changes))

    def _accept(self, connection: Connection, index: int, entry: bytes) -> None:
        opened = open_envelope(entry)
        if opened.content_type == FRAME:
            submission = next(item for at, item in self.world.frames if at == index)
            decisions = acceptance.judge(connection, [submission], FixedClock(verify_world.REVIEWED),
                                         verify_world.ORIGIN)
            acceptance.record(connection, decisions, log.append(connection, [entry]))
            return
        assert log.append(connection, [entry]) == range(index, index + 1)
        if opened.content_type in REGISTRATIONS:
            registration = registry.judge_registration(
                connection, entry, verify_world.ORIGIN, [verify_world.signer("registrar").public_key], index)
            registry.record_registration(connection, index, registration)
        elif opened.content_type == CLAIM:
            store.record_claim(connection, claim_payload(self.world.claim), index)
        elif opened.content_type == STATEMENT and index == self.world.statement_index:
            claimed = store.CLAIMS.c.digest
            digest = connection.execute(store.CLAIMS.select().with_only_columns(claimed)).scalar_one()
            store.record_statement(connection, opened.payload, self.world.details, digest, leaf_hash(entry), index)
        elif opened.content_type == MANIFEST:
            folded = ManifestFold()
            for earlier in self.world.entries[:parse_manifest(opened.payload).size]:
                folded.add(earlier)
            rows.keep(connection, folded)
        elif opened.content_type == OPINION:
            store.record_opinion(connection, opened.payload, index)


class WorldChain:
    """The chain's proofs of the small world."""

    def __init__(self, world: World) -> None:
        self._world = world

    def anchor(self, origin: str, size: int) -> dict[str, Any]:
        assert (origin, size) == (verify_world.ORIGIN, self._world.checkpoint.size)
        return self._world.anchor()

    def status(self, slots: Sequence[int]) -> dict[str, Any]:
        document = self._world.status()
        assert {int(slot, 16) for slot in document["storage"]} == set(slots)
        return document


class WorldRegistry:
    """The one piece of the small world."""

    def __init__(self, world: World) -> None:
        self._world = world

    def piece(self, piece: int) -> PieceState | None:
        record = self._world.record()
        if piece != int(record["id"], 16):
            return None
        status = {"live": PieceStatus.WHOLE, "retired": PieceStatus.RETIRED}[record["status"]]
        return PieceState(bytes.fromhex(record["payload_digest"]), record["owner"], status, False,
                          int(record["units"]["from"]), int(record["units"]["to"]), None, None)


def remember_retirement(connection: Connection, piece: bytes, data: str) -> None:
    """What the mirror would have read of a retirement."""
    connection.execute(mirror.EVENTS.insert().values(
        block=5, ordinal=0, name="CertificateRetired", digest=None, piece=piece, transaction="0x", time=0, data=data))
