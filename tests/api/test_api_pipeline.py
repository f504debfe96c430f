"""Steps of the pipeline under faults: a full disk, a chain that is away, a second writer, doubtful readings."""

from __future__ import annotations

import resource
import signal
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from api_world import (
    DAY,
    HOUR,
    MAIN,
    MAIN_RATE,
    MARK,
    PERIOD,
    PV,
    START,
    World,
    body,
)

from api import anchoring, fsck, pipeline
from api.deployment import writing
from attestation import series
from certificates import store
from core.claims import Carried, DocumentInput, MeterInput, parse_claim
from core.database import reading, transaction
from core.errors import CarbonSealError, NotFound, Refused, Unavailable
from core.period import Period
from core.records import Kind
from ledger import log


@pytest.fixture
def park(tmp_path: Path) -> Iterator[World]:
    """A deployment with its chain and a day of readings; it holds the writer's lock."""
    world = World.made(tmp_path / "node")
    with writing(world.deployment):
        yield world.prepare().accept_frames(24)
    world.close()


def size(world: World) -> int:
    with reading(world.deployment.engine) as connection:
        return log.size(connection)


def refused(world: World, payload: bytes) -> CarbonSealError:
    """What the calculation of a claim says."""
    claim = pipeline.claim(world.deployment, payload)
    with pytest.raises(CarbonSealError) as caught:
        pipeline.calculate(world.deployment, claim.digest)
    return caught.value


# accept

def test_a_superseded_writer_keeps_nothing(bare: World) -> None:
    before = size(bare)
    with pytest.raises(Refused) as caught:
        pipeline.accept(bare.deployment, bare.generation() - 1, [body(bare.gateway.frame(START))])
    assert caught.value.code == "writer-superseded"
    assert size(bare) == before


def test_bodies_of_one_group_are_answered_apart(bare: World) -> None:
    good = body(*bare.gateway.frames(START, 2))
    answers = pipeline.accept(bare.deployment, bare.generation(), [b"\xff", good, b""])
    assert isinstance(answers[0], CarbonSealError)
    assert isinstance(answers[1], list)
    assert [item.outcome for item in answers[1]] == ["accepted", "accepted"]
    assert [item.values for item in answers[1]] == [8, 8]
    assert answers[2] == []


def test_an_equivocation_writes_its_dispute_with_it(bare: World) -> None:
    one, two = bare.gateway.build(START), bare.gateway.build(START, main=5)
    before = size(bare)
    (answer,) = pipeline.accept(bare.deployment, bare.generation(), [body(one, two)])
    assert isinstance(answer, list)
    assert [item.outcome for item in answer] == ["accepted", "disputed"]
    assert size(bare) == before + 3


def fill_the_disk(world: World) -> Any:
    """A limit on file size that the database is about to reach; SQLite then reports a full disk."""
    folder = world.deployment.directory
    largest = max(path.stat().st_size for path in folder.glob("carbonseal.db*"))
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (largest + 4096, before[1]))
    return before


def test_a_full_disk_takes_nothing_and_goes_on_when_there_is_room(bare: World) -> None:
    frames = bare.gateway.frames(START, 24)
    before = size(bare)
    limits = fill_the_disk(bare)

    def fill() -> None:
        nonlocal frames
        for _ in range(50):
            pipeline.accept(bare.deployment, bare.generation(), [body(*frames)])
            frames = bare.gateway.frames(START + bare.gateway.seq * HOUR, 24)

    try:
        with pytest.raises(Unavailable) as caught:
            fill()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert caught.value.code == "database-unavailable"
    assert caught.value.http_status == 503
    assert (size(bare) - before) % 24 == 0
    (answer,) = pipeline.accept(bare.deployment, bare.generation(), [body(*frames)])
    assert isinstance(answer, list)
    assert {item.outcome for item in answer} == {"accepted"}
    pipeline.seal(bare.deployment)
    assert fsck.check(bare.deployment, None) == []


# seal, anchor

def test_sealing_twice_signs_once(bare: World) -> None:
    first = pipeline.seal(bare.deployment)
    assert first is not None
    assert first.size == size(bare)
    assert pipeline.seal(bare.deployment) is None


@pytest.mark.chain
def test_while_the_chain_is_away_frames_are_taken_and_sealed(park: World) -> None:
    pipeline.seal(park.deployment)
    pipeline.anchor(park.deployment, park.link)
    park.link.stop()
    park.link.start = lambda: None  # type: ignore[method-assign]
    park.put(park.gateway.frame(START + 25 * HOUR))
    sealed = pipeline.seal(park.deployment)
    assert sealed is not None
    with pytest.raises(Unavailable):
        pipeline.anchor(park.deployment, park.link)
    del park.link.start
    anchored = pipeline.anchor(park.deployment, park.link)
    assert anchored is not None
    assert anchored.size == sealed.size
    assert fsck.check(park.deployment, park.link) == []


@pytest.mark.chain
def test_what_the_chain_lost_is_anchored_again_with_the_same_roots(park: World) -> None:
    sizes = []
    for hour in range(3):
        park.put(park.gateway.frame(START + (25 + hour) * HOUR))
        pipeline.seal(park.deployment)
        anchored = pipeline.anchor(park.deployment, park.link)
        assert anchored is not None
        sizes.append((anchored.size, anchored.root))
        if hour == 0:
            snapshot = park.link.chain.rpc.call("evm_snapshot")
    park.link.chain.rpc.call("evm_revert", snapshot)
    assert {item.code for item in fsck.check(park.deployment, park.link)} == {"anchor-lost"}
    pipeline.anchor(park.deployment, park.link)
    with reading(park.deployment.engine) as connection:
        assert [(item.size, item.root) for item in anchoring.listed(connection, 3)] == sizes[::-1]
    assert fsck.check(park.deployment, park.link) == []


@pytest.mark.chain
def test_settling_anchors_a_tree_that_holds_the_entry_and_knows_no_other(park: World) -> None:
    anchored = pipeline.settle(park.deployment, park.link, 3)
    assert anchored.size > 3
    with reading(park.deployment.engine) as connection:
        assert anchoring.listed(connection, 3) == [anchored]
    with pytest.raises(NotFound):
        pipeline.settle(park.deployment, park.link, size(park))


# calculate

@pytest.mark.chain
def test_a_statement_computed_again_has_the_same_bytes(park: World) -> None:
    claim = pipeline.claim(park.deployment, park.claim())
    statement = pipeline.calculate(park.deployment, claim.digest)
    with reading(park.deployment.engine) as connection:
        payload, details = pipeline._compute(park.deployment, connection, claim)
    assert payload == statement.payload
    assert list(details) == list(statement.details)
    assert pipeline.calculate(park.deployment, claim.digest) == statement


@pytest.mark.chain
def test_completeness_counts_the_frames_of_the_period(park: World) -> None:
    claim = pipeline.claim(park.deployment, park.claim())
    completeness = pipeline.calculate(park.deployment, claim.digest).fields["completeness"]
    assert completeness == {"frames": "25", "gaps": "0", "losses": "0", "flagged": "0", "max_staleness_ms": "0"}


@pytest.mark.chain
def test_lost_readings_neither_add_nor_hide_energy(tmp_path: Path) -> None:
    """The hours after a register fell are flagged; R(end) is the last reading that counts, so too old to claim with."""
    world = World.made(tmp_path / "node")
    with writing(world.deployment):
        world.prepare().accept_frames(22)
        world.put(world.gateway.frame(START + 23 * HOUR, pv=1), world.gateway.frame(START + 24 * HOUR, pv=2))
        with reading(world.deployment.engine) as connection:
            found = series.register_at(connection, PV, "energy", PERIOD.end)
        assert found is not None
        assert found.time < START + 23 * HOUR
        error = refused(world, world.claim(units=40))
        assert error.code == "reading-stale"
    world.close()


@pytest.mark.chain
def test_a_disputed_span_is_not_calculated_with(park: World) -> None:
    park.gateway.seq -= 3
    park.put_any(park.gateway.build(START + 22 * HOUR, main=7))
    park.gateway.seq += 3
    error = refused(park, park.claim(Kind.EMISSION))
    assert error.code in ("frames-disputed", "reading-stale")


@pytest.mark.chain
@pytest.mark.parametrize(("changes", "code"), [
    ({"inputs": {"no_such_input": [MeterInput(PV, "energy")]}}, "input-unknown"),
    ({"inputs": {"generation": [MeterInput(MAIN, "energy")]}}, "claim-point-missing"),
    ({"inputs": {"generation": [DocumentInput(b"\1" * 32, Decimal(5), "Wh", "账单")]}}, "source-not-allowed"),
    ({"period": Period(START - 20 * DAY, START - 19 * DAY)}, "register-not-yet"),
])
def test_a_claim_that_cannot_be_computed_says_why(park: World, changes: dict[str, Any], code: str) -> None:
    assert refused(park, park.claim(**changes)).code == code


@pytest.mark.chain
def test_a_claim_point_may_be_named_by_its_mark(park: World) -> None:
    claim = pipeline.claim(park.deployment, park.claim(inputs={"generation": [MeterInput(MARK, "energy")]}))
    assert pipeline.calculate(park.deployment, claim.digest).fields["certificate"]["amount"] == "48"


@pytest.mark.chain
def test_another_text_of_the_methodology_is_not_computed(park: World) -> None:
    reference = replace(parse_claim(park.claim()).methodology, digest=b"\7" * 32)
    assert refused(park, park.claim(methodology=reference)).code == "methodology-differs"


@pytest.mark.chain
def test_a_carry_from_a_statement_nobody_made_is_refused(park: World) -> None:
    carried = Carried(b"\1" * 32, Decimal("0.5"), "MWh")
    with pytest.raises(NotFound, match="statement-unknown"):
        pipeline.claim(park.deployment, park.claim(carried=carried))


@pytest.mark.chain
def test_documents_are_the_weakest_method_the_rule_allows(park: World) -> None:
    inputs = {"purchased_electricity": [MeterInput(MAIN, "energy"),
                                        DocumentInput(b"\2" * 32, Decimal("1000"), "kWh", "结算单")]}
    claim = pipeline.claim(park.deployment, park.claim(Kind.EMISSION, inputs=inputs))
    statement = pipeline.calculate(park.deployment, claim.digest)
    records = [item["record"] for item in statement.details if item["record"]["kind"] == "input"]
    assert [(record["source"]["type"], record["method"], record["priority"]) for record in records] == [
        ("register", "measured", "1"), ("document", "estimated", "2")]
    assert records[0]["quantity"] == {"value": str(96 * MAIN_RATE), "unit": "Wh"}
    assert "estimated-input" in statement.fields["notices"]


@pytest.mark.chain
def test_a_corrected_claim_supersedes_and_lists_what_it_replaces(park: World) -> None:
    first = pipeline.calculate(park.deployment, pipeline.claim(park.deployment, park.claim(Kind.EMISSION)).digest)
    again = park.claim(Kind.EMISSION, supersedes=first.digest)
    second = pipeline.calculate(park.deployment, pipeline.claim(park.deployment, again).digest)
    assert second.fields["supersedes"] == first.digest.hex()
    with reading(park.deployment.engine) as connection:
        assert store.statements_reading(connection, MAIN) == [first.digest, second.digest]
    with pytest.raises(Refused) as caught:
        pipeline.claim(park.deployment, park.claim(Kind.EMISSION, supersedes=first.digest, options={"region": "js"}))
    assert caught.value.code == "claim-supersedes"


# review, issue

@pytest.mark.chain
def test_an_opinion_names_a_manifest_of_this_log(park: World) -> None:
    statement = pipeline.calculate(park.deployment, pipeline.claim(park.deployment, park.claim()).digest)
    payload = park.opinion(statement)
    with transaction(park.deployment.engine) as connection:
        connection.exec_driver_sql("DELETE FROM api_entry WHERE content_type LIKE '%manifest%'")
    with pytest.raises(Refused) as caught:
        pipeline.review(park.deployment, payload)
    assert caught.value.code == "manifest-unknown"


@pytest.mark.chain
def test_nothing_is_issued_without_an_opinion(park: World) -> None:
    statement = pipeline.calculate(park.deployment, pipeline.claim(park.deployment, park.claim()).digest)
    with pytest.raises(NotFound) as caught:
        pipeline.issue(park.deployment, park.link, statement.digest)
    assert caught.value.code == "opinion-missing"


@pytest.mark.chain
def test_a_certificate_the_chain_lost_is_issued_again_with_its_id(park: World) -> None:
    statement = pipeline.calculate(park.deployment, pipeline.claim(park.deployment, park.claim()).digest)
    pipeline.review(park.deployment, park.opinion(statement))
    pipeline.settle(park.deployment, park.link, size(park) - 1)
    snapshot = park.link.chain.rpc.call("evm_snapshot")
    pipeline.issue(park.deployment, park.link, statement.digest)
    park.link.chain.rpc.call("evm_revert", snapshot)
    assert park.link.certificates.certificate(statement.digest) is None
    pipeline.anchor(park.deployment, park.link)
    pipeline.follow_chain(park.deployment, park.link)
    assert pipeline.deliver(park.deployment, park.link) == 1
    issued = [event for event in park.link.certificates.events() if event.name == "CertificateIssued"]
    assert [event.values["payloadDigest"] for event in issued] == [statement.digest]
    assert fsck.check(park.deployment, park.link) == []


@pytest.mark.chain
def test_issuing_twice_gives_one_certificate(park: World) -> None:
    statement = pipeline.calculate(park.deployment, pipeline.claim(park.deployment, park.claim()).digest)
    pipeline.review(park.deployment, park.opinion(statement))
    first = pipeline.issue(park.deployment, park.link, statement.digest)
    second = pipeline.issue(park.deployment, park.link, statement.digest)
    assert first.position == second.position
    assert [event.name for event in park.link.certificates.events()].count("CertificateIssued") == 1


@pytest.mark.chain
def test_the_steps_are_told_in_the_order_of_the_path(park: World) -> None:
    told: list[str] = []

    def steps(name: str, done: bool) -> None:
        if done:
            told.append(name)

    claim = pipeline.claim(park.deployment, park.claim(), steps)
    statement = pipeline.calculate(park.deployment, claim.digest, steps)
    pipeline.review(park.deployment, park.opinion(statement), steps)
    pipeline.issue(park.deployment, park.link, statement.digest, steps)
    assert told == ["claim", "calculate", "manifest", "review", "seal", "anchor", "issue"]
