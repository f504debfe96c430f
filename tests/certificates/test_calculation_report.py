"""The calculation report: result, sources, inputs, parameters and the tree, in two languages, as page, PDF and JSON."""

from __future__ import annotations

import io
import json
import re
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from certificates import inventory_report
from certificates.inventory_report import CalculationReport, recomputed, report_of
from certificates.regulator_json import Attested
from certificates.report import Party
from certificates.report_labels import LABELS, SOURCES, STATUSES, TITLES
from certificates.report_pdf import FONTS, short
from certificates.wording import KINDS, NOT_PROVEN, NOTICES, PROVEN, Words
from core import jcs
from core.errors import CarbonSealError, InputError, Refused, Unavailable
from core.numbers import CONTEXT, parse_decimal
from mrv.authoring.cases import Case
from mrv.authoring.catalogue import load
from mrv.calculation.run import RunResult, run
from mrv.calculation.statement import Context, build, records_of
from mrv.definitions.methodology import SOURCES as SOURCE_KINDS
from mrv.presentation.addends import is_gas
from mrv.presentation.label import carbon_label

CATALOGUE = load()
CASES = [case for case in CATALOGUE.cases if case.kind == "methodology" and "error" not in case.body]
SPEC = Path(__file__).parents[2] / "docs" / "spec" / "report-json.md"
ATTESTED = Attested("grid.example/lanhe", "5a" * 32, 812, "1d" * 32, "c1" * 32, "1e" * 32, None,
                    {"frames": "720", "gaps": [{"meter": "m:x"}], "max_staleness_ms": "900000"},
                    ("simulated-source",), Words("苏证核查", "Suzheng Verification"), "unmodified")


def ran(case: Case, **changes: Any) -> RunResult:
    document = case.body["document"] | {"allow_unconfirmed": case.body["document"]["allow_unconfirmed"] == "true"}
    return run(CATALOGUE.ruleset, case.rule, None, document | changes, date.fromisoformat(case.body["at"]))


def inventory() -> RunResult:
    """A month of electricity and gas; the gas with an uncertainty, the certificates as an option of the market."""
    return ran(next(case for case in CASES if case.rule == "inventory.enterprise@2"))


def attested() -> CalculationReport:
    result = inventory()
    return CalculationReport(result, Party("org:plant", Words("蓝河特钢", "Lanhe Special Steel")), ATTESTED)


def visible(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<style>.*?</style>|<[^>]+>", " ", html, flags=re.S))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.rule + " " + case.name)
def test_every_methodology_has_a_report_in_both_languages(case: Case) -> None:
    report = report_of(ran(case))
    for language in ("zh", "en"):
        text = visible(report.as_html(language))
        assert f"{parse_decimal(report.as_json()['result_value']):,}" in text
        assert "None" not in text
        assert "Undefined" not in text
        for path, value in report.result.parameters:
            assert path in text
            assert value.source in text.replace("&#39;", "'").replace("&amp;", "&").replace("&#34;", '"')


def test_a_report_shows_result_sources_inputs_parameters_and_the_tree() -> None:
    text = visible(attested().as_html("zh"))
    for fact in ("温室气体排放报告", "604,322", "kgCO2e", "蓝河特钢", "2026-11-01 00:00 → 2026-12-01 00:00", "分源排放",
                 "582.7 tCO2", "96.42 %", "m:plant-main", "1000 → 1000001000 Wh", "天然气结算单",
                 "grid.average.jiangsu",
                 "2025-12-31", "已公布", "计算过程", "consumption * factor = 1000 MWh * 0.5827 tCO2/MWh",
                 "苏证核查: 无保留意见", "5a" * 32, "#812", "720"):
        assert fact in text, fact


def test_the_english_report_is_english_in_its_own_words() -> None:
    text = visible(attested().as_html("en"))
    for fact in ("Greenhouse gas emission report", "Lanhe Special Steel", "By source", "Parameters", "Calculation",
                 "Suzheng Verification: Unmodified", "Not proven"):
        assert fact in text, fact
    for words in LABELS.values():
        assert not re.search(rf"(?<![\w·]){re.escape(words.zh)}(?!\w)", text), words.zh


def test_the_shares_of_what_counts_make_up_the_whole() -> None:
    rows = report_of(inventory()).as_json()["sources"]
    counted = [row for row in rows if row["counted"]]
    assert {row["step"] for row in counted} == {"gases", "location"}
    assert {row["step"] for row in rows} - {row["step"] for row in counted} == {"market"}
    assert abs(sum((parse_decimal(row["share_percent"]) for row in counted), Decimal(0)) - 100) <= parse_decimal("0.01")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.rule + " " + case.name)
def test_what_counts_makes_up_the_figure_to_the_last_digits(case: Case) -> None:
    result = ran(case)
    exact = result.outputs[result.methodology.result.output]
    rows = [row for row in report_of(result).as_json()["sources"] if row["counted"]]
    if not is_gas(exact.unit):
        assert rows == []
        return
    assert {row["unit"] for row in rows} <= {exact.unit.text}
    total = Decimal(0)
    for row in rows:
        total = CONTEXT.add(total, parse_decimal(row["value"]))
    assert abs(CONTEXT.subtract(total, exact.value)) <= abs(exact.value) * Decimal("1e-30")
    shares = [parse_decimal(row["share_percent"]) for row in rows if exact.value]
    assert not shares or abs(sum(shares, Decimal(0)) - 100) <= Decimal("0.01") * len(shares)


def sources_of(rule: str, name: str) -> dict[tuple[str, str], dict[str, Any]]:
    """The rows of one case by step and input."""
    case = next(case for case in CASES if case.rule.startswith(rule) and case.name == name)
    return {(row["step"], row["activity"]): row for row in report_of(ran(case)).as_json()["sources"]}


def test_what_is_exported_and_what_steel_keeps_is_deducted() -> None:
    rows = sources_of("inventory.steel@", "fuel, flux, electrodes, electricity and the carbon that steel keeps")
    assert rows["kept", "carbon_product.crude_steel"]["value"] == "-15400"
    assert rows["electricity", "purchased_electricity"]["value"] == "582700"
    assert rows["electricity", "exported_electricity"]["value"] == "-58270"


def test_each_gas_and_stack_stands_with_its_own_emission() -> None:
    rows = sources_of("inventory.general@", "every source of a general plant")
    assert rows["total", "leak.SF6"]["value"] == "50400"
    assert rows["total", "stack"]["value"] == "7000"
    assert rows["total", "leak.SF6"]["title_zh"] == "逸散的温室气体"


def test_perfluorocarbons_are_those_of_the_result() -> None:
    rows = sources_of("inventory.aluminium@", "a thousand tonnes of aluminium with default anodes and AR5")
    assert rows["anode_effect", "production"]["value"] == "263160"


def test_a_market_based_figure_stands_beside_a_location_based_total() -> None:
    rows = sources_of("inventory.corporate@", "the three scopes with five categories of the third")
    assert {key for key, row in rows.items() if not row["counted"]} == {("market", "purchased_electricity")}


def test_each_part_of_a_split_period_adds_its_own() -> None:
    case = next(case for case in CASES if case.rule.startswith("inventory.cement@"))
    document, middle = dict(case.body["document"]), "2026-11-15T16:00:00.000Z"
    period, given = document["period"], document["inputs"]
    others = json.loads(re.sub(r'"([0-9a-f]{32})[0-9a-f]{32}"', r'"\1\1"', json.dumps(given)))
    parts = [{"period": period | {"end": middle}, "inputs": given},
             {"period": period | {"start": middle}, "inputs": others}]
    rows = report_of(ran(case, inputs={}, parts=parts)).as_json()["sources"]
    assert [(row["step"], row["part"], row["share_percent"]) for row in rows] == [
        ("calcination", "0", "45.04"), ("electricity", "0", "4.96"),
        ("calcination", "1", "45.04"), ("electricity", "1", "4.96")]


@pytest.mark.parametrize(("value", "shown"), [
    ("1894.741728395061728", "≈ 1894.7417"), ("604321.88809", "≈ 604321.89"), ("123456789.4", "≈ 123456789"),
    ("12345678", "12345678"), ("0.0001", "0.0001"), ("-15400", "-15400"), ("–", "–")])
def test_a_table_shows_eight_digits_and_says_so(value: str, shown: str) -> None:
    assert short(value) == shown


def test_an_uncertainty_of_some_inputs_is_not_told_as_the_whole() -> None:
    text = visible(report_of(inventory()).as_html("zh"))
    assert ("已说明部分的不确定度 ±" in text) == ("uncertainty-partial" in inventory().notices)


def test_a_page_has_the_words_of_its_language() -> None:
    report = report_of(ran(next(case for case in CASES if case.rule.startswith("footprint.product@"))))
    chinese, english = visible(report.as_html("zh")), visible(report.as_html("en"))
    assert [words for words in ("从摇篮到大门", "依据转引", "实测") if words not in chinese] == []
    assert [words for words in ("cradle to gate", "after transcriptions", "measured") if words not in english] == []
    assert "截至" not in report.as_html("en")


def test_the_stages_of_a_footprint_stand_after_their_allocation() -> None:
    rows = sources_of("footprint.product@", "a tonne of bar from cradle to gate with a co-product")
    assert rows["stage_production", "production_direct"]["value"] == "40000"
    assert rows["stage_production", "production_direct"]["share_percent"] == "2.63"


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_footprint_report_begins_with_what_a_label_shows(language: str) -> None:
    result = ran(next(case for case in CASES if case.rule.startswith("footprint.product@")))
    text, label = visible(report_of(result).as_html(language)), carbon_label(result)
    heading = LABELS["label"].zh if language == "zh" else LABELS["label"].en
    assert text.index(heading) < text.index(LABELS["outputs"].zh if language == "zh" else LABELS["outputs"].en)
    for stage in label["stages"]:
        assert f"{stage['share']['value']} %" in text
        assert stage["title"][language] in text
    for shown in (label["product"], label["functional_unit"], label["footprint"]["value"]):
        assert shown in text


def test_a_report_of_anything_else_has_no_label() -> None:
    assert LABELS["label"].zh not in visible(report_of(inventory()).as_html("zh"))


def test_an_unattested_report_says_so_and_claims_no_proof() -> None:
    text = visible(report_of(inventory()).as_html("zh"))
    assert NOTICES["not-attested"].zh in text
    assert NOT_PROVEN[0].zh in text
    assert PROVEN[0].zh not in text
    assert PROVEN[0].zh in visible(attested().as_html("zh"))


def test_notices_of_the_run_and_of_the_statement_are_both_printed() -> None:
    text = visible(attested().as_html("zh"))
    assert NOTICES["after-transcriptions"].zh in text
    assert NOTICES["simulated-source"].zh in text
    assert NOTICES["not-attested"].zh not in text


def test_every_notice_of_a_shipped_methodology_has_its_words() -> None:
    codes = {code for methodology in CATALOGUE.ruleset.methodologies.values() for code in methodology.notices}
    assert sorted(codes - set(NOTICES)) == []


def test_an_uncertainty_is_printed_where_there_is_one() -> None:
    result = inventory()
    report = report_of(result)
    text = visible(report.as_html("zh"))
    assert result.uncertainty is not None
    assert f"± {result.uncertainty.normalize():f} %" in text
    assert "± 1 %" in text
    assert report.as_json()["result_uncertainty_percent"] == f"{result.uncertainty.normalize():f}"


def test_names_cannot_bring_markup_into_the_page() -> None:
    case = next(case for case in CASES if case.rule == "inventory.enterprise@2")
    result = ran(case, boundary="<script>alert(1)</script>")
    evil = CalculationReport(result, Party("org:x", Words("<b>", "<img src=x onerror=y>")), ATTESTED)
    for language in ("zh", "en"):
        page = evil.as_html(language)
        assert "<script>" not in page
        assert "<img" not in page


def test_the_page_loads_nothing_from_elsewhere() -> None:
    page = attested().as_html("zh")
    assert re.findall(r'(?:src|href)="([^"]*)"', page) == []
    assert "url(" not in page


def test_the_pdf_carries_the_text_of_the_page() -> None:
    pypdf = pytest.importorskip("pypdf")
    try:
        data = attested().as_pdf("zh")
    except Unavailable as reason:
        pytest.skip(str(reason))
    text = "".join(re.sub(r"\s+", "", page.extract_text()) for page in pypdf.PdfReader(io.BytesIO(data)).pages)
    for fact in ("温室气体排放报告", "604,322kgCO2e", "蓝河特钢", "分源排放", "计算过程", "5a" * 32):
        assert fact in text, fact


def of_documents(count: int) -> CalculationReport:
    """A month of so many bills."""
    bill = {"quantity": {"value": "10", "unit": "kWh"}, "priority": "2", "method": "measured", "uncertainty": None}
    bills = [bill | {"source": {"type": "document", "digest": f"{n:064x}", "title": f"{n}"}} for n in range(count)]
    case = next(case for case in CASES if case.rule == "inventory.enterprise@2")
    return report_of(ran(case, inputs={"purchased_electricity": bills}))


def test_a_pdf_has_a_limit_of_rows_and_page_and_workbook_have_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inventory_report, "pdf_of", lambda page, _fonts: page("").encode())
    monkeypatch.setattr(inventory_report, "MAX_PDF_ROWS", 0)
    with pytest.raises(InputError, match="report-too-long") as refusal:
        of_documents(40).as_pdf()
    rows = int(refusal.value.message.split()[0])
    assert 40 < rows < 200
    assert "form=html" in refusal.value.hint
    monkeypatch.setattr(inventory_report, "MAX_PDF_ROWS", rows)
    assert of_documents(40).as_pdf() == of_documents(40).as_html().encode()
    with pytest.raises(InputError, match="report-too-long"):
        of_documents(41).as_pdf()
    assert of_documents(41).as_html()
    assert of_documents(41).as_xlsx()


def test_a_thousand_inputs_are_refused_as_pdf_at_once() -> None:
    with pytest.raises(InputError, match="report-too-long"):
        of_documents(1000).as_pdf()


def test_without_the_font_there_is_no_pdf_and_a_hint(tmp_path: Path) -> None:
    with pytest.raises(Unavailable) as refusal:
        attested().as_pdf("zh", tmp_path)
    assert refusal.value.code in ("font-unavailable", "pdf-unavailable")
    assert tmp_path != FONTS


# the flat JSON --------------------------------------------------------------------------------------------------------

def flat(value: Any, depth: int = 0) -> bool:
    """Texts, truths and nulls; in lists, rows of them."""
    if isinstance(value, dict):
        return depth < 2 and all(flat(inner, depth + 1) for inner in value.values())
    if isinstance(value, list):
        return all(isinstance(row, dict | str) and flat(row, depth) for row in value)
    return value is None or isinstance(value, str | bool)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.rule + " " + case.name)
def test_the_report_is_flat_and_has_a_canonical_form(case: Case) -> None:
    document = report_of(ran(case)).as_json()
    assert flat(document)
    assert jcs.parse(jcs.canonical(document)) == document


def test_every_member_of_the_report_is_documented() -> None:
    text = SPEC.read_text(encoding="utf-8")
    document = attested().as_json()
    names = set(document) | {name for rows in document.values() if isinstance(rows, list) for row in rows
                             if isinstance(row, dict) for name in row}
    assert sorted(name for name in names if f"`{name}`" not in text) == []


def test_attested_and_unattested_reports_have_the_same_members() -> None:
    assert set(attested().as_json()) == set(report_of(inventory()).as_json())
    assert attested().as_json()["completeness"] == ATTESTED.completeness


def test_an_input_row_has_the_columns_of_every_kind_of_source() -> None:
    rows = report_of(inventory()).as_json()["inputs"]
    assert len({tuple(row) for row in rows}) == 1
    assert {row["source"] for row in rows} == {"register", "document"}
    (register,) = [row for row in rows if row["source"] == "register"]
    assert (register["from_position"], register["to_position"]) == ("1000", "1000001000")
    assert register["document"] is None


def billed(account: str | None) -> CalculationReport:
    """The gas of the month under two bills, each of its half."""
    case = next(case for case in CASES if case.rule == "inventory.enterprise@2")
    period = case.body["document"]["period"]
    (name, items) = next((name, items) for name, items in case.body["document"]["inputs"].items()
                         if items[0]["source"]["type"] == "document")
    middle = "2026-11-14T16:00:00.000Z"
    halves = [items[0] | {"source": items[0]["source"] | {"covers": {"start": start, "end": end, "account": account}}}
              for start, end in ((period["start"], middle), (middle, period["end"]))]
    return report_of(ran(case, inputs=case.body["document"]["inputs"] | {name: halves}))


@pytest.mark.parametrize(("language", "said"), [("zh", "凭证所属时段"), ("en", "covers")])
def test_a_report_says_which_time_and_account_a_document_covers(language: str, said: str) -> None:
    text = visible(billed("0512-0017").as_html(language))
    label = {"zh": "户号", "en": "account"}[language]
    # Among the inputs in the time of the plant, in the tree as the statement has it.
    assert f"{said} 2026-11-01 00:00 → 2026-11-15 00:00 · {label} 0512-0017" in text
    assert f"{said} 2026-10-31T16:00:00.000Z → 2026-11-14T16:00:00.000Z · {label} 0512-0017" in text


def test_the_flat_report_has_what_a_document_covers_and_null_where_it_says_nothing() -> None:
    covered = [row for row in billed(None).as_json()["inputs"] if row["covers_start"]]
    start, middle, end = (f"2026-{day}T16:00:00.000Z" for day in ("10-31", "11-14", "11-30"))
    assert [(row["covers_start"], row["covers_end"]) for row in covered] == [(start, middle), (middle, end)]
    assert {row["covers_account"] for row in covered} == {None}
    plain = report_of(inventory()).as_json()["inputs"]
    assert {row[f"covers_{name}"] for row in plain for name in ("start", "end", "account")} == {None}


def test_every_kind_and_source_has_its_words() -> None:
    assert {kind.label for kind in KINDS} | {"calculation"} == set(TITLES)
    assert set(SOURCE_KINDS) == set(SOURCES)
    for words in (*TITLES.values(), *STATUSES.values(), *SOURCES.values(), *LABELS.values()):
        assert words.zh
        assert words.en


# a stored statement ---------------------------------------------------------------------------------------------------

def stored() -> tuple[dict[str, Any], list[dict[str, Any]]]:
    result = inventory()
    salts = [bytes([i % 256]) * 16 for i in range(len(records_of(result)))]
    return build(result, Context("grid.example/lanhe", "11" * 32, "22" * 32, {}), salts)


def test_a_statement_is_calculated_again_before_it_is_printed() -> None:
    payload, details = stored()
    assert recomputed(CATALOGUE.ruleset, payload, list(details)).result.as_json() == payload["result"]


@pytest.mark.parametrize("change", [
    {"result": {"value": "1", "unit": "kgCO2e"}}, {"outputs": {}},
    {"methodology": {"id": "inventory.enterprise", "version": "2", "digest": "00" * 32}}])
def test_a_statement_that_says_something_else_is_not_printed(change: dict[str, Any]) -> None:
    payload, details = stored()
    with pytest.raises(Refused, match="statement-differs"):
        recomputed(CATALOGUE.ruleset, payload | change, list(details))


@pytest.mark.parametrize("kind", ["parameter", "node"])
def test_a_changed_detail_is_found(kind: str) -> None:
    payload, details = stored()
    place = next(i for i, detail in enumerate(details) if detail["record"]["kind"] == kind)
    details[place] = {**details[place], "record": details[place]["record"] | {"value": "7"}}
    with pytest.raises(Refused, match="statement-differs"):
        recomputed(CATALOGUE.ruleset, payload, list(details))


def test_a_statement_without_details_is_an_error_of_ours() -> None:
    payload, _ = stored()
    with pytest.raises(CarbonSealError, match="statement-malformed"):
        recomputed(CATALOGUE.ruleset, payload, [])
