"""Bodies at rest, the gateway's side, and what one batch gathers from frames of different columns."""

from __future__ import annotations

import pytest
from attestation_helpers import GATEWAY_KEY, HOUR, ORIGIN, SITE, START, Gateway, Node, block, energy_block, integers
from hypothesis import given
from hypothesis import strategies as st

from attestation.block import BlockData, Gap, encode_block
from attestation.build import build_frame, fresh_salt
from attestation.frame import EpochStart
from attestation.registration import parse_registration
from attestation.series import base_unit, hourly, raw, register_at
from attestation.storage import COMPRESS_FROM_BYTES, blocks_of, pack_body, unpack_body
from attestation.subjects import LogRegistry
from core.errors import CarbonSealError, FormError
from core.period import Period
from core.records import ClockQuality


@given(st.binary(max_size=3 * COMPRESS_FROM_BYTES) | st.binary(max_size=3).map(lambda part: part * 2000))
def test_a_body_is_stored_and_read_back(body: bytes) -> None:
    stored = pack_body(body)
    assert unpack_body(stored) == body
    assert len(stored) <= len(body) + 1


@given(st.binary(max_size=50))
def test_a_damaged_body_is_our_error(stored: bytes) -> None:
    if stored[:1] != b"\0":
        with pytest.raises(CarbonSealError, match="body-damaged"):
            unpack_body(stored)


def test_a_body_followed_by_something_is_damaged() -> None:
    stored = pack_body(b"a" * 5000)
    for changed in (stored + b"x", stored[:-1], b"\2" + stored[1:]):
        with pytest.raises(CarbonSealError, match="body-damaged"):
            unpack_body(changed)


def test_blocks_come_back_as_they_were_signed(node: Node, gateway: Gateway) -> None:
    node.enrol("m:a")
    sent = gateway.frame(block(count=900), block("m:a", count=900))
    node.one(sent)
    with node.connection() as connection:
        assert tuple(blocks_of(connection, 3)) == sent.blocks
        with pytest.raises(CarbonSealError, match="frame-unknown"):
            blocks_of(connection, 2)


def test_one_hour_is_gathered_from_frames_of_different_columns(node: Node, gateway: Gateway) -> None:
    """A column that comes and goes changes what stands side by side, not the sums."""
    node.put(gateway.frame(block()), gateway.frame(energy_block([1_000_700], start=START + 60_000)),
             gateway.frame(block(start=START + 120_000, energy=1_001_200)))
    with node.connection() as connection:
        (energy,) = hourly(connection, "m:main", "energy", Period(START, START + HOUR))
        (power,) = hourly(connection, "m:main", "power", Period(START, START + HOUR))
    assert (energy.readings, energy.first_position, energy.last_position) == (121, 1_000_000, 1_001_790)
    assert (energy.first_index, energy.last_index, power.readings) == (2, 4, 120)


def test_the_same_sums_follow_from_one_batch_and_from_many(tmp_path: object, node: Node, gateway: Gateway) -> None:
    frames = [gateway.frame(block(start=START + i * 60_000, energy=10**6 + 600 * i, power=i)) for i in range(6)]
    node.put(*frames)
    from pathlib import Path
    folder = Path(str(tmp_path)) / "other"
    folder.mkdir()
    other = Node(folder).enrol("m:main")
    for frame in frames:
        other.one(frame)
    found = []
    for each in (node, other):
        with each.connection() as connection:
            found.append([hourly(connection, "m:main", quantity, Period(START, START + HOUR))
                          for quantity in ("power", "energy")])
    assert found[0] == found[1]


def test_no_reading_is_an_answer_and_no_meter_an_error(node: Node) -> None:
    with node.connection() as connection:
        assert register_at(connection, "m:main", "energy", START) is None
        assert len(raw(connection, "m:none", "energy", Period(START, START + 1)).times) == 0
        assert base_unit(connection, "m:main", "energy") == "Wh"
        for meter, quantity, code in (("m:none", "energy", "meter-unknown"), ("m:main", "power", "column-unknown")):
            with pytest.raises(CarbonSealError, match=code):
                base_unit(connection, meter, quantity)


def test_a_power_column_has_no_register(node: Node, gateway: Gateway) -> None:
    node.one(gateway.frame(block()))
    with node.connection() as connection:
        assert register_at(connection, "m:main", "power", START + HOUR) is None


def test_salts_do_not_repeat() -> None:
    assert len({fresh_salt() for _ in range(100)}) == 100


@pytest.mark.parametrize("blocks", [[], [block(), block()]])
def test_a_frame_has_one_block_for_each_meter(blocks: list[BlockData]) -> None:
    with pytest.raises(FormError, match="frame-blocks-order"):
        build_frame(GATEWAY_KEY, ORIGIN, SITE, "gw:one", 0, 0, EpochStart(None, "key"), ClockQuality.SYNCHRONISED, None,
                    bytes(32), blocks)


@pytest.mark.parametrize("data", [
    block()._replace(quality=integers(0)),
    block()._replace(columns=()),
    block()._replace(meter="M:Main"),
    block()._replace(gap=Gap(9, START, START)),
    block()._replace(gap=Gap(1, START, START - 1)),
    BlockData("m:main", integers(), (), integers()),
    block(quality=9),
])
def test_a_gateway_cannot_build_a_block_that_would_be_refused(data: BlockData) -> None:
    with pytest.raises(FormError):
        encode_block(data, bytes(16))


def test_the_registry_of_the_log_follows_its_entries(node: Node) -> None:
    registry = LogRegistry()
    for index, subject in enumerate(("gw:one", "m:main")):
        registry.add(index, parse_registration(node.heads[subject].payload))
    assert list(registry.meters()) == ["m:main"]
    assert registry.gateway_of("m:main", 1) is None
    assert registry.carried_by("gw:one", 2) == {"m:main"}
    assert registry.gateway_of("gw:one", 2) is None
