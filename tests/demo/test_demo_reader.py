"""How the demonstration's reader gets rid of the network, on systems that allow it and on those that do not."""

from pathlib import Path

import pytest

from cli.demo import assets


def fake_unshare(folder: Path, allows: str) -> None:
    """An `unshare` that succeeds only when called with the option `allows`."""
    program = folder / "unshare"
    program.write_text(f'#!/bin/sh\n[ "$1" = "{allows}" ]\n')
    program.chmod(0o755)


@pytest.mark.parametrize(("allows", "prefix"), [
    ("--net", ("unshare", "--net")),
    ("--user", ("unshare", "--user", "--map-root-user", "--net")),
    ("--nothing", ()),
])
def test_the_first_namespace_that_the_system_really_makes_is_taken(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch, allows: str, prefix: tuple[str, ...]) -> None:
    fake_unshare(tmp_path, allows)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert assets._without_network() == prefix


def test_without_the_program_the_reader_keeps_its_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert assets._without_network() == ()
