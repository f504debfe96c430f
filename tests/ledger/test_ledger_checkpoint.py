"""Checkpoints, signed notes and the witness policy."""

from base64 import b64decode, b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ledger_helpers import ORIGIN

from core.errors import CarbonSealError, FormError, InputError, VerificationFailed
from core.merkle import EMPTY_ROOT
from core.signatures import ESP256
from core.signer import KeySigner
from ledger import checkpoint as checkpoints
from ledger import note
from ledger.checkpoint import Checkpoint, WitnessPolicy

LOG = KeySigner.from_seed(b"\x01" * 32)
KEY = checkpoints.log_key(ORIGIN, LOG.public_key)
WITNESSES = [KeySigner.from_seed(bytes([seed]) * 32) for seed in (11, 12, 13)]
NAMES = ["w1.example", "w2.example", "w3.example"]
WITNESS_KEYS = [checkpoints.witness_key(n, w.public_key) for n, w in zip(NAMES, WITNESSES, strict=True)]
SIGNED = checkpoints.sign(LOG, ORIGIN, 7, b"\x22" * 32)
NOW = 1_800_000_000_000


def cosigned(*which: int, of: Checkpoint = SIGNED, now: int = NOW) -> Checkpoint:
    return checkpoints.with_signatures(of, [checkpoints.cosign(of, WITNESSES[i], NAMES[i], now) for i in which])


def with_line(line: str) -> Checkpoint:
    return checkpoints.parse(SIGNED.note + line.encode() + b"\n")


def test_the_signed_text_is_three_lines() -> None:
    root = b64encode(b"\x22" * 32).decode()
    assert SIGNED.note.startswith(f"{ORIGIN}\n7\n{root}\n\n— {ORIGIN} ".encode())
    assert checkpoints.parse(SIGNED.note) == SIGNED
    checkpoints.verify(SIGNED, KEY)


def test_the_vkey_of_the_published_example_is_read_and_written() -> None:
    text = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
    key = note.parse_key(text)
    assert (key.name, key.kind, key.key_id.hex(), key.text) == ("PeterNeumann", 1, "c74f20a3", text)


@pytest.mark.parametrize("text", [
    "", "a", "a+b", "PeterNeumann+c74f20a4+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
    "PeterNeumann+c74f20a3+AhpC2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
    "Peter Neumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
    "PeterNeumann+C74F20A3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
    "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10T",
    "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq_LDE4izWy10TW",
])
def test_a_malformed_vkey_is_refused(text: str) -> None:
    with pytest.raises(FormError):
        note.parse_key(text)


def test_a_vkey_of_a_point_of_small_order_is_refused() -> None:
    weak = note.VerifierKey("weak.example", note.ED25519_NOTE, b"\x01" + bytes(31))
    with pytest.raises(VerificationFailed, match="key-weak"):
        note.parse_key(weak.text)


def test_a_log_signs_with_ed25519_only() -> None:
    with pytest.raises(FormError, match="note-key-unsupported"):
        checkpoints.sign(KeySigner.generate(ESP256), ORIGIN, 0, EMPTY_ROOT)


@pytest.mark.parametrize("size", [0, 1, 2**32, 2**63 - 1])
def test_every_size_below_2_to_63_is_written_and_read(size: int) -> None:
    assert checkpoints.parse(checkpoints.sign(LOG, ORIGIN, size, bytes(32)).note).size == size


@pytest.mark.parametrize("size", ["-1", "+5", "05", "5_0", "５", "", " 5", "5 ", "0x5", str(2**63), str(2**64),
                                  "9" * 40])
def test_a_size_in_any_other_form_is_refused(size: str) -> None:
    with pytest.raises(FormError, match=r"number-|note-malformed"):
        checkpoints.parse(SIGNED.note.replace(b"\n7\n", f"\n{size}\n".encode(), 1))


def replaced(old: bytes, new: bytes) -> bytes:
    assert old in SIGNED.note
    return SIGNED.note.replace(old, new, 1)


ROOT = b64encode(b"\x22" * 32)


@pytest.mark.parametrize("data", [
    b"", b"\n\n", SIGNED.note[:-1], SIGNED.note + b"\n", SIGNED.note + b"x", replaced(b"\n\n", b"\n"),
    replaced(b"\n\n", b"\nextension\n\n"), replaced(b"\n7\n", b"\n7\r\n"), replaced(b"\n7\n", b"\n7\x00\n"),
    replaced(b"\n7\n", b"\n\xff\n"), replaced(ROOT, ROOT[:-1]), replaced(ROOT, b64encode(bytes(31))),
    replaced(ROOT, b64encode(bytes(33))), replaced(ROOT, ROOT[:-2] + b"J="), replaced(ROOT, b"-" + ROOT[1:]),
    replaced("— ".encode(), b"- "), replaced("— ".encode(), "—".encode()), SIGNED.note + "— x AAAA\n".encode(),
    SIGNED.note + "— a b AAAAAAAA\n".encode(), SIGNED.note + "— a+b AAAAAAAA\n".encode(),
    replaced(ORIGIN.encode() + b"\n", b"\n"),
])
def test_a_malformed_checkpoint_is_refused(data: bytes) -> None:
    with pytest.raises(FormError):
        checkpoints.parse(data)


@given(st.integers(0, len(SIGNED.note) - 1), st.integers(0, 7))
def test_no_flipped_bit_passes(at: int, bit: int) -> None:
    data = bytearray(SIGNED.note)
    data[at] ^= 1 << bit
    with pytest.raises(CarbonSealError):
        checkpoints.verify(checkpoints.parse(bytes(data)), KEY)


@given(st.binary(max_size=300))
def test_no_bytes_make_the_parser_fall_over(data: bytes) -> None:
    for start in (b"", b"o\n1\n" + ROOT + b"\n\n" + "— o ".encode()):
        try:
            parsed = checkpoints.parse(start + data)
        except FormError:
            continue
        assert parsed.note == start + data


def test_an_unknown_keys_signature_is_ignored_even_when_it_is_rubbish() -> None:
    stranger = KeySigner.generate()
    for line in ("— stranger.example " + b64encode(bytes(68)).decode(),
                 note.sign(stranger, ORIGIN, checkpoints.body(ORIGIN, 7, SIGNED.root)).line.decode().rstrip("\n")):
        checkpoints.verify(with_line(line), KEY)


def test_a_known_keys_bad_signature_rejects_the_whole_note() -> None:
    bad = note.NoteSignature(ORIGIN, note.parse_key(KEY).key_id, bytes(64)).line.decode().rstrip("\n")
    with pytest.raises(VerificationFailed, match="note-signature"):
        checkpoints.verify(with_line(bad), KEY)
    forged = note.NoteSignature(NAMES[0], note.parse_key(WITNESS_KEYS[0]).key_id, bytes(72)).line
    tainted = checkpoints.with_signatures(SIGNED, [forged])
    with pytest.raises(VerificationFailed, match="note-signature"):
        checkpoints.verify_policy(tainted, KEY, WitnessPolicy.parse(0, WITNESS_KEYS))


def test_a_signature_of_this_text_by_another_key_or_of_another_text_does_not_count() -> None:
    with pytest.raises(VerificationFailed, match="checkpoint-unsigned"):
        checkpoints.verify(checkpoints.sign(KeySigner.generate(), ORIGIN, 7, SIGNED.root), KEY)
    moved = Checkpoint(ORIGIN, 8, SIGNED.root, SIGNED.note)
    with pytest.raises(VerificationFailed, match="checkpoint-unsigned"):
        checkpoints.verify(moved, KEY)


def test_the_origin_is_pinned_by_the_reader() -> None:
    other = checkpoints.sign(LOG, "carbon.example/other", 7, SIGNED.root)
    with pytest.raises(VerificationFailed, match="checkpoint-origin"):
        checkpoints.verify(other, KEY)


def test_a_witness_key_is_no_log_key() -> None:
    with pytest.raises(FormError, match="note-key-malformed"):
        checkpoints.verify(SIGNED, WITNESS_KEYS[0])


def test_32_signatures_are_read_and_33_refused() -> None:
    line = ("— s.example " + b64encode(bytes(5)).decode() + "\n").encode()
    assert len(note.parse(SIGNED.note + line * (note.MAX_SIGNATURES - 1)).signatures) == 32
    checkpoints.verify(checkpoints.parse(SIGNED.note + line * 31), KEY)
    with pytest.raises(FormError, match="note-too-large"):
        note.parse(SIGNED.note + line * note.MAX_SIGNATURES)


def test_sixteen_post_quantum_signatures_fit_and_a_thousand_are_refused_by_size() -> None:
    line = ("— pq.example " + b64encode(bytes(5000)).decode() + "\n").encode()
    checkpoints.verify(checkpoints.parse(SIGNED.note + line * 16), KEY)
    with pytest.raises(FormError, match="note-too-large"):
        note.parse(SIGNED.note + line * 1000)


@pytest.mark.parametrize(("threshold", "who", "passes"), [
    (0, (), True), (1, (), False), (1, (2,), True), (2, (0, 2), True), (2, (1,), False), (3, (0, 1, 2), True),
])
def test_k_of_n_witnesses_must_have_cosigned(threshold: int, who: tuple[int, ...], passes: bool) -> None:
    policy = WitnessPolicy.parse(threshold, WITNESS_KEYS)
    if passes:
        counted = checkpoints.verify_policy(cosigned(*who), KEY, policy)
        assert {item.witness.name for item in counted} == {NAMES[i] for i in who}
        assert all(item.time == NOW for item in counted)
    else:
        with pytest.raises(VerificationFailed, match="checkpoint-not-witnessed"):
            checkpoints.verify_policy(cosigned(*who), KEY, policy)


def test_one_witness_twice_or_under_two_names_counts_once() -> None:
    alias = checkpoints.witness_key("alias.example", WITNESSES[0].public_key)
    lines = [checkpoints.cosign(SIGNED, WITNESSES[0], name, now) for name, now in
             (("w1.example", NOW), ("alias.example", NOW + 5000), ("w1.example", NOW - 5000))]
    policy = WitnessPolicy(2, tuple(note.parse_key(key) for key in [*WITNESS_KEYS, alias]))
    twice = checkpoints.with_signatures(SIGNED, lines)
    with pytest.raises(VerificationFailed, match="checkpoint-not-witnessed"):
        checkpoints.verify_policy(twice, KEY, policy)
    [counted] = checkpoints.verify_policy(twice, KEY, WitnessPolicy(1, policy.keys))
    assert counted.time == NOW + 5000
    with pytest.raises(InputError, match="witness-policy"):
        WitnessPolicy.parse(2, [WITNESS_KEYS[0], alias])


def test_the_logs_own_key_cannot_be_a_witness() -> None:
    own = checkpoints.witness_key("helper.example", LOG.public_key)
    with pytest.raises(InputError, match="witness-is-log"):
        checkpoints.verify_policy(SIGNED, KEY, WitnessPolicy.parse(1, [own]))


def test_a_log_signature_does_not_pass_as_a_cosignature_nor_the_reverse() -> None:
    as_log = note.VerifierKey(ORIGIN, note.ED25519_NOTE, note.parse_key(WITNESS_KEYS[0]).public_key)
    with pytest.raises(VerificationFailed):
        checkpoints.verify(cosigned(0), as_log)
    with pytest.raises(InputError, match="witness-policy"):
        WitnessPolicy.parse(1, [KEY])


def test_a_cosignature_binds_its_time() -> None:
    line = checkpoints.cosign(SIGNED, WITNESSES[0], NAMES[0], NOW)
    raw = bytearray(b64decode(line.split()[-1]))
    raw[11] ^= 1
    moved = checkpoints.with_signatures(SIGNED, [line.replace(line.split()[-1], b64encode(raw))])
    with pytest.raises(VerificationFailed, match="note-signature"):
        checkpoints.verify_policy(moved, KEY, WitnessPolicy.parse(1, WITNESS_KEYS))


def test_an_old_checkpoint_served_for_ever_is_stale_by_witness_time() -> None:
    counted = checkpoints.verify_policy(cosigned(0, 1), KEY, WitnessPolicy.parse(2, WITNESS_KEYS))
    checkpoints.check_age(counted, 2, NOW + 60_000, 60_000)
    with pytest.raises(VerificationFailed, match="checkpoint-stale"):
        checkpoints.check_age(counted, 2, NOW + 60_001, 60_000)
    with pytest.raises(VerificationFailed, match="checkpoint-stale"):
        checkpoints.check_age([], 0, NOW, 60_000)


def test_added_signatures_never_change_what_is_signed() -> None:
    with pytest.raises(FormError):
        checkpoints.with_signatures(SIGNED, [b"\nother\n1\n" + ROOT + "\n\n— o AAAAAAAA\n".encode()])
    assert cosigned(0, 0).note == cosigned(0).note
