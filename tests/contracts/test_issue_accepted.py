from __future__ import annotations

import pytest
from chain_helpers import MWH, OPENING, PV, World, payload_digest

from core.records import Interval
from ledger.anchor.layout import CertificateStatus, piece_id

pytestmark = pytest.mark.chain


def test_whole_megawatt_hours_of_a_claim_point_are_issued_to_the_holder(world: World) -> None:
    issued = world.issue(0, [Interval(PV, OPENING, OPENING + 10 * MWH)], 10)
    registry = world.registry("steel")
    assert issued.piece == piece_id(payload_digest(0), 0, 10)
    state = registry.certificate(payload_digest(0))
    assert state is not None
    assert state.status == CertificateStatus.LIVE
    assert registry.mark(PV).position == OPENING + 10 * MWH
    assert world.conserved()
