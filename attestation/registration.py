"""Registrations: devices, meters, claim points and participants, as the registrar signs them (JCS JSON).

Every subject has one chained history: each entry names its subject, its seq from 0, and the SHA-256 of the
payload before.
The tables below are the form of every event; an unknown, missing or extra field is refused.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from decimal import Decimal
from hashlib import sha256
from typing import Any, NamedTuple

from attestation import envelope
from attestation.block import MAX_SCALE, VALUE_LIMIT
from core import jcs
from core.errors import FormError
from core.ethereum import parse_address
from core.ids import check_hex, check_id
from core.numbers import parse_decimal, parse_natural
from core.period import instant_text, parse_instant
from core.signatures import MAX_KEY_BYTES, SIGNATURE_BYTES, load_public_key
from core.signer import Signer

SCHEMA = "carbonseal-registration/1"
MAX_TEXT = 512
MAX_ITEMS = 256
# 10^18 still leaves room for a ratio below the 2^62 of a position.
MAX_WIDTH = 18

DEVICE, METER, CLAIM_POINT, PARTICIPANT = "device", "meter", "claim-point", "participant"
CONTENT_TYPE_OF = {DEVICE: envelope.DEVICE, METER: envelope.METER, CLAIM_POINT: envelope.METER,
                   PARTICIPANT: envelope.PARTICIPANT}
ROLES = frozenset({"enterprise", "verifier", "trader", "government", "registrar", "node", "rule-publisher"})
KEY_USES = frozenset({"claim", "statement", "opinion", "manifest", "dispute", "document", "grant", "audit", "rules"})
DIRECTIONS = frozenset({"import", "export", "generation"})
# Where a meter's values come from; all that is not metered is said aloud wherever the values are used.
METERED, INTERPOLATED, SIMULATED = "metered", "interpolated", "simulated"
ORIGINS = frozenset({METERED, INTERPOLATED, SIMULATED})
# Sums of an hour of gauge values, and capacity × years, stay inside 64 bits.
MAX_MAGNITUDE = 2**40
# What one unit of a register is worth in the whole base units that serial numbers count.
BASE_UNITS = {
    "Wh": ("Wh", 1), "kWh": ("Wh", 10**3), "MWh": ("Wh", 10**6),
    "J": ("J", 1), "kJ": ("J", 10**3), "MJ": ("J", 10**6), "GJ": ("J", 10**9),
    "L": ("L", 1), "m3": ("L", 10**3), "g": ("g", 1), "kg": ("g", 10**3), "t": ("g", 10**6),
}

Parser = Callable[[Any, str], Any]


class Registration(NamedTuple):
    """One entry of a history. `fields`: the event's own fields, parsed; `payload`: the bytes that were signed."""

    kind: str
    subject: str
    seq: int
    prev: bytes | None
    event: str
    time: int
    fields: Mapping[str, Any]
    payload: bytes

    @property
    def digest(self) -> bytes:
        """SHA-256 of the payload, what the next entry names as prev."""
        return sha256(self.payload).digest()


class ColumnProfile(NamedTuple):
    """One column a meter may send. `low` ≤ raw ≤ `high`; `width`: decimal digits after which a register wraps."""

    quantity: str
    unit: str
    scale: int
    register: bool
    width: int | None
    low: int
    high: int

    @property
    def ratio(self) -> int:
        """Base units of one raw count of a register (a whole number by `parse_registration`)."""
        return int(BASE_UNITS[self.unit][1] * Decimal(10) ** self.scale)


class Profile(NamedTuple):
    """What the registrar knows of a meter. `capacity_w` in W (or base units an hour); `calibration_until` ms UTC.

    `origin` of its values: measured by this meter, interpolated between published readings, or simulated.
    """

    carrier: str
    columns: tuple[ColumnProfile, ...]
    direction: str
    capacity_w: int
    accuracy_class: str
    calibration_until: int
    gateway: str
    parent: str | None
    org: str
    serial: str
    origin: str

    def column(self, quantity: str) -> ColumnProfile | None:
        """The column of a quantity, or None."""
        return next((column for column in self.columns if column.quantity == quantity), None)


@dataclass(frozen=True)
class ReadingPlace:
    """A register reading and where it stands: `ordinal` within block number `block` of the frame at log index `index`.

    `position`: the serial number in base units; `time`: ms UTC.
    """

    position: int
    time: int
    gateway: str
    epoch: int
    seq: int
    block: int
    ordinal: int
    index: int

    @property
    def frame(self) -> tuple[str, int, int]:
        """(gateway, epoch, seq)."""
        return self.gateway, self.epoch, self.seq

    def as_json(self) -> dict[str, str]:
        """All members as text."""
        return {name: instant_text(value) if name == "time" else str(value) for name, value in asdict(self).items()}


def parse_registration(payload: bytes, content_type: str | None = None) -> Registration:
    """The registration of its payload, every field checked. Raises FormError (registration-…, json-…, …)."""
    document = jcs.parse(payload, limit=envelope.MAX_ENVELOPE_BYTES)
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        raise _bad("", f"not a document of schema {SCHEMA}")
    kind, event = document.get("type"), document.get("event")
    table = EVENTS.get((str(kind), str(event)))
    if table is None:
        raise _bad("event", f"{str(kind)[:30]} {str(event)[:30]} is not an event of a registration")
    if content_type is not None and CONTENT_TYPE_OF[str(kind)] != content_type:
        raise _bad("type", f"a {kind} does not stand under {content_type}")
    fields = record(_HEAD | table)(document, "")
    seq, prev = fields.pop("seq"), fields.pop("prev")
    if (seq == 0) != (prev is None):
        raise _bad("prev", "the first entry has prev null, every other one a digest")
    own = {name: value for name, value in fields.items() if name in table}
    return Registration(str(kind), fields["subject"], seq, prev, str(event), fields["time"], own, payload)


def registration_payload(
    kind: str, subject: str, event: str, time: int, fields: Mapping[str, Any], previous: Registration | None = None,
) -> bytes:
    """The payload of the next entry after `previous`; `fields` in their JSON form. Raises FormError like the parser."""
    head = {"schema": SCHEMA, "type": kind, "subject": subject, "event": event, "time": instant_text(time),
            "seq": "0" if previous is None else str(previous.seq + 1),
            "prev": None if previous is None else previous.digest.hex()}
    payload = jcs.canonical(head | dict(fields))
    parse_registration(payload)
    return payload


def rotation_payload(old: Signer, previous: Registration, time: int, last: tuple[int, int | None, bytes | None],
                     new_key: bytes) -> bytes:
    """The payload of a key rotation, endorsed by the old key.

    `last`: (epoch, seq, payload digest) of the last frame the old key signed; seq and digest None if there was none.
    """
    epoch, seq, head = last
    fields: dict[str, Any] = {
        "epoch": str(epoch), "last_seq": None if seq is None else str(seq),
        "head": None if head is None else head.hex(), "public_key": new_key.hex(),
        "endorsement": bytes(SIGNATURE_BYTES).hex()}
    draft = registration_payload(DEVICE, previous.subject, "rotate", time, fields, previous)
    fields["endorsement"] = old.sign(endorsed_bytes(draft)).hex()
    return registration_payload(DEVICE, previous.subject, "rotate", time, fields, previous)


def endorsed_bytes(payload: bytes) -> bytes:
    """What the old key signs when a device's key rotates: the payload without its endorsement."""
    document = jcs.parse(payload, limit=envelope.MAX_ENVELOPE_BYTES)
    return jcs.canonical({name: value for name, value in document.items() if name != "endorsement"})


def record(table: Mapping[str, Parser]) -> Parser:
    """A parser of objects with exactly these fields."""
    def parse(value: Any, where: str) -> dict[str, Any]:
        if not isinstance(value, dict) or set(value) != set(table):
            raise _bad(where, "exactly these fields are needed: " + ", ".join(sorted(table)))
        return {name: parser(value[name], f"{where}.{name}".lstrip(".")) for name, parser in table.items()}
    return parse


def _bad(where: str, message: str) -> FormError:
    return FormError("registration-malformed", message, where=where)


def _nullable(parser: Parser) -> Parser:
    return lambda value, where: None if value is None else parser(value, where)


def _list(parser: Parser, least: int = 0) -> Parser:
    def parse(value: Any, where: str) -> tuple[Any, ...]:
        if not isinstance(value, list) or not least <= len(value) <= MAX_ITEMS:
            raise _bad(where, f"a list of {least} to {MAX_ITEMS} items is needed")
        return tuple(parser(item, f"{where}[{i}]") for i, item in enumerate(value))
    return parse


def _choice(choices: frozenset[str]) -> Parser:
    def parse(value: Any, where: str) -> str:
        if not isinstance(value, str) or value not in choices:
            raise _bad(where, f"{str(value)[:40]!r} is not one of {', '.join(sorted(choices))}")
        return value
    return parse


def _text(value: Any, where: str) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= MAX_TEXT or not unicodedata.is_normalized("NFC", value):
        raise _bad(where, f"text of 1 to {MAX_TEXT} characters in Unicode form NFC is needed")
    return value


def _id(value: Any, where: str) -> str:
    return check_id(value, where=where)


def _instant(value: Any, where: str) -> int:
    return parse_instant(value, where=where)


def _hash(value: Any, where: str) -> bytes:
    return check_hex(value, where=where)


def _natural(value: Any, where: str) -> int:
    return parse_natural(value, where=where, limit=VALUE_LIMIT)


def _positive(value: Any, where: str) -> int:
    number = _natural(value, where)
    if number == 0:
        raise _bad(where, "zero is no ratio and no capacity")
    return number


def _magnitude(value: Any, where: str) -> int:
    number = _positive(value, where)
    if number >= MAX_MAGNITUDE:
        raise _bad(where, "not below 2^40")
    return number


def _integer(value: Any, where: str) -> int:
    number = parse_decimal(value, where=where)
    if number != number.to_integral_value() or abs(number) >= VALUE_LIMIT:
        raise _bad(where, f"{str(value)[:40]} is not an integer below 2^62 in magnitude")
    return int(number)


def _key(value: Any, where: str) -> bytes:
    if not isinstance(value, str) or len(value) > 2 * MAX_KEY_BYTES:
        raise _bad(where, "a public key is the hex of its DER SubjectPublicKeyInfo")
    key = check_hex(value, len(value) // 2, where=where)
    load_public_key(key)
    return key


def _signature(value: Any, where: str) -> bytes:
    return check_hex(value, SIGNATURE_BYTES, where=where)


def _account(value: Any, where: str) -> str:
    if not isinstance(value, str):
        raise _bad(where, "an account is text")
    parse_address(value, where=where)
    return value


def _column(value: Any, where: str) -> ColumnProfile:
    fields = record({"quantity": _id, "unit": _text, "scale": _integer, "width": _nullable(_positive),
                     "kind": _choice(frozenset({"register", "gauge"})), "min": _integer, "max": _integer})(value, where)
    column = ColumnProfile(fields["quantity"], fields["unit"], fields["scale"], fields["kind"] == "register",
                           fields["width"], fields["min"], fields["max"])
    if abs(column.scale) > MAX_SCALE or column.low > column.high:
        raise _bad(where, "scale is out of range, or min above max")
    if column.register:
        _check_register(column, where)
    elif max(abs(column.low), abs(column.high)) >= MAX_MAGNITUDE:
        raise _bad(where, "min and max of a gauge are below 2^40 in magnitude")
    return column


def _check_register(column: ColumnProfile, where: str) -> None:
    if column.unit not in BASE_UNITS:
        raise _bad(where, f"{column.unit} is not a unit of registers: one of {', '.join(BASE_UNITS)}")
    exact = BASE_UNITS[column.unit][1] * Decimal(10) ** column.scale
    if exact != exact.to_integral_value() or exact < 1:
        raise _bad(where, f"one count is not a whole number of {BASE_UNITS[column.unit][0]}")
    if column.low < 0 or (column.width or 0) > MAX_WIDTH or (column.width and column.high >= 10**column.width):
        raise _bad(where, f"a register counts from 0 and fits its width, at most {MAX_WIDTH} digits")


def _profile(value: Any, where: str) -> Profile:
    fields = record({
        "carrier": _id, "columns": _list(_column, 1), "direction": _choice(DIRECTIONS), "capacity_w": _magnitude,
        "accuracy_class": _text, "calibration_until": _instant, "gateway": _id, "parent": _nullable(_id), "org": _id,
        "serial": _text, "origin": _choice(ORIGINS)})(value, where)
    if len({column.quantity for column in fields["columns"]}) != len(fields["columns"]):
        raise _bad(where, "a quantity occurs in two columns")
    return Profile(**fields)


def _place(value: Any, where: str) -> ReadingPlace:
    fields = record({"position": _natural, "time": _instant, "gateway": _id, "epoch": _natural, "seq": _natural,
                     "block": _natural, "ordinal": _natural, "index": _natural})(value, where)
    return ReadingPlace(**fields)


_EVENT_NAME: Parser = _text
_HEAD: dict[str, Parser] = {"schema": _text, "type": _text, "subject": _id, "seq": _natural, "prev": _nullable(_hash),
                            "event": _EVENT_NAME, "time": _instant}
_REGISTERS = _list(record({
    "quantity": _id, "closing": record({"position": _natural, "time": _instant}),
    "opening": record({"raw": _natural, "time": _instant})}), 1)
_PARTICIPANT: dict[str, Parser] = {
    "name": record({"zh": _text, "en": _text}), "roles": _list(_choice(ROLES), 1), "accreditation": _nullable(_text),
    "jurisdiction": _text, "group": _nullable(_id), "accounts": _list(_account), "valid_from": _instant,
    "valid_until": _nullable(_instant),
    "keys": _list(record({"public_key": _key, "uses": _list(_choice(KEY_USES), 1)}))}

EVENTS: dict[tuple[str, str], dict[str, Parser]] = {
    (DEVICE, "enrol"): {"public_key": _key, "site": _id, "org": _id},
    (DEVICE, "rotate"): {"epoch": _natural, "last_seq": _nullable(_natural), "head": _nullable(_hash),
                         "public_key": _key, "endorsement": _signature},
    (DEVICE, "revoke"): {"reason": _text},
    (METER, "profile"): {"profile": _profile},
    (METER, "swap"): {"registers": _REGISTERS, "profile": _nullable(_profile)},
    (METER, "roll-over"): {"registers": _REGISTERS},
    (METER, "ratio"): {"registers": _REGISTERS, "ratio": _magnitude},
    (METER, "move"): {"registers": _REGISTERS, "gateway": _id},
    (CLAIM_POINT, "open"): {"meter": _id, "quantity": _id, "grid_point": _text, "meter_serial": _text, "org": _id,
                            "opening": _natural, "capacity_w": _magnitude, "first_reading": _place},
    (CLAIM_POINT, "close"): {"closing": _natural, "reason": _text},
    (PARTICIPANT, "register"): _PARTICIPANT,
    (PARTICIPANT, "update"): _PARTICIPANT,
    (PARTICIPANT, "revoke"): {"reason": _text},
}
