"""Gathers what a claim's methodology reads: register differences with their boundary readings, documents, completeness.

Only what counts is read: flagged and unresolved readings stay out; the number of flags stands in the statement.
A period across a rule's change is given in parts, a planned gap is substituted, the statement before is named.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from api.metering import Treatment, method_of, record, register_items, uncertainty_of
from api.previous import previous_of
from attestation import registry, series
from attestation.block import Header, decode_header
from attestation.envelope import open_envelope
from attestation.flags import COUNTS, EQUIVOCATION
from attestation.frame import Frame, decode_frame
from attestation.frames import counted_indices, headers_of
from attestation.history import ClaimPoint, claim_point_at, profile_at
from core.claims import ClaimDocument, Covers, DocumentInput, MeterInput
from core.errors import InputError, NotFound, Refused
from core.numbers import decimal_text
from core.period import Period, instant_text
from core.records import Interval
from ledger import log
from mrv.definitions.changes import parts_of
from mrv.definitions.methodology import METHODS, InputRule, Methodology
from mrv.definitions.ruleset import RuleSet
from mrv.quality.plan import ControlPlan
from verify.completeness import carriers_of, figures
from verify.model import Detail, Details
from verify.sources import RegisterSource, register_sources

Document = dict[str, Any]

@dataclass(frozen=True)
class Gathered:
    """What a run is given: the inputs document and the completeness figures; both plain JSON."""

    inputs: Document
    completeness: dict[str, str]


def gather(connection: Connection, document: ClaimDocument, methodology: Methodology, size: int, rules: RuleSet,
           plan: ControlPlan | None = None) -> Gathered:
    """The inputs of a claim as of log size `size`. `plan`: the control plan in force, which says what gaps are filled.

    Raises InputError (input-unknown, claim-point-missing, document-undivided), NotFound (register-not-yet,
    meter-unknown, …), Refused (meter-foreign, claim-point-foreign, frames-disputed).
    """
    spans = parts_of(rules, methodology, document.options, document.inputs, document.period)
    reader = _Reader(connection, document, methodology, size, plan)
    parts = [reader.inputs(span, divided=len(spans) > 1) for span in spans]
    previous = previous_of(connection, document, methodology)
    given: Document = {"inputs": parts[0]} if len(parts) == 1 else {"inputs": {}, "parts": [
        {"period": span.as_json(), "inputs": inputs} for span, inputs in zip(spans, parts, strict=True)]}
    return Gathered({
        "subject": document.subject, "boundary": document.boundary, "period": document.period.as_json(),
        **given, "options": dict(document.options), "allow_unconfirmed": methodology.allows_unconfirmed,
        **({"carried": document.carried.as_json()} if document.carried else {}),
        **({"previous": previous} if previous else {}),
    }, _completeness(connection, document.period, _sources(parts)))


def items_of(inputs: Mapping[str, Any]) -> Iterator[Document]:
    """Every item of an inputs document, part after part."""
    for part in inputs.get("parts") or [inputs]:
        for items in part["inputs"].values():
            yield from items


@dataclass(frozen=True)
class _Reader:
    """Reads what a claim names, for one span of its period after another."""

    connection: Connection
    document: ClaimDocument
    methodology: Methodology
    size: int
    plan: ControlPlan | None

    def inputs(self, span: Period, *, divided: bool) -> dict[str, list[Document]]:
        """The items of every input over a span. `divided`: the span is a part of the period."""
        found = {name: [item for given in items for item in self._items(span, name, given, divided)]
                 for name, items in self.document.inputs.items()}
        return {name: items for name, items in found.items() if items or not divided}

    def _items(self, span: Period, name: str, given: MeterInput | DocumentInput, divided: bool) -> list[Document]:
        rule = self.methodology.rule_of(name)
        if rule is None:
            raise InputError("input-unknown", f"{self.methodology.key} has no input {name!r}", where="claim.inputs")
        if isinstance(given, DocumentInput):
            if divided and not rule.single and given.covers is not None and not _touches(given.covers, span):
                return []
            return [_document_item(rule, given, divided)]
        if "claim-point" in rule.sources:
            return [_claim_point_item(self.connection, self.document, rule, given, self.size)]
        treatment = Treatment(self.methodology.max_staleness_ms, self._fills(name, rule))
        items = register_items(self.connection, span, rule, given, treatment)
        self._check_owner(given.meter, span)
        return items

    def _check_owner(self, meter: str, span: Period) -> None:
        profile = profile_at(registry.history(self.connection, meter), span.end)
        if profile is None or profile.org != self.document.subject:
            raise Refused("meter-foreign", f"the meter is registered for {profile.org if profile else 'nobody'}",
                          where=meter, hint="an enterprise claims by its own meters")

    def _fills(self, name: str, rule: InputRule) -> bool:
        """Whether the control plan lets the methodology's substitution stand for a gap of this input."""
        planned = self.plan.data.get(name, ()) if self.plan else ()
        return rule.substitution != "" and any(datum.gap == rule.substitution for datum in planned)


def _touches(covers: Covers, span: Period) -> bool:
    return covers.start < span.end and span.start < covers.end


def _document_item(rule: InputRule, given: DocumentInput, divided: bool) -> Document:
    if divided and not rule.single and given.covers is None:
        raise InputError("document-undivided", f"{rule.name} comes from a document of the whole period, and a rule "
                         "changes within it", where="claim.inputs",
                         hint="say with covers (start, end, account) which side each share is of, read it from a "
                         "meter, or claim each side of the change by itself")
    source: Document = {"type": "document", "digest": given.document.hex(), "title": given.title}
    if given.covers is not None:
        source["covers"] = given.covers.as_json()
    # The node saw the document's digest, not the measurement behind it: the weakest method that is allowed.
    method = [method for method in METHODS if method in rule.methods][-1]
    stated = None if given.uncertainty is None else decimal_text(given.uncertainty)
    return record(rule, {"value": decimal_text(given.value), "unit": given.unit}, source, method, stated)


def _claim_point_item(connection: Connection, document: ClaimDocument, rule: InputRule, given: MeterInput,
                      size: int) -> Document:
    interval, point = _claimed(connection, document, given, size)
    end = series.register_at(connection, point.meter, point.quantity, document.period.end)
    if end is None or end.position < interval.start:
        raise NotFound("register-not-yet", "the register has not come to the claimed interval", where=point.mark)
    source = {"type": "claim-point", "mark": point.mark, "meter": point.meter, "quantity": point.quantity,
              "from": {"position": str(interval.start)}, "to": end.place().as_json()}
    unit = series.base_unit(connection, point.meter, point.quantity)
    percent = uncertainty_of(connection, point.meter, document.period.start, end.time, method_of(end))
    return record(rule, {"value": str(end.position - interval.start), "unit": unit}, source, method_of(end), percent)


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


def _sources(parts: Sequence[Mapping[str, Sequence[Document]]]) -> list[RegisterSource]:
    """The register inputs as a verifier will read them."""
    records = [{"kind": "input", "name": name, **item} for part in parts for name, items in part.items()
               for item in items]
    return register_sources(Details(True, tuple(Detail(i, b"", record, ()) for i, record in enumerate(records))))


def _completeness(connection: Connection, period: Period, sources: Sequence[RegisterSource]) -> dict[str, str]:
    frames: dict[tuple[str, int, int], Frame] = {}
    headers: list[Header] = []
    flagged = 0
    for meter in sorted({source.meter for source in sources}):
        for carrier in carriers_of(registry.history(connection, meter), period, sources):
            indices = counted_indices(connection, carrier)
            for index in indices:
                frame = decode_frame(open_envelope(log.entry(connection, index)).payload)
                frames[frame.gateway, frame.epoch, frame.seq] = frame
            headers += [decode_header(header) for header in headers_of(connection, meter, indices)]
        openings = [source.opening.time for source in sources if source.meter == meter and source.opening]
        flagged += _flagged(connection, meter, period, min([period.start, *openings]))
    return figures(frames, headers, sources, period, flagged)


def _flagged(connection: Connection, meter: str, period: Period, opening: int) -> int:
    """How many flags on any column of a meter keep readings out, from the opening reading to the period's very end.

    A reader who sees no flag takes every reading there for usable. Raises Refused (frames-disputed).
    """
    span = Period(opening, period.end + 1, period.zone)
    keeping_out = [flag for flag in series.flags(connection, meter, span)
                   if flag.excludes and flag.resolution != COUNTS]
    for flag in keeping_out:
        if flag.code == EQUIVOCATION and flag.t_from < period.end and flag.t_to >= period.start:
            raise Refused("frames-disputed", f"two payloads were signed for one frame at {instant_text(flag.t_from)}",
                          where=flag.gateway, hint="the span stays out of calculations; claim another period")
    return len(keeping_out)
