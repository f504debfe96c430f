"""Time: UTC instants in integer milliseconds, and half-open reporting periods [start, end) with the site's zone."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from core.errors import FormError, quoted

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
# The end of the year 9999, the last that canonical instant text can spell.
MAX_INSTANT = 253_402_300_799_999
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
# Names of the IANA time zone database: up to three parts of ASCII, never a path.
_ZONE = re.compile(r"[A-Za-z][A-Za-z0-9_+-]{0,31}(/[A-Za-z0-9][A-Za-z0-9_+-]{0,31}){0,2}", re.ASCII)


def instant_text(instant: int) -> str:
    """"2026-11-15T16:00:00.000Z" for milliseconds since 1970. Raises FormError (instant-out-of-range)."""
    if not 0 <= instant <= MAX_INSTANT:
        raise FormError("instant-out-of-range", f"{str(instant)[:24]} ms is before 1970 or after 9999")
    moment = _EPOCH + timedelta(milliseconds=instant)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{instant % 1000:03d}Z"


def parse_instant(text: object, *, where: str = "") -> int:
    """Milliseconds of canonical instant text; any other spelling is a FormError."""
    if isinstance(text, str) and _INSTANT.fullmatch(text):
        try:
            instant = (datetime.fromisoformat(text) - _EPOCH) // timedelta(milliseconds=1)
            if instant >= 0:
                return instant
        except ValueError:
            pass
    raise FormError("instant-malformed", f"{quoted(text, 40)} is not an instant", where=where,
                    hint='UTC with milliseconds: "2026-11-15T16:00:00.000Z"')


def time_zone(name: str, *, where: str = "") -> ZoneInfo:
    """The zone of an IANA name. Raises FormError (zone-unknown) when it is none, or this machine does not know it."""
    try:
        return ZoneInfo(check_zone(name, where=where))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise _zone_unknown(name, where) from None


def check_zone(name: object, *, where: str = "") -> str:
    """The name, if it is spelled as one of a zone. Raises FormError (zone-unknown).

    Reading a document asks no more, so that its verdict does not hang on the machine's time zone database.
    """
    if not isinstance(name, str) or not _ZONE.fullmatch(name):
        raise _zone_unknown(name, where)
    return name


def _zone_unknown(name: object, where: str) -> FormError:
    return FormError("zone-unknown", f"{quoted(name, 40)} is not a time zone", where=where,
                     hint='an IANA name ("Asia/Shanghai"); on a machine without such a database, install tzdata')


def local_text(instant: int, zone: str) -> str:
    """The instant as a person at the site reads it: "2026-11-16 00:00:00". Raises FormError (zone-unknown)."""
    return (_EPOCH + timedelta(milliseconds=instant)).astimezone(time_zone(zone)).strftime("%Y-%m-%d %H:%M:%S")


@dataclass(frozen=True)
class Period:
    """A half-open reporting period [start, end) in milliseconds UTC, with the zone whose calendar it follows."""

    start: int
    end: int
    zone: str = "Asia/Shanghai"

    def __post_init__(self) -> None:
        if not 0 <= self.start < self.end <= MAX_INSTANT:
            raise FormError("period-empty", f"the period [{self.start}, {self.end}) is empty or out of range",
                            where="period")
        check_zone(self.zone, where="period")

    def as_json(self) -> dict[str, str]:
        """{"start", "end", "zone"} with canonical instants."""
        return {"start": instant_text(self.start), "end": instant_text(self.end), "zone": self.zone}

    @classmethod
    def from_json(cls, value: object, *, where: str = "period") -> Period:
        """The period of its JSON form. Raises FormError."""
        if not isinstance(value, dict) or set(value) != {"start", "end", "zone"} or not isinstance(value["zone"], str):
            raise FormError("period-malformed", "a period has exactly start, end and zone", where=where)
        start, end = (parse_instant(value[name], where=f"{where}.{name}") for name in ("start", "end"))
        if start >= end:
            raise FormError("period-empty", f"the period from {value['start']} to {value['end']} is empty", where=where)
        return cls(start, end, value["zone"])
