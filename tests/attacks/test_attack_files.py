"""Hostile evidence files and trust lists in the reader's hands: an exit code, a code, and never a traceback."""

from __future__ import annotations

import io
import json
import random
import struct
import time
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core import jcs
from verify.bundle import MAX_FILE_BYTES, read_container, write_bundle
from verify.command import INVALID, UNUSABLE, VALID, main

VECTOR = Path(__file__).parents[1] / "vectors" / "evidence" / "full"
FILE, TRUST = VECTOR / "file.cseal", VECTOR / "trust.json"


@pytest.fixture(scope="module")
def original() -> bytes:
    return FILE.read_bytes()


def run(capsys: pytest.CaptureFixture[str], file: Path, trust: Path = TRUST) -> tuple[int, dict[str, Any]]:
    """Exit code and JSON document of carbonseal-verify; it prints one document and nothing else."""
    status = main([str(file), "--trust", str(trust), "--json"])
    printed = capsys.readouterr()
    assert printed.err == ""
    document: dict[str, Any] = json.loads(printed.out)
    assert document["valid"] is (status == VALID)
    return status, document


def code_of(document: dict[str, Any]) -> str:
    if "error" in document:
        return str(document["error"]["code"])
    return next(str(step["code"]) for step in document["steps"] if step["outcome"] == "failed")


# archives

def archive(entries: list[tuple[zipfile.ZipInfo, bytes]], method: int = zipfile.ZIP_STORED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as made:
        for info, content in entries:
            info.compress_type = method
            made.writestr(info, content)
    return buffer.getvalue()


def info(name: str, mode: int = 0o644) -> zipfile.ZipInfo:
    made = zipfile.ZipInfo(name)
    made.external_attr = mode << 16
    return made


def deflate_bomb(_: bytes) -> bytes:
    """100 MB of zeros in 100 kB."""
    return archive([(info("bundle.json"), bytes(100 * 2**20))], zipfile.ZIP_DEFLATED)


def nested(data: bytes) -> bytes:
    return archive([(info("inner.cseal"), data)])


def twice(data: bytes) -> bytes:
    members = list(read_container(data).items())
    with pytest.warns(UserWarning, match="Duplicate name"):
        return archive([(info(name), content) for name, content in [*members, members[0]]])


def symlink(data: bytes) -> bytes:
    members = read_container(data)
    members.pop("bundle.json")
    return archive([(info("bundle.json", 0o120777), b"/etc/passwd"), *((info(n), c) for n, c in members.items())])


def other_order(data: bytes) -> bytes:
    return archive([(info(name), content) for name, content in reversed(read_container(data).items())])


def two_directories(data: bytes) -> bytes:
    start = data.index(b"PK\x01\x02")
    return data + data[start:]


def huge_declared(data: bytes) -> bytes:
    changed = bytearray(data)
    struct.pack_into("<LL", changed, 18, 0xFFFFFFF0, 0xFFFFFFF0)
    return bytes(changed)


def huge_directory(data: bytes) -> bytes:
    changed = bytearray(data)
    struct.pack_into("<HHLL", changed, len(data) - 14, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF)
    return bytes(changed)


def encrypted_flag(data: bytes) -> bytes:
    changed = bytearray(data)
    changed[6] |= 1
    return bytes(changed)


def zip64(data: bytes) -> bytes:
    return data[:-22] + b"PK\x06\x06" + bytes(52) + b"PK\x06\x07" + bytes(16) + data[-22:]


def comment(data: bytes) -> bytes:
    return data[:-2] + struct.pack("<H", 5) + b"hello"


def many_members(_: bytes) -> bytes:
    return archive([(info(f"m{number}"), b"") for number in range(21_000)])


def traversal(_: bytes) -> bytes:
    return archive([(info("../../etc/cron.d/x"), b"x")])


@pytest.mark.parametrize("attack", [
    deflate_bomb, nested, twice, symlink, other_order, two_directories, huge_declared, huge_directory, encrypted_flag,
    zip64, comment, many_members, traversal, lambda data: data + b"\0", lambda data: data + data, lambda data: data[1:],
    lambda data: b"", lambda data: b"PK", lambda data: b"PK\x03\x04", lambda data: b"PK\x03\x04" + b"\xff" * 26,
    lambda data: b"PK\x05\x06" + bytes(18), lambda data: zlib.compress(data)])
def test_an_archive_in_any_other_form_is_refused_at_once(
        attack: Callable[[bytes], bytes], original: bytes, tmp_path: Path,
        capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "hostile.cseal"
    file.write_bytes(attack(original))
    begun = time.monotonic()
    status, document = run(capsys, file)
    assert status in (INVALID, UNUSABLE)
    assert code_of(document).startswith("container-")
    assert time.monotonic() - begun < 10


def test_a_file_of_terabytes_that_holds_nothing_is_not_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "sparse.cseal"
    with file.open("wb") as sparse:
        sparse.truncate(MAX_FILE_BYTES + 1)
    assert run(capsys, file)[0] == UNUSABLE


@pytest.mark.parametrize("place", ["/dev/null", "/proc/self/mem", "/", "/nonexistent/x", "/dev/tty", "a\nb"])
def test_what_is_no_ordinary_file_is_unusable(place: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, Path(place))[0] == UNUSABLE
    assert run(capsys, FILE, Path(place))[0] == UNUSABLE


def test_members_of_two_valid_files_make_no_third(original: bytes, tmp_path: Path,
                                                  capsys: pytest.CaptureFixture[str]) -> None:
    own, other = read_container(original), read_container((VECTOR.parent / "emission" / "file.cseal").read_bytes())
    exchanged = [name for name in sorted(set(own) & set(other) - {"README.txt", "bundle.json"})
                 if own[name] != other[name]]
    assert len(exchanged) > 5
    for name in exchanged:
        (tmp_path / "mixed.cseal").write_bytes(refit(original, name, other[name]))
        assert run(capsys, tmp_path / "mixed.cseal")[0] == INVALID, name


# trust lists

ODD: list[Any] = [None, True, False, 0, -1, 1, 2**53, 2**64, 2**200, "", "0", "-1", "１", "x" * 100_000, "\u0000",
                  "a\nb",
                  "../../x", "0x", "0x" + "f" * 40, [], {}, [None], [[]], ["x"], {"": None}, [1] * 2_000,
                  "00" * 44, "zz" * 44, ["00" * 44], ["3059" + "00" * 89]]


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place of a document, its own root included."""
    yield path
    if isinstance(value, dict):
        for name in value:
            yield from places(value[name], (*path, name))
    elif isinstance(value, list):
        for number in range(len(value)):
            yield from places(value[number], (*path, number))


def changed(value: Any, path: tuple[Any, ...], replacement: Any) -> Any:
    if not path:
        return replacement
    copy = json.loads(json.dumps(value))
    inner = copy
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = replacement
    return copy


LENIENT = ("witnesses", "max_age_ms", "require", "allow_development_chain", "chain")
LIST = json.loads(TRUST.read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", list(places(LIST)), ids=lambda path: "/".join(map(str, path)) or "root")
def test_no_odd_value_anywhere_in_a_trust_list_breaks_the_reader(path: tuple[Any, ...], tmp_path: Path,
                                                                 capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "trust.json"
    for value in ODD:
        file.write_text(json.dumps(changed(LIST, path, value)), encoding="utf-8")
        status, document = run(capsys, FILE, file)
        if status == UNUSABLE:
            assert document["error"]["code"] != "internal-error"
        else:
            # Another reader, well formed: one that names other keys believes nothing of this file.
            assert status == INVALID or path[0] in LENIENT, path


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_bytes_make_a_trust_list_a_traceback(data: st.DataObject, tmp_path: Path,
                                                capsys: pytest.CaptureFixture[str]) -> None:
    text = bytearray(TRUST.read_bytes())
    for _ in range(data.draw(st.integers(1, 6))):
        position = data.draw(st.integers(0, len(text) - 1))
        text[position] = data.draw(st.integers(0, 255))
    file = tmp_path / "trust.json"
    file.write_bytes(bytes(text))
    assert run(capsys, FILE, file)[0] in (VALID, INVALID, UNUSABLE)


@pytest.mark.parametrize("text", [b"[" * 100_000, b'{"a":' * 100_000, b"9" * 5_000_000, b'"' + b"x" * 2_000_000 + b'"',
                                  b'{"schema":1e999999999}', b"\xff\xfe{}", b"\xef\xbb\xbf{}", b"NaN", b"-0", b"{}\0"])
def test_a_trust_list_of_weight_or_in_another_form_is_unusable(text: bytes, tmp_path: Path,
                                                               capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "trust.json").write_bytes(text)
    status, document = run(capsys, FILE, tmp_path / "trust.json")
    assert (status, bool(document["error"]["code"])) == (UNUSABLE, True)


# members, each replaced by something hostile under right digests

HOSTILE = [b"", b"\x00", b"\xff" * 64, b"{}", b"[]", b"null", b"\x9b" + b"\xff" * 8, b"\x81" * 50_000, b"[" * 50_000,
           b'{"a":1,"a":2}', b"\x80", b"\xa0", b"\xf6", b"\x84\x40\xa0\x40\x40", bytes(100_000)]


def refit(original: bytes, name: str, content: bytes) -> bytes:
    """The file with one member replaced and its list of digests made to fit."""
    members = read_container(original)
    bundle = jcs.parse(members.pop("bundle.json"))
    members.pop("README.txt")
    members[name] = content
    return write_bundle(members, purpose=bundle["purpose"], level=bundle["level"],
                        indices={key: int(value) for key, value in bundle["indices"].items()})


def test_no_member_replaced_by_rubbish_is_valid_or_breaks_the_reader(original: bytes, tmp_path: Path,
                                                                     capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "refit.cseal"
    names = sorted(set(read_container(original)) - {"bundle.json", "README.txt"})
    chosen = random.Random(7)
    for name in names:
        for content in chosen.sample(HOSTILE, 4):
            file.write_bytes(refit(original, name, content))
            status, document = run(capsys, file)
            assert status in (INVALID, UNUSABLE), name
            assert "Error" not in code_of(document)


def test_members_exchanged_among_themselves_are_not_valid(original: bytes, tmp_path: Path,
                                                          capsys: pytest.CaptureFixture[str]) -> None:
    members = read_container(original)
    names = sorted(set(members) - {"bundle.json", "README.txt"})
    chosen = random.Random(11)
    for _ in range(40):
        one, other = chosen.sample(names, 2)
        if members[one] == members[other]:
            continue
        (tmp_path / "swap.cseal").write_bytes(refit(original, one, members[other]))
        status, _ = run(capsys, tmp_path / "swap.cseal")
        assert status in (INVALID, UNUSABLE), (one, other)
