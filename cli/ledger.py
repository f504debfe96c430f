"""carbonseal ledger: what authorities and auditors ask of the ledger."""

from __future__ import annotations

import json
import sys
from operator import itemgetter
from typing import Annotated

import typer

from api.deployment import NODE_ORG
from cli.node import connect
from cli.options import Json, Org, Place, Token
from cli.output import command, print_rows, say
from core.errors import InputError

# A table shows the beginning of an id; --json and --csv carry every column in full.
SHORT_ID = 16

app = typer.Typer(no_args_is_help=True, help="查询账本 · questions to the ledger")


@app.command("query")
@command
def query(
    organisation: Annotated[str, typer.Option(
        "--organisation", help="企业、核查方或持有人 · subject, verifier or owner")] = "",
    meter: Annotated[str, typer.Option("--meter", help="读过的表计或声明点 · a meter or claim point it read")] = "",
    start: Annotated[str, typer.Option("--start", help="期间起（UTC）· start of the period")] = "",
    end: Annotated[str, typer.Option("--end", help="期间止（UTC）· end of the period")] = "",
    certificate: Annotated[str, typer.Option("--certificate", help="计算书或分片编号 · statement or piece")] = "",
    serials: Annotated[str, typer.Option("--serials", help="序号区间 标记:起:止 · serials, mark:from:to")] = "",
    as_csv: Annotated[bool, typer.Option("--csv", help="CSV（RFC 4180）")] = False,
    place: Place = ".", org: Org = NODE_ORG, token: Token = None, as_json: Json = False,
) -> None:
    """按组织、表计、期间、证书或序号区间查询 · by organisation, meter, period, certificate or serial interval.

    表格只显示编号开头；--json 与 --csv 给出全部列 · the table shortens ids; --json and --csv carry every column.
    """
    if as_csv and as_json:
        raise InputError("usage", "give one of --json and --csv", hint="choose how the rows are printed")
    asked = {"organisation": organisation, "meter": meter, "start": start, "end": end, "certificate": certificate,
             "serials": serials, "form": "csv" if as_csv else "json"}
    with connect(place, org, token) as node:
        answer = node.fetch("/v1/ledger", **{name: value for name, value in asked.items() if value})
    if as_csv:
        sys.stdout.write(answer.decode("utf-8"))
        return
    print_rows(json.loads(answer), as_json, say("账本", "Ledger"), {
        say("种类", "kind"): itemgetter("kind"), say("企业", "subject"): itemgetter("subject"),
        say("期间", "period"): lambda row: f"{row['period_start'][:10]} – {row['period_end'][:10]}",
        say("数量", "amount"): lambda row: f"{row['amount']} {row['unit']}",
        say("状态", "status"): lambda row: row["piece_status"] or row["status"],
        say("核查方", "verifier"): itemgetter("verifier"), say("持有人", "owner"): itemgetter("owner"),
        say("分片", "piece"): lambda row: (row["piece"] or row["statement"])[:SHORT_ID]})
