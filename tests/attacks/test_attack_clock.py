"""The node's clock jumps back an hour or on a year between two requests; what was true stays true."""

from __future__ import annotations

import pytest
from api_world import AFTER, DAY, HOUR, MAIN, START, World
from attack_helpers import Prepared, accept_more, resume_gateway

from api import entries, fsck, pipeline
from attestation import series
from attestation.envelope import MANIFEST
from attestation.manifest import parse_manifest
from core.clock import FixedClock
from core.database import reading
from core.errors import Refused
from core.period import Period
from ledger import log

pytestmark = [pytest.mark.chain, pytest.mark.timeout(240)]

YEAR = 365 * DAY


def at(world: World, instant: int) -> None:
    """Set the clock of node, chain link and everybody's desks."""
    assert isinstance(world.clock, FixedClock)
    world.clock.instant = instant


def test_an_hour_back_between_review_and_issue_changes_nothing(park: World, about_to_issue: Prepared) -> None:
    at(park, AFTER - HOUR)
    accept_more(park)
    assert pipeline.seal(park.deployment) is not None
    assert pipeline.issue(park.deployment, park.link, about_to_issue.statement).state == "done"
    assert fsck.check(park.deployment, park.link) == []


def test_frames_taken_a_year_ahead_are_kept_flagged_and_no_evidence_is_lost(park: World) -> None:
    resume_gateway(park)
    at(park, AFTER + YEAR)
    (late,) = accept_more(park)
    at(park, AFTER - HOUR)
    (early,) = accept_more(park)
    at(park, AFTER + 3 * HOUR)
    (fine,) = accept_more(park)
    assert fine == early + 1 == late + 2
    with reading(park.deployment.engine) as connection:
        flagged = {(item.log_index, item.code) for item in series.flags(connection, MAIN, Period(START, AFTER + DAY))}
    # Kept out of calculations until the registrar decides: the node cannot know that its own clock was wrong.
    assert flagged == {(late, "late"), (early, "clock-off")}
    assert fsck.check(park.deployment, None) == []


@pytest.mark.parametrize(("ahead", "code"), [(40 * DAY, "certificate-expired"),
                                             (YEAR, "certificate-claim-signature")])
def test_ahead_of_its_validity_an_opinion_issues_nothing_and_back_in_time_it_does(
        park: World, about_to_issue: Prepared, ahead: int, code: str) -> None:
    at(park, AFTER + ahead)
    with pytest.raises(Refused) as caught:
        pipeline.issue(park.deployment, park.link, about_to_issue.statement)
    assert caught.value.code == code
    at(park, AFTER)
    assert pipeline.issue(park.deployment, park.link, about_to_issue.statement).state == "done"
    assert fsck.check(park.deployment, park.link) == []


def test_a_block_stamped_a_year_ahead_is_told_by_code_and_anchors_go_on(park: World, about_to_issue: Prepared) -> None:
    at(park, AFTER + YEAR)
    accept_more(park)
    pipeline.seal(park.deployment)
    ahead = pipeline.anchor(park.deployment, park.link)
    assert ahead is not None
    at(park, AFTER)
    accept_more(park)
    pipeline.seal(park.deployment)
    later = pipeline.anchor(park.deployment, park.link)
    assert later is not None
    assert later.time > ahead.time
    # A chain never goes back: what it was told too early has run out there for good.
    with pytest.raises(Refused) as caught:
        pipeline.issue(park.deployment, park.link, about_to_issue.statement)
    assert caught.value.code == "certificate-claim-signature"
    assert fsck.check(park.deployment, park.link) == []


def test_manifests_are_written_again_after_a_clock_that_was_ahead(park: World) -> None:
    at(park, AFTER + YEAR)
    accept_more(park)
    with reading(park.deployment.engine) as connection:
        size = log.size(connection)
    ahead = pipeline.manifest(park.deployment, size - 1)
    at(park, AFTER)
    (index,) = accept_more(park)
    after = pipeline.manifest(park.deployment, index)
    assert parse_manifest(after.payload).size > parse_manifest(ahead.payload).size
    with reading(park.deployment.engine) as connection:
        assert entries.newest(connection, MANIFEST).digest == after.digest
    assert fsck.check(park.deployment, None) == []


def test_a_chain_whose_blocks_lag_behind_the_clock_is_anchored_to_all_the_same(park: World) -> None:
    times = []
    for step in (0, -DAY, -2 * DAY, HOUR):
        at(park, AFTER + step)
        accept_more(park)
        pipeline.seal(park.deployment)
        anchored = pipeline.anchor(park.deployment, park.link)
        assert anchored is not None
        times.append(anchored.time)
    assert times == sorted(times)
    assert len(set(times)) == len(times)
