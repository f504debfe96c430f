"""The start page's figures: head of the ledger, anchors, certificates, meters; and what a reader must be told aloud."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

from sqlalchemy import Connection

from api import anchoring
from api.deployment import Deployment
from attestation import registry, series
from attestation.history import profile_at
from attestation.registration import BASE_UNITS, METER, METERED, ColumnProfile
from attestation.rollup import Hour
from certificates import query
from certificates.query import Filter, LedgerRow
from certificates.wording import KINDS, ORIGINS, STATES
from core.clock import SharedClock
from core.database import reading
from core.period import DAY_MS, MAX_INSTANT, Period, local_text, parse_instant
from core.records import Kind
from ledger import log

SHOWN = 8
ZONE = "Asia/Shanghai"
# Many readers of the page are one reader of the database.
FRESH_S = 1.0

Said = tuple[str, str]


@dataclass
class Overview:
    """The figures of one deployment, read at most once a second."""

    deployment: Deployment
    _read: float = field(default=0.0, init=False)
    _value: dict[str, Any] = field(default_factory=dict, init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)

    def now(self) -> dict[str, Any]:
        """{"head", "appended", "anchors", "certificates", "certificate_count", "meters", "values"}; all text."""
        with self._lock:
            if not self._value or monotonic() - self._read > FRESH_S:
                with reading(self.deployment.engine) as connection:
                    self._value = _figures(connection, self.deployment)
                self._read = monotonic()
            return self._value


def _figures(connection: Connection, deployment: Deployment) -> dict[str, Any]:
    certificates = [row for row in query.find(connection, Filter()) if row.piece]
    meters = [_meter(connection, deployment, meter) for meter in registry.subjects(connection, METER)]
    return {
        "head": _head(connection), "appended": str(log.size(connection)),
        "anchors": [{"size": str(item.size), "root": item.root.hex(), "block": str(item.block),
                     "time": local_text(item.time, ZONE)} for item in anchoring.listed(connection, SHOWN)],
        "certificates": [_certificate(row) for row in reversed(certificates[-SHOWN:])],
        "certificate_count": str(len({row.statement for row in certificates})),
        "meters": meters, "values": str(sum(int(meter["readings"]) for meter in meters)),
    }


def _head(connection: Connection) -> dict[str, str] | None:
    if log.sealed_size(connection) == 0:
        return None
    newest = log.checkpoint(connection)
    return {"size": str(newest.size), "root": newest.root.hex()}


def _certificate(row: LedgerRow) -> dict[str, Any]:
    state = row.piece_status if row.piece_status != "live" else row.status
    kind, words = KINDS[Kind.parse(row.kind)], STATES[state]
    return {"id": row.piece, "kind": [kind.zh, kind.en], "amount": str(int(row.piece_to) - int(row.piece_from)),
            "unit": row.unit, "subject": row.subject, "period": _days(row),
            "status": [words.zh, words.en], "tone": "ok" if state == "live" else "warn"}


def _days(row: LedgerRow) -> str:
    """First and last day of the period in the zone of the page."""
    first, last = parse_instant(row.period_start), parse_instant(row.period_end) - 1
    return f"{local_text(first, ZONE)[:10]} – {local_text(last, ZONE)[:10]}"


def _meter(connection: Connection, deployment: Deployment, meter: str) -> dict[str, Any]:
    """The last day of a meter; its figures only where the operator shows readings to everybody."""
    profile = profile_at(registry.history(connection, meter), MAX_INSTANT)
    empty: dict[str, Any] = {"id": meter, "gateway": profile.gateway if profile else "", "time": "—",
                             "readings": "0", "register": "—", "flags": "", "origin": None}
    if profile is None:
        return empty
    words = ORIGINS[profile.origin]
    empty |= {"origin": [words.zh, words.en], "origin_tone": "ok" if profile.origin == METERED else "warn"}
    now = deployment.clock.now()
    period = Period(max(now - DAY_MS, 0), now + DAY_MS)
    column = next((each for each in profile.columns if each.register), profile.columns[0])
    hours = series.hourly(connection, meter, column.quantity, period)
    flags = sorted({flag.code for flag in series.flags(connection, meter, period) if not flag.resolution})
    if not hours:
        return empty | {"flags": ", ".join(flags)}
    last = hours[-1]
    shown = _shown(column, last) if deployment.settings.show_readings else None
    return empty | {"time": local_text(last.t_last, ZONE), "readings": str(sum(hour.readings for hour in hours)),
                    "register": shown, "flags": ", ".join(flags)}


def _shown(column: ColumnProfile, last: Hour) -> str:
    if column.register:
        return f"{last.last_position:,} {BASE_UNITS[column.unit][0]}"
    return f"{last.last_raw}e{column.scale} {column.unit}"


def warnings(deployment: Deployment) -> list[Said]:
    """What every reader must be told, in Chinese and English."""
    said: list[Said] = []
    trust = deployment.trust if deployment.trust_path.exists() else None
    if deployment.settings.embedded_chain:
        said.append(("开发链：仅由本节点运营方运行，区块无共识签名，不能作为外部见证。",
                     "Development chain: run by this operator alone, its blocks carry no seals and witness nothing."))
    if trust is None or trust.witnesses.threshold == 0:
        said.append(("尚无见证方：检查点只有日志自身的签名。",
                     "No witnesses: checkpoints carry the log's own signature only."))
    if deployment.settings.source_notices:
        said.append(("数据源为模拟或回放，机构均为虚构，仅供演示。",
                     "Sources are simulated or replayed and organisations invented: for demonstration only."))
    if isinstance(deployment.clock, SharedClock) and deployment.clock.simulated:
        said.append(("时间为模拟时间。", "Time is simulated."))
    return said
