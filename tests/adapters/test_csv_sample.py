"""The steel sample with its traps: byte-order mark, CRLF, the midnight row, a true zero, and its totals."""

import lzma
from contextlib import suppress
from decimal import Decimal
from importlib import resources
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import adapters.csv_sample.codec as codec
from core.errors import CarbonSealError, FormError
from core.period import parse_instant

DAY = (Path(codec.__file__).parent / "sample.csv").read_bytes()
HEADER = codec.HEADER.encode()


def row(date="01-01-2018 00:15", usage="3.17", nsm=900):
    return f"{date},{usage},2.95,0,0,73.21,100,{nsm},Weekday,Monday,Light_Load".encode()


def test_the_first_day_has_96_intervals_and_ends_at_the_midnight_that_follows():
    readings = list(codec.read(DAY, "m:1"))
    assert len(readings) == 96
    assert readings[0].time == parse_instant("2017-12-31T15:15:00.000Z")
    assert readings[0].value == Decimal("3.17")
    assert readings[-1].time == parse_instant("2018-01-01T15:00:00.000Z")


def test_the_sample_really_has_the_byte_order_mark_and_crlf():
    assert DAY.startswith(b"\xef\xbb\xbf")
    assert DAY.count(b"\r\n") == 97


def test_the_whole_year_adds_up_to_the_published_total():
    data = lzma.decompress(resources.files("simulator").joinpath("data/steel_industry.csv.xz").read_bytes())
    readings = list(codec.read(data, "m:1"))
    assert len(readings) == 35_040
    assert sum(reading.value for reading in readings) == Decimal("959636.71")
    assert all(later.time - earlier.time == 900_000 for earlier, later in pairwise(readings))
    zeros = [reading.time for reading in readings if reading.value == 0]
    assert zeros == [parse_instant("2018-11-07T15:00:00.000Z")]


def test_both_line_ends_and_a_missing_mark_are_read():
    for data in (HEADER + b"\n" + row() + b"\n", HEADER + b"\r\n" + row(), b"\xef\xbb\xbf" + HEADER + b"\n" + row()):
        assert [reading.value for reading in codec.read(data, "m:1")] == [Decimal("3.17")]


@pytest.mark.parametrize(("line", "code"), [
    (row(usage="3.171"), "csv-row"),
    (row(usage="-1"), "csv-row"),
    (row(usage="1e2"), "csv-row"),
    (row(usage=""), "csv-row"),
    (row(date="32-01-2018 00:15"), "csv-row"),
    (row(date="01-01-2018 24:00"), "csv-row"),
    (row(date="2018-01-01 00:15"), "csv-row"),
    (row(nsm=901), "csv-row"),
    (row() + b",more", "csv-row"),
    (b"", "csv-row"),
    (row(date="31-12-9999 00:00", nsm=0), "csv-row"),
])
def test_a_malformed_row_is_refused_with_its_line(line, code):
    with pytest.raises(FormError, match=code) as caught:
        list(codec.read(HEADER + b"\n" + line + b"\n", "m:1"))
    assert caught.value.where == "line 2"


@pytest.mark.parametrize("second", [row(), row("01-01-2018 00:45", nsm=2700), row("01-01-2018 00:00", nsm=0)])
def test_a_row_that_is_not_the_next_is_refused(second):
    with pytest.raises(FormError, match="csv-order") as caught:
        list(codec.read(b"\n".join([HEADER, row(), second]), "m:1"))
    assert caught.value.where == "line 3"


def test_another_header_and_another_encoding_are_refused():
    with pytest.raises(FormError, match="csv-header"):
        list(codec.read(row(), "m:1"))
    with pytest.raises(FormError, match="csv-encoding"):
        list(codec.read(DAY[:-1] + b"\xff", "m:1"))


@given(st.binary(max_size=200), st.booleans())
def test_no_bytes_make_the_reader_raise_anything_but_ours(data, with_header):
    with suppress(CarbonSealError):
        list(codec.read((HEADER + b"\n" if with_header else b"") + data, "m:1"))
