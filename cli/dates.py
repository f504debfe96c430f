"""Dates as commands take them."""

from __future__ import annotations

from datetime import date

from core.clock import SystemClock
from core.period import local_text
from mrv.definitions.dates import parse_day


def parse_date(text: str | None) -> date:
    """The date of "YYYY-MM-DD", today where absent. Raises FormError (date-malformed)."""
    return parse_day(text or local_text(SystemClock().now(), "Asia/Shanghai")[:10], where="--at")
