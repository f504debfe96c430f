"""A sample nobody could choose: it follows from the statement, a later block and a nonce committed before."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import FormError, VerificationFailed
from core.sampling import MAX_POPULATION, MAX_SAMPLES, Sampling, sample, sampling_from_json

STATEMENT, BLOCK, NONCE = (sha256(part).digest() for part in (b"statement", b"block", b"nonce"))
DRAWN = Sampling("random", 40, sample(STATEMENT, BLOCK, NONCE, 40, 5), BLOCK, NONCE)


def test_the_sample_is_drawn_by_the_letter_of_the_specification() -> None:
    seed = sha256(STATEMENT + BLOCK + NONCE).digest()
    draws = [int(sha256(seed + k.to_bytes(8, "big")).hexdigest(), 16) % 40 for k in range(100)]
    assert DRAWN.selected == tuple(sorted(list(dict.fromkeys(draws))[:5]))


@given(st.integers(1, 60), st.integers(0, 80))
def test_as_many_distinct_indices_as_asked_or_as_there_are(population: int, count: int) -> None:
    drawn = sample(STATEMENT, BLOCK, NONCE, population, count)
    assert len(set(drawn)) == len(drawn) == min(population, count)
    assert all(0 <= index < population for index in drawn)


def test_a_sample_has_a_greatest_size() -> None:
    assert len(sample(STATEMENT, BLOCK, NONCE, 2 * MAX_SAMPLES, 2 * MAX_SAMPLES)) == MAX_SAMPLES


@pytest.mark.parametrize("other", [
    (NONCE, BLOCK, NONCE), (STATEMENT, NONCE, NONCE), (STATEMENT, BLOCK, BLOCK)])
def test_another_statement_block_or_nonce_draws_another_sample(other: tuple[bytes, bytes, bytes]) -> None:
    assert sample(*other, 10**6, 10) != sample(STATEMENT, BLOCK, NONCE, 10**6, 10)


def test_the_drawn_sample_passes_for_its_statement_only() -> None:
    DRAWN.check(STATEMENT)
    with pytest.raises(VerificationFailed, match="opinion-sample"):
        DRAWN.check(BLOCK)


@pytest.mark.parametrize("pick", [
    lambda drawn: (*drawn[:-1], 39 if drawn[-1] != 39 else 38), lambda drawn: (), lambda drawn: tuple(range(5))])
def test_a_sample_picked_by_hand_under_a_seed_is_found(pick: Callable[[tuple[int, ...]], tuple[int, ...]]) -> None:
    picked = replace(DRAWN, selected=pick(DRAWN.selected))
    if not picked.selected:
        picked.check(STATEMENT)  # nothing was selected, and nothing is what the seed gives
    else:
        with pytest.raises(VerificationFailed, match="opinion-sample"):
            picked.check(STATEMENT)


def test_without_a_seed_the_method_says_how_it_was_chosen() -> None:
    Sampling("all details", 3, (0, 1, 2)).check(STATEMENT)


@pytest.mark.parametrize("sampling", [DRAWN, Sampling("all details", 3, (0, 1, 2)), Sampling("none", 0, ())])
def test_a_sampling_survives_its_json(sampling: Sampling) -> None:
    assert sampling_from_json(sampling.as_json()) == sampling


@pytest.mark.parametrize(("changes", "code"), [
    ({"method": ""}, "document-text"), ({"population": 40}, "number-not-canonical"),
    ({"population": str(MAX_POPULATION)}, "number-out-of-range"), ({"population": "2"}, "number-out-of-range"),
    ({"selected": ["1", "1"]}, "opinion-sample-order"), ({"selected": ["2", "1"]}, "opinion-sample-order"),
    ({"selected": ["40"]}, "number-out-of-range"), ({"selected": "1"}, "document-array"),
    ({"selected": [str(n) for n in range(MAX_SAMPLES + 1)]}, "document-array"),
    ({"nonce": None}, "opinion-sample-seed"), ({"block_hash": None}, "opinion-sample-seed"),
    ({"nonce": "00" * 31}, "hex-malformed"), ({"seed": None}, "document-members")])
def test_a_sampling_out_of_form_is_refused(changes: dict[str, Any], code: str) -> None:
    with pytest.raises(FormError) as refusal:
        sampling_from_json(DRAWN.as_json() | changes)
    assert refusal.value.code == code
