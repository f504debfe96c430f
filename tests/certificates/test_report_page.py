"""The printed certificate: everything a reader must know stands on it, in both languages, on screen and on paper."""

from __future__ import annotations

import builtins
import io
import re
from dataclasses import replace
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from certificates_helpers import DAY, DOMAIN, FINDING, ORIGIN, PERIOD, START, TRADER, claim, signed_opinion

from certificates import wording
from certificates.report import AnchorFact, CertificateReport, Device, Party, Retirement
from certificates.report_pdf import FONTS, render_html, render_pdf
from certificates.wording import Words
from core.errors import Unavailable
from core.records import Conclusion, Kind

ID = sha256(b"certificate").digest()


def report(**changes: Any) -> CertificateReport:
    """A live green-power certificate over units [0, 7) of 12."""
    about = claim()
    facts = CertificateReport(
        id=ID, kind=about.kind, status="live", first=0, last=7, unit="MWh", result=Decimal("12.345678"),
        result_unit="MWh", subject=Party("org:lanhe-energy", Words("蓝河新能源", "Lanhe New Energy")),
        holder=Party("org:jianghui", Words("江汇碳贸", "Jianghui Carbon Trading"), TRADER.address),
        boundary=about.boundary, period=about.period, methodology=about.methodology,
        methodology_title=Words("光伏绿色电力", "PV green power"), rules=b"\x01" * 32, intervals=about.intervals,
        devices=(Device("cp:lanhe-pv", "GP-320100-0042", "PV-0017", Words("屋顶光伏", "Rooftop PV"), 2_000_000,
                        START, wording.ORIGINS["simulated"]),),
        verifier=Party("org:suzheng", Words("苏证核查", "Suzheng Verification")),
        opinion=signed_opinion(findings=(FINDING,)), origin=ORIGIN, statement=sha256(b"s").digest(), log_index=812,
        size=1024, root=sha256(b"r").digest(), anchor=AnchorFact(31337, DOMAIN.contract, 4711, PERIOD.end + DAY),
        notices=("simulated-source", "development-chain"), check_url="https://lanhe.example/c/" + ID.hex(),
        as_of=PERIOD.end + 2 * DAY)
    return replace(facts, **changes)


RETIREMENT = Retirement("renewable-use", "蓝河特钢有限公司", "91320100MA0000000X", "CN", "江苏蓝河园区", PERIOD,
                        PERIOD.end + 2 * DAY, TRADER.address)


def visible(html: str) -> str:
    """The text of a page without its markup."""
    return re.sub(r"\s+", " ", re.sub(r"<style>.*?</style>|<[^>]+>", " ", html, flags=re.S))


def test_a_page_says_what_it_is_in_both_languages() -> None:
    text = visible(render_html(report()))
    for fact in ("绿色电力凭证", "Green power certificate", "有效 Live", "[0, 7) MWh", "7,000,000 Wh", "蓝河新能源",
                 "Lanhe New Energy", "江汇碳贸", TRADER.address, "蓝河新能源屋顶光伏一期", "pv.green-power@1",
                 "12.345678 MWh", "[5,000,000, 17,000,000)", "PV-0017", "2,000 kW · 数据模拟", "· simulated"):
        assert fact in text, fact


def test_a_page_names_the_verifier_and_the_evidence() -> None:
    text = visible(render_html(report()))
    for fact in ("苏证核查", "CNAS V-0001（虚构）", "无保留意见 Unmodified", "合理保证 Reasonable assurance",
                 "ISO 14064-3:2019", "findings 1", ID.hex(), sha256(b"s").hexdigest(), "#812 / 1024",
                 sha256(b"r").hexdigest(), "block 4711", DOMAIN.contract,
                 f"carbonseal-verify {ID.hex()[:12]}.cseal --trust trust.json"):
        assert fact in text, fact


def test_a_page_says_what_is_not_proven_and_why_to_be_careful() -> None:
    text = visible(render_html(report()))
    for words in (*wording.NOT_PROVEN, *wording.PROVEN, wording.NOTICES["simulated-source"],
                  wording.NOTICES["development-chain"]):
        assert words.zh in text
        assert words.en in text
    assert wording.NOTICES["demonstration"].zh not in text


def test_a_page_without_notices_has_no_warning_strip() -> None:
    assert "请先阅读" in render_html(report())
    assert "请先阅读" not in render_html(report(notices=()))


def test_an_unknown_notice_is_shown_as_its_code_and_never_dropped() -> None:
    assert "brand-new-doubt" in visible(render_html(report(notices=("brand-new-doubt",))))


def test_a_retired_certificate_states_its_retirement() -> None:
    text = visible(render_html(report(status="retired", retirement=RETIREMENT)))
    for fact in ("已注销 Retired", "注销声明", "不可撤回 irreversible", "蓝河特钢有限公司", "91320100MA0000000X",
                 "可再生能源电力消费声明", "江苏蓝河园区"):
        assert fact in text, fact
    assert "注销声明" not in visible(render_html(report()))


def test_a_free_purpose_is_printed_as_given() -> None:
    text = visible(render_html(report(status="retired", retirement=replace(RETIREMENT, purpose="展会用电"))))
    assert "展会用电" in text


@pytest.mark.parametrize("kind", list(Kind))
def test_every_kind_has_its_page(kind: Kind) -> None:
    text = visible(render_html(report(kind=kind, devices=(), intervals=(), anchor=None)))
    assert wording.KINDS[kind].zh in text
    assert "链上锚定" not in text


@pytest.mark.parametrize("status", list(wording.STATES))
def test_every_state_has_its_word(status: str) -> None:
    assert wording.STATES[status].zh in visible(render_html(report(status=status)))


@pytest.mark.parametrize("conclusion", list(Conclusion))
def test_every_conclusion_has_its_word(conclusion: Conclusion) -> None:
    text = visible(render_html(report(opinion=signed_opinion(conclusion=conclusion))))
    assert wording.CONCLUSIONS[conclusion].en in text


def test_an_emission_is_printed_in_kilograms_and_exactly_in_tonnes() -> None:
    text = visible(render_html(report(kind=Kind.EMISSION, first=0, last=1_234_567, unit="kgCO2e")))
    assert "1,234,567 kgCO2e" in text
    assert "1,234.567 tCO2e" in text


def test_names_cannot_bring_markup_into_the_page() -> None:
    evil = Party("org:x", Words("<script>alert(1)</script>", '"><img src=x onerror=alert(1)>'))
    html = render_html(report(subject=evil, boundary="<b>边界</b>", notices=("<i>",)))
    assert "<script>" not in html
    assert "<img src=x" not in html
    assert "<b>边界" not in html


def test_the_page_loads_nothing_from_elsewhere() -> None:
    html = render_html(report(check_url="https://lanhe.example/c/1"))
    assert re.findall(r'(?:src|href)="(?!data:)([^"]*)"', html) == []
    assert "url(" not in html


def test_the_code_leads_to_the_check() -> None:
    one, other = render_html(report()), render_html(report(check_url="https://lanhe.example/c/other"))
    assert re.findall(r'src="data:[^"]*"', one) != re.findall(r'src="data:[^"]*"', other)


def test_without_the_font_there_is_no_pdf_and_a_hint(tmp_path: Path) -> None:
    with pytest.raises(Unavailable) as refusal:
        render_pdf(report(), tmp_path)
    assert refusal.value.code in ("font-unavailable", "pdf-unavailable")
    assert "HTML" in refusal.value.hint


def test_without_pango_there_is_no_pdf_and_a_hint(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *arguments: Any) -> Any:
        if name == "weasyprint":
            raise OSError("cannot load library 'libpango-1.0-0'")
        return real(name, *arguments)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(Unavailable, match="pdf-unavailable"):
        render_pdf(report())


def pdf_pages(facts: CertificateReport) -> list[str]:
    """Text of each page of the PDF, white space removed."""
    pypdf = pytest.importorskip("pypdf")
    try:
        data = render_pdf(facts)
    except Unavailable as reason:
        pytest.skip(str(reason))
    return [re.sub(r"\s+", "", page.extract_text()) for page in pypdf.PdfReader(io.BytesIO(data)).pages]


def test_the_page_of_a_retired_certificate_reads_as_agreed() -> None:
    """The whole wording, to be read by a person: tests/certificates/golden/retired.txt, one line a sentence."""
    text = visible(render_html(report(status="retired", retirement=RETIREMENT)))
    golden = (Path(__file__).parent / "golden" / "retired.txt").read_text(encoding="utf-8")
    assert text.split() == golden.split()


def test_the_pdf_carries_the_text_of_the_page() -> None:
    pages = pdf_pages(report(status="retired", retirement=RETIREMENT))
    assert len(pages) == 2
    text = "".join(pages)
    for fact in ("绿色电力凭证", "Greenpowercertificate", "已注销Retired", "蓝河特钢有限公司", "无保留意见Unmodified",
                 ID.hex(), sha256(b"r").hexdigest(), "不能证明Notproven", "carbonseal-verify", "1/2", "2/2"):
        assert fact in text, fact


def test_the_font_is_pinned_and_free() -> None:
    if not FONTS.is_dir():
        pytest.skip("fonts/ is not installed: run `npm ci` there")
    licence = (FONTS.parent / "LICENSE").read_text(encoding="utf-8")
    assert "SIL Open Font License" in licence or "SIL OPEN FONT LICENSE" in licence
