"""The manifest: one signed root over the head of every history, so that nothing can be left out of evidence unseen.

Rows [subject, head, count] sorted by the UTF-8 of the subject: one for each registration and dispute history, for each
gateway's frames ("frames/<gateway>") and for each exclusivity key of statements ("statement/<hex>").
A manifest of size n covers the log entries [0, n).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from attestation import dispute, envelope
from attestation.envelope import Envelope, open_envelope
from attestation.frame import decode_frame
from core import jcs
from core.errors import FormError, NotFound, VerificationFailed
from core.ids import check_hex
from core.merkle import inclusion_path, leaf_hash, root, verify_inclusion
from core.numbers import parse_natural
from core.period import instant_text, parse_instant

SCHEMA = "carbonseal-manifest/1"
FRAMES, STATEMENT = "frames/", "statement/"
_FIELDS = {"schema", "origin", "size", "time", "rows", "root"}


class Row(NamedTuple):
    """The newest payload of a history (SHA-256) and how many entries it has."""

    subject: str
    head: bytes
    entries: int

    def leaf(self) -> bytes:
        """The leaf hash of the row in the manifest's tree."""
        return leaf_hash(jcs.canonical([self.subject, self.head.hex(), str(self.entries)]))


class Manifest(NamedTuple):
    """What a manifest states: `rows` histories with this `root`, over the first `size` entries of the log."""

    origin: str
    size: int
    time: int
    rows: int
    root: bytes


class ManifestFold:
    """Folds log entries, in order, into the rows of a manifest; from the first one, or from where a fold had come.

    `places`: (epoch, seq) of the head of each "frames/<gateway>".
    """

    def __init__(self, size: int = 0, rows: Iterable[Row] = (),
                 places: Mapping[str, tuple[int, int]] | None = None) -> None:
        self._rows = {row.subject: row for row in rows}
        self._changed: set[str] = set()
        self.places = dict(places or {})
        self.size = size

    def add(self, entry: bytes) -> None:
        """The next log entry. Raises FormError when it is not well formed."""
        opened = open_envelope(entry)
        subject = self._subject(opened)
        if subject is not None:
            before = self._rows.get(subject)
            self._rows[subject] = Row(subject, opened.digest, before.entries + 1 if before else 1)
            self._changed.add(subject)
        self.size += 1

    def rows(self) -> list[Row]:
        """The rows so far, in the order of the manifest."""
        return _ordered(self._rows.values())

    def changed(self) -> list[Row]:
        """The rows that are not as they were at the last call, or at the start; in the order of the manifest."""
        changed, self._changed = self._changed, set()
        return _ordered(self._rows[subject] for subject in changed)

    def _subject(self, opened: Envelope) -> str | None:
        if opened.content_type == envelope.FRAME:
            frame = decode_frame(opened.payload)
            subject, place = FRAMES + frame.gateway, (frame.epoch, frame.seq)
            # The second payload of an equivocation is a dispute, not the head of the chain.
            if place <= self.places.get(subject, (-1, -1)):
                return None
            self.places[subject] = place
            return subject
        if opened.content_type in envelope.REGISTRATIONS:
            return _text_field(opened.payload, "subject")
        if opened.content_type == envelope.DISPUTE:
            return dispute.history_of(_text_field(opened.payload, "subject"))
        if opened.content_type == envelope.STATEMENT:
            return STATEMENT + _text_field(opened.payload, "exclusivity_key")
        return None


def _ordered(rows: Iterable[Row]) -> list[Row]:
    return sorted(rows, key=lambda row: row.subject.encode())


def _text_field(payload: bytes, name: str) -> str:
    document: Any = jcs.parse(payload, limit=envelope.MAX_ENVELOPE_BYTES)
    if not isinstance(document, dict) or not isinstance(document.get(name), str):
        raise FormError("manifest-entry", f"an entry does not name its {name}")
    return str(document[name])


def fold(entries: Iterable[bytes]) -> list[Row]:
    """The rows of a manifest over these log entries."""
    folded = ManifestFold()
    for entry in entries:
        folded.add(entry)
    return folded.rows()


def manifest_payload(origin: str, size: int, time: int, rows: Sequence[Row]) -> bytes:
    """The payload the node signs. `rows` as `ManifestFold.rows` gives them; `time` ms UTC."""
    return jcs.canonical({"schema": SCHEMA, "origin": origin, "size": str(size), "time": instant_text(time),
                          "rows": str(len(rows)), "root": root([row.leaf() for row in rows]).hex()})


def parse_manifest(payload: bytes) -> Manifest:
    """The manifest of its payload. Raises FormError (manifest-malformed, …)."""
    document = jcs.parse(payload, limit=envelope.MAX_ENVELOPE_BYTES)
    if (not isinstance(document, dict) or set(document) != _FIELDS or document["schema"] != SCHEMA
            or not isinstance(document["origin"], str)):
        raise FormError("manifest-malformed", f"not a document of schema {SCHEMA}")
    return Manifest(document["origin"], parse_natural(document["size"], where="size"),
                    parse_instant(document["time"], where="time"), parse_natural(document["rows"], where="rows"),
                    check_hex(document["root"], where="root"))


def check_rows(manifest: Manifest, rows: Sequence[Row]) -> None:
    """Passes when the manifest is the one of these rows. Raises VerificationFailed (manifest-mismatch)."""
    if manifest.rows != len(rows) or manifest.root != root([row.leaf() for row in rows]):
        raise VerificationFailed("manifest-mismatch", "the manifest is not that of the log's entries",
                                 hint="the node left something out, or invented it: keep the manifest as evidence")


def prove_row(rows: Sequence[Row], subject: str) -> tuple[int, list[bytes]]:
    """(position, path) of the row of a subject. Raises NotFound (manifest-row)."""
    for position, row in enumerate(rows):
        if row.subject == subject:
            return position, inclusion_path([each.leaf() for each in rows], position)
    raise NotFound("manifest-row", "the manifest has no such history", where=subject)


def verify_row(manifest: Manifest, row: Row, position: int, path: Sequence[bytes]) -> None:
    """Passes when the row stands at this position of the manifest. Raises VerificationFailed (inclusion-…)."""
    verify_inclusion(row.leaf(), position, manifest.rows, path, manifest.root)
