"""Gathers what a claim's methodology reads: register differences with their boundary readings, documents, completeness.

Only what counts is read: flagged and unresolved readings stay out, and how many there were stands in the statement.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from attestation import registry, series
from attestation.block import Header, decode_header
from attestation.envelope import open_envelope
from attestation.frame import Frame, decode_frame
from attestation.frames import counted_indices, headers_of
from attestation.history import ClaimPoint, claim_point_at
from attestation.refold import COUNTS
from attestation.series import RegisterReading
from core.claims import ClaimDocument, DocumentInput, MeterInput
from core.errors import InputError, NotFound, Refused
from core.numbers import decimal_text
from core.period import Period, instant_text
from core.records import Interval, Quality
from ledger import log
from mrv.methodology import METHODS, InputRule, Methodology
from verify.completeness import carriers, figures
from verify.model import Detail, Details
from verify.sources import register_sources

Document = dict[str, Any]

_METHOD_OF = {Quality.MEASURED: "measured", Quality.ESTIMATED: "estimated", Quality.MANUAL: "manual"}


@dataclass(frozen=True)
class Gathered:
    """What a run is given: the inputs document and the completeness figures; both plain JSON."""

    inputs: Document
    completeness: dict[str, str]


def gather(connection: Connection, document: ClaimDocument, methodology: Methodology, size: int) -> Gathered:
    """The inputs of a claim as of log size `size`.

    Raises InputError (input-unknown, claim-point-missing), NotFound (register-not-yet, meter-unknown, …), Refused
    (reading-stale, claim-point-foreign, frames-disputed).
    """
    inputs = {name: [_item(connection, document, methodology, name, item, size) for item in items]
              for name, items in document.inputs.items()}
    completeness = _completeness(connection, document.period, inputs)
    _check_staleness(methodology, int(completeness["max_staleness_ms"]))
    return Gathered({
        "subject": document.subject, "boundary": document.boundary, "period": document.period.as_json(),
        "inputs": inputs, "options": dict(document.options), "allow_unconfirmed": methodology.allows_unconfirmed,
        **({"carried": document.carried.as_json()} if document.carried else {}),
    }, completeness)


def _item(connection: Connection, document: ClaimDocument, methodology: Methodology, name: str,
          given: MeterInput | DocumentInput, size: int) -> Document:
    rule = methodology.rule_of(name)
    if rule is None:
        raise InputError("input-unknown", f"{methodology.key} has no input {name!r}", where="claim.inputs")
    if isinstance(given, DocumentInput):
        source = {"type": "document", "digest": given.document.hex(), "title": given.title}
        # The node saw the document's digest, not the measurement behind it: the weakest method that is allowed.
        method = [method for method in METHODS if method in rule.methods][-1]
        return _record(rule, {"value": decimal_text(given.value), "unit": given.unit}, source, method)
    if "claim-point" in rule.sources:
        return _claim_point_item(connection, document, rule, given, size)
    return _register_item(connection, document.period, rule, given)


def _record(rule: InputRule, quantity: Document, source: Document, method: str) -> Document:
    kind = source["type"]
    if kind not in rule.sources:
        raise InputError("source-not-allowed", f"{rule.name} may not come from a {kind}", where="claim.inputs",
                         hint="allowed, best first: " + ", ".join(rule.sources))
    return {"quantity": quantity, "source": source, "priority": rule.priority_of(kind), "method": method,
            "uncertainty": None}


def _register_item(connection: Connection, period: Period, rule: InputRule, given: MeterInput) -> Document:
    difference = series.energy(connection, given.meter, given.quantity, period)
    source = {"type": "register", "meter": given.meter, "quantity": given.quantity,
              "from": difference.start.place().as_json(), "to": difference.end.place().as_json()}
    quantity = {"value": str(difference.value), "unit": difference.unit}
    return _record(rule, quantity, source, _method(difference.start, difference.end))


def _claim_point_item(connection: Connection, document: ClaimDocument, rule: InputRule, given: MeterInput,
                      size: int) -> Document:
    interval, point = _claimed(connection, document, given, size)
    end = series.register_at(connection, point.meter, point.quantity, document.period.end)
    if end is None or end.position < interval.start:
        raise NotFound("register-not-yet", "the register has not come to the claimed interval", where=point.mark)
    source = {"type": "claim-point", "mark": point.mark, "meter": point.meter, "quantity": point.quantity,
              "from": {"position": str(interval.start)}, "to": end.place().as_json()}
    unit = series.base_unit(connection, point.meter, point.quantity)
    return _record(rule, {"value": str(end.position - interval.start), "unit": unit}, source, _method(end))


def _claimed(connection: Connection, document: ClaimDocument, given: MeterInput,
             size: int) -> tuple[Interval, ClaimPoint]:
    """The claimed interval of the claim point that an input names, by its mark or by its meter."""
    for interval in document.intervals:
        point = claim_point_at(registry.history(connection, interval.mark), size)
        if given.meter in (point.mark, point.meter) and given.quantity == point.quantity:
            if point.org != document.subject:
                raise Refused("claim-point-foreign", f"the claim point belongs to {point.org}", where=point.mark)
            return interval, point
    raise InputError("claim-point-missing", f"no interval of the claim is on a claim point of {given.meter}",
                     where="claim.intervals", hint="name an interval of each claim point that is an input")


def _method(*ends: RegisterReading) -> str:
    return max((_METHOD_OF[Quality(end.quality)] for end in ends), key=METHODS.index)


def _check_staleness(methodology: Methodology, staleness: int) -> None:
    limit = methodology.max_staleness_ms
    if limit is not None and staleness > limit:
        raise Refused("reading-stale", f"a boundary reading is {staleness} ms old, {methodology.key} allows {limit} ms",
                      where="period", hint="claim a period whose ends have readings")


def _completeness(connection: Connection, period: Period, inputs: Mapping[str, Sequence[Document]]) -> dict[str, str]:
    records = [{"kind": "input", "name": name, **item} for name, items in inputs.items() for item in items]
    sources = register_sources(Details(True, tuple(Detail(i, b"", record, ()) for i, record in enumerate(records))))
    frames: dict[tuple[str, int, int], Frame] = {}
    headers: list[Header] = []
    flagged = 0
    for meter in sorted({source.meter for source in sources}):
        for carrier in carriers(registry.history(connection, meter), period):
            indices = counted_indices(connection, carrier.gateway, carrier.start, carrier.end)
            for index in indices:
                frame = decode_frame(open_envelope(log.entry(connection, index)).payload)
                frames[frame.gateway, frame.epoch, frame.seq] = frame
            headers += [decode_header(header) for header in headers_of(connection, meter, indices)]
        openings = [source.opening.time for source in sources if source.meter == meter and source.opening]
        flagged += _flagged(connection, meter, period, min([period.start, *openings]))
    return figures(frames, headers, sources, period, flagged)


def _flagged(connection: Connection, meter: str, period: Period, opening: int) -> int:
    """How many flags keep readings of a meter out, from the reading that opens the period up to its very end.

    A reader who sees no flag takes every reading there for usable. Raises Refused (frames-disputed).
    """
    span = Period(opening, period.end + 1, period.zone)
    keeping_out = [flag for flag in series.flags(connection, meter, span)
                   if flag.excludes and flag.resolution != COUNTS]
    for flag in keeping_out:
        if flag.code == "equivocation" and flag.t_from < period.end and flag.t_to >= period.start:
            raise Refused("frames-disputed", f"two payloads were signed for one frame at {instant_text(flag.t_from)}",
                          where=flag.gateway, hint="the span stays out of calculations; claim another period")
    return len(keeping_out)
