"""Regions by their Chinese names, regions without a factor, and values whose date nothing proves."""

from __future__ import annotations

from datetime import date

import pytest
from mrv_helpers import code_of, inventory

from core.errors import CarbonSealError
from mrv.authoring.catalogue import shipped
from mrv.calculation.regions import known_path
from mrv.calculation.service import result_of
from mrv.presentation import listing
from mrv.presentation.advice import advising

RULES, TODAY = shipped(), date(2026, 12, 5)


@pytest.mark.parametrize(("written", "path"), [
    ("grid.average.江苏", "grid.average.jiangsu"), ("grid.average.江苏省", "grid.average.jiangsu"),
    ("grid.average.内蒙古自治区", "grid.average.inner_mongolia"), ("grid.average.全国", "grid.average.cn"),
    ("grid.average.jiangsu", "grid.average.jiangsu"), ("grid.average.西藏", "grid.average.西藏"), ("江苏", "江苏"),
    ("gwp.AR5.global", "gwp.AR5.global")])
def test_a_region_is_known_by_its_chinese_name(written: str, path: str) -> None:
    known = known_path(RULES, written)
    assert known == path or (path.endswith("inner_mongolia") and RULES.parameters[known].region == "CN-内蒙古")


def test_a_chinese_name_gives_the_value_and_the_result_of_its_region() -> None:
    assert listing.parameter(RULES, "grid.average.江苏", TODAY) == listing.parameter(
        RULES, "grid.average.jiangsu", TODAY)
    by_name, by_id = (result_of(RULES, "inventory.enterprise", inventory(options={"region": region}), TODAY)
                      for region in ("江苏", "jiangsu"))
    assert by_name.result == by_id.result
    assert by_name.inputs.options == {"region": "jiangsu"}


@pytest.mark.parametrize(("region", "said"), [
    ("xizang", "西藏 Tibet"), ("Tibet", "西藏 Tibet"), ("西藏", "西藏 Tibet"), ("香港", "Hong Kong"),
    ("macau", "Macau"), ("taiwan", "Taiwan")])
def test_a_region_without_a_factor_is_told_so_and_nothing_is_borrowed(region: str, said: str) -> None:
    path = f"grid.average.{region}"
    with pytest.raises(CarbonSealError) as caught, advising(RULES, parameter=path):
        listing.parameter(RULES, path, TODAY)
    assert caught.value.code == "parameter-missing"
    assert f"{said} is published in the sources here, and none of another region" in caught.value.hint
    assert "xinjiang" not in caught.value.hint
    with pytest.raises(CarbonSealError) as caught, advising(RULES, methodology="inventory.enterprise"):
        result_of(RULES, "inventory.enterprise", inventory(options={"region": region}), TODAY)
    assert said in caught.value.hint


@pytest.mark.parametrize(("path", "before", "after"), [
    ("bench.blast_furnace.advanced", "2022-12-31", "2023-01-01"), ("tce.electricity", "1990-01-01", "2020-01-01"),
    ("c1.ncv.diesel", "2023-12-31", "2024-01-01")])
def test_a_value_older_than_its_own_source_is_refused_and_a_later_one_tells_that_its_date_is_unknown(
        path: str, before: str, after: str) -> None:
    assert code_of(lambda: listing.parameter(RULES, path, date.fromisoformat(before))) == "rule-not-in-force"
    assert listing.parameter(RULES, path, date.fromisoformat(after))["notices"] == ["date-unknown"]


def test_a_published_value_has_no_notice_and_a_table_tells_of_its_rows() -> None:
    assert listing.parameter(RULES, "grid.average.cn", TODAY)["notices"] == []
    assert listing.parameter(RULES, "steam.saturated.enthalpy", TODAY)["notices"] == ["date-unknown"]


def test_a_goods_code_too_long_or_short_is_told_the_headings_it_begins_with() -> None:
    with pytest.raises(CarbonSealError) as caught:
        RULES.parameters["cbam.indirect.complex"].resolve(TODAY, TODAY, TODAY, "72193410", "cn_code")
    assert caught.value.code == "rule-not-in-force"
    assert "it has 7219, 72" in caught.value.hint
