"""The log: append, seal, read, prove.

*Sequenced*: an entry has its index (append, committed). *Integrated*: its hash is in the tiles. *Published*: a signed
checkpoint covers it. Sealing integrates and publishes in one transaction.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlalchemy import Connection, Engine

from core import merkle
from core.clock import Clock
from core.database import reading, transaction
from core.errors import FormError, InputError, NotFound, Refused, VerificationFailed
from core.signer import Signer
from ledger import checkpoint as checkpoints
from ledger import note, tiles
from ledger.checkpoint import Checkpoint
from ledger.integration import Integration, frontier_positions
from ledger.lock import Lock
from ledger.note import VerifierKey
from ledger.store import Head, SqlStore, Store
from ledger.tiles import MAX_ENTRY_BYTES, TILE_WIDTH, Tile


def append(connection: Connection, envelopes: Sequence[bytes]) -> range:
    """Give entries the next indices, in order. O(batch).

    The range is a promise only after the caller's transaction (`core.database.transaction`) has committed: answer
    nobody before. Raises InputError (entry-too-large), Refused (log-damaged).
    """
    for ordinal, envelope in enumerate(envelopes):
        if len(envelope) > MAX_ENTRY_BYTES:
            raise InputError("entry-too-large", f"{len(envelope)} bytes exceed the limit of {MAX_ENTRY_BYTES}",
                             where=f"entry {ordinal} of the batch", hint="put large content in by its digest")
    return SqlStore(connection).append(envelopes)


def seal(engine: Engine, signer: Signer, origin: str, clock: Clock, *, lock: Lock | None = None,
         unchanged: bool = False) -> Checkpoint | None:
    """Integrate what was appended since the last checkpoint and publish a new one; None when there is nothing new.

    The entries are read back from the database and must be, bit for bit, what was hashed on arrival; nothing is signed
    before the result has passed its self-check. With `unchanged` the last checkpoint is checked and answered when there
    is nothing new, and the empty log is sealed. Appending goes on meanwhile; of two that seal, one gets Refused
    (log-two-writers).
    `lock`: where the last signed checkpoint is remembered outside the database.

    Raises VerificationFailed or Refused when the log is damaged or was rolled back: then nothing was signed.
    """
    key = note.key_of(origin, signer.public_key)
    with reading(engine) as connection:
        store = SqlStore(connection)
        head = store.head()
        previous = _previous(store, head, key)
        if lock is not None:
            _check_lock(lock, head, key)
        if previous is not None and head.appended == head.sealed:
            return previous if unchanged else None
        if head.appended == 0 and not unchanged:
            return None
        integration = integrate(store, head.sealed, head.appended)
    with transaction(engine) as connection:
        return _publish(SqlStore(connection), signer, key, previous, integration, clock, lock)


def integrate(store: Store, start: int, end: int) -> Integration:
    """Entries [start, end), read back and found intact, onto the tiles of size `start`.

    Raises VerificationFailed (leaf-hash-mismatch, segment-digest-mismatch, segment-malformed, entry-missing).
    """
    frontier = store.tiles(frontier_positions(start))
    for position, width in frontier_positions(start).items():
        if position not in frontier or frontier[position].width < width:
            raise VerificationFailed("tile-missing", f"the tree of size {start} is not all there",
                                     where=tiles.name(position), hint="run carbonseal fsck")
    integration = Integration(start, frontier.values())
    for segment in store.segments(start, end):
        segment.check()
        if segment.first > integration.size:
            break
        hashes = tiles.split_hashes(segment.hashes)
        integration.add(hashes[integration.size - segment.first : end - segment.first])
    if integration.size != end:
        raise VerificationFailed("entry-missing", "an entry is missing", where=f"entry {integration.size}",
                                 hint="run carbonseal fsck")
    return integration


def _previous(store: Store, head: Head, key: VerifierKey) -> Checkpoint | None:
    try:
        previous = store.checkpoint(None)
    except NotFound:
        if head.sealed:
            raise VerificationFailed("checkpoint-missing", f"the checkpoint of size {head.sealed} is gone",
                                     hint="run carbonseal fsck") from None
        return None
    checkpoints.verify(previous, key)
    if previous.size != head.sealed or integrate(store, head.sealed, head.sealed).root() != previous.root:
        raise VerificationFailed("root-mismatch", "the tiles do not lead to the root last signed",
                                 where=f"size {previous.size}", hint="run carbonseal fsck")
    return previous


def _check_lock(lock: Lock, head: Head, key: VerifierKey) -> None:
    held = lock.read()
    if held is None:
        return
    checkpoints.verify(held, key)
    check_held(held, head.appended)


def check_held(held: Checkpoint | None, appended: int) -> None:
    """Passes while a database of `appended` entries holds all of the last checkpoint signed, as the lock remembers it.

    Raises Refused (log-rolled-back).
    """
    if held is not None and held.size > appended:
        raise _rolled_back(held, f"size {held.size} was signed, the database has only {appended} entries")


def _rolled_back(held: Checkpoint, message: str) -> Refused:
    return Refused("log-rolled-back", message, where=held.origin, hint="restore the newest copy of the database")


def _publish(store: Store, signer: Signer, key: VerifierKey, previous: Checkpoint | None,
             integration: Integration, clock: Clock, lock: Lock | None) -> Checkpoint:
    old_size, old_root = (previous.size, previous.root) if previous else (0, merkle.EMPTY_ROOT)
    size, root = integration.size, integration.root()
    store.advance(old_size, size, integration.finish())
    _self_check(store, old_size, old_root, size, root)
    if lock is not None:
        _check_history(store.tiles, lock.read())
    signed = checkpoints.sign(signer, key.name, size, root)
    checkpoints.verify(checkpoints.parse(signed.note), key)
    if lock is not None:
        lock.advance(signed)
    store.publish(signed, clock.now())
    return signed


def _self_check(store: Store, old_size: int, old_root: bytes, size: int, root: bytes) -> None:
    """What a verifier would ask of the new tree, asked of the rows as stored, before anything is signed."""
    if tiles.root(store.tiles, size) != root:
        raise VerificationFailed("root-mismatch", "the tiles as stored do not lead to the new root",
                                 where=f"size {size}", hint="nothing was signed; seal again, then run carbonseal fsck")
    proof = tiles.hash_spans(store.tiles, tiles.consistency_spans(old_size, size))
    merkle.verify_consistency(old_size, size, old_root, root, proof)
    for index in {old_size, size - 1} if size > old_size else ():
        path = tiles.hash_spans(store.tiles, tiles.inclusion_spans(index, size))
        merkle.verify_inclusion(merkle.leaf_hash(_entry(store, index)), index, size, path, root)


def _check_history(fetch: tiles.Fetch, held: Checkpoint | None) -> None:
    if held is not None and tiles.root(fetch, held.size) != held.root:
        raise _rolled_back(held, f"another tree of size {held.size} was signed before")


def start(engine: Engine, log: str | VerifierKey, *, lock: Lock | None = None) -> Checkpoint | None:
    """What a node asks before it accepts anything: is the log whole at its end, signed by this key, not rolled back?

    Answers the last checkpoint. `log`: vkey text. Raises VerificationFailed, Refused (log-rolled-back).
    """
    key = note.parse_key(log) if isinstance(log, str) else log
    with reading(engine) as connection:
        store = SqlStore(connection)
        head = store.head()
        previous = _previous(store, head, key)
        if lock is not None:
            _check_lock(lock, head, key)
            held = lock.read()
            ahead = integrate(store, head.sealed, max(held.size, head.sealed)).finish() if held else []
            _check_history(_overlay(store, ahead), held)
    return previous


def _overlay(store: Store, grown: Sequence[Tile]) -> tiles.Fetch:
    # A crash between lock and commit leaves the lock ahead: its tree is computed without writing it.
    new = {tile.position: tile for tile in grown}
    return lambda positions: {**store.tiles(positions), **new}


def size(connection: Connection) -> int:
    """Entries appended, sealed or not."""
    return SqlStore(connection).head().appended


def entry(connection: Connection, index: int) -> bytes:
    """One entry. Raises NotFound (entry-missing)."""
    return _entry(SqlStore(connection), index)


def _entry(store: Store, index: int) -> bytes:
    if index >= 0:
        for segment in store.segments(index, index + 1):
            if index < segment.first + segment.count:
                at = index - segment.first
                return segment.data[segment.bounds[at] + 1 : segment.bounds[at + 1]]
    raise NotFound("entry-missing", f"the log has no entry {index}", hint="entries are numbered from 0")


def entries(connection: Connection, begin: int, end: int) -> Iterator[tuple[int, bytes]]:
    """(index, entry) for [begin, end) as far as the log goes, streamed in bounded memory."""
    for segment in SqlStore(connection).segments(begin, end):
        for index, data in enumerate(segment.entries(), segment.first):
            if begin <= index < end:
                yield index, data


def checkpoint(connection: Connection, of_size: int | None = None) -> Checkpoint:
    """The checkpoint of a size, or the latest one. Raises NotFound (checkpoint-missing)."""
    return SqlStore(connection).checkpoint(of_size)


def sealed_size(connection: Connection) -> int:
    """Size of the newest checkpoint, 0 before the first."""
    try:
        return checkpoint(connection).size
    except NotFound:
        return 0


def root_at(connection: Connection, of_size: int) -> bytes:
    """The root of the first `of_size` entries. Raises NotFound (log-not-sealed)."""
    return tiles.root(SqlStore(connection).tiles, of_size)


def inclusion_proof(connection: Connection, index: int, of_size: int) -> list[bytes]:
    """The audit path of an entry in the tree of a size not above the last checkpoint, lowest sibling first.

    Raises InputError (log-index), NotFound (log-not-sealed).
    """
    return tiles.hash_spans(SqlStore(connection).tiles, tiles.inclusion_spans(index, of_size))


def consistency_proof(connection: Connection, old_size: int, new_size: int) -> list[bytes]:
    """The proof that the tree of `new_size` extends that of `old_size`; empty from 0 and between equal sizes.

    Raises InputError (log-size), NotFound (log-not-sealed).
    """
    return tiles.hash_spans(SqlStore(connection).tiles, tiles.consistency_spans(old_size, new_size))


def resource(connection: Connection, path: str) -> bytes:
    """What tlog-tiles serves under tile/: "0/x001/067", "1/000.p/17" or "entries/000.p/3". Immutable once answered.

    Any width up to the stored one is answered, from the same rows. Raises FormError (tile-path-malformed), NotFound
    (log-not-sealed).
    """
    wanted = tiles.parse_path(path)
    store = SqlStore(connection)
    if wanted.level is None:
        first = wanted.number * TILE_WIDTH
        if store.head().sealed >= first + wanted.width:
            return tiles.bundle(data for _, data in entries(connection, first, first + wanted.width))
    elif wanted.level < tiles.MAX_LEVELS and wanted.number < tiles.MAX_NUMBER:
        position = tiles.position_of(wanted.level, wanted.number)
        tile = store.tiles([position]).get(position)
        if tile is not None and tile.width >= wanted.width:
            return tile.hashes[: wanted.width * merkle.HASH_BYTES]
    raise NotFound("log-not-sealed", "no checkpoint covers this tile yet", where=path,
                   hint="fetch the checkpoint and ask for the tiles its size implies")


def attach_cosignatures(connection: Connection, of_size: int, lines: Sequence[bytes],
                        witnesses: Sequence[VerifierKey]) -> Checkpoint:
    """Add a witness's signature lines to the stored checkpoint; lines of unknown keys are left out.

    Nothing in the node asks witnesses yet; who runs one beside it attaches what it signed here.

    Raises VerificationFailed (note-signature) when a known witness's line does not hold; then none is added.
    """
    store = SqlStore(connection)
    signed = store.checkpoint(of_size)
    known = {(key.name, key.key_id) for key in witnesses}
    kept = [line for line in lines if _signer_of(line) in known]
    merged = checkpoints.with_signatures(signed, kept)
    note.verify(note.parse(merged.note), witnesses)
    store.replace_note(merged)
    return merged


def _signer_of(line: bytes) -> tuple[str, bytes]:
    try:
        parsed = note.parse_signature_line(line.decode().removesuffix("\n"))
    except UnicodeDecodeError:
        raise FormError("note-malformed", "a signature line is not UTF-8") from None
    return parsed.name, parsed.key_id
