"""fsck: the log rebuilt from its entries, then every read model, the documents, the chain's mirror and the anchors.

Reads only; damage is reported by its place, never repaired. Parts whose dependency is away are findings of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256

from sqlalchemy import Connection

from api import anchoring, entries
from api.chain import ChainLink
from api.deployment import Deployment
from attestation.envelope import CLAIM, DOCUMENT, MANIFEST, OPINION, RULES, STATEMENT, Envelope, open_envelope
from attestation.rebuild import rebuild
from certificates import mirror, store
from core import jcs
from core.database import reading
from core.errors import CarbonSealError, NotFound
from ledger import fsck as ledger_fsck
from ledger import log
from mrv.calculation.statement import details_root
from mrv.quality.signed_plan import read_signed_plan

Progress = Callable[[str, int, int], None]
STEPS = ("log", "read-models", "documents", "anchors", "certificates")


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong: `step` of STEPS, a stable `code`, its `place`, and what it is."""

    step: str
    code: str
    place: str
    message: str

    def as_json(self) -> dict[str, str]:
        """{"step", "code", "place", "message"}."""
        return dict(vars(self))


def silent(_step: str, _done: int, _total: int) -> None:
    """Nobody watches."""


def check(deployment: Deployment, link: ChainLink | None, progress: Progress = silent) -> list[Finding]:
    """Everything that is wrong; an empty list means all agrees. `link`: None leaves the chain out."""
    findings = [Finding("log", item.code, item.where, item.message) for item in ledger_fsck.fsck(
        deployment.engine, deployment.log_key.text, lock=deployment.last_signed,
        progress=lambda done, total: progress("log", done, total))]
    with reading(deployment.engine) as connection:
        if not any(item.code == "entry-missing" for item in findings):
            progress("read-models", 0, 1)
            findings += [Finding("read-models", *item) for item in rebuild(connection, _Entries(connection))]
            findings += _documents(connection, lambda done, total: progress("documents", done, total))
    if link is not None:
        progress("anchors", 0, 1)
        findings += _on_chain("anchors", lambda: _anchors(deployment, link))
        progress("certificates", 0, 1)
        findings += _on_chain("certificates", lambda: _certificates(deployment, link))
    return findings


class _Entries:
    """The entries of the log, to be read more than once."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def __iter__(self) -> Iterator[bytes]:
        size = log.size(self._connection)
        return (entry for _, entry in log.entries(self._connection, 0, size))


def _documents(connection: Connection, progress: Callable[[int, int], None]) -> list[Finding]:
    """Claims, statements, opinions, releases and manifests are kept as they stand in the log."""
    size = log.size(connection)
    findings: list[Finding] = []
    for index, data in log.entries(connection, 0, size):
        if index % 4096 == 0:
            progress(index, size)
        try:
            opened = open_envelope(data)
            problem = _kept(connection, opened, index)
        except Exception as error:  # noqa: BLE001  an edited row may hold anything; what it is, is the finding
            problem = f"the row cannot be read: {error}"
        if problem:
            findings.append(Finding("documents", "document-differs", f"entry {index}", problem))
    return findings


def _kept(connection: Connection, opened: Envelope, index: int) -> str:
    """What is wrong with the row of a document entry; empty when nothing is."""
    try:
        if opened.content_type == CLAIM:
            found = store.claim(connection, opened.digest).log_index
        elif opened.content_type == OPINION:
            found = store.opinion(connection, opened.digest).log_index
        elif opened.content_type == STATEMENT:
            statement = store.statement(connection, opened.digest)
            found = statement.log_index
            if details_root(statement.details).hex() != jcs.parse(opened.payload)["details"]["root"]:
                return "the kept details are not those of the statement"
        elif opened.content_type in (DOCUMENT, MANIFEST, RULES):
            entry = entries.find(connection, opened.content_type, opened.digest)
            found = -1 if entry is None or sha256(entry.payload).digest() != opened.digest else entry.log_index
            whose = read_signed_plan(opened.payload).plan.entity if opened.content_type == DOCUMENT else ""
            if entry is not None and entry.subject != whose:
                return "the row names another enterprise"
        else:
            return ""
    except NotFound:
        return "the entry has no row"
    return "" if found == index else f"the row points at entry {found}"


def _on_chain(step: str, run: Callable[[], list[Finding]]) -> list[Finding]:
    try:
        return run()
    except CarbonSealError as error:
        return [Finding(step, error.code, error.where or "chain", error.message)]


def _anchors(deployment: Deployment, link: ChainLink) -> list[Finding]:
    """Every recorded anchor stands on the chain with the root of the log."""
    findings: list[Finding] = []
    with link.lock, reading(deployment.engine) as connection:
        anchors = link.anchors
        recorded = anchoring.listed(connection, 2**31)
        for item in recorded:
            place = f"anchor {item.size}"
            held = anchors.anchored(deployment.origin, item.size)
            if held is None:
                findings.append(Finding("anchors", "anchor-lost", place, "the chain holds no root for this size"))
            elif held.root != log.root_at(connection, item.size):
                findings.append(Finding("anchors", "anchor-conflict", place, "the chain holds another root"))
            elif held.root != item.root or held.transaction != item.transaction:
                findings.append(Finding("anchors", "anchor-differs", place, "the row is not what the chain holds"))
        latest = anchors.latest(deployment.origin)
        if latest is not None and latest.size > log.size(connection):
            findings.append(Finding("anchors", "log-rolled-back", f"anchor {latest.size}",
                                    "the chain holds a root of more entries than the log has"))
        elif (latest is not None and latest.size not in {item.size for item in recorded}
              and latest.root != log.root_at(connection, latest.size)):
            findings.append(Finding("anchors", "anchor-conflict", f"anchor {latest.size}",
                                    "the chain holds another root, which this log never anchored"))
    return findings


def _certificates(deployment: Deployment, link: ChainLink) -> list[Finding]:
    with link.lock:
        mirror.follow(deployment.engine, link.certificates, link.blocks)
        return [Finding("certificates", "mirror-differs", place, "the row is not what the chain holds")
                for place in mirror.differences(deployment.engine, link.certificates)]
