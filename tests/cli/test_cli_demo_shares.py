"""What the demonstration sells of a certificate: at least one unit, and never so much that nothing could be cut."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from certificates import lifecycle
from cli.demo import assets
from cli.demo.claims import Certified
from core.period import Period

PIECE = b"\x11" * 32


@pytest.mark.parametrize(("amount", "sold", "kept"), [(1, 1, 0), (2, 1, 1), (3, 2, 1), (4, 3, 1), (48, 3, 45)])
def test_neither_part_of_a_split_is_empty(amount: int, sold: int, kept: int) -> None:
    assert assets.shares(amount) == (sold, kept)


class Screen:
    """Keeps the lines."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str]] = []

    def line(self, zh: str, en: str) -> None:
        self.lines.append((zh, en))


class Parties:
    """One account for all."""

    def of(self, _party: Any) -> Any:
        class Folder:
            folder = Path("x")
            account = type("Account", (), {"address": "0x" + "00" * 20})
        return Folder


class Stage:
    """A stage without a node."""

    clock = None
    parties = Parties()

    def node(self, _org: str) -> None:
        return None


def acted(monkeypatch: pytest.MonkeyPatch, amount: str | None) -> tuple[list[str], list[tuple[str, str]]]:
    """(operations on the chain, lines) of a trade with a certificate of this amount, None without one."""
    done: list[str] = []
    monkeypatch.setattr(lifecycle, "split", lambda _desk, _piece, units: (
        done.append(f"split {units}") or (PIECE, PIECE)))
    for name in ("transfer", "retire"):
        monkeypatch.setattr(lifecycle, name, lambda *_given, name=name: done.append(name))
    monkeypatch.setattr(assets, "holder_desk", lambda *_given: None)
    monkeypatch.setattr(assets, "_piece", lambda *_given: PIECE)
    monkeypatch.setattr(assets, "_when_seen", lambda *_given: {"clean": True, "points": []})
    screen = Screen()
    green = None if amount is None else Certified("green-power", None, "ab" * 32, amount, "MWh")  # type: ignore[arg-type]
    assets.trade(Stage(), screen, green, Period(0, 1))  # type: ignore[arg-type]
    return done, screen.lines


def test_one_unit_is_sold_whole_and_retired_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    done, lines = acted(monkeypatch, "1")
    assert done == ["transfer", "retire"]
    assert "不足以拆分" in lines[0][0]
    assert "too little to split" in lines[0][1]
    assert "1 MWh" in lines[-1][0]
    assert not any("0 MWh" in text or "= 0" in text for line in lines for text in line)


def test_two_units_are_split_in_one_and_one(monkeypatch: pytest.MonkeyPatch) -> None:
    done, lines = acted(monkeypatch, "2")
    assert done == ["split 1", "transfer", "retire"]
    assert lines[0][1] == "split: 2 = 1 + 1 MWh"


def test_without_a_certificate_nothing_is_sold_and_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    done, lines = acted(monkeypatch, None)
    assert done == []
    assert "nothing to split" in lines[0][1]
