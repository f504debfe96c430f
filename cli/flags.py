"""carbonseal flags: the work list of what is doubtful, and the decisions on it."""

from __future__ import annotations

from enum import StrEnum
from operator import itemgetter
from typing import Annotated

import typer

from attestation.flags import COUNTS
from attestation.resolution import STAYS_OUT
from cli.node import connect
from cli.options import Json, Org, Place, Token
from cli.output import command, print_answer, print_rows, say
from cli.registry import REGISTRAR

app = typer.Typer(no_args_is_help=True, help="标记：存疑的读数 · flags: readings in doubt")


class Decision(StrEnum):
    """What becomes of flagged readings."""

    COUNTS = COUNTS
    STAYS_OUT = STAYS_OUT


@app.command("list")
@command
def list_flags(place: Place = ".", org: Org = REGISTRAR, token: Token = None, as_json: Json = False) -> None:
    """尚无人决定的标记，由旧到新 · the flags nobody has decided yet, oldest first."""
    with connect(place, org, token) as node:
        rows = node.get("/v1/meters/flags")
    print_rows(rows, as_json, say("标记", "Flags"), {
        say("序号", "index"): itemgetter("index"), say("表计", "meter"): itemgetter("meter"),
        say("量", "quantity"): itemgetter("quantity"), say("代码", "code"): itemgetter("code"),
        say("不计入", "kept out"): lambda row: say("是", "yes") if row["excludes"] else say("否", "no"),
        say("起", "from"): itemgetter("from"), say("止", "to"): itemgetter("to"),
        say("说明", "meaning"): lambda row: say(row["message"]["zh"], row["message"]["en"])})


@app.command("resolve")
@command
def resolve(
    index: Annotated[int, typer.Argument(min=0, help="帧的日志序号 · log index of the frame")],
    code: Annotated[str, typer.Option("--code", help="标记代码 · code of the flag")],
    decision: Annotated[Decision, typer.Option("--as", help="计入或不计入 · whether the readings count")],
    meter: Annotated[str, typer.Option("--meter", help="表计；整帧的标记不填 · meter; none for a whole frame")] = "",
    quantity: Annotated[str, typer.Option("--quantity", help="量；整块的标记不填 · quantity; none for a block")] = "",
    place: Place = ".", org: Org = REGISTRAR, token: Token = None, as_json: Json = False,
) -> None:
    """决定一个标记；登记能说明的（换表等）须登记 · decide a flag; what a registration explains needs one."""
    decided = {"index": str(index), "meter": meter, "quantity": quantity, "code": code, "resolution": decision.value}
    with connect(place, org, token) as node:
        node.tell("/v1/meters/flags", decided)
    print_answer(decided, as_json)
