"""Dates as commands take them."""

from __future__ import annotations

from datetime import date

from core.clock import SystemClock
from mrv.calculation.service import statement_day


def parse_date(text: str | None, document: object = None) -> date:
    """The date of "YYYY-MM-DD"; today in the zone of the document's period where absent. Raises FormError
    (date-malformed).
    """
    return statement_day(SystemClock().now(), text, document, where="--at")
