"""Every row of the factor table stands in the parameter tree as printed, and nothing else does."""

from __future__ import annotations

import csv
from datetime import date
from pathlib import Path

import pytest

from core.errors import InputError
from core.quantity import printed_decimal
from mrv.authoring.catalogue import shipped
from mrv.calculation.service import parameter
from mrv.definitions.parameter import FIXED, Parameter, ParameterValue

RULES = shipped()
TABLE = Path(__file__).parents[1] / "data" / "factors.csv"
ROWS = list(csv.DictReader(TABLE.read_text("utf-8-sig").splitlines()))
BY_KEY: dict[str, tuple[Parameter, ParameterValue]] = {
    value.key: (item, value) for item in RULES.parameters.values() for value in item.values}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["id"])
def test_a_row_is_kept_as_printed(row: dict[str, str]) -> None:
    item, value = BY_KEY[row["id"]]
    assert (value.text, item.printed_unit, value.year, item.region, value.source, value.status) == (
        row["value"], row["unit"], row["year"], row["scope/region"], row["source"], row["status"])
    assert value.quantity.value == printed_decimal(row["value"])


ADDED = {"cbam.mark-up", "cbam.indirect", "cbam.de-minimis",
         "cbam.fertiliser-mark-up", "gwp.SAR", "gwp.AR4", "steam.saturated.enthalpy", "steam.saturated.temperature",
         "steam.superheated", "reporting.cn", "guide", "guide.of", "pwr.cc_non_conventional", "pwr.cc_earlier", "ccer",
         "ccer.offshore_wind", "defra.natural_gas", "epa.ng.heat_content"}


def family_of(item: Parameter) -> str:
    """The parameter's id, or the family that its last part is a member of."""
    return item.id if item.id in ADDED else item.id.rsplit(".", 1)[0].removesuffix(".0")


def test_the_tree_holds_the_rows_of_the_table_and_what_is_known_to_be_added() -> None:
    assert len(ROWS) == 445
    added = set(BY_KEY) - {row["id"] for row in ROWS}
    assert {row["id"] for row in ROWS} <= set(BY_KEY)
    assert {family_of(BY_KEY[key][0]) for key in added} == ADDED


def test_what_was_added_to_the_table_is_unconfirmed_but_where_the_source_is_the_same() -> None:
    added = set(BY_KEY) - {row["id"] for row in ROWS}
    published = {key for key in added if BY_KEY[key][1].status == "published"}
    assert {BY_KEY[key][1].source for key in published} == {"openclimatedata/globalwarmingpotentials CSV"}
    assert {family_of(BY_KEY[key][0]) for key in published} == {"gwp.SAR", "gwp.AR4"}


def test_every_edition_of_the_potentials_names_a_gas_in_the_same_way() -> None:
    editions = {edition: {name.split(".", 2)[2] for name in RULES.parameters if name.startswith(f"gwp.{edition}.")}
                for edition in ("SAR", "AR4", "AR5", "AR6")}
    assert editions["SAR"] | {"NF3"} == editions["AR4"] <= editions["AR5"] & editions["AR6"]
    for gas in ("CH4", "N2O"):
        older, same = RULES.parameter(f"gwp.{gas}.SAR").values[0], RULES.parameter(f"gwp.SAR.{gas}").values[0]
        assert older.quantity == same.quantity


@pytest.mark.parametrize(("edition", "cf4", "c2f6"), [("SAR", "6500", "9200"), ("AR4", "7390", "12200"),
                                                      ("AR5", "6630", "11100"), ("AR6", "7380", "12400")])
def test_the_perfluorocarbons_of_each_edition(edition: str, cf4: str, c2f6: str) -> None:
    texts = [RULES.parameter(f"gwp.{edition}.{gas}").values[0].text for gas in ("CF4", "C2F6")]
    assert texts == [cf4, c2f6]


def test_a_printed_zero_at_the_end_is_kept() -> None:
    assert parameter(RULES, "grid.region_east.2023", date(2026, 1, 1))["value"] == "0.5500"


@pytest.mark.parametrize("row", [row for row in ROWS if row["id"].startswith("grid.") and ".ets." not in row["id"]],
                         ids=lambda row: row["id"])
def test_a_publication_date_is_one_we_know_or_stays_empty(row: dict[str, str]) -> None:
    _, value = BY_KEY[row["id"]]
    known = {"2022": date(2024, 12, 26), "2023": date(2025, 12, 31)}
    assert value.published == known.get(row["year"])
    assert value.date_status == ("known" if row["year"] in known else "unknown")


@pytest.mark.parametrize(("day", "year"), [("2024-12-26", "2022"), ("2025-12-30", "2022"), ("2025-12-31", "2023"),
                                           ("2026-11-22", "2023")])
def test_the_latest_published_grid_factor_goes_by_publication_date(day: str, year: str) -> None:
    assert parameter(RULES, "grid.average.jiangsu", date.fromisoformat(day))["year"] == year


def test_before_any_known_publication_there_is_no_factor() -> None:
    with pytest.raises(InputError) as caught:
        parameter(RULES, "grid.average.jiangsu", date(2024, 12, 25))
    assert caught.value.code == "rule-not-in-force"


def test_no_parameter_of_tibet_exists() -> None:
    assert not [name for name in RULES.parameters if "tibet" in name or "xizang" in name]


def test_a_footprint_factor_has_another_unit_than_a_scope_2_factor() -> None:
    footprint = RULES.parameter("el_cfp.national").unit
    assert footprint.dimension != RULES.parameter("grid.average.cn").unit.dimension


def test_a_value_of_unknown_dates_is_reached_only_by_its_own_key() -> None:
    for item, value in BY_KEY.values():
        if value.date_status == "unknown" and item.select == "latest-published":
            assert item.resolve(date(2100, 1, 1), date(2100, 1, 1), date(2100, 1, 1)).key != value.key
        elif value.date_status == "unknown":
            assert item.select in (FIXED, "by-year")


def test_the_page_says_what_is_to_be_confirmed_and_nothing_else() -> None:
    page = (Path(__file__).parents[2] / "docs/methodologies.md").read_text("utf-8")
    rows = [line.split(" | ") for line in page.partition("### To be confirmed")[2].splitlines()[4:]]
    listed = {(row[0].removeprefix("| "), name) for row in rows for name in row[1].removesuffix(" |").split()}
    assert listed == {(value.source, f"`{item.id}`") for item in RULES.parameters.values() for value in item.values
                      if value.status == "unconfirmed"}
