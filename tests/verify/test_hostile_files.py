"""Files made to crash the verifier or to draw on the reader's screen: every one gets a verdict, in plain characters."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import unicodedata
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from verify_cases import document, world
from verify_world import ENTERPRISE, GATEWAY, POINT, PV, Lies, World, altered

from core import jcs
from core.ethereum import keccak256
from ledger.anchor import rlp
from ledger.anchor.header import parse_header
from verify.bundle import read_container, write_container
from verify.report import Report, plain
from verify.verifier import verify

VECTORS = Path(__file__).parents[1] / "vectors" / "evidence"
SCREEN = "\x1b[2J\x1b[H结论:有效\n ✓  1\x9b2K\u202e\u2028"


def checked(made: World, level: str = "full") -> Report:
    return verify(made.file(level), made.trust())


@pytest.mark.parametrize("lies", [
    {"claim": {"subject": GATEWAY}}, {"claim": {"subject": PV}}, {"claim": {"subject": POINT}},
    {"opinion": {"verifier": PV}}, {"opinion": {"verifier": GATEWAY}}])
def test_a_device_or_a_meter_is_no_party(lies: dict[str, Any]) -> None:
    assert checked(World(Lies(**lies))).steps[4].code == "entry-type"


def test_disputes_are_no_party() -> None:
    made = World(Lies(dispute=True, claim={"subject": f"dispute:{GATEWAY}"}))
    assert checked(made).steps[4].code == "entry-type"


def test_an_organisation_signs_no_frames() -> None:
    class Disguised(World):
        def carrier(self, position: int) -> tuple[str, str]:
            return ENTERPRISE, "gateway"

        def gateways(self) -> list[str]:
            return [ENTERPRISE]
    assert checked(Disguised()).steps[4].code == "entry-type"


def test_a_meter_is_no_claim_point() -> None:
    class Unmarked(World):
        def _inputs_document(self) -> dict[str, Any]:
            found = super()._inputs_document()
            found["inputs"]["generation"][0]["source"]["mark"] = PV
            return found
    assert checked(Unmarked()).steps[4].code == "entry-type"


def far_away(field: str, value: int) -> Any:
    """A header with another number in it, and the hash that this gives it, in bounds or not."""
    def edit(evidence: Any) -> None:
        items = list(parse_header(evidence["header"]).items)
        items[{"number": 8, "timestamp": 11}[field]] = rlp.scalar(value)
        evidence["header"] |= {field: hex(value), "hash": "0x" + keccak256(rlp.encode(list(items))).hex()}
    return document(edit)


@pytest.mark.parametrize(("field", "value", "code"), [
    ("timestamp", 253_402_300_799, None), ("timestamp", 253_402_300_800, "header-malformed"),
    ("timestamp", 2**256 - 1, "header-malformed"), ("number", 2**64 - 1, None), ("number", 2**64, "header-malformed")])
def test_a_block_of_no_calendar_gets_a_verdict(field: str, value: int, code: str | None) -> None:
    made = world(Lies(development=True))
    trust = replace(made.trust(), allow_development_chain=True)
    report = verify(altered(made.file("public"), {"status.json": far_away(field, value)}), trust)
    assert report.steps[9].code == code
    assert json.dumps(report.as_json())
    assert report.as_text("en")


@pytest.mark.parametrize("name", ["bundle.json", "certificate.json"])
def test_no_control_character_of_a_file_reaches_the_screen(name: str) -> None:
    members = read_container(world().file("public"))
    value = jcs.parse(members[name]) | {SCREEN: "1"}
    hostile = (write_container({**members, name: jcs.canonical(value)}) if name == "bundle.json"
               else altered(world().file("public"), {name: jcs.canonical(value)}))
    report = verify(hostile, world().trust())
    shown = report.as_text("zh").replace("\n", "") + json.dumps(report.as_json(), ensure_ascii=False)
    assert not report.valid
    assert "\\x1b[2J" in shown
    assert not any(unicodedata.category(c)[0] == "C" or c == "\u2028" for c in shown)
    assert "\n ✓  1\\x9b" not in report.as_text("zh")


def test_plain_text_stays_as_it_is() -> None:
    assert plain("屋顶光伏一期 – “A/B” 100 %") == "屋顶光伏一期 – “A/B” 100 %"
    assert plain("a\nb\tc\u200bd") == "a\\nb\\tc\\u200bd"


@pytest.mark.parametrize("arguments", [[], ["--json"]])
def test_a_terminal_without_chinese_letters_still_gets_the_verdict(arguments: list[str]) -> None:
    folder = VECTORS / "public"
    done = subprocess.run(
        [sys.executable, "-m", "verify.command", str(folder / "file.cseal"), "--trust", str(folder / "trust.json"),
         *arguments], env=os.environ | {"PYTHONIOENCODING": "ascii"}, capture_output=True, check=False,
        cwd=Path(__file__).parents[2])
    assert done.returncode == 0, done.stderr
    if arguments:
        assert json.loads(done.stdout)["valid"] is True
    else:
        assert b"\\u6709\\u6548" in done.stdout.splitlines()[0], done.stdout[:60]


@pytest.mark.parametrize("arguments", [[], ["--json"]])
def test_a_reader_who_leaves_early_leaves_the_verdict_standing(arguments: list[str]) -> None:
    folder = VECTORS / "public"
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-m", "verify.command", str(folder / "file.cseal"), "--trust", str(folder / "trust.json"),
         *arguments], stdout=writing, stderr=subprocess.PIPE, check=False, cwd=Path(__file__).parents[2])
    os.close(writing)
    assert (done.returncode, done.stderr) == (0, b"")
