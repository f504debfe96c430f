"""First acts: found the deployment, enrol everybody, let the meters run through the past days."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from api.deployment import Founding, create
from attestation.registration import CLAIM_POINT, DEVICE, METER, PARTICIPANT
from certificates.registry import Mark
from cli.demo.screen import Screen
from cli.demo.stage import HISTORY_STEP_S, Stage
from cli.demo.world import (
    COMPRESSOR,
    ENERGY_EXPORT,
    FURNACE,
    GATEWAY,
    GOVERNOR_THRESHOLD,
    MAIN,
    METERS,
    ORIGIN,
    PARTIES,
    PV,
    REGISTRAR,
    SAVING_FACILITY,
    SITE,
    STEEL,
    Party,
)
from cli.desks.registrar import RegistrarDesk
from cli.node import Node
from cli.output import say
from core.clock import SystemClock
from core.ethereum import Account
from core.period import DAY_MS, instant_text, parse_instant
from core.records import MarkKind
from edge.progress import Progress
from ledger.anchor.embedded import free_port

NODE_PARTY = Party("org:node", "", "碳印节点", "CarbonSeal node", ("node",))
NODE_USES = ("claim", "statement", "opinion", "manifest", "dispute", "document", "grant", "audit")


@dataclass(frozen=True)
class NodeIdentity:
    """What the operator tells the registrar about the node: its public key (hex DER) and its account."""

    public_key: str
    account: str


def found(stage: Stage, port: int | None) -> NodeIdentity:
    """Keys for every party in folders of their own; then the deployment with its contracts."""
    parties = stage.parties.make(PARTIES)
    registrar = parties.of(REGISTRAR).signer.public_key
    founding = Founding(
        origin=ORIGIN, organisations={party.org: list(party.roles) for party in PARTIES},
        registrars=[registrar], rule_publishers=[registrar],
        governors=[governor.address for governor in parties.governors], threshold=GOVERNOR_THRESHOLD,
        settings={"title": "CarbonSeal 碳印 · 演示 Demo", "clock_file": "clock.bin", "show_readings": True,
                  "http_port": port or free_port(), "seal_interval_ms": 500,
                  "source_notices": f"{MAIN.meter}=replayed-source {FURNACE.meter}=replayed-source "
                                    f"{COMPRESSOR.meter}=replayed-source"})
    deployment = create(stage.directory, founding, clock=stage.clock)
    deployment.close()
    return NodeIdentity(deployment.node_signer.public_key.hex(), deployment.account.address)


def enrol(stage: Stage, node: NodeIdentity, screen: Screen) -> RegistrarDesk:
    """Participants, rules, gateway, meters: signed by the registrar; accounts also by the governors on the chain."""
    desk = registrar_desk(stage)
    begun = desk.clock.now()
    _enter_participant(stage, desk, NODE_PARTY, "register", begun, [node.account],
                       [{"public_key": node.public_key, "uses": list(NODE_USES)}])
    for party in PARTIES:
        account = stage.parties.of(party).account.address
        _enter_participant(stage, desk, party, "register", begun, [account, *_former(party)], [])
    # One account is taken back at once, so that there is a revocation nobody may leave out.
    _enter_participant(stage, desk, STEEL, "update", begun, [stage.parties.of(STEEL).account.address], [])
    desk.release_rules("2026.11")
    desk.enter(DEVICE, GATEWAY, "enrol", {"public_key": stage.parties.gateway.signer.public_key.hex(), "site": SITE,
                                          "org": "org:lanhe-park"})
    calibrated = instant_text(begun + 365 * DAY_MS)
    for meter in METERS:
        desk.enter(METER, meter.meter, "profile", {"profile": meter.profile(calibrated)})
        screen.line(f"{meter.meter}（{meter.owner.zh}）：{meter.source_zh}",
                    f"{meter.meter} ({meter.owner.en}): {meter.source_en}")
    stage.write_gateway_config({meter.meter: desk.node.get(f"/v1/registrations/{meter.meter}")["head"]
                                for meter in METERS})
    return desk


def registrar_desk(stage: Stage) -> RegistrarDesk:
    """The registrar at the running node."""
    keys = stage.parties.of(REGISTRAR)
    return RegistrarDesk(stage.node(REGISTRAR.org), keys.signer, keys.account, stage.clock)


def _former(party: Party) -> list[str]:
    """An account of the steel enterprise's former energy manager; its key is thrown away here."""
    return [Account.generate().address] if party is STEEL else []


def _enter_participant(stage: Stage, desk: RegistrarDesk, party: Party, event: str, begun: int, accounts: list[str],
                       keys: list[dict[str, Any]]) -> None:
    fields: dict[str, Any] = {
        "name": {"zh": party.zh, "en": party.en}, "roles": list(party.roles), "accreditation": party.accreditation,
        "jurisdiction": party.jurisdiction, "group": party.group, "keys": keys, "accounts": accounts,
        "valid_from": instant_text(begun), "valid_until": None}
    desk.enter(PARTICIPANT, party.org, event, fields)
    desk.enter_on_chain(party.org, stage.parties.governors[:GOVERNOR_THRESHOLD])


def replay(stage: Stage, screen: Screen) -> Progress:
    """The gateway reads, signs and ships the past days until it has caught up with the present, which it then joins."""
    begun = stage.clock.now()
    seen = Progress()
    with screen.bar("抄表回放", "meters through the past", _steps(begun)) as bar:
        def show(progress: Progress) -> None:
            bar.set(_steps(begun, progress.instant), say(
                f"{seen.readings + progress.readings} 读数 {seen.frames_shipped + progress.frames_shipped} 帧",
                f"{seen.readings + progress.readings} readings, "
                f"{seen.frames_shipped + progress.frames_shipped} frames"))

        # Reading took a while: the second run is short, after it less than one step is missing.
        for _ in range(2):
            progress = stage.replay(SystemClock().now(), show)
            seen.readings += progress.readings
            seen.frames_signed += progress.frames_signed
            seen.frames_shipped += progress.frames_shipped
    stage.clock.advance(SystemClock().now())
    screen.line(f"{seen.readings} 读数，{seen.frames_shipped} 帧已签名、受理、封存并锚定；时钟已与真实时间汇合",
                f"{seen.readings} readings in {seen.frames_shipped} frames signed, accepted, sealed, anchored; "
                "the clock has joined real time")
    return seen


def _steps(begun: int, until: int | None = None) -> int:
    """Polls between two instants; until now where the second is absent."""
    return ((SystemClock().now() if until is None else until) - begun) // (HISTORY_STEP_S * 1000)


def open_claim_points(desk: RegistrarDesk, begun: int) -> None:
    """The PV register's claim point, opened at its first accepted reading, and the saving project's mark in time."""
    first = first_reading(desk.node, begun)
    desk.enter(CLAIM_POINT, str(PV.claim_point), "open", {
        "meter": PV.meter, "quantity": ENERGY_EXPORT, "grid_point": "DEMO-GRID-POINT-1", "meter_serial": "DEMO-0003",
        "org": PV.owner.org, "opening": first["position"], "capacity_w": str(PV.capacity_w), "first_reading": first})
    desk.open_mark(Mark(str(PV.claim_point), PV.owner.org, MarkKind.REGISTER, int(first["position"]), PV.capacity_w,
                        parse_instant(first["time"])))
    desk.open_mark(Mark(SAVING_FACILITY, STEEL.org, MarkKind.TIME, begun, 0, 0))


def first_reading(node: Node, begun: int) -> dict[str, str]:
    """Where the PV register stood when the demonstration's history began."""
    reading = node.get(f"/v1/meters/{PV.meter}/register", quantity=ENERGY_EXPORT, at=instant_text(begun))
    return {name: value for name, value in reading.items() if name not in ("meter", "quantity")}
