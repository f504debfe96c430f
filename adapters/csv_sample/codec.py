"""The CSV of "Steel Industry Energy Consumption" (UCI 851) → readings of interval energy. Pure: bytes in, readings out.

Traps of the file: a byte-order mark; CRLF; `date` is the END of the interval in local time (+09:00, no DST); the row
labelled 00:00 is the last of its day, that is the midnight that follows; one interval is truly zero.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from core.errors import FormError
from core.records import Reading

HEADER = ("date,Usage_kWh,Lagging_Current_Reactive.Power_kVarh,Leading_Current_Reactive_Power_kVarh,CO2.tCO2.,"
          "Lagging_Current_Power_Factor,Leading_Current_Power_Factor,NSM,WeekStatus,Day_of_week,Load_Type")
QUANTITY, UNIT = "energy-interval", "kWh"
INTERVAL_MS = 900_000
ZONE_OFFSET = timedelta(hours=9)
# The published file has 2.7 MB; anything near this limit is another file.
MAX_BYTES = 64 * 2**20

_ROW = re.compile(r"(\d\d)-(\d\d)-(\d{4}) (\d\d):(\d\d),(\d{1,9}(?:\.\d{1,2})?)(?:,[^,]*){5},(\d{1,5})(?:,[^,]*){3}",
                  re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def read(data: bytes, meter: str) -> Iterator[Reading]:
    """The readings of the file: energy of each interval in kWh, stamped with the end of the interval (ms UTC).

    Raises FormError (csv-…) with the line when a row is malformed, out of order or not 15 minutes after the last.
    """
    previous: int | None = None
    for number, line in enumerate(_lines(data), start=2):
        end, energy = _row(line, number)
        if previous is not None and end != previous + INTERVAL_MS:
            raise FormError("csv-order", "the row is not 15 minutes after the one before", where=f"line {number}")
        previous = end
        yield Reading(meter, QUANTITY, energy, UNIT, end)


def _lines(data: bytes) -> list[str]:
    if len(data) > MAX_BYTES:
        raise FormError("csv-too-large", f"{len(data)} bytes exceed the limit of {MAX_BYTES}")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise FormError("csv-encoding", f"not UTF-8: {error.reason}", where=f"byte {error.start}") from None
    header, *lines = text.replace("\r\n", "\n").removesuffix("\n").split("\n")
    if header != HEADER:
        raise FormError("csv-header", "the header is not that of the steel sample", where="line 1")
    return lines


def _row(line: str, number: int) -> tuple[int, Decimal]:
    match = _ROW.fullmatch(line)
    if match is None:
        raise FormError("csv-row", f"not a row of the steel sample: {line[:60]!r}", where=f"line {number}")
    day, month, year, hour, minute = (int(text) for text in match.groups()[:5])
    try:
        local = datetime(year, month, day, hour, minute, tzinfo=UTC)
    except ValueError:
        raise FormError("csv-row", f"not a date: {line[:16]!r}", where=f"line {number}") from None
    if int(match[7]) != hour * 3600 + minute * 60:
        raise FormError("csv-row", "NSM does not agree with the time", where=f"line {number}")
    return _end_of(local, number), Decimal(match[6])


def _end_of(label: datetime, number: int) -> int:
    """ms UTC of the interval's end; a label of 00:00 means the midnight after its day."""
    try:
        end = label + timedelta(days=1) if (label.hour, label.minute) == (0, 0) else label
        return (end - ZONE_OFFSET - _EPOCH) // timedelta(milliseconds=1)
    except OverflowError:
        raise FormError("csv-row", f"the date {label.date()} is out of range", where=f"line {number}") from None
