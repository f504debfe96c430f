"""The reader's trust list (`trust.json`): whose word counts. It never comes from an evidence file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from core import jcs
from core.errors import FormError, InputError
from core.fields import account, members, sequence, text
from core.ids import check_hex
from core.numbers import parse_natural
from core.signatures import MAX_KEY_BYTES, key_id, load_public_key
from ledger import note
from ledger.checkpoint import WitnessPolicy
from ledger.note import ED25519_NOTE, VerifierKey

SCHEMA = "carbonseal-trust/1"
STEPS = tuple(range(1, 11))
MAX_TRUST_BYTES = 2**20
MAX_KEYS = 1_000
MAX_VALIDATORS = 1_000
# Steps that must be checked for a file of a level to be valid, unless the trust list says otherwise.
REQUIRED = {
    "public": (1, 2, 3, 4, 5, 9, 10),
    "buyer": (1, 2, 3, 4, 5, 6, 9, 10),
    "auditor": STEPS,
    "full": STEPS,
}

_MEMBERS = ("schema", "origin", "log_key", "witnesses", "chain", "registrars", "rule_publishers",
            "allow_development_chain", "max_age_ms", "require")
_CHAIN_MEMBERS = ("id", "anchor_registry", "certificate_registry", "participant_registry", "validators")


@dataclass(frozen=True)
class ValidatorSet:
    """Validators that seal blocks from `from_block` to `to_block` (inclusive; None: until further notice)."""

    from_block: int
    to_block: int | None
    addresses: tuple[str, ...]

    def covers(self, number: int) -> bool:
        """Whether a block of this number is sealed by this set."""
        return self.from_block <= number and (self.to_block is None or number <= self.to_block)


@dataclass(frozen=True)
class ChainTrust:
    """The one chain and the contracts on it. No validators: a development chain, whose blocks nobody seals."""

    id: int
    anchor_registry: str
    certificate_registry: str
    participant_registry: str
    validators: tuple[ValidatorSet, ...] = ()

    def validators_at(self, number: int) -> tuple[str, ...]:
        """The trusted addresses for a block; empty when none are pinned for it."""
        return next((item.addresses for item in self.validators if item.covers(number)), ())


@dataclass(frozen=True)
class Trust:
    """A trust list. `registrars`, `rule_publishers`: DER keys; `max_age`: ms or None; `require`: steps or None."""

    origin: str
    log_key: VerifierKey
    chain: ChainTrust
    registrars: tuple[bytes, ...]
    rule_publishers: tuple[bytes, ...]
    witnesses: WitnessPolicy = field(default_factory=WitnessPolicy)
    allow_development_chain: bool = False
    max_age: int | None = None
    require: tuple[int, ...] | None = None

    def required(self, level: str) -> tuple[int, ...]:
        """The steps that must be checked for a file of this level."""
        return REQUIRED[level] if self.require is None else self.require

    def as_json(self) -> dict[str, Any]:
        """The members of trust.json."""
        return {
            "schema": SCHEMA, "origin": self.origin, "log_key": self.log_key.text,
            "witnesses": {"threshold": str(self.witnesses.threshold),
                          "keys": [key.text for key in self.witnesses.keys]},
            "chain": {
                "id": str(self.chain.id), "anchor_registry": self.chain.anchor_registry,
                "certificate_registry": self.chain.certificate_registry,
                "participant_registry": self.chain.participant_registry,
                "validators": [_validators_json(item) for item in self.chain.validators]},
            "registrars": [key.hex() for key in self.registrars],
            "rule_publishers": [key.hex() for key in self.rule_publishers],
            "allow_development_chain": self.allow_development_chain,
            "max_age_ms": None if self.max_age is None else str(self.max_age),
            "require": None if self.require is None else list(self.require),
        }


def _validators_json(item: ValidatorSet) -> dict[str, Any]:
    return {"from_block": str(item.from_block), "to_block": None if item.to_block is None else str(item.to_block),
            "addresses": list(item.addresses)}


def key_by_id(keys: Sequence[bytes], kid: bytes) -> bytes | None:
    """The DER key of this kid among `keys`, or None."""
    return next((key for key in keys if key_id(key) == kid), None)


def load_trust(path: Path) -> Trust:
    """The trust list of a file, of which no more than the limit is read.

    Raises InputError (trust-unreadable, trust-too-large), FormError (trust-…, json-…, note-key-…).
    """
    try:
        with path.open("rb") as stream:
            data = stream.read(MAX_TRUST_BYTES + 1)
    except OSError as error:
        raise InputError("trust-unreadable", f"cannot read the trust list: {error.strerror}", where=str(path),
                         hint="give your own list with --trust; it is never taken from the evidence file") from None
    if len(data) > MAX_TRUST_BYTES:
        raise InputError("trust-too-large", f"more than {MAX_TRUST_BYTES} bytes", where=str(path),
                         hint="give a trust list; those of a whole country's nodes are smaller")
    try:
        return parse_trust(data)
    except FormError as error:
        error.where = error.where or str(path)
        raise


def parse_trust(data: bytes) -> Trust:
    """The trust list of its bytes: white space and key order are free, all else is strict. Raises FormError."""
    value = members(jcs.parse_lenient(data, limit=MAX_TRUST_BYTES), _MEMBERS, "trust")
    if value["schema"] != SCHEMA:
        raise FormError("trust-schema", f"not a {SCHEMA} document", where="trust.schema")
    witnesses = members(value["witnesses"], ("threshold", "keys"), "trust.witnesses")
    log_key = note.parse_key(text(value["log_key"], "trust.log_key"))
    origin = text(value["origin"], "trust.origin")
    if log_key.kind != ED25519_NOTE or log_key.name != origin:
        raise FormError("trust-log-key", "the log key is not a plain note key of this origin", where="trust.log_key")
    return Trust(
        origin, log_key, _chain(value["chain"]), _keys(value["registrars"], "trust.registrars"),
        _keys(value["rule_publishers"], "trust.rule_publishers"),
        WitnessPolicy.parse(parse_natural(witnesses["threshold"], where="trust.witnesses.threshold"),
                            [text(item, "trust.witnesses.keys")
                             for item in sequence(witnesses["keys"], "trust.witnesses.keys", MAX_KEYS)]),
        _flag(value["allow_development_chain"]),
        None if value["max_age_ms"] is None else parse_natural(value["max_age_ms"], where="trust.max_age_ms"),
        _require(value["require"]))


def _chain(value: object) -> ChainTrust:
    item = members(value, _CHAIN_MEMBERS, "trust.chain")
    anchor, certificate, participant = (account(item[name], f"trust.chain.{name}") for name in _CHAIN_MEMBERS[1:4])
    sets = sequence(item["validators"], "trust.chain.validators", MAX_VALIDATORS)
    return ChainTrust(parse_natural(item["id"], where="trust.chain.id"), anchor, certificate, participant,
                      tuple(_validator_set(one) for one in sets))


def _validator_set(value: object) -> ValidatorSet:
    where = "trust.chain.validators"
    item = members(value, ("from_block", "to_block", "addresses"), where)
    addresses = tuple(account(one, where) for one in sequence(item["addresses"], where, MAX_VALIDATORS))
    if not addresses or len(set(addresses)) != len(addresses):
        raise FormError("trust-validators", "a set of validators is not empty and names each once", where=where)
    return ValidatorSet(parse_natural(item["from_block"], where=where),
                        None if item["to_block"] is None else parse_natural(item["to_block"], where=where), addresses)


def _keys(value: object, where: str) -> tuple[bytes, ...]:
    keys = []
    for item in sequence(value, where, MAX_KEYS):
        if not isinstance(item, str) or len(item) > 2 * MAX_KEY_BYTES:
            raise FormError("key-malformed", "not a public key in hex of its DER", where=where)
        keys.append(check_hex(item, len(item) // 2, where=where))
        load_public_key(keys[-1])
    return tuple(keys)


def _flag(value: object) -> bool:
    if value is True or value is False:
        return value
    raise FormError("trust-flag", "neither true nor false", where="trust.allow_development_chain")


def _require(value: object) -> tuple[int, ...] | None:
    if value is None:
        return None
    steps = sequence(value, "trust.require", len(STEPS))
    if any(type(step) is not int or step not in STEPS for step in steps) or sorted(set(steps)) != steps:
        raise FormError("trust-require", "not a rising list of step numbers from 1 to 10", where="trust.require")
    return tuple(steps)
