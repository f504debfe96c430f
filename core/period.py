"""Time: UTC instants in integer milliseconds, and half-open reporting periods [start, end) with the site's zone."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from core.errors import FormError

MAX_INSTANT = 2**53 - 1
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


def instant_text(instant: int) -> str:
    """"2026-11-15T16:00:00.000Z" for milliseconds since 1970."""
    moment = _EPOCH + timedelta(milliseconds=instant)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{instant % 1000:03d}Z"


def parse_instant(text: object, *, where: str = "") -> int:
    """Milliseconds of canonical instant text; any other spelling is a FormError."""
    if isinstance(text, str) and _INSTANT.fullmatch(text):
        try:
            return (datetime.fromisoformat(text) - _EPOCH) // timedelta(milliseconds=1)
        except ValueError:
            pass
    raise FormError("instant-malformed", f"{str(text)[:40]!r} is not an instant", where=where,
                    hint='UTC with milliseconds: "2026-11-15T16:00:00.000Z"')


def local_text(instant: int, zone: str) -> str:
    """The instant as a person at the site reads it: "2026-11-16 00:00:00"."""
    return (_EPOCH + timedelta(milliseconds=instant)).astimezone(ZoneInfo(zone)).strftime("%Y-%m-%d %H:%M:%S")


@dataclass(frozen=True)
class Period:
    """A half-open reporting period [start, end) in milliseconds UTC, with the zone whose calendar it follows."""

    start: int
    end: int
    zone: str = "Asia/Shanghai"

    def __post_init__(self) -> None:
        if not 0 <= self.start < self.end <= MAX_INSTANT:
            raise FormError("period-empty", f"the period [{self.start}, {self.end}) is empty or out of range")

    def as_json(self) -> dict[str, str]:
        """{"start", "end", "zone"} with canonical instants."""
        return {"start": instant_text(self.start), "end": instant_text(self.end), "zone": self.zone}

    @classmethod
    def from_json(cls, value: object, *, where: str = "period") -> Period:
        """The period of its JSON form. Raises FormError."""
        if not isinstance(value, dict) or set(value) != {"start", "end", "zone"} or not isinstance(value["zone"], str):
            raise FormError("period-malformed", "a period has exactly start, end and zone", where=where)
        return cls(parse_instant(value["start"], where=where), parse_instant(value["end"], where=where), value["zone"])
