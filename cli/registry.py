"""carbonseal participant, gateway enrol, meter, claim-point, rules: what a registrar enters and signs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from attestation.registration import CLAIM_POINT, DEVICE, METER, PARTICIPANT
from certificates.registry import Mark
from cli.desks.registrar import RegistrarDesk
from cli.files import read_json
from cli.node import connect
from cli.options import Json, Org, Place, Token
from cli.output import command, out, print_answer, print_json
from core.errors import FormError
from core.ethereum import load_account
from core.fields import mapping
from core.period import instant_text, parse_instant
from core.records import MarkKind
from core.signer import load_signer

participant_app = typer.Typer(no_args_is_help=True, help="参与方 · participants")
meter_app = typer.Typer(no_args_is_help=True, help="表计 · meters")
claim_point_app = typer.Typer(no_args_is_help=True, help="声明点与设施 · claim points and facilities")
rules_app = typer.Typer(no_args_is_help=True, help="规则发布 · releases of the rules")
REGISTRAR = "org:registrar"
Signer = Annotated[Path, typer.Option("--signer", help="登记方 signer.pem · the registrar's signer.pem")]
Account = Annotated[Path, typer.Option("--key", help="登记方 account.key · the registrar's account.key")]
Governors = Annotated[list[Path] | None, typer.Option(
    "--governor-key", help="治理方账户密钥，可多次 · a governor's account key, repeatable")]
Id = Annotated[str, typer.Option("--id", help="编号 · id")]


@participant_app.command("add")
@command
def add_participant(
    org_id: Id, signer: Signer,
    name_zh: Annotated[str, typer.Option("--name-zh", help="中文名称 · name in Chinese")],
    name_en: Annotated[str, typer.Option("--name-en", help="英文名称 · name in English")],
    role: Annotated[list[str], typer.Option("--role", help="角色，可多次 · role, repeatable")],
    account: Annotated[list[str] | None, typer.Option("--account", help="链上账户 · account on the chain")] = None,
    public_key: Annotated[list[str] | None, typer.Option(
        "--public-key", help="十六进制 DER=用途,用途 · hex DER=use,use")] = None,
    accreditation: Annotated[str | None, typer.Option("--accreditation", help="核查资质 · accreditation")] = None,
    group: Annotated[str | None, typer.Option("--group", help="所属集团 · group it belongs to")] = None,
    jurisdiction: Annotated[str, typer.Option("--jurisdiction", help="辖区 · jurisdiction")] = "CN",
    valid_until: Annotated[str | None, typer.Option("--valid-until", help="有效期止（UTC）· valid until")] = None,
    governor_key: Governors = None,
    place: Place = ".", org: Org = REGISTRAR, token: Token = None, as_json: Json = False,
) -> None:
    """登记参与方；给出治理方密钥则同时上链 · register a participant; with governors' keys on the chain as well."""
    with open_desk(signer, place, org, token) as desk:
        index = desk.enter(PARTICIPANT, org_id, "register", {
            "name": {"zh": name_zh, "en": name_en}, "roles": role, "accreditation": accreditation,
            "jurisdiction": jurisdiction, "group": group, "keys": [_key_use(text) for text in public_key or []],
            "accounts": account or [], "valid_from": instant_text(desk.clock.now()), "valid_until": valid_until})
        entered = _enter(desk, org_id, governor_key)
    print_answer({"participant": org_id, "index": str(index), "entered": entered}, as_json)


@participant_app.command("enter")
@command
def enter_participant(
    org_id: Id, signer: Signer, governor_key: Governors = None, place: Place = ".", org: Org = REGISTRAR,
    token: Token = None, as_json: Json = False,
) -> None:
    """让已登记的参与方上链 · have a registered participant entered on the chain."""
    with open_desk(signer, place, org, token) as desk:
        print_answer({"participant": org_id, "entered": _enter(desk, org_id, governor_key)}, as_json)


@participant_app.command("revoke")
@command
def revoke_participant(
    org_id: Id, signer: Signer,
    reason: Annotated[str, typer.Option("--reason", help="理由 · reason")],
    governor_key: Governors = None, place: Place = ".", org: Org = REGISTRAR, token: Token = None,
    as_json: Json = False,
) -> None:
    """吊销参与方；链上随 enter 终止其角色 · revoke a participant; on the chain `enter` ends its roles."""
    with open_desk(signer, place, org, token) as desk:
        index = desk.enter(PARTICIPANT, org_id, "revoke", {"reason": reason})
        entered = _enter(desk, org_id, governor_key)
    print_answer({"participant": org_id, "index": str(index), "entered": entered}, as_json)


@participant_app.command("list")
@command
def list_participants(place: Place = ".", org: Org = REGISTRAR, token: Token = None, as_json: Json = False) -> None:
    """已登记的参与方 · the registered participants."""
    with connect(place, org, token) as node:
        rows = node.get("/v1/participants")
    if as_json:
        print_json(rows)
    else:
        print_answer({row["org"]: "revoked" if row["revoked"] else row["roles"] for row in rows}, as_json)


@command
def enrol_gateway(
    gateway_id: Id, signer: Signer,
    public_key: Annotated[str, typer.Option("--public-key", help="网关公钥（DER 十六进制）· gateway's key, hex DER")],
    site: Annotated[str, typer.Option("--site", help="场址 · site")],
    owner: Annotated[str, typer.Option("--owner", help="运行网关的组织 · organisation that runs it")],
    place: Place = ".", org: Org = REGISTRAR, token: Token = None, as_json: Json = False,
) -> None:
    """登记网关，并打印其配置行 · enrol a gateway and print the lines of its configuration."""
    with open_desk(signer, place, org, token) as desk:
        index = desk.enter(DEVICE, gateway_id, "enrol", {"public_key": public_key, "site": site, "org": owner})
        node = {"url": desk.node.url, "origin": desk.origin}
    lines = toml_lines({"node": node, "gateway": {"id": gateway_id, "site": site, "key": "signer.pem"}})
    if as_json:
        print_json({"gateway": gateway_id, "index": str(index), "config": lines})
    else:
        out.print(lines, markup=False, end="")


@meter_app.command("add")
@command
def add_meter(
    meter_id: Id, signer: Signer,
    profile: Annotated[Path, typer.Option("--profile", help="表计档案 JSON · the meter's profile as JSON")],
    place: Place = ".", org: Org = REGISTRAR, token: Token = None, as_json: Json = False,
) -> None:
    """登记表计；head 填入网关配置的 registration · register a meter; its head is the gateway's `registration`."""
    document = mapping(read_json(profile), "profile")
    with open_desk(signer, place, org, token) as desk:
        index = desk.enter(METER, meter_id, "profile", {"profile": document})
        head = desk.node.get(f"/v1/registrations/{meter_id}")["head"]
    print_answer({"meter": meter_id, "index": str(index), "head": head}, as_json)


@meter_app.command("swap")
@command
def swap_meter(
    meter_id: Id, signer: Signer,
    readings: Annotated[Path, typer.Option(
        "--readings", help="各寄存器的止码与起码 JSON · closing and opening reading of every register, JSON")],
    profile: Annotated[Path | None, typer.Option("--profile", help="新表档案 JSON · the new meter's profile")] = None,
    place: Place = ".", org: Org = REGISTRAR, token: Token = None, as_json: Json = False,
) -> None:
    """登记换表：序号接着走 · register that a meter was swapped: its serial numbers go on."""
    registers = read_json(readings)
    document = mapping(read_json(profile), "profile") if profile else None
    with open_desk(signer, place, org, token) as desk:
        index = desk.enter(METER, meter_id, "swap", {"registers": registers, "profile": document})
        head = desk.node.get(f"/v1/registrations/{meter_id}")["head"]
    print_answer({"meter": meter_id, "index": str(index), "head": head}, as_json)


@claim_point_app.command("open")
@command
def open_claim_point(
    mark_id: Id, signer: Signer, key: Account,
    meter: Annotated[str, typer.Option("--meter", help="表计 · meter")],
    quantity: Annotated[str, typer.Option("--quantity", help="寄存器量 · quantity of its register")],
    grid_point: Annotated[str, typer.Option("--grid-point", help="并网点编号 · the grid's number of the point")],
    at: Annotated[str, typer.Option("--at", help="自何时的读数起（UTC）· from the reading of this instant on")],
    place: Place = ".", org: Org = REGISTRAR, token: Token = None, as_json: Json = False,
) -> None:
    """以一个读数为起点登记声明点，并在链上开序号 · open a claim point at a reading, in the log and on the chain."""
    with open_desk(signer, place, org, token, key) as desk:
        profile = desk.profile(meter)
        first = desk.node.get(f"/v1/meters/{meter}/register", quantity=quantity, at=at)
        reading = {name: value for name, value in first.items() if name not in ("meter", "quantity")}
        index = desk.enter(CLAIM_POINT, mark_id, "open", {
            "meter": meter, "quantity": quantity, "grid_point": grid_point, "meter_serial": profile["serial"],
            "org": profile["org"], "opening": reading["position"], "capacity_w": profile["capacity_w"],
            "first_reading": reading})
        desk.open_mark(Mark(mark_id, profile["org"], MarkKind.REGISTER, int(reading["position"]),
                            int(profile["capacity_w"]), parse_instant(reading["time"])))
    print_answer({"claim_point": mark_id, "index": str(index), "opening": reading["position"],
                  "time": reading["time"]}, as_json)


@claim_point_app.command("facility")
@command
def open_facility(
    mark_id: Id, signer: Signer, key: Account,
    owner: Annotated[str, typer.Option("--owner", help="设施所属企业 · enterprise it belongs to")],
    start: Annotated[str, typer.Option("--start", help="自何时起（UTC）· from this instant on")],
    place: Place = ".", org: Org = REGISTRAR, token: Token = None, as_json: Json = False,
) -> None:
    """在链上为减排设施开时间序号 · open a facility's mark in time on the chain, for reductions."""
    opening = parse_instant(start, where="--start")
    with open_desk(signer, place, org, token, key) as desk:
        desk.open_mark(Mark(mark_id, owner, MarkKind.TIME, opening, 0, 0))
    print_answer({"facility": mark_id, "opening": start}, as_json)


@rules_app.command("release")
@command
def release_rules(
    signer: Signer, version: Annotated[str, typer.Option("--version", help="版本 · version")],
    place: Place = ".", org: Org = REGISTRAR, token: Token = None, as_json: Json = False,
) -> None:
    """把本版本的全部规则发布到日志 · release the rules of this version in the log."""
    with open_desk(signer, place, org, token) as desk:
        print_answer({"version": version, "index": str(desk.release_rules(version))}, as_json)


@contextmanager
def open_desk(
    signer: Path, place: str, org: str, token: Path | None, key: Path | None = None,
) -> Iterator[RegistrarDesk]:
    """The registrar's desk at a node. `signer`, `key`: files of the registrar's keys."""
    registrar, account = load_signer(signer), load_account(key) if key else None
    with connect(place, org, token) as node:
        yield RegistrarDesk(node, registrar, account, node.clock)


def _enter(desk: RegistrarDesk, org: str, governors: list[Path] | None) -> bool:
    if governors:
        desk.enter_on_chain(org, [load_account(path) for path in governors])
    return bool(governors)


def _key_use(text: str) -> dict[str, Any]:
    key, separator, uses = text.partition("=")
    if not separator:
        raise FormError("usage", "a public key is given as hex=use,use", where="--public-key",
                        hint="for example 302a…=statement,manifest")
    return {"public_key": key, "uses": uses.split(",")}


def toml_lines(tables: Mapping[str, Mapping[str, str]]) -> str:
    """The text of TOML tables of plain strings."""
    # A JSON string of printable text is a TOML string too.
    return "\n".join(line for name, table in tables.items() for line in (
        f"[{name}]", *(f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in table.items()), ""))
