"""Emission, footprint and other calculation reports: one set of facts as HTML, PDF, workbook or flat JSON, zh or en.

A report of a stored statement is made from a calculation repeated then and there; where that does not give what the
statement says there is no report.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from certificates import wording
from certificates.regulator_json import Attested, report_json
from certificates.report import Party
from certificates.report_labels import (
    CHOICES,
    COMPLETENESS,
    LABELS,
    METHODS,
    SOURCES,
    STATUSES,
    TITLES,
)
from certificates.report_pdf import ENVIRONMENT, FONTS, faces, pdf_of
from certificates.wording import Words
from certificates.workbook import xlsx
from core.errors import InputError, Refused
from core.numbers import parse_decimal
from core.period import local_text, parse_instant
from core.records import Kind
from mrv.calculation.run import RunResult, run
from mrv.calculation.statement import inputs_document, quality_outputs, records_of
from mrv.definitions.ruleset import RuleSet
from mrv.presentation.explain import Line, explain, facts_text, figures, heading, walk_lines
from mrv.presentation.label import carbon_label
from mrv.presentation.workbook import workbook_of

LANGUAGES = ("zh", "en")
# Operations inside a definition are for the screen; on paper its expression with numbers is enough.
_NOT_PRINTED = frozenset({"operation"})
# Setting a page in type takes some 20 ms a row: 500 rows are ten seconds and ten pages, what a person reads.
MAX_PDF_ROWS = 500
# A title without a space is broken anywhere, which takes the square of its length: one of 2,000 characters 7 s.
ROW_CHARS = 100


@dataclass(frozen=True)
class CalculationReport:
    """What a report is made from. `attested`: None for a calculation of which no statement was made."""

    result: RunResult
    subject: Party
    attested: Attested | None = None

    def as_json(self) -> dict[str, Any]:
        """The flat JSON of docs/spec/report-json.md."""
        return report_json(self.result, self.subject.name, self.attested)

    def as_xlsx(self) -> bytes:
        """The workbook with live formulas."""
        return xlsx(workbook_of(self.result), self.result.methodology.title["zh"])

    def as_html(self, language: str = "zh", font_base: str = "") -> str:
        """The report as one page of HTML, "zh" or "en"."""
        return ENVIRONMENT.get_template("calculation.html").render(_page(self, language, font_base))

    def as_pdf(self, language: str = "zh", fonts: Path = FONTS) -> bytes:
        """The report as PDF. Raises InputError (report-too-long), Unavailable (pdf-unavailable, font-unavailable)."""
        tables = sum(len(value) for value in self.as_json().values() if isinstance(value, list))
        rows = tables + len(_lines(self.result)) + _long_titles(self.result)
        if rows > MAX_PDF_ROWS:
            raise InputError("report-too-long", f"{rows} rows are more than the {MAX_PDF_ROWS} of a PDF",
                             hint="take it as HTML (--html, form=html) or workbook (--xlsx, form=xlsx)")
        return pdf_of(lambda font_base: self.as_html(language, font_base), fonts)


def _long_titles(result: RunResult) -> int:
    """How many rows more the titles of documents take to set, as long as they are."""
    titles = [str(item.source.get("title", "")) for items in result.inputs.items.values() for item in items]
    return sum((len(title) // ROW_CHARS) ** 2 for title in titles)


def report_of(result: RunResult) -> CalculationReport:
    """The report of a calculation that is no statement; the subject speaks for itself."""
    subject = result.inputs.subject
    return CalculationReport(result, Party(subject, Words(subject, subject)))


def recomputed(ruleset: RuleSet, payload: Mapping[str, Any], details: list[Mapping[str, Any]]) -> RunResult:
    """The calculation of a stored statement, run again from the inputs it names.

    Raises FormError (statement-malformed), Refused (statement-differs) unless it gives the same records and result.
    """
    document, at = inputs_document(payload, details)
    methodology = payload["methodology"]
    result = run(ruleset, methodology["id"], methodology["version"], document, at)
    outputs = {name: quantity.as_json() for name, quantity in result.outputs.items()} | quality_outputs(result)
    same = (records_of(result) == [detail["record"] for detail in details]
            and result.result.as_json() == payload["result"] and outputs == payload["outputs"]
            and result.methodology.digest.hex() == methodology["digest"])
    if not same:
        raise Refused("statement-differs", "the statement does not follow from its inputs by the rules of this node",
                      where=methodology["id"], hint="use the release of the rules that the statement names")
    return result


def _page(report: CalculationReport, language: str, font_base: str) -> dict[str, Any]:
    document, zone = report.as_json(), report.result.inputs.period.zone
    period = report.result.inputs.period
    title = TITLES.get(document["kind"], TITLES["calculation"])
    choices = _words_in(CHOICES, language)
    return {
        "d": document, "lang": language, "title": _in(title, language), "subject": _in(report.subject.name, language),
        "t": _words_in(LABELS, language), "status": _words_in(STATUSES, language), "choices": choices,
        "source_names": _words_in(SOURCES, language), "methods": _words_in(METHODS, language),
        "options": [_option(report.result, option, language, choices) for option in document["options"]],
        "as_of_words": _in(LABELS["as_of"], language),
        "local": lambda instant: local_text(parse_instant(instant), zone)[:16],
        "amount": f"{parse_decimal(document['result_value']):,}", "faces": faces(font_base),
        "period": f"{local_text(period.start, zone)[:16]} → {local_text(period.end, zone)[:16]}",
        "id_short": (document["statement"] or document["methodology_digest"])[:12], "as_of": document["date"],
        "label": _label(report.result),
        "warnings": [_in(words, language) for words in wording.notices(document["notices"])],
        "conclusion": _conclusion(report.attested, language),
        "completeness": _completeness(report.attested, language),
        "tree": [_row(depth, line, language) for depth, line in _lines(report.result)],
        "proven": [_in(words, language) for words in wording.PROVEN],
        "not_proven": [_in(words, language) for words in wording.NOT_PROVEN],
    }


def _lines(result: RunResult) -> list[tuple[int, Line]]:
    """The lines of the tree that are printed, each with its depth."""
    return [(depth, line) for depth, line in walk_lines(explain(result)) if line.kind not in _NOT_PRINTED]


def _label(result: RunResult) -> dict[str, Any] | None:
    """What a 碳标签 shows, of a product footprint; None of anything else."""
    footprint = result.methodology.kind == Kind.PRODUCT_FOOTPRINT and "footprint" in result.outputs
    return carbon_label(result) if footprint else None


def _in(words: Words, language: str) -> str:
    return words.zh if language == "zh" else words.en


def _conclusion(attested: Attested | None, language: str) -> str:
    if attested is None or attested.verifier is None:
        return ""
    known = {conclusion.name.lower(): words for conclusion, words in wording.CONCLUSIONS.items()}
    said = known.get(attested.conclusion, Words(attested.conclusion, attested.conclusion))
    return f"{_in(attested.verifier, language)}: {_in(said, language)}"


def _completeness(attested: Attested | None, language: str) -> list[tuple[str, str]]:
    """Counts as they stand; of a list its length, since the evidence file lists each gap."""
    given, names = attested.completeness if attested else {}, _words_in(COMPLETENESS, language)
    return [(names.get(name, name), str(len(value)) if isinstance(value, list | dict) else str(value))
            for name, value in given.items()]


def _option(result: RunResult, option: Mapping[str, str], language: str, choices: Mapping[str, str]) -> dict[str, str]:
    title = next((rule.title[language] for rule in result.methodology.options if rule.name == option["name"]),
                 option["name"])
    return {"name": option["name"], "title": title, "shown": choices.get(option["value"], option["value"])}


def _words_in(table: Mapping[str, Words], language: str) -> dict[str, str]:
    return {name: _in(words, language) for name, words in table.items()}


def _row(depth: int, line: Line, language: str) -> dict[str, Any]:
    return {"depth": depth, "kind": line.kind, "head": heading(line, language), "figures": figures(line),
            "facts": facts_text(line, language)}
