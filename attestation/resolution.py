"""Resolving flags: a person decides, by name, whether doubtful readings count. Evidence is never changed by it."""

from __future__ import annotations

from sqlalchemy import Connection, select, update
from sqlmodel import col

from attestation.flags import COUNTS, EQUIVOCATION
from attestation.models import BlockRow, FlagRow
from attestation.refold import refold
from core.errors import InputError, NotFound, Refused

STAYS_OUT = "stays-out"
# What a decision alone cannot mend: these need a registration (profile, swap, ratio), or stay out for good.
# A verifier recomputes the jump from the blocks and would refuse a period that ends on one, whoever decided.
NOT_BY_DECISION = frozenset({"out-of-range", "register-falls", "impossible-jump", "column-unknown", "scale-changed",
                             EQUIVOCATION, "meter-not-enrolled"})
MAX_NAME = 128


def resolve(connection: Connection, log_index: int, meter: str, quantity: str, code: str, resolution: str, by: str,
            time: int) -> None:
    """Close a flag as `counts` or `stays-out`, by an account or key id `by`, at `time` (ms UTC).

    Raises NotFound (flag-unknown), Refused (flag-needs-registration), InputError (resolution-unknown).
    """
    if resolution not in (COUNTS, STAYS_OUT) or not 0 < len(by) <= MAX_NAME:
        raise InputError("resolution-unknown", f"a flag is resolved as {COUNTS} or {STAYS_OUT}, by someone named")
    if resolution == COUNTS and code in NOT_BY_DECISION:
        raise Refused("flag-needs-registration", f"{code} is not mended by a decision", where=meter,
                      hint="register the swap, roll-over, ratio or profile that explains it")
    changed = connection.execute(
        update(FlagRow).where(
            col(FlagRow.log_index) == log_index, col(FlagRow.meter) == meter, col(FlagRow.quantity) == quantity,
            col(FlagRow.code) == code, col(FlagRow.resolution) == "")
        .values(resolution=resolution, resolved_by=by, resolved_at=time))
    if changed.rowcount == 0:
        raise NotFound("flag-unknown", "there is no such open flag", where=f"index {log_index} {meter} {quantity}")
    if resolution == COUNTS:
        meters = [meter] if meter else [row[0] for row in connection.execute(
            select(col(BlockRow.meter)).where(col(BlockRow.log_index) == log_index))]
        refold(connection, meters)
