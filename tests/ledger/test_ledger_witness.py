"""A witness co-signs only what extends what it has co-signed; the answers are those of tlog-witness."""

import threading
from pathlib import Path

import pytest
from ledger_helpers import ORIGIN, Log, naive_proof, naive_root, open_log_engine

from core.clock import FixedClock
from core.errors import CarbonSealError, FormError, Refused
from core.signer import KeySigner
from ledger import checkpoint as checkpoints
from ledger import note, witness
from ledger.checkpoint import Checkpoint, WitnessPolicy
from ledger.witness import Witness, parse_request, write_request

LOG = KeySigner.from_seed(b"\x01" * 32)
WITNESS = KeySigner.from_seed(b"\x02" * 32)
KEY = checkpoints.log_key(ORIGIN, LOG.public_key)
ENTRIES = [b"%d" % index for index in range(40)]


def at(size: int, entries: list[bytes] = ENTRIES) -> Checkpoint:
    return checkpoints.sign(LOG, ORIGIN, size, naive_root(entries[:size]))


def step(old: int, new: int, entries: list[bytes] = ENTRIES) -> bytes:
    return write_request(old, naive_proof(old, entries[:new]) if old else [], at(new, entries))


@pytest.fixture
def keeper(tmp_path: Path) -> Witness:
    return Witness(open_log_engine(tmp_path / "witness.db"), WITNESS, "w.example", {ORIGIN: KEY},
                   FixedClock(1_800_000_000_000))


def refusal(keeper: Witness, body: bytes) -> tuple[int, str]:
    with pytest.raises(CarbonSealError) as caught:
        keeper.add_checkpoint(body)
    return caught.value.http_status, caught.value.code


def test_a_growing_log_is_cosigned_at_every_step(keeper: Witness) -> None:
    policy = WitnessPolicy.parse(1, [checkpoints.witness_key("w.example", WITNESS.public_key)])
    for old, new in ((0, 3), (3, 3), (3, 4), (4, 32), (32, 40)):
        line = keeper.add_checkpoint(step(old, new))
        [counted] = checkpoints.verify_policy(checkpoints.with_signatures(at(new), [line]), KEY, policy)
        assert counted.time == 1_800_000_000_000


def test_an_unknown_log_is_404_and_a_foreign_signature_403(keeper: Witness) -> None:
    other = checkpoints.sign(LOG, "carbon.example/other", 0, naive_root([]))
    assert refusal(keeper, write_request(0, [], other)) == (404, "witness-origin-unknown")
    forged = checkpoints.sign(KeySigner.generate(), ORIGIN, 3, naive_root(ENTRIES[:3]))
    assert refusal(keeper, write_request(0, [], forged)) == (403, "witness-signature")


def test_another_size_than_remembered_is_409_with_the_size(keeper: Witness) -> None:
    keeper.add_checkpoint(step(0, 8))
    with pytest.raises(Refused) as caught:
        keeper.add_checkpoint(step(4, 9))
    assert (caught.value.http_status, caught.value.code) == (409, "witness-size-conflict")
    assert caught.value.detail == {"size": "8"}
    assert keeper.conflicts(ORIGIN) == []


def test_the_same_size_with_another_root_is_409_and_both_notes_are_kept(keeper: Witness) -> None:
    keeper.add_checkpoint(step(0, 8))
    split = at(8, [*ENTRIES[:7], b"another"])
    assert refusal(keeper, write_request(8, [], split)) == (409, "witness-root-conflict")
    assert keeper.conflicts(ORIGIN) == [(at(8).note, split.note)]
    keeper.add_checkpoint(step(8, 9))


def test_a_larger_size_that_does_not_extend_is_422_and_both_notes_are_kept(keeper: Witness) -> None:
    keeper.add_checkpoint(step(0, 8))
    fork = [*ENTRIES[:7], b"another", *ENTRIES[8:]]
    assert refusal(keeper, step(8, 12, fork)) == (422, "witness-proof")
    assert keeper.conflicts(ORIGIN) == [(at(8).note, at(12, fork).note)]
    assert refusal(keeper, write_request(8, [], at(12))) == (422, "witness-proof")


def test_a_proof_from_nothing_must_be_empty(keeper: Witness) -> None:
    assert refusal(keeper, write_request(0, [bytes(32)], at(8))) == (422, "witness-proof")
    keeper.add_checkpoint(step(0, 8))


def test_the_smaller_of_two_racing_sizes_never_wins_after_the_larger(tmp_path: Path) -> None:
    for turn in range(6):
        engine = open_log_engine(tmp_path / f"race{turn}.db")
        keeper = Witness(engine, WITNESS, "w.example", {ORIGIN: KEY}, FixedClock(1_800_000_000_000))
        keeper.add_checkpoint(step(0, 8))
        order: list[int] = []
        codes: list[str] = []

        def offer(size: int, keeper: Witness = keeper, order: list[int] = order, codes: list[str] = codes) -> None:
            try:
                keeper.add_checkpoint(step(8, size))
                order.append(size)
            except Refused as error:
                codes.append(error.code)

        threads = [threading.Thread(target=offer, args=(size,)) for size in (9, 20, 12, 30)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(order) == 1
        assert codes == ["witness-size-conflict"] * 3
        keeper.add_checkpoint(step(order[0], 40))
        engine.dispose()


def test_what_a_witness_remembers_survives_it(tmp_path: Path) -> None:
    for old, new in ((0, 5), (5, 9)):
        keeper = Witness(open_log_engine(tmp_path / "w.db"), WITNESS, "w.example", {ORIGIN: KEY}, FixedClock(0))
        keeper.add_checkpoint(step(old, new))
    assert refusal(keeper, step(5, 9))[1] == "witness-size-conflict"


def test_a_witness_with_the_logs_key_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="witness-is-log"):
        Witness(open_log_engine(tmp_path / "w.db"), LOG, "w.example", {ORIGIN: KEY}, FixedClock(0))


@pytest.mark.parametrize("body", [
    b"", b"old 0\n", b"old 00\n\n" + at(3).note, b"old -1\n\n" + at(3).note, b"old +1\n\n" + at(3).note,
    b"OLD 0\n\n" + at(3).note, b"old 4\n\n" + at(3).note, b"old 0\nxx\n\n" + at(3).note, b"old 0\n\n" + at(3).note[:-1],
    b"old 1\n" + b"AAAA\n" * 64 + b"\n" + at(3).note, b"old 0\n\n" + bytes(witness.MAX_REQUEST_BYTES), b"\xff\n\n\n",
])
def test_a_malformed_request_is_a_400(keeper: Witness, body: bytes) -> None:
    assert refusal(keeper, body)[0] == 400


def test_a_request_is_read_as_it_was_written() -> None:
    parsed = parse_request(step(4, 9))
    assert (parsed.old_size, list(parsed.proof), parsed.checkpoint) == (4, naive_proof(4, ENTRIES[:9]), at(9))


def test_an_old_database_restored_under_a_log_is_refused_by_its_witness(a_log: Log, tmp_path: Path) -> None:
    keeper = Witness(open_log_engine(tmp_path / "w.db"), WITNESS, "w.example", {ORIGIN: a_log.key}, FixedClock(0))
    five = a_log.grow(5)
    keeper.add_checkpoint(write_request(0, [], five))
    restored = [*a_log.entries[:3], b"x", b"y", b"z"]
    rewritten = checkpoints.sign(a_log.signer, ORIGIN, 6, naive_root(restored))
    body = write_request(5, naive_proof(5, restored), rewritten)
    assert refusal(keeper, body) == (422, "witness-proof")


def test_a_cosignature_line_is_one_line_of_the_note_form(keeper: Witness) -> None:
    line = keeper.add_checkpoint(step(0, 3)).decode()
    assert note.parse_signature_line(line.removesuffix("\n")).name == "w.example"
    with pytest.raises(FormError):
        note.parse_signature_line(line)
