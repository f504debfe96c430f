"""Files of a command: no more is read than is used, batches answer line by line, outputs are written all or none."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
from pathlib import Path

import pytest
from cli_helpers import refused, run

from cli import files
from core.errors import InputError
from mrv.authoring import catalogue

ROOT = Path(__file__).resolve().parents[2]
CASE = next(case for case in catalogue.load().cases
            if case.rule == "inventory.enterprise@2" and "error" not in case.body)
DOCUMENT = CASE.body["document"] | {"allow_unconfirmed": True}
LINE = json.dumps({"id": "a", "formula": "electricity.location", "inputs": {
    "consumption": {"value": "10", "unit": "MWh"}, "factor": {"value": "0.5", "unit": "tCO2/MWh"}}})


@pytest.fixture
def inputs(tmp_path: Path) -> Path:
    path = tmp_path / "inputs.json"
    path.write_text(json.dumps(DOCUMENT), encoding="utf-8")
    return path


# reading --------------------------------------------------------------------------------------------------------------

def test_a_file_of_exactly_the_limit_is_read_and_one_byte_more_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "given"
    path.write_bytes(b"12345")
    assert files.read_bounded(path, 5) == b"12345"
    with pytest.raises(InputError) as refusal:
        files.read_bounded(path, 4)
    assert (refusal.value.code, refusal.value.where) == ("input-too-large", str(path))
    assert refusal.value.hint


def test_a_device_without_an_end_is_left_after_the_limit() -> None:
    with pytest.raises(InputError, match="input-too-large"):
        files.read_bounded("/dev/zero", 1000)


@pytest.mark.parametrize("words", [
    ("eval", "electricity.location", "-i"), ("run", "inventory.enterprise", "-i"),
    ("compare", "inventory.enterprise", "-s", "x", "-i"), ("plan", "show"), ("eval", "--batch", "-i")])
def test_every_command_refuses_an_endless_file(words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files.read_bounded, "__defaults__", (1000,))
    monkeypatch.setattr(files.read_lines, "__defaults__", (1000,))
    error = refused(run("mrv", *words, "/dev/zero", "--json"), 2, "input-too-large")
    assert error["where"].startswith("/dev/zero")
    assert error["hint"]


def test_stdin_is_bounded_as_a_file_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files.read_bounded, "__defaults__", (1000,))
    fits, over = json.dumps(DOCUMENT)[:1000].ljust(1000), " " * 1001
    assert run("mrv", "run", "inventory.enterprise", "--json", stdin=fits).error["code"] == "json-malformed"
    error = refused(run("mrv", "run", "inventory.enterprise", "--json", stdin=over), 2, "input-too-large")
    assert error["where"] == "stdin"


def test_of_two_files_the_one_that_is_no_json_is_named(inputs: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.json"
    broken.write_text("[1,", encoding="utf-8")
    for given, scenarios in ((broken, inputs), (inputs, broken)):
        outcome = run("mrv", "compare", "inventory.enterprise", "-i", given, "-s", scenarios, "--json")
        assert refused(outcome, 2, "json-malformed")["where"] == str(broken)


# lines ----------------------------------------------------------------------------------------------------------------

def test_a_line_of_exactly_the_limit_is_read_and_one_byte_more_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "lines"
    path.write_bytes(b"123\n1234\r\n\n12345")
    assert list(files.read_lines(path, 6)) == [b"123\n", b"1234\r\n", b"\n", b"12345"]
    lines = files.read_lines(path, 5)
    assert next(lines) == b"123\n"
    with pytest.raises(InputError) as refusal:
        next(lines)
    assert (refusal.value.code, refusal.value.where) == ("input-too-large", f"{path}, line 2")


def test_a_batch_answers_a_line_before_the_next_is_given() -> None:
    with subprocess.Popen([sys.executable, "-m", "cli", "mrv", "eval", "--batch"], cwd=ROOT, stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for _ in range(2):
            process.stdin.write(LINE.encode() + b"\n")
            process.stdin.flush()
            if not select.select([process.stdout], [], [], 60)[0]:
                process.kill()
                pytest.fail("no answer while stdin is open")
            assert json.loads(process.stdout.readline())["outputs"]["emission"]["value"] == "5"
        process.stdin.close()
        assert process.wait(60) == 0


@pytest.mark.parametrize(("lines", "failed"), [
    ([LINE], 0), (["{"], 1), ([LINE, "{", LINE, '{"id": "b"}', "", "[]"], 3)])
def test_how_many_lines_of_a_batch_failed_is_told_on_stderr_alone(lines: list[str], failed: int) -> None:
    given = "\n".join(lines) + "\n"
    for language, words in (("zh", f"{failed} 行未能计算"), ("en", f"{failed} lines failed")):
        outcome = run("--lang", language, "mrv", "eval", "--batch", stdin=given)
        answers = [json.loads(line) for line in outcome.stdout.splitlines()]
        assert len(answers) == len([line for line in lines if line])
        assert sum("error" in answer for answer in answers) == failed
        assert outcome.code == 0
        assert (words in outcome.stderr) is (failed > 0)
        assert failed or outcome.stderr == ""


def test_a_batch_answers_what_came_before_a_line_that_does_not_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files.read_lines, "__defaults__", (1000,))
    outcome = run("mrv", "eval", "--batch", stdin=LINE + "\n" + "1" * 2000)
    assert outcome.code == 2
    assert json.loads(outcome.stdout)["id"] == "a"
    assert "input-too-large" in outcome.stderr
    assert "line 2" in outcome.stderr


def test_leaves_are_read_in_bounded_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files.read_lines, "__defaults__", (9,))
    assert run("tree", "root", "--json", stdin="ab12cd34\n" * 3).json["size"] == "3"
    refused(run("tree", "root", "--json", stdin="ab12cd34\nab12cd34ef\n"), 2, "input-too-large")


# writing --------------------------------------------------------------------------------------------------------------

def test_a_missing_folder_is_refused_before_anything_is_written(inputs: Path, tmp_path: Path) -> None:
    book, page = tmp_path / "a.xlsx", tmp_path / "no" / "a.html"
    outcome = run("mrv", "run", "inventory.enterprise", "--inputs", inputs, "--at", CASE.body["at"], "--json",
                  "--xlsx", book, "--html", page)
    error = refused(outcome, 2, "file-unusable")
    assert (error["where"], "--html" in error["message"]) == (str(page), True)
    assert list(tmp_path.iterdir()) == [inputs]


def test_a_document_that_cannot_be_made_leaves_the_others_as_they_were(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    first.write_bytes(b"old")

    def fail() -> bytes:
        raise InputError("report-too-long", "no")

    with pytest.raises(InputError, match="report-too-long"):
        files.write_files({"--a": (first, lambda: b"new"), "--b": (second, fail)})
    assert (first.read_bytes(), second.exists(), len(list(tmp_path.iterdir()))) == (b"old", False, 1)
    files.write_files({"--a": (first, lambda: b"new"), "--b": (second, lambda: b"2"), "--c": (None, fail)})
    assert (first.read_bytes(), second.read_bytes(), len(list(tmp_path.iterdir()))) == (b"new", b"2", 2)


def test_a_disk_that_fills_up_leaves_no_half_of_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    write = Path.write_bytes

    def full(path: Path, data: bytes) -> int:
        if data == b"2":
            write(path, b"")
            raise OSError(28, "No space left on device", str(path))
        return write(path, data)

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space"):
        files.write_files({"--a": (first, lambda: b"1"), "--b": (second, lambda: b"2")})
    assert list(tmp_path.iterdir()) == []


def test_a_link_and_a_pipe_stay_what_they_are(tmp_path: Path) -> None:
    target, link, pipe = tmp_path / "target", tmp_path / "link", tmp_path / "pipe"
    target.write_bytes(b"old")
    link.symlink_to(target)
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        files.write_files({"--a": (link, lambda: b"new"), "--b": (pipe, lambda: b"through")})
        assert os.read(reader, 100) == b"through"
    finally:
        os.close(reader)
    assert (link.is_symlink(), target.read_bytes(), pipe.is_fifo()) == (True, b"new", True)


def test_a_byte_order_mark_of_an_editor_says_nothing(tmp_path: Path) -> None:
    (tmp_path / "one.json").write_bytes(b"\xef\xbb\xbf" + b'{"a": "1"}')
    assert files.read_json(tmp_path / "one.json") == {"a": "1"}
