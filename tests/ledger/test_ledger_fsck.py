"""fsck finds every edit and names the place; sealing refuses to sign over damage."""

import pytest
from ledger_helpers import Log

from core.database import reading
from core.errors import Refused, VerificationFailed
from core.merkle import leaf_hash
from core.signer import KeySigner
from ledger import checkpoint as checkpoints
from ledger import log
from ledger.fsck import Finding, fsck
from ledger.integration import Integration


@pytest.fixture
def damaged(a_log: Log) -> Log:
    """600 entries under two checkpoints, and 4 not yet sealed; still whole."""
    a_log.grow(300)
    a_log.grow(300)
    a_log.append(b"u0", b"u1", b"u2", b"u3")
    assert fsck(a_log.engine, a_log.key, lock=a_log.lock) == []
    return a_log


def places(tested: Log, code: str) -> set[str]:
    return {finding.where for finding in fsck(tested.engine, tested.key, lock=tested.lock) if finding.code == code}


def flipped(tested: Log, table: str, column: str, where: str, byte: int) -> None:
    with reading(tested.engine) as connection:
        value = bytearray(connection.exec_driver_sql(f"SELECT {column} FROM {table} WHERE {where}").scalar_one())
    value[byte] ^= 1
    tested.corrupt(f"UPDATE {table} SET {column} = :value WHERE {where}", value=bytes(value))


def test_a_flipped_bit_in_a_stored_entry_is_found_at_its_index(damaged: Log) -> None:
    flipped(damaged, "log_segment", "data", "first = 0", 3)
    assert places(damaged, "leaf-hash-mismatch") == {"entry 0"}
    assert places(damaged, "tile-mismatch") >= {"tile 0/0"}
    assert places(damaged, "root-mismatch") == {"checkpoint 300", "checkpoint 600"}


def test_an_edited_entry_with_its_hash_made_to_fit_is_found_by_the_tree(damaged: Log) -> None:
    """The edit behind an intact-looking row (immudb #2063): the payload is hashed again, not its stored hash."""
    with reading(damaged.engine) as connection:
        data, hashes = connection.exec_driver_sql("SELECT data, hashes FROM log_segment WHERE first = 300").one()
    forged = data.replace(b"entry 300", b"entry 999")
    damaged.corrupt("UPDATE log_segment SET data = :data, hashes = :hashes WHERE first = 300", data=forged,
                    hashes=leaf_hash(b"entry 999") + hashes[32:])
    assert places(damaged, "leaf-hash-mismatch") == set()
    assert places(damaged, "root-mismatch") == {"checkpoint 600"}
    [finding] = [f for f in fsck(damaged.engine, damaged.key) if f.where == "tile 0/1"]
    assert finding.message.startswith("hash 44 ")


def test_two_entries_exchanged_are_found(damaged: Log) -> None:
    with reading(damaged.engine) as connection:
        data, = connection.exec_driver_sql("SELECT data FROM log_segment WHERE first = 0").one()
    swapped = data.replace(b"entry 5\x00entry 6", b"entry 6\x00entry 5")
    assert swapped != data
    damaged.corrupt("UPDATE log_segment SET data = :data WHERE first = 0", data=swapped)
    assert places(damaged, "leaf-hash-mismatch") == {"entry 5", "entry 6"}


@pytest.mark.parametrize(("position", "where"), [(0, "tile 0/0"), (2, "tile 0/2"), (1 << 56, "tile 1/0")])
@pytest.mark.parametrize("column", ["hashes", "middle"])
def test_a_flipped_bit_in_a_tile_is_found_at_the_tile(damaged: Log, position: int, where: str, column: str) -> None:
    if (column, where) == ("middle", "tile 1/0"):
        damaged.corrupt("UPDATE log_tile SET middle = :value WHERE position = :position", value=b"x", position=position)
    else:
        flipped(damaged, "log_tile", column, f"position = {position}", 1)
    assert places(damaged, "tile-mismatch") == {where}


@pytest.mark.parametrize(("statement", "finding"), [
    ("DELETE FROM log_segment WHERE first = 256", ("entry-missing", "entry 256")),
    ("DELETE FROM log_segment WHERE first = 600", ("entry-missing", "entry 600")),
    ("DELETE FROM log_tile WHERE position = 1", ("tile-missing", "tile 0/1")),
    ("DELETE FROM log_checkpoint WHERE size = 600", ("checkpoint-missing", "checkpoint 600")),
    ("UPDATE log_checkpoint SET size = 299 WHERE size = 300", ("checkpoint-mismatch", "checkpoint 299")),
    ("UPDATE log_checkpoint SET note = 'x' WHERE size = 300", ("note-malformed", "checkpoint 300")),
    ("UPDATE log_head SET appended = 603", ("entry-missing", "entry 604")),
    ("UPDATE log_head SET appended = 606", ("entry-missing", "entry 604")),
    ("UPDATE log_head SET sealed = 300", ("tile-unexpected", "tile 0/2")),
    ("INSERT INTO log_tile VALUES (9, 'x', 'x')", ("tile-unexpected", "tile 0/9")),
    ("INSERT INTO log_segment VALUES (604, 1, 'x', 'x', 'x', 'x')", ("entry-unexpected", "entry 604")),
    ("UPDATE log_segment SET lengths = 'x' WHERE first = 256", ("segment-malformed", "entry 256")),
    ("UPDATE log_segment SET count = 2 WHERE first = 256", ("segment-malformed", "entry 256")),
    ("UPDATE log_segment SET data = data || 'x' WHERE first = 256", ("segment-malformed", "entry 256")),
    ("UPDATE log_segment SET digest = 'x' WHERE first = 256", ("segment-digest-mismatch", "entry 256")),
])
def test_every_missing_or_foreign_row_is_found(damaged: Log, statement: str, finding: tuple[str, str]) -> None:
    damaged.corrupt(statement)
    assert finding in {(found.code, found.where) for found in fsck(damaged.engine, damaged.key, lock=damaged.lock)}


def test_a_checkpoint_signed_by_another_key_is_found(damaged: Log) -> None:
    with reading(damaged.engine) as connection:
        real = log.checkpoint(connection, 300)
    forged = checkpoints.sign(KeySigner.generate(), real.origin, 300, real.root)
    damaged.corrupt("UPDATE log_checkpoint SET note = :note WHERE size = 300", note=forged.note)
    assert places(damaged, "checkpoint-unsigned") == {"checkpoint 300"}


def test_a_lock_of_another_history_or_none_at_all_is_found(damaged: Log) -> None:
    damaged.lock.path.write_bytes(checkpoints.sign(damaged.signer, "carbon.example/lanhe", 600, bytes(32)).note)
    assert places(damaged, "log-rolled-back") == {"lock"}
    damaged.lock.path.unlink()
    assert places(damaged, "lock-missing") == {"lock"}
    damaged.lock.path.write_bytes(b"rubbish")
    assert places(damaged, "note-malformed") == {"lock"}


def test_progress_counts_up_to_every_entry(damaged: Log) -> None:
    calls: list[tuple[int, int]] = []
    fsck(damaged.engine, damaged.key, progress=lambda done, total: calls.append((done, total)))
    assert [done for done, _ in calls] == sorted(done for done, _ in calls)
    assert calls[-1] == (604, 604)


def test_findings_are_values_to_compare_and_print() -> None:
    assert Finding("tile-missing", "tile 0/1", "gone") == Finding("tile-missing", "tile 0/1", "gone")


def test_a_bit_flipped_before_sealing_is_not_signed_over(damaged: Log) -> None:
    flipped(damaged, "log_segment", "data", "first = 600", 4)
    with pytest.raises(VerificationFailed, match="leaf-hash-mismatch") as caught:
        damaged.seal()
    assert caught.value.where == "entry 601"
    with reading(damaged.engine) as connection:
        assert log.checkpoint(connection).size == 600


def test_a_bit_flipped_in_the_tiles_where_the_tree_grows_is_not_signed_over(damaged: Log) -> None:
    flipped(damaged, "log_tile", "hashes", "position = 2", 40)
    with pytest.raises(VerificationFailed, match="root-mismatch"):
        damaged.seal()
    with pytest.raises(VerificationFailed, match="root-mismatch"):
        log.start(damaged.engine, damaged.key)


def test_a_leaf_hash_that_flips_in_memory_is_not_signed_over(damaged: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    """Yeti 2022: the flip happens between hashing and integration; the stored hash and the self-check see it."""
    add = Integration.add

    def flipping(self: Integration, hashes: list[bytes]) -> None:
        add(self, [bytes([hashes[0][0] ^ 1]) + hashes[0][1:], *hashes[1:]])

    monkeypatch.setattr(Integration, "add", flipping)
    with pytest.raises(VerificationFailed, match="inclusion-root"):
        damaged.seal()
    monkeypatch.undo()
    assert damaged.seal() is not None
    damaged.check()


def test_a_tile_cut_short_stops_sealing(damaged: Log) -> None:
    damaged.corrupt("UPDATE log_tile SET hashes = substr(hashes, 1, 64) WHERE position = 2")
    with pytest.raises(VerificationFailed, match="tile-missing"):
        damaged.seal()


def test_a_missing_checkpoint_or_tile_stops_sealing(damaged: Log) -> None:
    damaged.corrupt("DELETE FROM log_tile WHERE position = 2")
    with pytest.raises(VerificationFailed, match="tile-missing"):
        damaged.seal()
    damaged.corrupt("DELETE FROM log_checkpoint WHERE size > 0")
    with pytest.raises(VerificationFailed, match="checkpoint-missing"):
        damaged.seal()


def test_an_index_already_taken_stops_appending(a_log: Log) -> None:
    a_log.append(b"a", b"b")
    a_log.corrupt("UPDATE log_head SET appended = 0")
    with pytest.raises(Refused, match="log-damaged"):
        a_log.append(b"c")


def test_what_was_edited_before_sealing_together_with_its_leaf_hash_is_not_signed_over(damaged: Log) -> None:
    with reading(damaged.engine) as connection:
        data, hashes = connection.exec_driver_sql("SELECT data, hashes FROM log_segment WHERE first = 600").one()
    damaged.corrupt("UPDATE log_segment SET data = :data, hashes = :hashes WHERE first = 600",
                    data=b"\x00U0" + data[3:], hashes=leaf_hash(b"U0") + hashes[32:])
    with pytest.raises(VerificationFailed, match="segment-digest-mismatch") as caught:
        damaged.seal()
    assert caught.value.where == "entry 600"


@pytest.mark.parametrize(("column", "byte", "code"), [
    ("data", 4, "leaf-hash-mismatch"), ("hashes", 33, "leaf-hash-mismatch"), ("digest", 31, "segment-digest-mismatch"),
    ("lengths", 1, "segment-malformed"),
])
def test_a_bit_flipped_in_any_column_before_sealing_is_not_signed_over(damaged: Log, column: str, byte: int,
                                                                        code: str) -> None:
    flipped(damaged, "log_segment", column, "first = 600", byte)
    with pytest.raises(VerificationFailed, match=code):
        damaged.seal()
    assert code in {finding.code for finding in fsck(damaged.engine, damaged.key)}
    with reading(damaged.engine) as connection:
        assert log.checkpoint(connection).size == 600
