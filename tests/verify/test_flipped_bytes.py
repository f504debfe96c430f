"""No byte of an evidence file can change without the verdict changing: never valid, never a foreign exception."""

from __future__ import annotations

import random

import pytest
from make_vectors import trust_of
from verify_cases import CASES, world
from verify_world import altered

from core.errors import CarbonSealError, InputError
from verify.bundle import read_container
from verify.trust import Trust
from verify.verifier import verify

SAMPLE = 60


def assert_noticed(data: bytes, trust: Trust, where: object) -> None:
    if data[:4] != b"PK\x03\x04":
        with pytest.raises(InputError, match="container-not-zip"):
            verify(data, trust)
        return
    assert not verify(data, trust).valid, where


def flipped(data: bytes, position: int, mask: int) -> bytes:
    return data[:position] + bytes([data[position] ^ mask]) + data[position + 1 :]


def test_a_sample_of_flipped_bytes_is_noticed() -> None:
    data, trust = world().file(), trust_of(CASES["full"])
    chance = random.Random(20261122)
    for position in chance.sample(range(len(data)), SAMPLE):
        assert_noticed(flipped(data, position, chance.randrange(1, 256)), trust, position)


def test_a_flipped_byte_in_any_member_is_noticed_when_every_hash_is_made_to_fit() -> None:
    """The attacker writes the container anew; what he cannot forge must stop him, or nothing that matters changed."""
    made, trust = world().file(), trust_of(CASES["full"])
    chance = random.Random(1)
    for name, content in read_container(made).items():
        if name in ("bundle.json", "README.txt"):
            continue
        for position in chance.sample(range(len(content)), 3):
            changed = flipped(content, position, 1 << chance.randrange(8))
            try:
                report = verify(altered(made, {name: changed}), trust)
            except CarbonSealError as error:
                pytest.fail(f"{name} {position}: {error}")
            assert not report.valid, (name, position)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("level", ["public", "full"])
def test_every_flipped_byte_is_noticed(level: str) -> None:
    data, trust = world().file(level), trust_of(CASES["full"])
    for position in range(len(data)):
        assert_noticed(flipped(data, position, 1 << position % 8), trust, position)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_every_flipped_byte_of_every_member_is_noticed_when_every_hash_is_made_to_fit() -> None:
    made, trust = world().file(), trust_of(CASES["full"])
    for name, content in read_container(made).items():
        if name in ("bundle.json", "README.txt"):
            continue
        for position in range(len(content)):
            report = verify(altered(made, {name: flipped(content, position, 1 << position % 8)}), trust)
            assert not report.valid, (name, position)


@pytest.mark.slow
def test_every_shorter_file_is_noticed() -> None:
    data, trust = world().file("public"), trust_of(CASES["full"])
    for size in range(0, len(data), 7):
        assert_noticed(data[:size], trust, size)
