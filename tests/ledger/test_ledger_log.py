"""The log as its users see it: append, seal, read, prove."""

import shutil
import threading

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ledger_helpers import ORIGIN, Log, naive_path, naive_proof, naive_root
from sqlalchemy import text

from core import merkle
from core.clock import FixedClock
from core.database import reading, transaction
from core.errors import InputError, NotFound, Refused, VerificationFailed
from core.signer import KeySigner
from ledger import checkpoint as checkpoints
from ledger import log, tiles
from ledger.lock import FileLock
from ledger.store import SEGMENT_BYTES, SqlStore


def test_entries_get_consecutive_indices_and_come_back_byte_for_byte(a_log: Log) -> None:
    assert a_log.append(b"a", b"", b"\x00\xff" * 300) == range(3)
    assert a_log.append(b"d") == range(3, 4)
    assert a_log.append() == range(4, 4)
    with reading(a_log.engine) as connection:
        assert [log.entry(connection, index) for index in range(4)] == a_log.entries
        for absent in (-1, 4, 10**12):
            with pytest.raises(NotFound, match="entry-missing"):
                log.entry(connection, absent)


def test_a_batch_larger_than_a_segment_is_cut_and_read_back(a_log: Log) -> None:
    big = bytes(tiles.MAX_ENTRY_BYTES)
    a_log.append(*[b"%d" % index for index in range(600)], *[big] * (2 * SEGMENT_BYTES // len(big)))
    a_log.seal()
    a_log.check()
    with reading(a_log.engine) as connection:
        assert list(log.entries(connection, 250, 260)) == [(i, b"%d" % i) for i in range(250, 260)]


def test_an_entry_of_65535_bytes_is_taken_and_one_more_byte_refused(a_log: Log) -> None:
    a_log.append(bytes(65_535))
    with pytest.raises(InputError, match="entry-too-large"):
        a_log.append(b"ok", bytes(65_536))
    a_log.seal()
    a_log.check()


def test_what_was_rolled_back_leaves_no_index_behind(a_log: Log) -> None:
    def append_and_fail() -> None:
        with transaction(a_log.engine) as connection:
            log.append(connection, [b"lost"])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        append_and_fail()
    assert a_log.append(b"kept") == range(1)
    a_log.seal()
    a_log.check()


def test_sealing_covers_all_that_was_appended_and_nothing_new_gives_none(a_log: Log) -> None:
    assert a_log.seal() is None
    first = a_log.grow(5)
    assert (first.origin, first.size, first.root) == (ORIGIN, 5, naive_root(a_log.entries))
    assert a_log.seal() is None
    again = log.seal(a_log.engine, a_log.signer, ORIGIN, a_log.clock, unchanged=True)
    assert again == first
    a_log.check()


def test_the_empty_log_is_sealed_on_request_with_the_hash_of_nothing(a_log: Log) -> None:
    empty = log.seal(a_log.engine, a_log.signer, ORIGIN, a_log.clock, lock=a_log.lock, unchanged=True)
    assert empty is not None
    assert (empty.size, empty.root) == (0, merkle.EMPTY_ROOT)
    a_log.grow(3)
    a_log.check()


@pytest.mark.parametrize("steps", [[1, 1, 1, 1], [255, 1, 1], [256, 256], [257, 511, 3], [7, 300, 1, 800]])
def test_every_step_of_growth_leaves_the_log_whole(a_log: Log, steps: list[int]) -> None:
    for count in steps:
        a_log.grow(count)
        a_log.check()


def test_growth_across_the_third_tile_level_gives_the_reference_root(a_log: Log) -> None:
    a_log.append(*(b"%d" % index for index in range(65_530)))
    a_log.seal()
    for _ in range(3):
        a_log.grow(4)
    leaves = [merkle.leaf_hash(entry) for entry in a_log.entries]
    with reading(a_log.engine) as connection:
        for size in (65_530, 65_534, 65_535, 65_536, 65_537, 65_542):
            root = merkle.root(leaves[:size])
            assert log.root_at(connection, size) == root
            for index in (0, 255, 256, 65_279, size - 1):
                path = log.inclusion_proof(connection, index, size)
                merkle.verify_inclusion(leaves[index], index, size, path, root)


def test_proofs_of_every_index_and_size_equal_the_naive_ones(a_log: Log) -> None:
    a_log.grow(70)
    with reading(a_log.engine) as connection:
        for size in range(1, 71):
            for index in range(0, size, 3):
                assert log.inclusion_proof(connection, index, size) == naive_path(index, a_log.entries[:size])
            for old in range(1, size + 1, 3):
                assert log.consistency_proof(connection, old, size) == naive_proof(old, a_log.entries[:size])


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(st.binary(max_size=40), max_size=90), min_size=1, max_size=7), st.data())
def test_any_batches_in_any_order_of_sealing_give_the_reference_tree(
        tmp_path_factory: pytest.TempPathFactory, batches: list[list[bytes]], data: st.DataObject) -> None:
    tested = Log(tmp_path_factory.mktemp("log"))
    for batch in batches:
        tested.append(*batch)
        if data.draw(st.booleans()):
            tested.seal()
    tested.seal()
    tested.check()
    tested.engine.dispose()


def test_a_proof_for_a_size_that_is_not_sealed_is_not_found(a_log: Log) -> None:
    a_log.grow(10)
    a_log.append(b"unsealed")
    with reading(a_log.engine) as connection:
        assert log.size(connection) == 11
        for ask in (lambda: log.inclusion_proof(connection, 3, 11), lambda: log.consistency_proof(connection, 4, 11),
                    lambda: log.root_at(connection, 11)):
            with pytest.raises(NotFound, match="log-not-sealed"):
                ask()
        with pytest.raises(InputError, match="log-index"):
            log.inclusion_proof(connection, 10, 10)
        with pytest.raises(InputError, match="log-size"):
            log.consistency_proof(connection, 5, 4)


def test_a_consistency_proof_from_nothing_or_to_itself_is_empty(a_log: Log) -> None:
    a_log.grow(9)
    with reading(a_log.engine) as connection:
        assert log.consistency_proof(connection, 0, 9) == log.consistency_proof(connection, 9, 9) == []


def test_a_proof_does_not_hold_against_the_checkpoint_of_another_moment(a_log: Log) -> None:
    earlier, later = a_log.grow(20), a_log.grow(20)
    leaf = merkle.leaf_hash(a_log.entries[3])
    with reading(a_log.engine) as connection:
        path = log.inclusion_proof(connection, 3, later.size)
    merkle.verify_inclusion(leaf, 3, later.size, path, later.root)
    with pytest.raises(VerificationFailed):
        merkle.verify_inclusion(leaf, 3, earlier.size, path, earlier.root)


def test_of_two_that_seal_one_is_told_so_and_writes_nothing(a_log: Log) -> None:
    a_log.grow(4)
    a_log.append(b"new")
    with reading(a_log.engine) as connection:
        stale = log.integrate(SqlStore(connection), 4, 5)
    winner = a_log.seal()
    with pytest.raises(Refused, match="log-two-writers"), transaction(a_log.engine) as connection:
        SqlStore(connection).advance(4, 5, stale.finish())
    assert winner is not None
    a_log.check()


def test_two_threads_sealing_and_two_appending_leave_one_whole_log(a_log: Log) -> None:
    answered: dict[int, bytes] = {}
    refused: list[str] = []

    def append(mark: bytes) -> None:
        for turn in range(25):
            with transaction(a_log.engine) as connection:
                indices = log.append(connection, [mark + b"%d" % turn])
            answered[indices[0]] = mark + b"%d" % turn

    def seal() -> None:
        for _ in range(25):
            try:
                log.seal(a_log.engine, a_log.signer, ORIGIN, a_log.clock)
            except Refused as error:
                refused.append(error.code)

    threads = [threading.Thread(target=target, args=args) for target, args in
               ((append, (b"a",)), (append, (b"b",)), (seal, ()), (seal, ()))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(refused) <= {"log-two-writers"}
    assert sorted(answered) == list(range(50))
    a_log.entries = [answered[index] for index in range(50)]
    log.seal(a_log.engine, a_log.signer, ORIGIN, a_log.clock, lock=a_log.lock, unchanged=True)
    a_log.grow(1)
    a_log.check()


def test_another_key_or_another_origin_cannot_go_on_with_the_log(a_log: Log) -> None:
    a_log.grow(3)
    a_log.append(b"more")
    with pytest.raises(VerificationFailed, match="checkpoint-unsigned"):
        log.seal(a_log.engine, KeySigner.generate(), ORIGIN, a_log.clock)
    with pytest.raises(VerificationFailed, match="checkpoint-origin"):
        log.seal(a_log.engine, a_log.signer, "carbon.example/other", a_log.clock)
    with pytest.raises(VerificationFailed, match="checkpoint-origin"):
        log.start(a_log.engine, checkpoints.log_key("carbon.example/other", a_log.signer.public_key))


def test_yesterdays_database_restored_and_appended_to_is_refused(a_log: Log) -> None:
    a_log.grow(5)
    backup = a_log.folder / "yesterday.db"
    a_log.engine.dispose()
    shutil.copy(a_log.folder / "log.db", backup)
    a_log.grow(5)
    a_log.engine.dispose()
    for suffix in ("-wal", "-shm"):
        (a_log.folder / f"log.db{suffix}").unlink(missing_ok=True)
    shutil.copy(backup, a_log.folder / "log.db")
    restored = Log(a_log.folder)
    with pytest.raises(Refused, match="log-rolled-back"):
        log.start(restored.engine, restored.key, lock=restored.lock)
    restored.append(*(b"other %d" % index for index in range(3)))
    with pytest.raises(Refused, match="log-rolled-back"):
        restored.seal()
    restored.append(*(b"other %d" % index for index in range(9)))
    with pytest.raises(Refused, match="log-rolled-back"):
        restored.seal()
    with pytest.raises(Refused, match="log-rolled-back"):
        log.start(restored.engine, restored.key, lock=restored.lock)
    with reading(restored.engine) as connection:
        assert log.checkpoint(connection).size == 5


def test_what_was_signed_is_held_against_what_is_there(a_log: Log) -> None:
    with reading(a_log.engine) as connection:
        assert log.sealed_size(connection) == 0
    signed = a_log.grow(3)
    with reading(a_log.engine) as connection:
        assert log.sealed_size(connection) == 3
    for held, appended in ((None, 0), (signed, 3), (signed, 4)):
        assert log.check_held(held, appended) is None  # type: ignore[func-returns-value]
    with pytest.raises(Refused, match="log-rolled-back"):
        log.check_held(signed, 2)


def test_the_lock_refuses_to_go_back_and_takes_the_same_again(a_log: Log) -> None:
    lock = FileLock(a_log.folder / "other.lock")
    assert lock.read() is None
    first, second = a_log.grow(2), a_log.grow(2)
    lock.advance(first)
    lock.advance(second)
    lock.advance(second)
    assert lock.read() == second
    with pytest.raises(Refused, match="log-rolled-back"):
        lock.advance(first)
    with pytest.raises(Refused, match="log-rolled-back"):
        lock.advance(checkpoints.sign(a_log.signer, ORIGIN, 4, bytes(32)))


def test_cosignatures_of_known_witnesses_are_added_and_bad_ones_refused(a_log: Log) -> None:
    signed = a_log.grow(2)
    witness, stranger = KeySigner.generate(), KeySigner.generate()
    keys = [checkpoints.note.parse_key(checkpoints.witness_key("w.example", witness.public_key))]
    good = checkpoints.cosign(signed, witness, "w.example", 5_000)
    unknown = checkpoints.cosign(signed, stranger, "x.example", 5_000)
    bad = checkpoints.cosign(checkpoints.sign(a_log.signer, ORIGIN, 2, bytes(32)), witness, "w.example", 6_000)
    with transaction(a_log.engine) as connection:
        merged = log.attach_cosignatures(connection, 2, [good, unknown], keys)
        assert merged.note == signed.note + good
        with pytest.raises(VerificationFailed, match="note-signature"):
            log.attach_cosignatures(connection, 2, [bad], keys)
    with reading(a_log.engine) as connection:
        assert log.checkpoint(connection, 2).note == signed.note + good
    a_log.check()


def test_tiles_and_bundles_are_served_at_every_width_up_to_the_checkpoint(a_log: Log) -> None:
    a_log.grow(300)
    leaves = b"".join(merkle.leaf_hash(entry) for entry in a_log.entries)
    with reading(a_log.engine) as connection:
        assert log.resource(connection, "0/000") == leaves[:8192]
        assert log.resource(connection, "0/001.p/44") == leaves[8192:]
        assert log.resource(connection, "0/001.p/7") == leaves[8192 : 8192 + 7 * 32]
        assert log.resource(connection, "1/000.p/1") == naive_root(a_log.entries[:256])
        assert tiles.parse_bundle(log.resource(connection, "entries/000"), 256) == a_log.entries[:256]
        assert tiles.parse_bundle(log.resource(connection, "entries/001.p/3"), 3) == a_log.entries[256:259]
        for absent in ("0/001", "0/001.p/45", "1/000.p/2", "2/000.p/1", "0/002.p/1", "entries/001.p/45", "entries/001",
                       "63/000"):
            with pytest.raises(NotFound, match="log-not-sealed"):
                log.resource(connection, absent)


def test_the_time_of_a_checkpoint_is_the_clocks(a_log: Log) -> None:
    a_log.clock = FixedClock(1234)
    a_log.grow(1)
    with reading(a_log.engine) as connection:
        assert connection.execute(text("SELECT time FROM log_checkpoint")).scalars().all() == [1234]
