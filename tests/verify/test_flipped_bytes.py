"""No byte of an evidence file can change without the verdict changing: never valid, never a foreign exception.

The quick tests take a sample. The slow ones take every byte in turn, shared out over the processors of the machine.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from multiprocessing import get_context

import pytest
from make_vectors import trust_of
from verify_cases import CASES
from verify_forging import world
from verify_world import Lies, altered

from core.errors import InputError
from verify.bundle import read_container
from verify.trust import Trust
from verify.verifier import verify

SAMPLE = 60
# Bytes one process takes at a time: enough to be worth the way, few enough that none is left with the last long piece.
SLICE = 256
FIXED = ("bundle.json", "README.txt")
"""Members that a file made to fit has no choice in."""

Piece = tuple[str, str, str, int, int]
"""(kind, level, member, first byte, byte after the last)."""


@cache
def trusted() -> Trust:
    return trust_of(CASES["full"])


@cache
def file_of(kind: str, level: str) -> bytes:
    return world(Lies(kind=kind) if kind != "green-power" else None).file(level)


@cache
def members_of(kind: str, level: str) -> dict[str, bytes]:
    return read_container(file_of(kind, level))


def flipped(data: bytes, position: int, mask: int) -> bytes:
    return data[:position] + bytes([data[position] ^ mask]) + data[position + 1 :]


def unnoticed(data: bytes) -> str:
    """What is wrong with the answer to an altered file; empty when it was refused as it should be."""
    try:
        return "valid" if verify(data, trusted()).valid else ""
    except InputError as error:
        # What does not begin as a ZIP is no evidence file at all; whatever does gets a verdict.
        return "" if error.code == "container-not-zip" and data[:4] != b"PK\x03\x04" else str(error)
    except Exception as error:  # any exception that escapes is what the test is about
        return repr(error)


def of_the_file(piece: Piece) -> list[str]:
    """Flips bytes of the file as it lies there."""
    kind, level, _, start, end = piece
    data = file_of(kind, level)
    found = ((at, unnoticed(flipped(data, at, 1 << at % 8))) for at in range(start, end))
    return [f"{kind} {level} byte {at}: {wrong}" for at, wrong in found if wrong]


def of_a_member(piece: Piece) -> list[str]:
    """Flips bytes of one member and makes every hash of the container fit again."""
    kind, level, name, start, end = piece
    data, content = file_of(kind, level), members_of(kind, level)[name]
    found = ((at, unnoticed(altered(data, {name: flipped(content, at, 1 << at % 8)}))) for at in range(start, end))
    return [f"{kind} {level} {name} byte {at}: {wrong}" for at, wrong in found if wrong]


def cut_short(piece: Piece) -> list[str]:
    """Ends the file before each byte."""
    kind, level, _, start, end = piece
    data = file_of(kind, level)
    found = ((size, unnoticed(data[:size])) for size in range(start, end))
    return [f"{kind} {level} size {size}: {wrong}" for size, wrong in found if wrong]


def pieces(kind: str, level: str, name: str, length: int) -> Iterator[Piece]:
    return ((kind, level, name, at, min(at + SLICE, length)) for at in range(0, length, SLICE))


def on_all_processors(work: Callable[[Piece], list[str]], todo: list[Piece]) -> list[str]:
    with ProcessPoolExecutor(os.cpu_count(), get_context("spawn")) as pool:
        return [wrong for found in pool.map(work, todo) for wrong in found]


def test_a_sample_of_flipped_bytes_is_noticed() -> None:
    data = file_of("green-power", "full")
    chance = random.Random(20261122)
    for position in chance.sample(range(len(data)), SAMPLE):
        assert not unnoticed(flipped(data, position, chance.randrange(1, 256))), position


def test_a_flipped_byte_in_any_member_is_noticed_when_every_hash_is_made_to_fit() -> None:
    """The attacker writes the container anew; what he cannot forge must stop him, or nothing that matters changed."""
    chance = random.Random(1)
    for name, content in members_of("green-power", "full").items():
        if name not in FIXED:
            at = chance.randrange(len(content) - 3)
            assert of_a_member(("green-power", "full", name, at, at + 3)) == []


def test_the_check_itself_can_say_no() -> None:
    assert unnoticed(file_of("green-power", "full")) == "valid"
    assert unnoticed(file_of("emission", "public")) == "valid"


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("level", ["public", "full"])
def test_every_flipped_byte_is_noticed(level: str) -> None:
    length = len(file_of("green-power", level))
    assert on_all_processors(of_the_file, list(pieces("green-power", level, "", length))) == []


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize(("kind", "level"), [("green-power", "full"), ("emission", "public")])
def test_every_flipped_byte_of_every_member_is_noticed_when_every_hash_is_made_to_fit(kind: str, level: str) -> None:
    todo = [piece for name, content in members_of(kind, level).items() if name not in FIXED
            for piece in pieces(kind, level, name, len(content))]
    assert sum(end - start for *_, start, end in todo) == sum(
        len(content) for name, content in members_of(kind, level).items() if name not in FIXED)
    assert on_all_processors(of_a_member, todo) == []


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_every_shorter_file_is_noticed() -> None:
    length = len(file_of("green-power", "public"))
    assert on_all_processors(cut_short, list(pieces("green-power", "public", "", length))) == []
