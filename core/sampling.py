"""A verifier's sample: which detail records were looked at, drawn from a seed that neither side could choose.

Normative text: docs/spec/claims-and-opinions.md, "Sampling".
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from itertools import pairwise
from typing import Any

from core.errors import FormError, VerificationFailed
from core.fields import members, optional_hex, sequence, text
from core.numbers import parse_natural

MAX_SAMPLES = 1_000
# Detail records of any statement there may be; the bias of a draw stays below 2^-200.
MAX_POPULATION = 2**32


@dataclass(frozen=True)
class Sampling:
    """Which details were checked. `block_hash`: the first finalised block after the anchor of the statement.

    The verifier committed to `nonce` before that block, so neither side chose the sample.
    """

    method: str
    population: int
    selected: tuple[int, ...]
    block_hash: bytes | None = None
    nonce: bytes | None = None

    def as_json(self) -> dict[str, Any]:
        """The members in their spelling."""
        return {"method": self.method, "population": str(self.population),
                "selected": [str(index) for index in self.selected],
                "block_hash": self.block_hash.hex() if self.block_hash else None,
                "nonce": self.nonce.hex() if self.nonce else None}

    def check(self, statement: bytes) -> None:
        """Passes when a seeded sample of this statement (payload digest) is the one its seed gives.

        Raises VerificationFailed (opinion-sample).
        """
        if self.block_hash is None or self.nonce is None:
            return
        if self.selected != sample(statement, self.block_hash, self.nonce, self.population, len(self.selected)):
            raise VerificationFailed("opinion-sample", "the sample is not the one its seed gives", where="sampling",
                                     hint="draw it again from the block and the nonce committed before it")


def sample(payload_digest: bytes, block_hash: bytes, nonce: bytes, population: int, count: int) -> tuple[int, ...]:
    """`count` distinct indices below `population`, sorted, drawn from the seed SHA-256(payload digest ‖ block ‖ nonce).

    Draw k is SHA-256(seed ‖ k uint64 BE) modulo the population (bias below 2^-200); repeated indices are skipped.
    """
    seed = sha256(payload_digest + block_hash + nonce).digest()
    chosen: set[int] = set()
    draw = 0
    while len(chosen) < min(count, population, MAX_SAMPLES):
        chosen.add(int.from_bytes(sha256(seed + draw.to_bytes(8, "big")).digest(), "big") % population)
        draw += 1
    return tuple(sorted(chosen))


def sampling_from_json(value: object) -> Sampling:
    """The sampling of its JSON form. Raises FormError."""
    item = members(value, ("method", "population", "selected", "block_hash", "nonce"), "sampling")
    population = parse_natural(item["population"], where="sampling.population", limit=MAX_POPULATION)
    selected = tuple(parse_natural(index, where="sampling.selected", limit=max(population, 1))
                     for index in sequence(item["selected"], "sampling.selected", MAX_SAMPLES))
    if any(before >= after for before, after in pairwise(selected)):
        raise FormError("opinion-sample-order", "selected indices are sorted and none occurs twice", where="sampling",
                        hint="sort them as numbers and keep one of each")
    if (item["block_hash"] is None) != (item["nonce"] is None):
        raise FormError("opinion-sample-seed", "a seed has both block_hash and nonce, or neither", where="sampling",
                        hint="give both, or say in `method` how items were chosen")
    return Sampling(text(item["method"], "sampling.method"), population, selected,
                    optional_hex(item["block_hash"], "block_hash"), optional_hex(item["nonce"], "nonce"))
