"""The demonstration's processes: the simulated plant, the node, the gateway; and the clock they share."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cli.demo.parties import Parties
from cli.demo.process import NodeProcess
from cli.demo.world import GATEWAY, METERS, ORIGIN, POWER, SITE
from cli.node import Node, read_token
from core.children import end, end_with_parent
from core.clock import SharedClock
from core.errors import Unavailable
from edge import command as gateway
from edge.progress import Progress

HISTORY_STEP_S, HISTORY_FRAME_S = 60, 900
LIVE_STEP_S, LIVE_FRAME_S = 1, 60
STOP_SECONDS = 10.0


class Stage:
    """Everything that runs in a demonstration folder."""

    def __init__(self, directory: Path, port: int | None) -> None:
        self.directory = directory
        self.clock = SharedClock(directory / "clock.bin")
        self.parties = Parties(directory / "participants")
        self.server = NodeProcess(directory, port)
        self._plant: subprocess.Popen[bytes] | None = None
        self._plant_port = 0
        self._agent: subprocess.Popen[bytes] | None = None

    @property
    def gateway_config(self) -> Path:
        """The gateway's configuration file."""
        return self.directory / "participants" / "gateway" / "gateway.toml"

    def node(self, org: str = "") -> Node:
        """The running node, spoken to as an organisation."""
        return Node(self.server.url, read_token(self.directory, org) if org else "")

    def start_plant(self) -> dict[str, Any]:
        """Start the simulated Modbus meters; what they announce. Raises Unavailable (plant-start-failed)."""
        with (self.directory / "plant.log").open("ab") as log:
            self._plant = subprocess.Popen(  # noqa: S603  our own simulator
                [sys.executable, "-m", "simulator", "--dir", str(self.directory / "plant"),
                 "--clock", str(self.clock.path)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log,
                preexec_fn=end_with_parent)
        assert self._plant.stdout is not None
        line = self._plant.stdout.readline()
        if not line:
            raise Unavailable("plant-start-failed", "the simulated plant did not start",
                              where=str(self.directory / "plant.log"))
        announced: dict[str, Any] = json.loads(line)
        self._plant_port = int(announced["port"])
        return announced

    def write_gateway_config(self, registrations: dict[str, str]) -> None:
        """Write gateway.toml; `registrations`: head of each meter's history in hex."""
        text = [
            "[node]", f'url = "{self.server.url}"', f'origin = "{ORIGIN}"', "",
            "[gateway]", f'id = "{GATEWAY}"', f'site = "{SITE}"', 'key = "signer.pem"', "",
            "[clock]", 'quality = "synchronised"', 'file = "../../clock.bin"', "",
            "[cadence]", f"step_s = {LIVE_STEP_S}", f"frame_s = {LIVE_FRAME_S}",
            f"history_step_s = {HISTORY_STEP_S}", f"history_frame_s = {HISTORY_FRAME_S}", "",
            "[spool]", 'path = "spool.sqlite"', "limit_frames = 100000", ""]
        for meter in METERS:
            text += ["[[meters]]", f'id = "{meter.meter}"', f'registration = "{registrations[meter.meter]}"',
                     'protocol = "modbus-tcp"', 'host = "127.0.0.1"', f"port = {self._plant_port}",
                     f"device_id = {meter.unit_id}", f'word_order = "{meter.word_order}"', "timeout_ms = 1000", ""]
            for quantity, unit, address, layout, kind in (
                    (meter.register, "Wh", meter.register_address, "u64", "register"), (POWER, "W", 8, "i32", "gauge")):
                text += ["[[meters.points]]", f'quantity = "{quantity}"', f'unit = "{unit}"', f"address = {address}",
                         f'layout = "{layout}"', f'kind = "{kind}"', ""]
        self.gateway_config.write_text("\n".join(text), encoding="utf-8")

    def replay(self, until: int, watcher: Callable[[Progress], None]) -> Progress:
        """Run the gateway in this process up to an instant, as fast as the meters can be read."""
        return gateway.run(self.gateway_config, until=until, watcher=watcher)

    def start_gateway(self) -> None:
        """Run the gateway as a process of its own: from now on second by second."""
        with (self.directory / "gateway.log").open("ab") as log:
            self._agent = subprocess.Popen(  # noqa: S603  this very program
                [sys.executable, "-m", "cli", "gateway", "run", "--config", str(self.gateway_config), "--json"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=end_with_parent)

    def stop(self) -> None:
        """End gateway, node and plant in good order."""
        end(self._agent, STOP_SECONDS)
        self.server.stop()
        end(self._plant, STOP_SECONDS)
        self._agent = self._plant = None
