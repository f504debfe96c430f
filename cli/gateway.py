"""carbonseal gateway: run the edge agent, or read every point once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli.lazy import Lazy, lazy_group
from cli.options import Json
from cli.output import command, err, print_json, print_table, say, told
from core.period import instant_text, parse_instant
from edge import command as edge
from edge.progress import Progress

# A gateway's machine has no chain client and no database: what the registrar does is imported when asked for.
app = typer.Typer(no_args_is_help=True, help="网关 · the edge agent", cls=lazy_group({
    "enrol": Lazy("cli.registry:enrol_gateway",
                  "登记网关，并打印其配置行 · enrol a gateway and print the lines of its configuration."),
    "endorse": Lazy("cli.devices:endorse_key",
                    "网关停止后，旧钥背书新钥 · with the gateway stopped, the old key endorses the new one."),
    "rotate": Lazy("cli.devices:rotate_key",
                   "登记已背书的换钥 · enter a rotation of a gateway's key that the old key endorsed."),
    "revoke": Lazy("cli.devices:revoke_gateway",
                   "吊销网关的全部密钥，此后的帧被拒绝 · revoke a gateway's keys: frames after that are refused.")}))
Config = Annotated[Path, typer.Option("--config", "-c", help="网关配置 TOML · the gateway's configuration")]


@app.command("run")
@command
def run(
    config: Config,
    once: Annotated[bool, typer.Option("--once", help="只发一帧 · one frame only")] = False,
    until: Annotated[str | None, typer.Option("--until", help="到此时刻为止 · up to this instant (UTC)")] = None,
    as_json: Json = False,
) -> None:
    """读表、成帧、签名、落盘、发送，直到 Ctrl-C · read, frame, sign, spool and ship until Ctrl-C."""
    limit = parse_instant(until, where="--until") if until else None
    progress = edge.run(config, once=once, until=limit, watcher=None if as_json else _show)
    if as_json:
        print_json({"polls": progress.polls, "readings": progress.readings, "missed": progress.missed,
                    "frames_signed": progress.frames_signed, "frames_shipped": progress.frames_shipped,
                    "waiting": progress.waiting})


@app.command("check")
@command
def check(config: Config, as_json: Json = False) -> None:
    """每个点读一次并列出 · read every point once and print it."""
    rows = edge.check(config)
    if as_json:
        print_json([{"meter": row.meter, "quantity": row.quantity, "address": row.address, "value": row.value,
                     "unit": row.unit, "device": row.device,
                     "error": row.error.as_dict() if row.error else None} for row in rows])
    else:
        print_table(say("测点", "Points"),
                    [say("表计", "meter"), say("量", "quantity"), say("地址", "address"), say("值", "value"),
                     say("单位", "unit"), say("设备自述", "device"), say("错误", "error")],
                    [(row.meter, row.quantity, row.address, row.value, row.unit, row.device,
                      say(f"{told(row.error.code)} {row.error.message}", str(row.error)) if row.error else "")
                     for row in rows])
    raise typer.Exit(1 if any(row.error for row in rows) else 0)


def _show(progress: Progress) -> None:
    state = f"  [red]{progress.error.code}[/red]" if progress.error else ""
    err.print(f"{instant_text(progress.instant)}  {say('读数', 'readings')} {progress.readings}  "
              f"{say('帧', 'frames')} {progress.frames_shipped}/{progress.frames_signed}{state}    ", end="\r")
