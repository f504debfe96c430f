"""From the bytes of a container to `Evidence`. Asks only "well formed?"; every member is read strictly."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from hashlib import sha256
from typing import Any, TypeVar

from attestation.block import decode_header
from attestation.envelope import FRAME, open_envelope
from attestation.frame import decode_frame
from core import cbor, jcs
from core.errors import CarbonSealError, FormError
from core.fields import members
from core.ids import check_id
from core.merkle import HASH_BYTES, MAX_PATH
from core.numbers import parse_natural
from verify.bundle import LEVELS, PURPOSES, SCHEMA, read_container
from verify.members import DAY, HISTORY, PROOF, SINGLE, check_members, subject_of
from verify.model import BlockItem, Details, Entry, Evidence, FrameItem
from verify.parse_documents import (
    parse_certificate,
    parse_chain_document,
    parse_complete,
    parse_disclosed,
    parse_rows,
)
from verify.readme import README

Parsed = TypeVar("Parsed")
# Log indices and frame counters fit a signed 64-bit integer in every language.
MAX_INDEX = 2**63


def parse_evidence(data: bytes) -> Evidence:
    """The evidence of a file's bytes.

    Raises InputError (container-not-zip, container-too-large) when this is no evidence file, otherwise FormError
    (container-…, readme-altered, member-malformed, and the codes of the parsers) with the member's name in `where`.
    """
    content = read_container(data)
    bundle = _bundle(content)
    _check_digests(content, bundle["members"])
    check_members(content, bundle["level"], bundle["purpose"])
    indices = _indices(bundle["indices"], content)

    def single(name: str) -> Entry | None:
        return _entry(name, indices[name], content[name]) if name in content else None

    def needed(name: str) -> Entry:
        return _entry(name, indices[name], content[name])

    def optional(name: str, parse: Callable[[bytes], Parsed]) -> Parsed | None:
        if name not in content:
            return None
        with _within(name):
            return parse(content[name])

    with _within("manifest/rows.json"):
        rows = parse_rows(content["manifest/rows.json"])
    return Evidence(
        purpose=bundle["purpose"], level=bundle["level"], checkpoint=content["checkpoint"], proofs=_proofs(content),
        statement=needed("statement.cose"), claim=needed("claim.cose"), opinion=single("opinion.cose"),
        manifest=needed("manifest/manifest.cose"), release=single("rules/release.cose"), rows=rows,
        histories=_histories(content), frames=_frames(content), blocks=_blocks(content), details=_details(content),
        documents=optional("rules/documents.json", _rules), listed=optional("rules/listed.json", _rules),
        anchor=optional("anchor.json", parse_chain_document),
        status=optional("status.json", parse_chain_document),
        certificate=optional("certificate.json", parse_certificate))


def _bundle(content: Mapping[str, bytes]) -> dict[str, Any]:
    if "bundle.json" not in content:
        raise FormError("container-member-missing", "an evidence file begins with its list of members",
                        where="bundle.json")
    with _within("bundle.json"):
        bundle = members(jcs.parse(content["bundle.json"]), ("schema", "purpose", "level", "indices", "members"),
                         "bundle")
        if bundle["schema"] != SCHEMA:
            raise FormError("bundle-schema", f"not a {SCHEMA} file", hint="use a verifier of that format version")
        if bundle["level"] not in LEVELS or bundle["purpose"] not in PURPOSES:
            raise FormError("member-malformed", "unknown level or purpose")
        return bundle


def _check_digests(content: Mapping[str, bytes], listed: object) -> None:
    digests = listed if isinstance(listed, dict) else {}
    if set(digests) != set(content) - {"bundle.json"}:
        raise FormError("container-member-digest", "the list of members is not that of the container",
                        where="bundle.json")
    for name, digest in digests.items():
        if sha256(content[name]).hexdigest() != digest:
            raise FormError("container-member-digest", "the content is not the one listed", where=name,
                            hint="the file was altered after its export")
    if content.get("README.txt", README) != README:
        raise FormError("readme-altered", "README.txt is fixed text of the format", where="README.txt")


def _indices(value: object, content: Mapping[str, bytes]) -> dict[str, int]:
    with _within("bundle.json"):
        item = members(value, [name for name in SINGLE if name in content], "indices")
        return {name: parse_natural(text, where=name, limit=MAX_INDEX) for name, text in item.items()}


def _entry(where: str, index: int | None, data: bytes) -> Entry:
    with _within(where):
        return Entry(where, index, data, open_envelope(data))


def _matching(content: Mapping[str, bytes], pattern: Any, folder: str = "") -> Iterator[tuple[str, Any]]:
    for name in sorted(content):
        match = pattern.fullmatch(name)
        if match and name.startswith(folder):
            yield name, match


def _proofs(content: Mapping[str, bytes]) -> dict[int, bytes]:
    return {parse_natural(match[1], where=name, limit=MAX_INDEX): content[name]
            for name, match in _matching(content, PROOF)}


def _histories(content: Mapping[str, bytes]) -> dict[str, tuple[Entry, ...]]:
    histories = {}
    for name, match in _matching(content, HISTORY):
        with _within(name):
            items = [_pair(item) for item in cbor.sequence(content[name])]
            if any(index is None for index, _ in items):
                raise FormError("member-malformed", "every entry of a history has its index")
            entries = [Entry(name, index, data, open_envelope(data)) for index, data in items]
            histories[subject_of(match[1])] = tuple(entries)
    return histories


def _pair(item: Any) -> tuple[int | None, bytes]:
    if type(item) is not list or len(item) != 2 or type(item[1]) is not bytes:
        raise FormError("member-malformed", "an item is [index, envelope]")
    return None if item[0] is None else _natural(item[0]), item[1]


def _natural(value: object) -> int:
    if type(value) is not int or not 0 <= value < MAX_INDEX:
        raise FormError("member-malformed", "an index or counter is not below 2^63")
    return value


def _frames(content: Mapping[str, bytes]) -> dict[str, tuple[FrameItem, ...]]:
    chains: dict[str, list[FrameItem]] = {}
    for name, match in _matching(content, DAY, "frames/"):
        with _within(name):
            chain = chains.setdefault(subject_of(match[1]), [])
            chain += [_frame(name, match[2], *_pair(item)) for item in cbor.sequence(content[name])]
    for gateway, chain in chains.items():
        if any(item.frame.gateway != gateway for item in chain):
            raise FormError("member-malformed", "a frame of another gateway", where=f"frames of {gateway}")
    return {gateway: tuple(chain) for gateway, chain in chains.items()}


def _frame(where: str, day: str, index: int | None, data: bytes) -> FrameItem:
    entry = Entry(where, index, data, open_envelope(data))
    if entry.envelope.content_type != FRAME:
        raise FormError("member-malformed", f"not a frame but {entry.envelope.content_type}")
    return FrameItem(entry, decode_frame(entry.envelope.payload), day)


def _blocks(content: Mapping[str, bytes]) -> dict[str, tuple[BlockItem, ...]]:
    meters: dict[str, list[BlockItem]] = {}
    for name, match in _matching(content, DAY, "blocks/"):
        with _within(name):
            items = meters.setdefault(subject_of(match[1]), [])
            items += [_block(item) for item in cbor.sequence(content[name])]
    for meter, items in meters.items():
        if any(item.header.meter != meter for item in items):
            raise FormError("member-malformed", "a block of another meter", where=f"blocks of {meter}")
    return {meter: tuple(items) for meter, items in meters.items()}


def _block(item: Any) -> BlockItem:
    if type(item) is not list or len(item) != 7 or type(item[4]) is not list or len(item[4]) > MAX_PATH:
        raise FormError("member-malformed", "a block is [gateway, epoch, seq, ordinal, path, header, body]")
    gateway, epoch, seq, ordinal, path, header, body = item
    if type(header) is not bytes or not (body is None or type(body) is bytes):
        raise FormError("member-malformed", "header and body are byte strings")
    if any(type(step) is not bytes or len(step) != HASH_BYTES for step in path):
        raise FormError("member-malformed", "a path has hashes of 32 bytes")
    return BlockItem(check_id(gateway, where="gateway"), _natural(epoch), _natural(seq), _natural(ordinal),
                     tuple(path), header, decode_header(header), body)


def _details(content: Mapping[str, bytes]) -> Details | None:
    for name, parse in (("details/complete.json", parse_complete), ("details/disclosed.json", parse_disclosed)):
        if name in content:
            with _within(name):
                return parse(content[name])
    return None


def _rules(data: bytes) -> dict[str, Any]:
    by_path = jcs.parse(data)
    if not isinstance(by_path, dict):
        raise FormError("member-malformed", "not an object of rules by their paths")
    return by_path


@contextmanager
def _within(name: str) -> Iterator[None]:
    """Names the member in whatever a parser raises."""
    try:
        yield
    except CarbonSealError as error:
        error.where = f"{name}: {error.where}" if error.where else name
        raise


