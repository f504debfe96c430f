"""carbonseal demo: the whole path acted out in one folder."""

from __future__ import annotations

import fcntl
import json
import shutil
import time
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.demo import assets, claims, enrolment
from cli.demo.claims import Certified
from cli.demo.screen import Screen
from cli.demo.stage import Stage
from cli.demo.world import ENERGY, NOTICE_EN, NOTICE_ZH, STEEL
from cli.options import Json
from cli.output import command, print_json, say
from core.clock import SystemClock
from core.errors import InputError, Refused
from core.period import DAY_MS, HOUR_MS, Period
from ledger.anchor.embedded import EmbeddedChain

MARKER = "demo.json"
ZONE_MS = 8 * HOUR_MS
MAX_DAYS = 60
LIVE_SECONDS = 1.0
# The node of a demonstration that was killed ends in good order after it.
ENDING_SECONDS = 20.0


@command
def demo(
    directory: Annotated[Path, typer.Option("--dir", "-d", help="演示目录 · the demo's folder")] = Path("demo"),
    once: Annotated[bool, typer.Option("--once", help="完成后结束 · end after the job")] = False,
    days: Annotated[int, typer.Option("--days", min=2, max=MAX_DAYS, help="回放天数 · days replayed")] = 7,
    port: Annotated[int | None, typer.Option("--port", "-p", help="端口 · port of the node")] = None,
    as_json: Json = False,
) -> None:
    """演示：一座工厂的读数成为证书，并离线复核 · a plant's readings become certificates, checked offline."""
    prepare(directory)
    stage, screen = Stage(directory, port), Screen()
    screen.title(say(NOTICE_ZH, NOTICE_EN))
    try:
        summary = act(stage, screen, days)
        (directory / MARKER).write_text(json.dumps(summary, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        if as_json:
            print_json(summary)
        _close(screen, summary)
        if not once:
            _go_on(stage, screen)
    finally:
        stage.stop()


def prepare(directory: Path) -> None:
    """An empty folder; an earlier demonstration is removed.

    Raises InputError (demo-dir-not-empty), Refused (demo-running).
    """
    if directory.exists() and any(directory.iterdir()):
        if not (directory / MARKER).exists():
            raise InputError("demo-dir-not-empty", "the folder holds something that is no demonstration of ours",
                             where=str(directory), hint="choose an empty folder")
        with suppress(FileNotFoundError):
            _wait_until_ended(directory)
        # Left behind, the chain of a demonstration that was killed would write its state into the new one.
        EmbeddedChain(directory / "chain" / "anvil.json", SystemClock()).end_orphan()
        shutil.rmtree(directory)
    directory.mkdir(parents=True, exist_ok=True)
    # Written first, so that a demonstration that was interrupted may be replaced too.
    (directory / MARKER).write_text("{}\n", encoding="utf-8")


def _wait_until_ended(directory: Path) -> None:
    deadline = time.monotonic() + ENDING_SECONDS
    with (directory / "lock").open("rb") as lock:
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise Refused("demo-running", f"process {lock.read().decode().strip()} still serves this folder",
                                  where=str(directory), hint="end it, or choose another folder with --dir") from None
            time.sleep(0.1)


def act(stage: Stage, screen: Screen, days: int) -> dict[str, Any]:
    """All acts up to the tamper round; the summary."""
    now = SystemClock().now()
    begun = (now + ZONE_MS) // DAY_MS * DAY_MS - ZONE_MS - days * DAY_MS
    period = Period(begun, begun + days * DAY_MS)
    stage.clock.start(begun)
    with screen.act("建立：各方各自生成密钥，部署合约", "Found: every party makes its own keys; contracts deployed",
                    "节点拿不到企业、核查方与登记方的密钥", "the node never holds keys of others"):
        node = enrolment.found(stage, port=stage.server.port)
    with screen.act("启动：模拟电表（Modbus TCP）与节点", "Start: simulated Modbus TCP meters, and the node"):
        stage.start_plant()
        stage.server.start()
    with screen.act("登记：参与方、规则、网关、表计", "Enrol: participants, rules, gateway, meters",
                    "签名者何时有效写在日志里，谁也隐去不了", "when a signer was valid stands in the log"):
        desk = enrolment.enrol(stage, node, screen)
    with screen.act(f"回放 {days} 天：抄表 → 签名帧 → 日志 → 链上锚定",
                    f"Replay {days} days: readings → signed frames → log → anchored on the chain",
                    "一个模拟时钟带动表计、网关、节点与链", "one simulated clock moves everything"):
        progress = enrolment.replay(stage, screen)
        enrolment.open_claim_points(desk, begun)
        stage.start_gateway()
    with screen.act("申报 → 计算 → 核查 → 签发", "Claim → statement → review → issue",
                    "先核对证明，再签发", "proofs are checked before anything is issued"):
        certified = _certify(stage, screen, period)
    with screen.act("拆分、转让、注销", "Split, transfer, retire"):
        assets.trade(stage, screen, certified.get("green-power"), period)
    with screen.act("导出证据，断网复核", "Export evidence, check it offline",
                    "只凭一个文件和读者自己的信任表", "one file and the reader's own trust list are enough"):
        exported = assets.export(stage, screen, list(certified.values()))
        assets.verify_elsewhere(stage, screen, exported)
    with screen.act("篡改一轮：每一种都被识破", "Tamper round: each one is caught"):
        tampered = assets.tamper(stage, screen, exported, certified.get("green-power"))
    with screen.act("打印证书（中英文，带二维码）", "Print certificates (zh, en, QR code)"):
        pages = assets.print_pages(stage, screen, list(certified.values()))
    overview = stage.node().get("/v1/overview")
    return {
        "frames": progress.frames_signed, "readings": progress.readings, "log_size": int(overview["head"]["size"]),
        "checkpoint": overview["head"]["root"], "anchors": len(stage.node().listed("/v1/anchors?limit=500")),
        "statements": [item.statement for item in certified.values()],
        "certificates": [{"name": name, "amount": item.amount, "unit": item.unit}
                         for name, item in certified.items()],
        "evidence": [str(path) for path in exported.paths.values()], "pages": [str(path) for path in pages],
        "trust": str(stage.directory / "trust.json"), "tampered": tampered, "seconds": screen.seconds,
    }


def _certify(stage: Stage, screen: Screen, period: Period) -> dict[str, Certified]:
    documents = stage.parties.of(STEEL).folder / "documents"
    plan = (("emission", STEEL, claims.emission_facts(period, documents)),
            ("reduction", STEEL, claims.reduction_facts(period, documents)),
            ("green-power", ENERGY, claims.green_power_facts(period)))
    made = {name: claims.certify(stage, screen, name, party, facts) for name, party, facts in plan}
    return {name: certified for name, certified in made.items() if certified is not None}


def _close(screen: Screen, summary: dict[str, Any]) -> None:
    verify = f"carbonseal-verify {summary['evidence'][-1]} --trust {summary['trust']}"
    counts = {name: len(summary[name]) for name in ("certificates", "tampered")}
    screen.title(say(
        f"完成，{summary['seconds']} 秒：{summary['readings']} 读数，{summary['frames']} 帧，"
        f"日志 {summary['log_size']} 条，{counts['certificates']} 份证书，{counts['tampered']} 种篡改全部被拒。\n"
        f"自己复核：{verify}",
        f"Done in {summary['seconds']} s: {summary['readings']} readings, {summary['frames']} frames, "
        f"{summary['log_size']} log entries, {counts['certificates']} certificates, "
        f"{counts['tampered']} forgeries refused.\nCheck it yourself: {verify}"))


def _go_on(stage: Stage, screen: Screen) -> None:
    """Live meters second by second until Ctrl-C."""
    screen.title(say(f"实时逐秒抄表中：{stage.server.url} 。Ctrl-C 结束。",
                     f"Live meters, second by second: {stage.server.url} . Ctrl-C ends."))
    try:
        while True:
            time.sleep(LIVE_SECONDS)
    except KeyboardInterrupt:
        screen.line("结束", "ending")
