"""The container has one form: whatever else carries the same members is refused."""

from __future__ import annotations

import io
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core import jcs
from core.errors import FormError, InputError
from verify import bundle
from verify.bundle import read_container, write_bundle, write_container

NAMES = st.from_regex(r"[a-z0-9_+][a-z0-9._+~-]{0,20}(/[a-z0-9_+][a-z0-9._+~-]{0,10}){0,2}", fullmatch=True)
SMALL = {"a.txt": b"first", "folder/b.bin": b"\x00\xff", "README.txt": b""}


@settings(max_examples=40)
@given(st.dictionaries(NAMES, st.binary(max_size=300), min_size=1, max_size=8))
def test_what_was_written_is_read_back(members: dict[str, bytes]) -> None:
    data = write_container(members)
    assert read_container(data) == members
    assert write_container(read_container(data)) == data


@settings(max_examples=40)
@given(st.dictionaries(NAMES, st.binary(max_size=50), min_size=2, max_size=5))
def test_the_order_of_writing_does_not_matter(members: dict[str, bytes]) -> None:
    assert write_container(dict(reversed(members.items()))) == write_container(members)


def test_an_ordinary_tool_opens_it() -> None:
    with zipfile.ZipFile(io.BytesIO(write_container(SMALL))) as archive:
        assert archive.testzip() is None
        assert {name: archive.read(name) for name in archive.namelist()} == SMALL
        assert all(info.date_time == (1980, 1, 1, 0, 0, 0) for info in archive.infolist())


def test_every_flipped_bit_is_noticed() -> None:
    data = write_container(SMALL)
    for position in range(len(data)):
        for bit in range(8):
            changed = bytearray(data)
            changed[position] ^= 1 << bit
            with pytest.raises((FormError, InputError), match="container-"):
                read_container(bytes(changed))


def test_every_shorter_file_is_refused() -> None:
    data = write_container(SMALL)
    for size in range(len(data)):
        with pytest.raises(InputError, match="container-"):
            read_container(data[:size])


@pytest.mark.parametrize("surplus", [b"\0", b"PK\x05\x06", b"PK\x03\x04", b"x" * 100])
def test_bytes_after_the_end_are_refused(surplus: bytes) -> None:
    with pytest.raises(FormError, match="container-not-canonical"):
        read_container(write_container(SMALL) + surplus)


def test_bytes_before_the_first_member_are_refused() -> None:
    with pytest.raises(InputError, match="container-not-zip"):
        read_container(b"#!" + write_container(SMALL))


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_another_tool_s_archive_is_refused(method: int) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        archive.writestr("a.txt", b"first" * 20)
    with pytest.raises(FormError, match="container-not-canonical"):
        read_container(buffer.getvalue())


def test_a_member_twice_is_refused() -> None:
    one = write_container({"a": b"1"})
    member = one[: one.index(b"PK\x01\x02")]
    with pytest.raises(FormError, match="container-not-canonical"):
        read_container(member + one)


@pytest.mark.parametrize("name", [
    "", "/a", "a/", "a//b", "../a", "a/../b", ".hidden", "a/.b", "a\\b", "C:a", "ä", "a b", "a\n", "n" * 161])
def test_a_name_that_could_leave_its_folder_is_refused(name: str) -> None:
    with pytest.raises(FormError, match="container-member-name"):
        write_container({name: b""})


def test_a_crafted_name_is_refused_on_reading() -> None:
    data = write_container({"aa/b": b""}).replace(b"aa/b", b"../b")
    with pytest.raises(FormError, match="container-"):
        read_container(data)


def test_limits_hold_on_both_sides(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundle, "MAX_MEMBERS", 2)
    two = write_container({"a": b"", "b": b""})
    assert len(read_container(two)) == 2
    with pytest.raises(FormError, match="container-too-large") as members:
        write_container({"a": b"", "b": b"", "c": b""})
    monkeypatch.setattr(bundle, "MAX_MEMBERS", 1)
    with pytest.raises(FormError, match="container-not-canonical"):
        read_container(two)
    monkeypatch.setattr(bundle, "MAX_FILE_BYTES", len(two))
    monkeypatch.setattr(bundle, "MAX_MEMBERS", 2)
    assert read_container(two)
    monkeypatch.setattr(bundle, "MAX_FILE_BYTES", len(two) - 1)
    with pytest.raises(InputError, match="container-too-large") as size:
        read_container(two)
    assert members.value.hint
    assert size.value.hint


def test_a_huge_declared_size_costs_nothing() -> None:
    data = bytearray(write_container({"a": b"x" * 10}))
    data[18:22] = data[22:26] = b"\xff\xff\xff\xff"
    with pytest.raises(FormError, match="container-not-canonical"):
        read_container(bytes(data))


@pytest.mark.parametrize("data", [b"", b"PK", b"not a zip", b"PK\x05\x06" + bytes(18), b"PK\x03\x04"])
def test_what_is_no_archive_is_unusable(data: bytes) -> None:
    with pytest.raises(InputError, match="container-"):
        read_container(data)


def test_a_bundle_lists_every_member_but_itself() -> None:
    members = read_container(write_bundle({"checkpoint": b"c"}, purpose="review", level="public", indices={}))
    listed = jcs.parse(members["bundle.json"])["members"]
    assert set(listed) == {"README.txt", "checkpoint"} == set(members) - {"bundle.json"}
