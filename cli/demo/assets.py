"""What holders do with certificates, what a reader checks offline, and what the tamper round shows."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from certificates import lifecycle
from certificates.lifecycle import Beneficiary, Desk
from cli.demo.claims import Certified, give_opinion
from cli.demo.forgeries import FORGERIES, forge, verdict
from cli.demo.screen import Screen
from cli.demo.stage import Stage
from cli.demo.world import ENERGY, STEEL, TRADER, Party
from cli.desks.enterprise import EnterpriseDesk
from cli.desks.holder import holder_desk
from cli.node import POLL_SECONDS
from core.errors import CarbonSealError, NotFound, Unavailable, VerificationFailed
from core.period import Period
from verify.trust import load_trust

LEVELS = ("public", "buyer", "auditor", "full")
UNITS_SOLD = 3
MIRROR_SECONDS = 20.0
_NAMESPACES = (("unshare", "--net"), ("unshare", "--user", "--map-root-user", "--net"))


@dataclass(frozen=True)
class Exported:
    """Evidence files of the demonstration: path of each (certificate name, level)."""

    folder: Path
    paths: dict[tuple[str, str], Path]


def trade(stage: Stage, screen: Screen, green: Certified | None, period: Period) -> None:
    """Split the green power, sell a part to the trader, who retires it for the steel enterprise.

    One unit is sold whole; without a certificate nothing is sold. Either is said.
    """
    if green is None:
        screen.line("绿电不足一个单位，本期没有可拆分、转让、注销的证书",
                    "no whole unit of green power: nothing to split, sell or retire")
        return
    seller = holder_desk(stage.node(ENERGY.org), _key(stage, ENERGY), stage.clock)
    sold, units = _cut(stage, screen, seller, green)
    lifecycle.transfer(seller, sold, stage.parties.of(TRADER).account.address)
    check = _when_seen(stage, sold, "live")
    screen.line(f"转让给{TRADER.zh}；“它干净吗？” {'是' if check['clean'] else '否'}（{len(check['points'])} 项检查）",
                f"sold to {TRADER.en}; clean? {'yes' if check['clean'] else 'no'} ({len(check['points'])} checks)")
    buyer = holder_desk(stage.node(TRADER.org), _key(stage, TRADER), stage.clock)
    lifecycle.retire(buyer, sold, "绿色电力消费声明（虚构）green power use (invented)",
                     Beneficiary(STEEL.zh, STEEL.org, "CN", "江苏（虚构）Jiangsu (invented)"), period)
    _when_seen(stage, sold, "retired")
    screen.line(f"为{STEEL.zh}注销 {units} {green.unit}，不可逆",
                f"retired for {STEEL.en}: {units} {green.unit}, for good")


def shares(amount: int) -> tuple[int, int]:
    """What is sold of a certificate's units, and what is kept: no part of a split is empty, one unit is not cut."""
    sold = min(UNITS_SOLD, amount - 1) or amount
    return sold, amount - sold


def _cut(stage: Stage, screen: Screen, seller: Desk, green: Certified) -> tuple[bytes, int]:
    """The piece to sell and its units."""
    whole, amount = _piece(stage, green.statement, ENERGY), int(green.amount)
    sold, kept = shares(amount)
    if not kept:
        screen.line(f"共 {amount} {green.unit}，不足以拆分，整份转让",
                    f"{amount} {green.unit}: too little to split, sold whole")
        return whole, sold
    piece, _ = lifecycle.split(seller, whole, sold)
    screen.line(f"拆分：{amount} = {sold} + {kept} {green.unit}", f"split: {amount} = {sold} + {kept} {green.unit}")
    return piece, sold


def _when_seen(stage: Stage, piece: bytes, status: str) -> dict[str, Any]:
    """The buyer's check of a piece, once the node's mirror of the chain shows it in this state."""
    node = stage.node(TRADER.org)
    deadline = time.monotonic() + MIRROR_SECONDS
    while time.monotonic() < deadline:
        try:
            check: dict[str, Any] = node.get(f"/v1/assets/{piece.hex()}/check")
            pieces = node.get(f"/v1/certificates/{piece.hex()}")["pieces"]
            if any(item["piece"] == piece.hex() and item["piece_status"] == status
                   and item["owner"] == TRADER.org for item in pieces):
                return check
        except NotFound:
            pass
        time.sleep(POLL_SECONDS)
    raise Unavailable("mirror-behind", "the node's mirror of the chain does not show the piece", where=piece.hex())


def export(stage: Stage, screen: Screen, certified: list[Certified]) -> Exported:
    """Evidence files of every certificate, at all levels."""
    folder = stage.directory / "evidence"
    folder.mkdir(exist_ok=True)
    node = stage.node("org:node")
    paths: dict[tuple[str, str], Path] = {}
    for item in certified:
        piece = node.get(f"/v1/certificates/{item.statement}")["pieces"][-1]["piece"]
        for level in LEVELS:
            path = folder / f"{item.name}.{level}.cseal"
            path.write_bytes(node.fetch(f"/v1/certificates/{piece}/evidence", level=level))
            paths[item.name, level] = path
        screen.line(f"{item.name}：" + " ".join(f"{level} {paths[item.name, level].stat().st_size // 1024} kB"
                                               for level in LEVELS), "")
    return Exported(folder, paths)


def print_pages(stage: Stage, screen: Screen, certified: list[Certified]) -> list[Path]:
    """A page of each certificate in Chinese and English, as PDF where the system can, else as HTML."""
    node = stage.node("org:node")
    made: list[Path] = []
    for item in certified:
        piece = node.get(f"/v1/certificates/{item.statement}")["pieces"][-1]["piece"]
        for form in ("pdf", "html"):
            path = stage.directory / "evidence" / f"{item.name}.{form}"
            try:
                path.write_bytes(node.fetch(f"/v1/certificates/{piece}/page", form=form))
            except CarbonSealError as error:
                screen.line(f"没有 {form}：{error.code}，{error.hint}", f"no {form}: {error.code}, {error.hint}")
                continue
            made.append(path)
    screen.line("证书页 " + "、".join(path.name for path in made), "pages " + ", ".join(path.name for path in made))
    return made


def verify_elsewhere(stage: Stage, screen: Screen, exported: Exported) -> None:
    """Copy files and trust list to another folder and check them there with the network off.

    Raises VerificationFailed (demo-evidence-invalid).
    """
    with tempfile.TemporaryDirectory(prefix="carbonseal-reader-") as folder:
        trust = Path(shutil.copy(stage.directory / "trust.json", folder))
        files = [Path(shutil.copy(path, folder)) for path in exported.paths.values()]
        prefix = _without_network()
        with ThreadPoolExecutor(max_workers=os.cpu_count()) as readers:
            reports = list(readers.map(lambda file: _run_verifier(prefix, file, trust), files))
        for file, report in zip(files, reports, strict=True):
            if not report["valid"]:
                raise VerificationFailed("demo-evidence-invalid", "an exported file is not valid", where=file.name)
    offline = "断网命名空间" if prefix else "另一目录"
    screen.line(f"{len(exported.paths)} 份证据文件在{offline}中由 carbonseal-verify 判为有效",
                f"{len(exported.paths)} evidence files valid by carbonseal-verify in another folder"
                + (", network off" if prefix else ""))


def tamper(stage: Stage, screen: Screen, exported: Exported, green: Certified | None) -> list[dict[str, Any]]:
    """Every forgery is refused, with the step and code that caught it. Raises VerificationFailed (demo-not-caught)."""
    original = exported.paths["emission", "full"].read_bytes()
    trust = load_trust(stage.directory / "trust.json")
    caught: list[dict[str, Any]] = []
    for forgery in FORGERIES:
        report, step, code = verdict(forge(original, forgery), trust)
        if report is None or report.valid or step != forgery.step:
            raise VerificationFailed("demo-not-caught", f"step {forgery.step} did not catch: {forgery.en}",
                                     where=f"step {step} {code}")
        screen.refused(forgery.zh, forgery.en, code, f"step {step}")
        caught.append({"forgery": forgery.en, "step": step, "code": code})
    if green is None:
        return caught
    code = _claim_twice(stage, green)
    screen.refused("同一电量再申报一次", "a second claim on the same Wh", code, "node")
    return [*caught, {"forgery": "a second claim on the same Wh", "step": None, "code": code}]


def _claim_twice(stage: Stage, green: Certified) -> str:
    """Claim the serials of an issued certificate once more under another boundary; the code of the refusal.

    Even a verifier that looks away does not help: the contract keeps one mark for each claim point.
    """
    desk = EnterpriseDesk(stage.node(ENERGY.org), stage.parties.of(ENERGY).account, stage.clock)
    try:
        claim = desk.submit(replace(green.claim, boundary=green.claim.boundary + "（再次申报 again）"))
        give_opinion(stage, claim["claim"])
    except CarbonSealError as error:
        return error.code
    raise VerificationFailed("demo-not-caught", "the same serials were issued twice")


def _key(stage: Stage, party: Party) -> Path:
    return stage.parties.of(party).folder / "account.key"


def _piece(stage: Stage, statement: str, owner: Party) -> bytes:
    pieces = stage.node(owner.org).get(f"/v1/certificates/{statement}")["pieces"]
    return bytes.fromhex(next(piece["piece"] for piece in pieces if piece["owner"] == owner.org))


def _run_verifier(prefix: Sequence[str], file: Path, trust: Path) -> dict[str, Any]:
    command = [*prefix, str(Path(sys.executable).with_name("carbonseal-verify")), str(file), "--trust", str(trust),
               "--json"]
    done = subprocess.run(command, capture_output=True, cwd=file.parent, check=False)  # noqa: S603  our own command
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def _without_network() -> tuple[str, ...]:
    """What starts a command in a network namespace of its own; empty where the system lets nobody make one."""
    # Being root does not settle it: a container may withhold the right, and many systems grant it to everybody.
    for prefix in _NAMESPACES:
        if shutil.which(prefix[0]) and subprocess.run([*prefix, "true"], capture_output=True,  # noqa: S603  fixed words
                                                      check=False).returncode == 0:
            return prefix
    return ()
