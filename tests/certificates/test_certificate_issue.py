"""Issuing end to end on a node that lived through the small world: verified first, written once, whatever fails."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import verify_world
from memory_registry import World as Chain
from replayed_node import ReplayedNode
from verify_world import ENTERPRISE, POINT, PV, VERIFIER, Lies, World, account

from certificates import check, export, issue, lifecycle, mirror, outbox, query, store
from certificates.lifecycle import Beneficiary, Desk
from certificates.query import Filter
from certificates.registry import Mark
from certificates.report import AnchorFact
from certificates.report_data import certificate_report
from certificates.report_pdf import render_html
from certificates.wording import ORIGINS
from core.clock import FixedClock
from core.database import reading, transaction
from core.errors import NotFound, Refused, Unavailable
from core.period import Period
from core.records import Interval, MarkKind
from ledger.anchor.layout import CertificateStatus, piece_id

NOW = verify_world.CHAIN_TIME
NODE = account("node").address
HOLDER, TRADER = account("enterprise").address, account("trader").address
BENEFICIARY = Beneficiary("蓝河特钢有限公司", "91320100MA0000000X", "CN", "江苏蓝河园区")


@dataclass
class Anchors:
    """An anchor of one size, or none."""

    size: int

    def latest(self, origin: str) -> Anchors | None:
        return self if self.size else None


class Deployment:
    """A replayed node beside a chain in memory."""

    def __init__(self, path: Path, lies: Lies | None = None) -> None:
        self.world = World(lies or Lies())
        self.node = ReplayedNode(self.world, path)
        self.engine = self.node.engine
        self.chain = Chain([HOLDER, TRADER])
        self.anchors = Anchors(self.world.checkpoint.size)
        self.statement = sha256(self.world.statement_payload).digest()
        for span in self.world.result.intervals:
            self.chain.desk("registrar").open_mark(Mark(span.mark, ENTERPRISE, int(MarkKind.REGISTER), span.start,
                                                        2_000_000, verify_world.START))

    def desk(self, actor: str = NODE) -> Desk:
        return Desk(self.engine, self.chain.desk(actor), self.chain, actor, FixedClock(NOW))

    def evidence(self, level: str = "full") -> bytes:
        with reading(self.engine) as connection:
            return export.evidence(self.node.sources(connection), self.statement, purpose="issue", level=level)

    def issue(self, level: str = "full") -> outbox.Intent:
        return issue.issue(self.desk(), self.anchors, self.statement, self.evidence(level), self.world.trust())

    @property
    def piece(self) -> bytes:
        return piece_id(self.statement, 0, self.world.result.amount).to_bytes(32, "big")


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Deployment]:
    node = Deployment(tmp_path / "node.db")
    yield node
    node.engine.dispose()


def test_a_verified_statement_becomes_one_certificate(node: Deployment) -> None:
    intent = node.issue()
    assert (intent.state, intent.operation.kind) == (outbox.DONE, "issue")
    state = node.chain.desk("x").certificate(node.statement)
    assert state is not None
    assert (state.amount, state.holder, state.claim_hash) == (
        node.world.result.amount, HOLDER, node.world.claim and issue.chain_claim(node.world.claim).struct_hash())
    assert node.chain.desk("x").piece(int.from_bytes(node.piece, "big")) is not None


def test_issuing_again_gives_the_same_certificate(node: Deployment) -> None:
    first = node.issue()
    assert node.issue() == first
    assert sum(event.name == "CertificateIssued" for event in node.chain.state.events) == 1


@pytest.mark.parametrize(("when", "persisted"), [("before", 0), ("after", 1)])
def test_a_submission_that_fails_is_finished_once_by_the_next_run(
        node: Deployment, when: str, persisted: int) -> None:
    def fail(point: str, what: str) -> None:
        if (point, what) == (when, "issue"):
            raise Unavailable("chain-timeout", "no answer")

    node.chain.fault = fail
    with pytest.raises(Unavailable):
        node.issue()
    assert sum(event.name == "CertificateIssued" for event in node.chain.state.events) == persisted
    node.chain.fault = lambda point, what: None
    outbox.deliver(node.engine, issue.handler_of(node.desk(), node.anchors))
    with reading(node.engine) as connection:
        assert [item.state for item in outbox.intents(connection)] == [outbox.DONE]
    assert sum(event.name == "CertificateIssued" for event in node.chain.state.events) == 1


def test_a_lost_block_brings_the_same_certificate_back(node: Deployment) -> None:
    node.issue()
    node.chain.lose(1)
    progress = mirror.follow(node.engine, node.desk().registry, node.chain)
    assert progress.lost == 1
    with reading(node.engine) as connection:
        assert connection.execute(mirror.PIECES.select()).all() == []
    outbox.deliver(node.engine, issue.handler_of(node.desk(), node.anchors))
    mirror.follow(node.engine, node.desk().registry, node.chain)
    with reading(node.engine) as connection:
        assert [row.id for row in connection.execute(mirror.PIECES.select())] == [node.piece]
    assert sum(event.name == "CertificateIssued" for event in node.chain.state.events) == 1


@pytest.mark.parametrize("size", ["none", "too-small"])
def test_without_an_anchor_it_waits_and_issues_by_itself_afterwards(node: Deployment, size: str) -> None:
    anchored = node.anchors.size
    node.anchors.size = 0 if size == "none" else node.world.statement_index
    with pytest.raises(Unavailable, match="anchor-pending"):
        node.issue()
    with reading(node.engine) as connection:
        assert [item.state for item in outbox.intents(connection)] == [outbox.PENDING]
    node.anchors.size = anchored
    outbox.deliver(node.engine, issue.handler_of(node.desk(), node.anchors))
    assert node.chain.desk("x").certificate(node.statement) is not None


def test_evidence_that_does_not_hold_issues_nothing(node: Deployment) -> None:
    trust = replace(node.world.trust(), origin="log.other.example/park")
    with pytest.raises(Refused, match="evidence-invalid"):
        issue.issue(node.desk(), node.anchors, node.statement, node.evidence(), trust)
    with reading(node.engine) as connection:
        assert outbox.intents(connection) == []
    assert node.chain.state.certificates == {}


def test_a_public_file_is_not_enough_to_issue(node: Deployment) -> None:
    with pytest.raises(Refused, match="evidence-invalid"):
        node.issue("public")


def test_energy_already_spent_is_refused_and_stays_refused(node: Deployment) -> None:
    registrar = node.chain.desk("registrar")
    span = node.world.result.intervals[0]
    registrar.skip(span.mark, span.start + 1, "已在他处签发")
    with pytest.raises(Refused, match="mark-overlap"):
        node.issue()
    with reading(node.engine) as connection:
        assert [item.state for item in outbox.intents(connection)] == [outbox.REFUSED]
    with pytest.raises(Refused, match="mark-overlap"):
        node.issue()
    assert node.chain.state.certificates == {}


def test_an_adverse_conclusion_builds_no_application(node: Deployment) -> None:
    with transaction(node.engine) as connection:
        stored = store.opinion_on(connection, node.statement)
        adverse = replace(stored.document, conclusion=verify_world.Conclusion.ADVERSE)
        store.record_opinion(connection, export.jcs.canonical(adverse.as_json()), stored.log_index + 1)
        with pytest.raises(Refused, match="opinion-conclusion"):
            issue.build_application(connection, node.statement, node.anchors)


def test_a_correction_supersedes_what_it_corrects_even_over_unissued_ones(node: Deployment) -> None:
    node.issue()
    with transaction(node.engine) as connection:
        about = store.claim(connection, store.statement(connection, node.statement).claim_digest).document
        digests = [node.statement]
        for number in range(2):
            corrected = replace(about, supersedes=digests[-1])
            kept = store.record_claim(connection, export.jcs.canonical(corrected.as_json()), 1_000 + 2 * number)
            fields = store.statement(connection, node.statement).fields | {"supersedes": digests[-1].hex()}
            payload = export.jcs.canonical(fields)
            store.record_statement(connection, payload, (), kept.digest, b"\x01" * 32, 1_001 + 2 * number)
            digests.append(sha256(payload).digest())
        operation = issue._operation(connection, node.desk(), digests[2])
    assert (operation.kind, operation.arguments) == (
        "supersede", {"statement": digests[2].hex(), "old": node.statement.hex()})
    node.chain.desk("registrar").revoke(node.statement, "撤销")
    with reading(node.engine) as connection:
        assert issue._operation(connection, node.desk(), digests[2]).kind == "issue"


# Is it clean? ---------------------------------------------------------------------------------------------------------

def answer(node: Deployment, piece: bytes | None = None, seller: str | None = None) -> check.Answer:
    mirror.follow(node.engine, node.desk().registry, node.chain)
    with reading(node.engine) as connection:
        return check.check(connection, piece or node.piece, seller)


def outcomes(found: check.Answer) -> dict[str, str]:
    return {point.name: point.outcome for point in found.points}


def test_a_fresh_certificate_is_clean_and_says_what_to_look_at(node: Deployment) -> None:
    node.issue()
    found = answer(node, seller=ENTERPRISE)
    assert found.clean
    assert list(outcomes(found)) == list(check.QUESTIONS)
    assert {name for name, outcome in outcomes(found).items() if outcome != check.OK} == {"notices"}
    assert json.loads(json.dumps(found.as_json()))["clean"] is True


def test_another_seller_than_the_owner_is_named(node: Deployment) -> None:
    node.issue()
    assert outcomes(answer(node, seller=HOLDER))["owner"] == check.OK
    assert outcomes(answer(node, seller=TRADER))["owner"] == check.BAD
    assert outcomes(answer(node, seller="org:jianghui"))["owner"] == check.BAD


def test_an_unregistered_owner_is_a_warning(node: Deployment) -> None:
    node.issue()
    lifecycle.transfer(node.desk(HOLDER), node.piece, TRADER)
    found = answer(node)
    assert outcomes(found)["owner"] == check.WARN
    assert next(point for point in found.points if point.name == "transfers").reason.en == "transferred 1 times"


@pytest.mark.parametrize(("act", "point", "outcome"), [
    ("retire", "status", check.BAD), ("revoke", "status", check.BAD), ("split", "status", check.BAD),
    ("pledge", "status", check.WARN),
])
def test_what_cannot_be_bought_is_said(node: Deployment, act: str, point: str, outcome: str) -> None:
    node.issue()
    owner = node.desk(HOLDER)
    {"retire": lambda: lifecycle.retire(owner, node.piece, "offset", BENEFICIARY, verify_world.PERIOD),
     "revoke": lambda: lifecycle.revoke(node.desk("registrar"), node.statement, "错误"),
     "split": lambda: lifecycle.split(owner, node.piece, 1),
     "pledge": lambda: lifecycle.pledge(owner, node.piece, TRADER)}[act]()
    found = answer(node)
    assert outcomes(found)[point] == outcome
    assert found.clean == (outcome != check.BAD)


def test_a_correction_makes_what_never_moved_worthless_and_warns_of_what_did(node: Deployment) -> None:
    node.issue()
    lower, upper = lifecycle.split(node.desk(HOLDER), node.piece, 1)
    lifecycle.transfer(node.desk(HOLDER), lower, TRADER)
    with transaction(node.engine) as connection:
        kept = store.statement(connection, node.statement)
        payload = export.jcs.canonical(kept.fields | {"supersedes": node.statement.hex()})
        store.record_statement(connection, payload, (), kept.claim_digest, b"\x01" * 32, 1_000)
    assert outcomes(answer(node, upper))["superseded"] == check.BAD
    assert outcomes(answer(node, lower))["superseded"] == check.WARN


def test_the_same_energy_under_a_second_certificate_is_found(node: Deployment) -> None:
    """The contract would not issue it; a database that says so is still told apart."""
    node.issue()
    span = node.world.result.intervals[0]
    with transaction(node.engine) as connection:
        connection.execute(store.INTERVALS.insert().values(digest=b"\x01" * 32, mark=span.mark, start=span.start + 1,
                                                           end=span.start + 2))
        row = connection.execute(mirror.CERTIFICATES.select()).one()._asdict()
        connection.execute(mirror.CERTIFICATES.insert().values(row | {"digest": b"\x01" * 32}))
        assert outcomes(check.check(connection, node.piece))["same-energy"] == check.BAD


def test_a_late_issue_is_a_warning(node: Deployment) -> None:
    node.issue()
    with transaction(node.engine) as connection:
        for extra, outcome in ((0, check.OK), (1, check.WARN)):
            connection.execute(mirror.CERTIFICATES.update().values(
                issued_at=verify_world.PERIOD.end + check.LATE_MS + extra))
            assert outcomes(check.check(connection, node.piece))["delay"] == outcome


@pytest.mark.parametrize("lies", [
    Lies(participants={VERIFIER: {"accreditation": "CNAS V-0002"}}),
    Lies(participants={VERIFIER: {"roles": ["verifier", "trader"]}}),
    Lies(participants={VERIFIER: {"group": "org:holding"}, ENTERPRISE: {"group": "org:holding"}}),
])
def test_a_verifier_without_standing_then_is_said(tmp_path: Path, lies: Lies) -> None:
    node = Deployment(tmp_path / "node.db", lies)
    with reading(node.engine) as connection:
        application = issue.build_application(connection, node.statement, node.anchors)
    node.chain.desk(NODE).issue(application)
    assert outcomes(answer(node))["verifier"] == check.BAD
    with pytest.raises(Refused, match="evidence-invalid"):
        node.issue()
    node.engine.dispose()


def test_a_piece_nobody_issued_is_not_found(node: Deployment) -> None:
    with pytest.raises(NotFound, match="piece-unknown"):
        answer(node, b"\x01" * 32)


# Queries --------------------------------------------------------------------------------------------------------------

def ask(node: Deployment, **asked: Any) -> list[query.LedgerRow]:
    mirror.follow(node.engine, node.desk().registry, node.chain)
    with reading(node.engine) as connection:
        return query.find(connection, Filter(**asked))


def test_a_statement_without_certificate_is_one_row(node: Deployment) -> None:
    (row,) = ask(node)
    assert (row.status, row.piece, row.owner, row.conclusion) == ("not-issued", "", "", "unmodified")
    assert row.statement == node.statement.hex()


def test_pieces_of_a_certificate_are_rows(node: Deployment) -> None:
    node.issue()
    lower, upper = lifecycle.split(node.desk(HOLDER), node.piece, 2)
    rows = ask(node)
    assert [row.piece for row in rows] == [lower.hex(), upper.hex()]
    assert [(row.piece_from, row.piece_to) for row in rows] == [("0", "2"), ("2", str(node.world.result.amount))]
    assert {row.owner for row in rows} == {ENTERPRISE}
    assert [row.piece for row in ask(node, certificate=upper)] == [upper.hex()]
    assert len(ask(node, certificate=node.statement)) == 2


def test_a_query_finds_by_each_thing_and_not_by_its_neighbour(node: Deployment) -> None:
    node.issue()
    span, period = node.world.result.intervals[0], verify_world.PERIOD
    hits: list[dict[str, Any]] = [
        {"organisation": ENTERPRISE}, {"organisation": VERIFIER}, {"source": PV}, {"source": POINT},
        {"period": Period(period.end - 1, period.end)}, {"period": Period(period.start - 1, period.start + 1)},
        {"serials": Interval(span.mark, span.end - 1, span.end)}, {"certificate": node.piece}]
    misses: list[dict[str, Any]] = [
        {"organisation": "org:lanhe-steel"}, {"source": "m:other"}, {"period": Period(period.end, period.end + 1)},
        {"period": Period(period.start - 1, period.start)}, {"certificate": b"\x01" * 32},
        {"serials": Interval(span.mark, span.end, span.end + 1)}, {"serials": Interval("cp:other", 0, 2**40)}]
    assert [len(ask(node, **asked)) for asked in hits] == [1] * len(hits)
    assert [len(ask(node, **asked)) for asked in misses] == [0] * len(misses)


def test_rows_are_given_as_json_and_csv(node: Deployment) -> None:
    node.issue()
    rows = ask(node)
    (line,) = query.to_json(rows)
    assert tuple(line) == query.COLUMNS
    header, body, end = query.to_csv(rows).split("\r\n")
    assert (header, end) == (",".join(query.COLUMNS), "")
    assert node.statement.hex() in body


@pytest.mark.parametrize("start", ["=", "+", "-", "@"])
def test_a_cell_that_a_spreadsheet_would_run_is_defused(node: Deployment, start: str) -> None:
    row = replace(ask(node)[0], boundary=f"{start}HYPERLINK(1)")
    assert f"'{start}HYPERLINK(1)" in query.to_csv([row])


# The printed page -----------------------------------------------------------------------------------------------------

def report(node: Deployment, piece: bytes, **changes: Any) -> Any:
    mirror.follow(node.engine, node.desk().registry, node.chain)
    arguments: dict[str, Any] = {
        "rules": node.world.rules, "size": node.world.checkpoint.size, "check_url": "https://x/1", "now": NOW,
        "anchor": AnchorFact(verify_world.CHAIN_ID, verify_world.CONTRACTS[0], 100, NOW)}
    with reading(node.engine) as connection:
        return certificate_report(connection, piece, **(arguments | changes))


def test_a_report_gathers_what_the_page_shows(node: Deployment) -> None:
    node.issue()
    found = report(node, node.piece, notices=("fictitious-parties",))
    assert (found.status, found.amount, found.root) == ("live", node.world.result.amount, node.world.checkpoint.root)
    assert (found.subject.id, found.holder.account, found.devices[0].mark) == (ENTERPRISE, HOLDER, POINT)
    assert {"development-chain", "demonstration", "simulated-source", "fictitious-parties"} <= set(found.notices)
    assert "GP-0001" in render_html(found)
    assert found.devices[0].origin == ORIGINS["simulated"]


@pytest.mark.parametrize(("kind", "origin"), [("green-power", "interpolated"), ("emission", "simulated")])
def test_a_page_says_what_was_not_metered_though_the_statement_keeps_silent(tmp_path: Path, kind: str,
                                                                            origin: str) -> None:
    node = Deployment(tmp_path / "node.db", Lies(kind=kind, origin=origin, notices=()))
    node.issue()
    assert f"{origin}-source" in report(node, node.piece).notices
    node.engine.dispose()


def test_a_report_of_a_retired_piece_names_beneficiary_and_use(node: Deployment) -> None:
    node.issue()
    lifecycle.retire(node.desk(HOLDER), node.piece, "renewable-use", BENEFICIARY, verify_world.PERIOD)
    found = report(node, node.piece)
    assert found.status == "retired"
    assert (found.retirement.beneficiary, found.retirement.place) == (BENEFICIARY.name, BENEFICIARY.place)
    assert (found.retirement.period, found.retirement.account) == (verify_world.PERIOD, HOLDER)


def test_a_beneficiary_written_by_another_wallet_is_shown_as_it_stands(node: Deployment) -> None:
    node.issue()
    node.chain.desk(HOLDER).retire(int.from_bytes(node.piece, "big"), "x", "Somebody", 1, 2)
    found = report(node, node.piece)
    assert (found.retirement.beneficiary, found.retirement.place) == ("Somebody", "-")


@pytest.mark.parametrize(("act", "status"), [("pledge", "pledged"), ("revoke", "revoked"), ("split", "split")])
def test_a_report_shows_what_a_piece_is_worth_now(node: Deployment, act: str, status: str) -> None:
    node.issue()
    {"pledge": lambda: lifecycle.pledge(node.desk(HOLDER), node.piece, TRADER),
     "revoke": lambda: lifecycle.revoke(node.desk("registrar"), node.statement, "错误"),
     "split": lambda: lifecycle.split(node.desk(HOLDER), node.piece, 1)}[act]()
    assert report(node, node.piece).status == status


def test_a_report_without_anchor_or_confirmation_says_so(tmp_path: Path) -> None:
    node = Deployment(tmp_path / "node.db", Lies(opinion={"manifest_confirmed": False}))
    with reading(node.engine) as connection:
        application = issue.build_application(connection, node.statement, node.anchors)
    node.chain.desk(NODE).issue(application)
    found = report(node, node.piece, anchor=None)
    assert {"anchor-pending", "manifest-unconfirmed"} <= set(found.notices)
    with pytest.raises(NotFound, match="piece-unknown"):
        report(node, b"\x01" * 32)
    state = node.chain.state.certificates[node.statement]
    assert state.status is CertificateStatus.LIVE
    node.engine.dispose()
