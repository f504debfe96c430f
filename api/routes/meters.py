"""Meters: hours, the register at an instant, the energy of a period, with the places that prove them; open flags."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from sqlalchemy import Connection
from starlette.concurrency import run_in_threadpool

from api.accounts import Account
from api.answers import json_body
from api.deps import AnyAccount, NodeDep, Registrar, Snapshot
from api.messages import LANGUAGES
from api.node import Node
from attestation import registry, resolution, series
from attestation.flags import MESSAGES
from attestation.history import profile_at
from attestation.registration import METER, Profile
from attestation.series import RegisterReading, StoredFlag
from core.database import transaction
from core.errors import InputError, NotFound
from core.fields import members
from core.ids import check_id
from core.numbers import parse_natural
from core.period import HOUR_MS, MAX_INSTANT, Period, instant_text, parse_instant

router = APIRouter(prefix="/v1/meters", tags=["meters"])

Instant = Annotated[str, Query(description="2026-11-16T16:00:00.000Z")]
MAX_HOURS = 24 * 366
_RESOLUTION = ("index", "meter", "quantity", "code", "resolution")


@router.get("")
def meters(snapshot: Snapshot, account: AnyAccount) -> list[dict[str, Any]]:
    """The meters that the asker may see, with their profiles."""
    found = []
    for meter in registry.subjects(snapshot, METER):
        profile = _profile(snapshot, meter)
        if account.sees(profile.org):
            found.append({"meter": meter, **_profile_json(profile)})
    return found


@router.get("/flags")
def open_flags(snapshot: Snapshot, account: AnyAccount) -> list[dict[str, Any]]:
    """The work list: what is doubtful and nobody has decided yet, oldest first."""
    account.require("registrar", "verifier", "government")
    return [_flag_json(flag) for flag in series.open_flags(snapshot)]


@router.post("/flags", status_code=204)
async def resolve(node: NodeDep, account: Registrar, request: Request) -> None:
    """Decide a flag: {"index", "meter", "quantity", "code", "resolution": "counts" | "stays-out"}."""
    await run_in_threadpool(_resolve, node, account, await json_body(request))


def _resolve(node: Node, account: Account, body: dict[str, Any]) -> None:
    item = members(body, _RESOLUTION, "body")
    with transaction(node.engine) as connection:
        resolution.resolve(connection, parse_natural(item["index"], where="index"), str(item["meter"]),
                           str(item["quantity"]), str(item["code"]), str(item["resolution"]), account.org,
                           node.deployment.clock.now())


@router.get("/{meter}/register")
def register(snapshot: Snapshot, account: AnyAccount, meter: str, quantity: str, at: Instant) -> dict[str, Any]:
    """R(t): the last counted reading at or before an instant, with its place in the log."""
    _check_seen(snapshot, account, meter)
    found = series.register_at(snapshot, meter, quantity, parse_instant(at, where="at"))
    if found is None:
        raise NotFound("register-not-yet", "no counted reading at or before this instant", where=f"{meter} {quantity}")
    return _reading_json(found)


@router.get("/{meter}/energy")
def energy(snapshot: Snapshot, account: AnyAccount, meter: str, quantity: str, start: Instant,
           end: Instant) -> dict[str, Any]:
    """The energy of a period as a difference of two signed register readings."""
    _check_seen(snapshot, account, meter)
    difference = series.energy(snapshot, meter, quantity, _period(start, end))
    return {"value": str(difference.value), "unit": difference.unit, "staleness_ms": str(difference.staleness),
            "from": _reading_json(difference.start), "to": _reading_json(difference.end)}


@router.get("/{meter}/hours")
def hours(snapshot: Snapshot, account: AnyAccount, meter: str, quantity: str, start: Instant,
          end: Instant) -> list[dict[str, Any]]:
    """Hourly figures over the readings that count."""
    _check_seen(snapshot, account, meter)
    period = _period(start, end)
    if period.end - period.start > MAX_HOURS * HOUR_MS:
        raise InputError("period-too-long", f"at most {MAX_HOURS} hours at a time", where="end")
    return [{"hour": instant_text(item.hour), "readings": item.readings, "measured": item.measured,
             "total": str(item.total), "low": str(item.low), "high": str(item.high),
             "first_position": str(item.first_position), "last_position": str(item.last_position)}
            for item in series.hourly(snapshot, meter, quantity, period)]


def _check_seen(connection: Connection, account: Account, meter: str) -> None:
    account.require_org(_profile(connection, check_id(meter, where="meter")).org)


def _profile(connection: Connection, meter: str) -> Profile:
    profile = profile_at(registry.history(connection, meter), MAX_INSTANT)
    if profile is None:
        raise NotFound("meter-unknown", "nobody enrolled this meter", where=meter)
    return profile


def _profile_json(profile: Profile) -> dict[str, Any]:
    return {"org": profile.org, "gateway": profile.gateway, "carrier": profile.carrier, "direction": profile.direction,
            "capacity_w": str(profile.capacity_w), "accuracy_class": profile.accuracy_class, "serial": profile.serial,
            "origin": profile.origin,
            "calibration_until": instant_text(profile.calibration_until),
            "quantities": [{"quantity": column.quantity, "unit": column.unit, "scale": str(column.scale),
                            "kind": "register" if column.register else "gauge"} for column in profile.columns]}


def _reading_json(reading: RegisterReading) -> dict[str, Any]:
    return {"meter": reading.meter, "quantity": reading.quantity, **reading.place().as_json()}


def _flag_json(flag: StoredFlag) -> dict[str, Any]:
    return {"index": str(flag.log_index), "gateway": flag.gateway, "meter": flag.meter, "quantity": flag.quantity,
            "code": flag.code, "message": dict(zip(LANGUAGES, MESSAGES[flag.code], strict=True)),
            "excludes": flag.excludes, "from": instant_text(flag.t_from), "to": instant_text(flag.t_to)}


def _period(start: str, end: str) -> Period:
    return Period(parse_instant(start, where="start"), parse_instant(end, where="end"))
