"""Flags: what is doubtful about an accepted frame, and what is doubtful about a frame as a whole."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from attestation.frame import LOST_SPOOL, EpochStart, Frame
from core.period import HOUR_MS
from core.records import ClockQuality

# A gateway that synchronises its clock stays well inside; a frame from further ahead is not of this time.
MAX_AHEAD_MS = 5 * 60_000
# A spool outlasts a long holiday; what comes later is looked at by a person first.
MAX_LATE_MS = 14 * 24 * HOUR_MS

# A clock that says of itself that it does not know the time of day.
UNTRUSTED_CLOCKS = frozenset({ClockQuality.UNKNOWN, ClockQuality.RELATIVE})

EQUIVOCATION = "equivocation"
# About a block that is not there: only the frame as a whole shows it.
MISSING = "meter-missing"
NOTICES = frozenset({"beacon-unknown", "declared-loss", MISSING})
# The resolution that lets flagged readings count; every other one keeps them out as long as the doubt follows.
COUNTS = "counts"

# What each code means, in Chinese and English.
MESSAGES: dict[str, tuple[str, str]] = {
    "meter-not-enrolled": ("表计未登记", "nobody enrolled this meter"),
    "meter-elsewhere": ("该表计由另一网关采集", "another gateway carries this meter"),
    MISSING: (
        "该网关应采集此表计，而帧中没有它的数据块", "the gateway carries this meter and the frame has no block for it"),
    "column-unknown": ("有效档案中没有此列", "the profile in force has no such column"),
    "scale-changed": ("倍率与有效档案不符", "the scale is not that of the profile in force"),
    "out-of-range": ("数值超出档案的上下限", "a value is outside the limits of the profile"),
    "register-falls": ("止码下降而没有换表或翻转登记", "the register falls without a swap or roll-over"),
    "impossible-jump": ("止码增长超出容量所允许", "the register moves faster than the capacity allows"),
    "calibration-expired": ("最后一次读数前检定已过期", "the calibration expired before the last reading"),
    "clock-off": (
        "时钟不可信：未知、超前于节点、早于所引区块，或早于此前的读数",
        "the clock is off: unknown, ahead of the node, behind its beacon, or back behind earlier readings"),
    "late": ("帧到得太迟，须经人查看才计入", "the frame came too late to count unseen"),
    "beacon-unknown": (
        "节点不认识帧所引的区块，视同未引", "the node does not know the block the frame names; it counts as none"),
    "declared-loss": (
        "网关丢失了存储：有已签名的帧从未送达", "the gateway lost its spool: frames were signed that never came"),
    EQUIVOCATION: ("同一位置签署了两份内容", "two payloads were signed for one place of the chain"),
}


class Span(NamedTuple):
    """What a flag needs to know of a frame; times in ms UTC."""

    gateway: str
    t_first: int
    t_last: int


class Flag(NamedTuple):
    """Something doubtful. `meter` and `quantity` are "" when it concerns the whole frame or block."""

    meter: str
    quantity: str
    code: str
    t_from: int
    t_to: int

    @property
    def excludes(self) -> bool:
        """Whether it keeps what it concerns out of calculations until someone resolves it."""
        return self.code not in NOTICES


class Context(NamedTuple):
    """What surrounds a frame. Times in ms UTC; `before`: latest trusted time of the gateway's earlier frames, or −1.

    `leaf_index`: its place in the log (`LATEST` before it has one). `beacon_time`: time of the beacon's block; −1 when
    the frame names none, None when the node does not know it. `cleared`: (meter, quantity, code) decided to count.
    """

    leaf_index: int
    received: int
    before: int
    beacon_time: int | None
    cleared: frozenset[tuple[str, str, str]] = frozenset()


def span_of(frame: Frame) -> Span:
    """The span of a frame."""
    return Span(frame.gateway, frame.t_first, frame.t_last)


def flag(code: str, span: Span, meter: str = "", quantity: str = "") -> Flag:
    """A flag over a span."""
    return Flag(meter, quantity, code, span.t_first, span.t_last)


def frame_flags(frame: Frame, context: Context) -> list[Flag]:
    """What is doubtful about the frame as a whole."""
    codes = []
    if clock_is_off(frame, context):
        codes.append("clock-off")
    if frame.t_last < context.received - MAX_LATE_MS:
        codes.append("late")
    if context.beacon_time is None:
        codes.append("beacon-unknown")
    if isinstance(frame.prev, EpochStart) and frame.prev.reason == LOST_SPOOL:
        codes.append("declared-loss")
    return [flag(code, span_of(frame)) for code in codes]


def clock_is_off(frame: Frame, context: Context) -> bool:
    """Whether the frame's times cannot be those at which it was read."""
    return (frame.clock in UNTRUSTED_CLOCKS
            or frame.t_last > context.received + MAX_AHEAD_MS or frame.t_first <= context.before
            or (context.beacon_time is not None and frame.t_last < context.beacon_time))


def keeps_out(flags: Iterable[Flag], cleared: frozenset[tuple[str, str, str]]) -> bool:
    """Whether any of the flags still excludes."""
    return any(each.excludes and (each.meter, each.quantity, each.code) not in cleared for each in flags)
