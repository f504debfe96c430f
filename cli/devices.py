"""carbonseal gateway endorse, rotate, revoke: the life of a gateway's key after it was enrolled.

The old key and the registrar's are never on one machine: the gateway endorses its successor in a file, the registrar
enters the file.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from api.deployment import NODE_ORG
from attestation.registration import DEVICE, parse_registration, rotation_payload
from cli.desks.registrar import newest
from cli.files import named, read_bounded
from cli.node import connect
from cli.options import Json, Org, Place, Token
from cli.output import command, print_answer
from cli.registry import REGISTRAR, Id, Signer, open_desk
from core.errors import FormError, NotFound
from core.ids import check_hex
from core.signer import load_signer
from edge.command import last_signed
from edge.config import load_config

Config = Annotated[Path, typer.Option("--config", "-c", help="网关配置 TOML · the gateway's configuration")]


@command
def endorse_key(
    config: Config,
    public_key: Annotated[str, typer.Option("--public-key", help="新公钥（DER 十六进制）· the new key, hex DER")],
    output: Annotated[Path, typer.Option("--out", "-o", help="交给登记方的文件 · file for the registrar")],
    place: Place = ".", org: Org = NODE_ORG, token: Token = None, as_json: Json = False,
) -> None:
    """网关停止后，旧钥背书新钥 · with the gateway stopped, the old key endorses the new one."""
    settings = load_config(config)
    new, old = check_hex(public_key, len(public_key) // 2, where="--public-key"), load_signer(settings.key)
    last = last_signed(settings)
    with connect(place, org, token) as node:
        previous = newest(node, settings.gateway)
        if previous is None:
            raise NotFound("device-unknown", "nobody enrolled this gateway", where=settings.gateway,
                           hint="carbonseal gateway enrol")
        payload = rotation_payload(old, previous, node.clock.now(), last, new)
    output.write_bytes(payload)
    print_answer({"gateway": settings.gateway, "file": str(output), "last_epoch": str(last[0]),
                  "next_epoch": str(last[0] + 1)}, as_json)


@command
def rotate_key(
    endorsed: Annotated[Path, typer.Argument(help="网关背书的文件 · the file that the gateway endorsed")],
    signer: Signer, place: Place = ".", org: Org = REGISTRAR, token: Token = None, as_json: Json = False,
) -> None:
    """登记已背书的换钥 · enter a rotation of a gateway's key that the old key endorsed."""
    payload = read_bounded(endorsed)
    with named(endorsed):
        entry = parse_registration(payload)
    if (entry.kind, entry.event) != (DEVICE, "rotate"):
        raise FormError("rotation-malformed", f"a {entry.kind} {entry.event} is no rotation of a key",
                        where=str(endorsed), hint="carbonseal gateway endorse makes the file")
    with open_desk(signer, place, org, token) as desk:
        index = desk.hand_in(DEVICE, payload)
    print_answer({"gateway": entry.subject, "index": str(index), "next_epoch": str(entry.fields["epoch"] + 1)}, as_json)


@command
def revoke_gateway(
    gateway_id: Id, signer: Signer,
    reason: Annotated[str, typer.Option("--reason", help="理由 · reason")],
    place: Place = ".", org: Org = REGISTRAR, token: Token = None, as_json: Json = False,
) -> None:
    """吊销网关的全部密钥，此后的帧被拒绝 · revoke a gateway's keys: frames after that are refused."""
    with open_desk(signer, place, org, token) as desk:
        index = desk.enter(DEVICE, gateway_id, "revoke", {"reason": reason})
    print_answer({"gateway": gateway_id, "index": str(index)}, as_json)
