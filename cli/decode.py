"""carbonseal decode: one frame of a meter protocol, taken apart strictly."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any

import typer

from adapters.modbus_tcp.codec import Message, parse_rtu, parse_tcp
from cli.options import Json
from cli.output import command, print_fields, print_json
from core.errors import CarbonSealError, FormError, InputError

PLANNED = ("dlt645-2007", "dlt645-1997", "dlt698", "cjt188", "hj212", "iec104", "sparkplug-b")


def _modbus(parser: Callable[[bytes], Message]) -> Callable[[str], dict[str, Any]]:
    def decode(text: str) -> dict[str, Any]:
        message = parser(_hex(text))
        fields = {name: value for name, value in vars(message).items() if value is not None}
        return {name: list(value) if isinstance(value, tuple) else value.hex() if isinstance(value, bytes) else value
                for name, value in fields.items()}

    return decode


DECODERS: Mapping[str, Callable[[str], dict[str, Any]]] = {
    "modbus-tcp": _modbus(parse_tcp),
    "modbus-rtu": _modbus(parse_rtu),
}


@command
def decode(
    protocol: Annotated[str, typer.Argument(help="modbus-tcp | modbus-rtu")],
    frame: Annotated[str, typer.Argument(help="十六进制帧 · the frame in hex")],
    as_json: Json = False,
) -> None:
    """解码一帧；失败给出错误码 · decode one frame; what is malformed is refused with a code.

    Modbus 寄存器没有点表就没有量：readings 为空 · without a point map registers are no quantities: readings stay empty.
    """
    document: dict[str, Any] = {"protocol": protocol, "ok": True, "readings": [], "fields": {}, "error": None}
    exit_code = 0
    try:
        document["fields"] = _decoder(protocol)(frame)
    except CarbonSealError as error:
        document |= {"ok": False, "error": {"code": error.code, "message": error.message}}
        exit_code = 1 if isinstance(error, FormError) else error.exit_code
    if as_json:
        print_json(document)
    else:
        print_fields(document["fields"] or {"error": document["error"]})
    raise typer.Exit(exit_code)


def _decoder(protocol: str) -> Callable[[str], dict[str, Any]]:
    if protocol in DECODERS:
        return DECODERS[protocol]
    if protocol in PLANNED:
        raise InputError("protocol-absent", f"{protocol} has no decoder in this release",
                         hint="this release speaks " + ", ".join(DECODERS))
    raise InputError("protocol-unknown", f"{protocol[:40]!r} is not a protocol",
                     hint="one of " + ", ".join((*DECODERS, *PLANNED)))


def _hex(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise FormError("hex-malformed", "the frame is not hex", hint="an even number of hex digits") from None
