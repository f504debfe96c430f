"""carbonseal document digest: what a source or a claim names a paper by."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import pytest
from cli_helpers import answered, refused, run

from cli import files
from core.errors import InputError

PAPER = "结算单 2026-10\n".encode()


@pytest.fixture
def paper(tmp_path: Path) -> Path:
    path = tmp_path / "结算单 10.pdf"
    path.write_bytes(PAPER)
    return path


def test_the_digest_of_a_file_is_its_sha256(paper: Path) -> None:
    assert answered(run("document", "digest", paper, "--json")) == [
        {"file": str(paper), "digest": sha256(PAPER).hexdigest()}]


def test_several_files_are_told_in_the_order_given(paper: Path, tmp_path: Path) -> None:
    other = tmp_path / "a.pdf"
    other.write_bytes(b"other")
    told = answered(run("document", "digest", paper, other, paper, "--json"))
    assert [item["digest"] for item in told] == [sha256(data).hexdigest() for data in (PAPER, b"other", PAPER)]


@pytest.mark.parametrize(("language", "heading"), [("zh", "凭证"), ("en", "Documents")])
def test_the_digest_stands_whole_in_the_table(paper: Path, language: str, heading: str) -> None:
    shown = run("--lang", language, "document", "digest", paper).stdout
    assert heading in shown
    assert sha256(PAPER).hexdigest() in shown


def test_a_document_may_come_by_stdin() -> None:
    assert answered(run("document", "digest", "-", "--json", stdin=PAPER.decode())) == [
        {"file": "-", "digest": sha256(PAPER).hexdigest()}]


def test_an_empty_file_shows_nothing_and_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "scan.pdf"
    path.touch()
    error = refused(run("document", "digest", path, "--json"), 2, "document-empty")
    assert error["where"] == str(path)
    assert error["hint"]
    assert refused(run("document", "digest", "-", "--json", stdin=""), 2, "document-empty")["where"] == "stdin"


@pytest.mark.parametrize("place", ["missing.pdf", "."])
def test_what_is_no_file_is_refused_by_its_name(tmp_path: Path, place: str) -> None:
    error = refused(run("document", "digest", tmp_path / place, "--json"), 2, "file-unusable")
    assert error["where"] == str(tmp_path / place)


def test_of_several_files_one_that_is_missing_leaves_no_half_answer(paper: Path, tmp_path: Path) -> None:
    outcome = run("document", "digest", paper, tmp_path / "missing.pdf")
    assert outcome.code == 2
    assert sha256(PAPER).hexdigest() not in outcome.stdout


def test_a_file_larger_than_any_other_input_is_read_piece_by_piece(tmp_path: Path) -> None:
    """80 MiB, more than the 64 MiB of a JSON document."""
    path = tmp_path / "scans.zip"
    with path.open("wb") as file:
        file.truncate(80 * 2**20)
    expected = sha256()
    for _ in range(80):
        expected.update(bytes(2**20))
    assert answered(run("document", "digest", path, "--json"))[0]["digest"] == expected.hexdigest()


def test_a_file_of_exactly_the_limit_is_hashed_and_one_byte_more_is_refused(paper: Path) -> None:
    assert files.sha256_of(paper, len(PAPER)) == sha256(PAPER).hexdigest()
    with pytest.raises(InputError) as refusal:
        files.sha256_of(paper, len(PAPER) - 1)
    assert (refusal.value.code, refusal.value.where) == ("input-too-large", str(paper))


def test_a_device_without_an_end_is_left_after_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files.sha256_of, "__defaults__", (2**21,))
    assert refused(run("document", "digest", "/dev/zero", "--json"), 2, "input-too-large")["where"] == "/dev/zero"


def test_a_digest_is_accepted_where_a_source_asks_for_one(paper: Path) -> None:
    digest = answered(run("document", "digest", paper, "--json"))[0]["digest"]
    assert digest == digest.lower()
    assert len(bytes.fromhex(digest)) == 32
