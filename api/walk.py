"""Where each number of a statement comes from, walked in the log: to a signed register reading, or a document's hash.

Every register end is opened again: the envelope at its log index, its signature key, the block under the frame's root,
the reading in the block. What cannot be walked says so; nothing is taken from the statement alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from sqlalchemy import Connection

from attestation import registry
from attestation.block import decode_block
from attestation.envelope import FRAME, open_envelope
from attestation.frame import decode_frame
from attestation.history import claim_point_at
from attestation.storage import blocks_of
from certificates.inventory_report import recomputed
from certificates.store import StoredStatement
from core.errors import NotFound, Refused
from core.merkle import leaf_hash, root
from core.numbers import parse_natural
from core.period import parse_instant
from ledger import log
from mrv.calculation.gaps import SUBSTITUTION
from mrv.definitions.ruleset import RuleSet
from mrv.presentation.explain import explain

Document = dict[str, Any]


def explanation(connection: Connection, statement: StoredStatement, rules: RuleSet) -> Document:
    """{"claim", "statement", "tree", "sources"}: the calculation as a tree, and every input and parameter walked.

    Raises Refused (statement-differs, source-broken), FormError (statement-malformed).
    """
    result = recomputed(rules, statement.fields, list(statement.details))
    return {"claim": statement.claim_digest.hex(), "statement": statement.digest.hex(),
            "tree": explain(result).as_json(), "sources": walk(connection, statement, rules)}


def walk(connection: Connection, statement: StoredStatement, rules: RuleSet) -> list[Document]:
    """One entry for each input and parameter record, by its number among the details.

    Raises Refused (source-broken) where the log does not hold what a record names.
    """
    found = []
    for number, detail in enumerate(statement.details):
        record = detail["record"]
        if record["kind"] == "input":
            found.append({"record": str(number), "kind": "input", "name": record["name"], **record["quantity"],
                          **_input(connection, record["source"])})
        elif record["kind"] == "parameter":
            found.append({"record": str(number), "kind": "parameter", "name": record["path"], "value": record["value"],
                          "unit": record["unit"], "source": record["source"], "locator": record["locator"],
                          "status": record["status"], "digest": rules.parameter(record["path"]).digest.hex()})
    return found


def _input(connection: Connection, source: Mapping[str, Any]) -> Document:
    kind = source["type"]
    if kind == "register":
        return {"source": kind, "meter": source["meter"], "register": source["quantity"],
                "readings": [_reading(connection, source, source[end]) for end in ("from", "to")]}
    if kind == "claim-point":
        point = claim_point_at(registry.history(connection, source["mark"]), log.size(connection))
        opened = {**point.first_reading.as_json(), "position": str(point.opening)}
        return {"source": kind, "mark": source["mark"], "meter": source["meter"], "register": source["quantity"],
                "claimed_from": source["from"]["position"],
                "readings": [_reading(connection, source, opened), _reading(connection, source, source["to"])]}
    if kind == "document":
        return {"source": kind, "digest": source["digest"], "title": source["title"]}
    if kind == SUBSTITUTION:
        return {"source": kind, "rule": source["rule"], "meter": source["meter"], "digest": source["digest"],
                "start": source["start"], "end": source["end"]}
    return {"source": kind}


def _reading(connection: Connection, source: Mapping[str, Any], place: Mapping[str, str]) -> Document:
    """A boundary reading, opened in the log again. Raises Refused (source-broken)."""
    index = parse_natural(place["index"])
    try:
        envelope = open_envelope(log.entry(connection, index))
        blocks = blocks_of(connection, index)
    except NotFound as error:
        raise _broken(source, index, error.message) from None
    if envelope.content_type != FRAME:
        raise _broken(source, index, f"{envelope.content_type} is no frame")
    frame = decode_frame(envelope.payload)
    ordinal = parse_natural(place["block"])
    if (frame.gateway, str(frame.epoch), str(frame.seq)) != (place["gateway"], place["epoch"], place["seq"]) \
            or ordinal >= len(blocks) or root([leaf_hash(header) for header, _ in blocks]) != frame.blocks_root:
        raise _broken(source, index, "the frame there is another, or its blocks are not under its root")
    raw = _raw(source, place, *blocks[ordinal])
    if raw is None:
        raise _broken(source, index, "the block has no such reading")
    return {**place, "raw": str(raw), "frame": envelope.digest.hex(), "key": envelope.kid.hex()}


def _raw(source: Mapping[str, Any], place: Mapping[str, str], header: bytes, body: bytes) -> int | None:
    """The count of the register in the reading named, None where block and name do not fit."""
    opened, data = decode_block(header, body)
    ordinal = parse_natural(place["ordinal"])
    column = next((column for column in data.columns if column.quantity == source["quantity"]), None)
    times = np.asarray(data.times)
    if opened.meter != source["meter"] or column is None or ordinal >= len(times) \
            or int(times[ordinal]) != parse_instant(place["time"]):
        return None
    return int(column.values[ordinal])


def _broken(source: Mapping[str, Any], index: int, why: str) -> Refused:
    return Refused("source-broken", f"{source['meter']} at log entry {index}: {why}", where=str(source["meter"]),
                   hint="run carbonseal fsck")
