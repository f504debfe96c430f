"""Chained histories and what follows from them: whose key, which profile, which serial numbers, as of a log index.

Everything here is a fold over the whole history of one subject up to an index; an entry holds for leaves after it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from attestation.block import VALUE_LIMIT
from attestation.frame import Link
from attestation.registration import (
    CLAIM_POINT,
    DEVICE,
    METER,
    METERED,
    PARTICIPANT,
    Profile,
    ReadingPlace,
    Registration,
    endorsed_bytes,
    parse_registration,
)
from core import jcs
from core.errors import FormError, NotFound, VerificationFailed
from core.signatures import algorithm_of, key_id, verify


class Entry(NamedTuple):
    """A registration and the log index of its leaf."""

    leaf_index: int
    registration: Registration


class History(NamedTuple):
    """The history of one subject, whole from seq 0."""

    subject: str
    entries: tuple[Entry, ...]

    @property
    def head(self) -> bytes:
        """SHA-256 of the last payload."""
        return self.entries[-1].registration.digest


class KeyGrant(NamedTuple):
    """A key's right to sign frames: in epochs above `after`, and after a rotation only up to `until` (its backlog).

    `until` with digest None and seq −1 admits nothing of that epoch.
    """

    public_key: bytes
    after: int
    until: Link | None


class Segment(NamedTuple):
    """From `since` (ms UTC) on: serial = offset + raw × ratio; a register with a modulus wraps there."""

    since: int
    offset: int
    ratio: int
    modulus: int | None


class Participant(NamedTuple):
    """An organisation as of an index. `keys`: (public key, uses)."""

    org: str
    name: Mapping[str, str]
    roles: frozenset[str]
    accreditation: str | None
    jurisdiction: str
    group: str | None
    keys: tuple[tuple[bytes, frozenset[str]], ...]
    accounts: tuple[str, ...]
    valid_from: int
    valid_until: int | None


class ClaimPoint(NamedTuple):
    """A register on which attributes may be claimed. `closing`: position at which it was closed, or None."""

    mark: str
    meter: str
    quantity: str
    grid_point: str
    meter_serial: str
    org: str
    opening: int
    capacity_w: int
    first_reading: ReadingPlace
    closing: int | None


FIRST_EVENT = {DEVICE: "enrol", METER: "profile", CLAIM_POINT: "open", PARTICIPANT: "register"}
# A rotation that happens before any frame of the epoch admits no backlog.
_NO_BACKLOG_SEQ = -1


def read_history(items: Iterable[tuple[int, bytes]]) -> History:
    """The history of (log index, payload) pairs, when they chain from seq 0. Raises FormError, VerificationFailed."""
    history: History | None = None
    for index, payload in items:
        history = extend(history, index, parse_registration(payload))
    if history is None:
        raise FormError("history-empty", "a history has at least one entry")
    return history


def extend(history: History | None, index: int, entry: Registration) -> History:
    """The history with one more entry. Raises VerificationFailed (history-…) when it does not follow."""
    _check_chain(history, index, entry)
    extended = History(entry.subject, (*(history.entries if history else ()), Entry(index, entry)))
    if entry.kind == DEVICE:
        _grants(extended)
    elif entry.kind == METER:
        _check_meter(extended)
    return extended


def _check_chain(history: History | None, index: int, entry: Registration) -> None:
    last = history.entries[-1] if history else None
    expected = (0, None) if last is None else (last.registration.seq + 1, last.registration.digest)
    if (entry.seq, entry.prev) != expected:
        raise VerificationFailed("history-chain", f"entry {entry.seq} does not follow; seq {expected[0]} is next",
                                 where=entry.subject, hint="name the head of the history as prev",
                                 expected_seq=str(expected[0]), expected_prev=expected[1] and expected[1].hex())
    if last is None:
        if entry.event != FIRST_EVENT[entry.kind]:
            raise VerificationFailed("history-order", f"a {entry.kind} begins with {FIRST_EVENT[entry.kind]}",
                                     where=entry.subject)
        return
    if index <= last.leaf_index or entry.subject != last.registration.subject or entry.kind != last.registration.kind:
        raise VerificationFailed("history-chain", "an entry of another subject, or out of order", where=entry.subject)
    if entry.time < last.registration.time:
        raise VerificationFailed("history-time", "an entry is older than the one before it", where=entry.subject)
    if entry.event == FIRST_EVENT[entry.kind] and entry.kind in (CLAIM_POINT, PARTICIPANT):
        raise VerificationFailed("history-order", f"{entry.event} happens once", where=entry.subject)


def as_of(history: History, index: int) -> History:
    """The entries before a log index. Raises NotFound when there was none yet."""
    entries = tuple(entry for entry in history.entries if entry.leaf_index < index)
    if not entries:
        raise NotFound("history-not-yet", f"nothing was registered before index {index}", where=history.subject)
    return History(history.subject, entries)


def key_at(history: History, kid: bytes, index: int) -> KeyGrant:
    """The right of the key `kid` of a device at a log index. Raises VerificationFailed (key-unknown, key-revoked)."""
    try:
        known = as_of(history, index)
    except NotFound:
        raise VerificationFailed("key-unknown", "the device was not enrolled yet", where=history.subject) from None
    grants = _grants(known)
    if kid in grants:
        return grants[kid]
    device_key(known, kid)
    raise VerificationFailed("key-revoked", "the key was revoked before this index", where=history.subject)


def device_key(history: History, kid: bytes) -> bytes:
    """The public key `kid` of a device, past or present. Raises VerificationFailed (key-unknown)."""
    for _, entry in history.entries:
        if "public_key" in entry.fields and key_id(entry.fields["public_key"]) == kid:
            return bytes(entry.fields["public_key"])
    raise VerificationFailed("key-unknown", "the key is not one of the device's", where=history.subject)


def check_grant(grant: KeyGrant, link: Link) -> None:
    """Passes when the grant covers a frame's place. Raises VerificationFailed (key-not-yet, key-rotated)."""
    if link.epoch <= grant.after:
        raise VerificationFailed("key-not-yet", f"this key signs from epoch {grant.after + 1} on")
    if grant.until is None:
        return
    place, end = (link.epoch, link.seq), (grant.until.epoch, grant.until.seq)
    if place > end or (place == end and link.digest != grant.until.digest):
        raise VerificationFailed("key-rotated", f"this key signs up to epoch {end[0]} seq {end[1]} and its named head")


def _grants(history: History) -> dict[bytes, KeyGrant]:
    """kid → grant; the newest key is the one without `until`."""
    grants: dict[bytes, KeyGrant] = {}
    after = -1
    for _, entry in history.entries:
        live = next((grant for grant in grants.values() if grant.until is None), None)
        if entry.event == "revoke":
            grants = {}
            continue
        key = entry.fields["public_key"]
        if key_id(key) in grants or (entry.event == "enrol") != (live is None):
            raise VerificationFailed("history-order", f"{entry.event} does not fit the keys in force",
                                     where=history.subject)
        if live is not None:
            _check_endorsement(live.public_key, entry)
            after = entry.fields["epoch"]
            grants[key_id(live.public_key)] = live._replace(until=_backlog(entry))
        grants[key_id(key)] = KeyGrant(key, after, None)
    return grants


def _check_endorsement(old_key: bytes, entry: Registration) -> None:
    try:
        verify(algorithm_of(old_key), old_key, endorsed_bytes(entry.payload), entry.fields["endorsement"])
    except VerificationFailed as error:
        raise VerificationFailed("rotation-not-endorsed", f"the old key did not endorse the new one: {error.message}",
                                 where=entry.subject) from None


def _backlog(entry: Registration) -> Link:
    last_seq, head = entry.fields["last_seq"], entry.fields["head"]
    if (last_seq is None) != (head is None):
        raise FormError("registration-malformed", "last_seq and head are both given or both null", where=entry.subject)
    return Link(entry.fields["epoch"], _NO_BACKLOG_SEQ if last_seq is None else last_seq, head or b"")


def profile_at(history: History, instant: int) -> Profile | None:
    """The profile of a meter in force at an instant (ms UTC); None before its first."""
    found = None
    for _, entry in history.entries:
        if entry.time <= instant and entry.fields.get("profile") is not None:
            found = entry.fields["profile"]
    return found


def source_notices(history: History, start: int, end: int) -> frozenset[str]:
    """What every use of a meter's values from [start, end) must say: "simulated-source", "interpolated-source".

    `start`, `end`: ms UTC. By every profile in force in that span, so that one put right at its end hides nothing.
    """
    return frozenset(f"{profile.origin}-source" for profile in profiles_in(history, start, end - 1)
                     if profile.origin != METERED)


def profiles_in(history: History, start: int, end: int) -> list[Profile]:
    """Every profile of a meter in force at some instant of [start, end] ms UTC, first to last."""
    before = profile_at(history, start)
    later = [entry.fields["profile"] for _, entry in history.entries
             if start < entry.time <= end and entry.fields.get("profile") is not None]
    return later if before is None else [before, *later]


def gateway_at(history: History, index: int) -> str:
    """The one gateway that may carry a meter at a log index. Raises NotFound."""
    gateway = ""
    for _, entry in as_of(history, index).entries:
        if entry.fields.get("profile") is not None:
            gateway = entry.fields["profile"].gateway
        gateway = entry.fields.get("gateway", gateway)
    return gateway


def carries(history: History, gateway: str, index: int) -> bool:
    """Whether a gateway may carry the meter at a log index; before its first profile nobody does."""
    try:
        return gateway_at(history, index) == gateway
    except NotFound:
        return False


def segments(history: History, quantity: str) -> tuple[Segment, ...]:
    """How raw values of a register become serial numbers, in order of time. Raises NotFound (register-unknown)."""
    found: list[Segment] = []
    current: Profile | None = None
    transformer = 1
    for _, entry in history.entries:
        current = entry.fields.get("profile") or current
        transformer = entry.fields.get("ratio", transformer)
        column = current.column(quantity) if current else None
        if column is None or not column.register:
            continue
        ratio, modulus = column.ratio * transformer, column.width and 10**column.width
        if column.high * ratio >= VALUE_LIMIT:
            raise VerificationFailed("register-too-large", "the greatest reading exceeds the serial numbers there are",
                                     where=history.subject)
        if not found:
            found.append(Segment(entry.time, 0, ratio, modulus))
        for change in entry.fields.get("registers", ()):
            if change["quantity"] == quantity:
                offset = change["closing"]["position"] - change["opening"]["raw"] * ratio
                found.append(Segment(change["opening"]["time"], offset, ratio, modulus))
    if not found:
        raise NotFound("register-unknown", f"{quantity} is not a register of this meter", where=history.subject)
    return tuple(found)


def segment_at(parts: Sequence[Segment], instant: int) -> Segment:
    """The segment in force at an instant. Raises NotFound (register-not-yet)."""
    for part in reversed(parts):
        if part.since <= instant:
            return part
    raise NotFound("register-not-yet", "the register was not enrolled at that time")


def serial(segment: Segment, raw: int, floor: int = 0) -> int:
    """The serial number of a raw register value: the least one not below `floor` that the register can mean.

    `floor`: the serial number of the reading before; only a register with a modulus can be lifted to reach it.
    """
    position = segment.offset + raw * segment.ratio
    if segment.modulus is not None and position < floor:
        turn = segment.modulus * segment.ratio
        position += -(-(floor - position) // turn) * turn
    return position


def _check_meter(history: History) -> None:
    """A change of what a raw count means comes with closing and opening readings of every register."""
    registers: dict[str, tuple[int, int | None]] = {}
    for _, entry in history.entries:
        changed = {change["quantity"] for change in entry.fields.get("registers", ())}
        profile = entry.fields.get("profile")
        if profile is not None:
            new = {c.quantity: (c.ratio, c.width) for c in profile.columns if c.register}
            moved = {name for name, meaning in registers.items() if name in new and new[name] != meaning}
            if entry.event == "profile" and moved:
                raise VerificationFailed("profile-needs-swap", f"{', '.join(sorted(moved))} would change its meaning",
                                         where=history.subject, hint="register a swap with this profile instead")
            registers |= new
        if "registers" in entry.fields and changed != set(registers):
            raise VerificationFailed("registers-incomplete", f"{entry.event} closes and opens every register at once",
                                     where=history.subject)
    for quantity in registers:
        segments(history, quantity)


def participant_at(history: History, index: int) -> Participant:
    """An organisation as registered before a log index. Raises NotFound, VerificationFailed (participant-revoked)."""
    entry = as_of(history, index).entries[-1].registration
    if entry.event == "revoke":
        raise VerificationFailed("participant-revoked", "the organisation was revoked", where=history.subject)
    fields: dict[str, Any] = dict(entry.fields)
    fields["keys"] = tuple((key["public_key"], frozenset(key["uses"])) for key in fields["keys"])
    return Participant(entry.subject, **(fields | {"roles": frozenset(fields["roles"])}))


def participant_key(participant: Participant, kid: bytes, use: str, instant: int) -> bytes:
    """The participant's public key `kid`, when it may be used so at that instant. Raises VerificationFailed."""
    ended = participant.valid_until is not None and instant >= participant.valid_until
    if instant < participant.valid_from or ended:
        raise VerificationFailed("participant-not-valid", "the organisation is not valid at that time",
                                 where=participant.org)
    for key, uses in participant.keys:
        if key_id(key) == kid and use in uses:
            return key
    raise VerificationFailed("key-unknown", f"no key of the organisation for {use}", where=participant.org)


def claim_point_at(history: History, index: int) -> ClaimPoint:
    """A claim point as registered before a log index. Raises NotFound."""
    known = as_of(history, index).entries
    last = known[-1].registration
    closing = last.fields["closing"] if last.event == "close" else None
    return ClaimPoint(history.subject, **known[0].registration.fields, closing=closing)


def profiles_digest(heads: Mapping[str, bytes]) -> bytes:
    """What a frame states as its meter profiles: SHA-256 of JCS [[meter, head hex], …] sorted by meter.

    `heads`: meter → SHA-256 of the last registration the gateway knows of it.
    """
    return jcs.digest([[meter, heads[meter].hex()] for meter in sorted(heads, key=str.encode)])
