"""Histories of subjects for the tests of what follows from them."""

from __future__ import annotations

from typing import Any

from attestation_helpers import GATEWAY, GATEWAY_KEY, HOUR, ORG, OTHER_KEY, SITE, START

from attestation.registration import parse_registration, registration_payload, rotation_payload
from core.period import instant_text

DEVICE = {"public_key": GATEWAY_KEY.public_key.hex(), "site": SITE, "org": ORG}
CLAIM_POINT = {
    "meter": "m:pv", "quantity": "energy", "grid_point": "苏-0001", "meter_serial": "PV-1", "org": ORG,
    "opening": "1000", "capacity_w": "500000", "first_reading": {
        "position": "1000", "time": instant_text(START), "gateway": GATEWAY, "epoch": "0", "seq": "0", "block": "0",
        "ordinal": "0", "index": "4"}}
PARTICIPANT = {
    "name": {"zh": "苏证核查", "en": "Suzheng"}, "roles": ["verifier"], "accreditation": "CNAS-1",
    "jurisdiction": "CN-JS", "group": None, "accounts": ["0x" + "00" * 19 + "01"], "valid_from": instant_text(START),
    "valid_until": instant_text(START + HOUR),
    "keys": [{"public_key": OTHER_KEY.public_key.hex(), "uses": ["opinion"]}]}


def chain(kind: str, subject: str, *events: tuple[str, dict[str, Any], int]) -> list[tuple[int, bytes]]:
    """(log index, payload) pairs at indices 10, 20, 30 …"""
    items: list[tuple[int, bytes]] = []
    previous = None
    for number, (event, fields, time) in enumerate(events):
        payload = registration_payload(kind, subject, event, time, fields, previous)
        items.append((10 * (number + 1), payload))
        previous = parse_registration(payload)
    return items


def rotated(last: tuple[int, int | None, bytes | None] = (0, 5, b"\x05" * 32)) -> list[tuple[int, bytes]]:
    """The gateway's history with another key from its second entry on."""
    items = chain("device", GATEWAY, ("enrol", DEVICE, START))
    payload = rotation_payload(GATEWAY_KEY, parse_registration(items[0][1]), START + 1, last, OTHER_KEY.public_key)
    return [*items, (20, payload)]
