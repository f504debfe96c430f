""""Is it clean?": what a buyer wants to know of a piece before paying, each point with its outcome and reason.

Answered from this node's database, which follows the log and the chain; an evidence file answers the same without us.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, and_, select

from attestation.independence import check_verifier
from certificates import mirror, store
from certificates.export import retirement_of
from certificates.parties import owner_of, participant
from certificates.store import StoredOpinion, StoredStatement
from certificates.wording import STATES, Words
from core.claims import ClaimDocument
from core.errors import CarbonSealError, Forbidden, NotFound
from core.ethereum import parse_address
from core.period import DAY_MS, local_text
from core.records import Conclusion

OK, WARN, BAD = "ok", "warn", "bad"
# National certificates are issued monthly; what took longer than this wants an explanation (our reading, no rule).
LATE_MS = 62 * DAY_MS


@dataclass(frozen=True)
class Point:
    """One question with its answer. `outcome`: ok, warn (look closer) or bad (do not buy)."""

    name: str
    outcome: str
    reason: Words

    def as_json(self) -> dict[str, Any]:
        """{"name", "outcome", "reason": {"zh", "en"}}."""
        return {"name": self.name, "outcome": self.outcome, "reason": vars(self.reason)}


@dataclass(frozen=True)
class Answer:
    """The answer for one piece. `block`: the chain was read up to there."""

    piece: bytes
    points: tuple[Point, ...]
    block: int

    @property
    def clean(self) -> bool:
        """Nothing speaks against it."""
        return all(point.outcome != BAD for point in self.points)

    def as_json(self) -> dict[str, Any]:
        """The document `GET /v1/assets/{id}/check` answers with."""
        return {"piece": self.piece.hex(), "clean": self.clean, "block": str(self.block),
                "points": [point.as_json() for point in self.points]}


@dataclass(frozen=True)
class _Facts:
    """All that the questions need."""

    connection: Connection
    piece: Row[Any]
    certificate: Row[Any]
    statement: StoredStatement
    claim: ClaimDocument
    opinion: StoredOpinion
    seller: str | None


def check(connection: Connection, piece: bytes, seller: str | None = None) -> Answer:
    """The questions of a buyer about a piece. `seller`: account or organisation id that offers it.

    Raises NotFound (piece-unknown, statement-unknown, opinion-missing).
    """
    facts = _facts(connection, piece, seller)
    points = tuple(question(facts) for question in QUESTIONS.values())
    return Answer(piece, points, mirror.head(connection))


def _facts(connection: Connection, piece: bytes, seller: str | None) -> _Facts:
    pieces, certificates = mirror.PIECES, mirror.CERTIFICATES
    row = connection.execute(select(pieces).where(pieces.c.id == piece)).first()
    if row is None:
        raise NotFound("piece-unknown", "no such piece was ever issued here", where=piece.hex(),
                       hint="check the number; a certificate of another registry is not known here")
    certificate = connection.execute(select(certificates).where(certificates.c.digest == row.digest)).one()
    statement = store.statement(connection, row.digest)
    claim = store.claim(connection, statement.claim_digest).document
    return _Facts(connection, row, certificate, statement, claim, store.opinion_on(connection, row.digest), seller)


def _issuer(facts: _Facts) -> Point:
    at = local_text(facts.certificate.issued_at, facts.claim.period.zone)
    return Point("issuer", OK, Words(
        f"由本账本合约于 {at} 签发，声明为日志第 {facts.statement.log_index} 条",
        f"issued by this ledger's contract at {at}; the statement is log entry {facts.statement.log_index}"))


def _serial(facts: _Facts) -> Point:
    pieces = mirror.PIECES
    others = facts.connection.execute(select(pieces.c.id).where(
        pieces.c.digest == facts.piece.digest, pieces.c.status != "split", pieces.c.id != facts.piece.id,
        pieces.c.first < facts.piece.last, pieces.c.last > facts.piece.first)).all()
    span = f"[{facts.piece.first}, {facts.piece.last})"
    if others and facts.piece.status != "split":
        return Point("serial", BAD, Words(f"序号 {span} 与另一份重叠", f"serials {span} overlap another piece"))
    return Point("serial", OK, Words(f"序号 {span} 唯一", f"serials {span} are unique"))


def _status(facts: _Facts) -> Point:
    state = facts.piece.status if facts.piece.status != "live" else facts.certificate.status
    if state == "live" and facts.piece.pledgee:
        return Point("status", WARN, Words("已质押，解除前不能转让", "pledged; cannot move until released"))
    words = STATES[state]
    if state == "retired":
        use = retirement_of(facts.connection, facts.piece.id)
        return Point("status", BAD, Words(f"{words.zh}：{use['purpose']}", f"{words.en}: {use['purpose']}"))
    if state == "superseded" and _moves(facts):
        return Point("status", WARN, Words("原声明已被更正，流通在外的部分仍有效",
                                           "the statement was corrected; what had been sold before stays valid"))
    return Point("status", OK if state == "live" else BAD, words)


def _moves(facts: _Facts) -> list[dict[str, Any]]:
    """Transfers of this piece and of those it was cut from."""
    events, pieces = mirror.EVENTS, mirror.PIECES
    rows = facts.connection.execute(
        select(events.c.data).join(pieces, pieces.c.id == events.c.piece)
        .where(events.c.name.in_(("TransferSingle", "TransferBatch")), pieces.c.digest == facts.piece.digest,
               pieces.c.first <= facts.piece.first, pieces.c.last >= facts.piece.last)
        .order_by(events.c.block, events.c.ordinal))
    moves = [json.loads(row.data) for row in rows]
    return [data for data in moves if mirror.NOBODY not in (data["from"], data["to"])]


def _owner(facts: _Facts) -> Point:
    owner = owner_of(facts.connection, facts.piece.owner)
    name = f"{owner.name['zh']} {owner.org}" if owner else facts.piece.owner
    if facts.seller is not None and not _is(facts.seller, facts.piece.owner, owner.org if owner else None):
        return Point("owner", BAD, Words(f"持有人是 {name}，不是卖方", f"owned by {name}, not by the seller"))
    if owner is None:
        return Point("owner", WARN, Words("持有账户未登记为参与方", "the owning account is not registered"))
    return Point("owner", OK, Words(f"持有人 {name}", f"owned by {name}"))


def _is(seller: str, owner: str, org: str | None) -> bool:
    if seller.startswith("0x"):
        return bool(parse_address(seller, where="seller") == parse_address(owner))
    return seller == org


def _energy(facts: _Facts) -> Point:
    """Whether another certificate that stands claims any of the same positions."""
    intervals, certificates = store.INTERVALS, mirror.CERTIFICATES
    for span in facts.claim.intervals:
        other = facts.connection.execute(
            select(intervals.c.digest).join(certificates, and_(
                certificates.c.digest == intervals.c.digest, certificates.c.status == "live"))
            .where(intervals.c.mark == span.mark, intervals.c.start < span.end, intervals.c.end > span.start,
                   intervals.c.digest != facts.piece.digest)).first()
        if other is not None and facts.certificate.superseded_by != other.digest:
            return Point("same-energy", BAD, Words(f"{span.mark} 的同一电量另有凭证 {other.digest.hex()[:12]}",
                                                   f"the same energy stands behind {other.digest.hex()[:12]}"))
    if not facts.claim.intervals:
        return Point("same-energy", OK, Words("排放声明不占用电量序号", "an inventory spends no serials"))
    outside = "、".join(facts.claim.external_refs)
    return Point("same-energy", OK, Words(
        f"本账本内未被二次声明；外部登记：{outside or '未填写'}",
        f"claimed once within this ledger; outside references: {outside or 'none given'}"))


def _verifier(facts: _Facts) -> Point:
    document, index = facts.opinion.document, facts.opinion.log_index
    try:
        check_verifier(participant(facts.connection, document.verifier, index),
                       participant(facts.connection, facts.claim.subject, index), document.accreditation)
    except Forbidden as refusal:
        return Point("verifier", BAD, Words("签署时资质或独立性不成立", refusal.message))
    except CarbonSealError as error:
        return Point("verifier", BAD, Words("签署时核查机构未登记", error.message))
    return Point("verifier", OK, Words(f"签署时资质有效：{document.accreditation}",
                                       f"accredited when it signed: {document.accreditation}"))


def _findings(facts: _Facts) -> Point:
    document = facts.opinion.document
    standing = [finding.reference for finding in document.findings if finding.state in ("uncorrected",
                                                                                        "carried-forward")]
    if standing or document.conclusion is not Conclusion.UNMODIFIED:
        listed = ", ".join(standing) or "-"
        return Point("findings", WARN, Words(f"结论 {document.conclusion.name.lower()}，未关闭发现：{listed}",
                                             f"{document.conclusion.name.lower()}; standing findings: {listed}"))
    return Point("findings", OK, Words("无未关闭发现", "no finding stands"))


def _superseded(facts: _Facts) -> Point:
    newest = store.newest_statement(facts.connection, facts.claim.exclusivity_key)
    if newest is not None and newest.digest != facts.piece.digest:
        return Point("superseded", WARN if _moves(facts) else BAD, Words(
            f"已有更正声明（日志第 {newest.log_index} 条）", f"corrected by log entry {newest.log_index}"))
    if facts.certificate.short:
        return Point("superseded", WARN, Words(f"存在 {facts.certificate.short} 单位欠量",
                                               f"{facts.certificate.short} units are not covered"))
    return Point("superseded", OK, Words("没有更正", "not corrected"))


def _delay(facts: _Facts) -> Point:
    days = (facts.certificate.issued_at - facts.claim.period.end) // DAY_MS
    late = facts.certificate.issued_at - facts.claim.period.end > LATE_MS
    return Point("delay", WARN if late else OK, Words(f"期末后 {days} 天签发",
                                                      f"issued {days} days after the period ended"))


def _transfers(facts: _Facts) -> Point:
    times = len(_moves(facts))
    return Point("transfers", OK, Words(f"转让 {times} 次", f"transferred {times} times"))


def _notices(facts: _Facts) -> Point:
    codes = sorted({*facts.statement.fields["notices"], *facts.opinion.document.notices})
    if codes:
        return Point("notices", WARN, Words("声明附有提示：" + "、".join(codes), "notices: " + ", ".join(codes)))
    return Point("notices", OK, Words("无提示", "no notices"))


QUESTIONS: Mapping[str, Callable[[_Facts], Point]] = {
    "issuer": _issuer, "serial": _serial, "status": _status, "owner": _owner, "same-energy": _energy,
    "verifier": _verifier, "findings": _findings, "superseded": _superseded, "delay": _delay,
    "transfers": _transfers, "notices": _notices,
}
