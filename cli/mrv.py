"""carbonseal mrv: formulas, parameters and methodologies, evaluated by the same engine that makes statements."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Annotated, Any

import typer

from certificates.inventory_report import report_of
from certificates.wording import notices
from certificates.workbook import xlsx as workbook_file
from cli import rules
from cli.dates import parse_date
from cli.explanation import print_comparison, print_explanation, print_label
from cli.files import read_json, read_lines, write_files
from cli.lazy import Lazy, lazy_group
from cli.options import Json
from cli.output import command, err, print_fields, print_json, print_json_line, print_table, say
from core.errors import FormError, InputError
from core.jcs import canonical
from core.numbers import PRECISION, decimal_text, parse_decimal
from core.period import local_text, parse_instant
from mrv.authoring.catalogue import shipped
from mrv.calculation import service
from mrv.language.checker import TEXT
from mrv.language.interpreter import round_to
from mrv.presentation import explained, listing
from mrv.presentation.advice import advising
from mrv.presentation.explain import explain as explain_result
from mrv.presentation.explain import explain_evaluation
from mrv.presentation.label import carbon_label
from mrv.presentation.workbook import workbook_of_evaluation

# A plan in the log is asked of a node, which one evaluation does not wait for.
PLANS = {"plan": Lazy("cli.plans:app", "数据质量控制方案 · data quality control plans")}
app = typer.Typer(
    cls=lazy_group(PLANS), no_args_is_help=True,
    help="核算规则与计算 · rules and calculation",
    epilog="先用 methodologies 或 formulas 找规则并取示例输入，再 run 或 eval · find a rule and its example inputs "
           "with methodologies or formulas, then run or eval. 例 e.g. carbonseal mrv methodologies --find 企业 · "
           "carbonseal mrv methodologies inventory.enterprise --example > inputs.json · "
           "carbonseal mrv run inventory.enterprise --inputs inputs.json")
rules.register(app)
SHOWN_DECIMALS = 6
Inputs = Annotated[str, typer.Option("--inputs", "-i", help=(
    "输入 JSON，- 为 stdin；期间可写当地日期，止日不含 · inputs, - for stdin; local dates, end exclusive"))]
Xlsx = Annotated[Path | None, typer.Option("--xlsx", help="写出含公式的工作簿 · write a workbook with live formulas")]
Explain = Annotated[bool, typer.Option("--explain", help="打印计算树 · print the calculation tree")]
StatementDate = Annotated[str | None, typer.Option(
    "--at", help="报告日期 YYYY-MM-DD，默认今天；期间取自输入 · statement date, today by default")]
Precision = Annotated[int, typer.Option(
    help="有效数字位数，仅供与他人核对；报告恒为 40 位 · digits, to hold against another tool; statements have 40")]


@app.command("eval", epilog="例 e.g. carbonseal mrv formulas electricity.location --example > one.json · carbonseal "
                            "mrv eval electricity.location --inputs one.json --explain · carbonseal mrv eval --batch "
                            "--inputs lines.jsonl")
@command
def evaluate(
    formula: Annotated[str, typer.Argument(help="公式 id 或 id@version · formula")] = "",
    inputs: Inputs = "-",
    batch: Annotated[bool, typer.Option("--batch", help="逐行 JSON {id, formula, inputs} · JSON lines")] = False,
    explain: Explain = False,
    xlsx: Xlsx = None,
    precision: Precision = PRECISION,
    as_json: Json = False,
) -> None:
    """计算一个公式，或用 --batch 逐行计算 · evaluate one formula, or JSON lines with --batch."""
    if batch:
        _check_batch({"FORMULA": formula, "--explain": explain, "--xlsx": xlsx, "--precision": precision != PRECISION})
        _print_batch(service.evaluate_batch(shipped(), read_lines(inputs), _advising_formula))
        return
    if not formula:
        raise InputError("usage", "name a formula, or use --batch", hint="carbonseal mrv formulas lists them")
    with advising(shipped(), formula=formula):
        key = shipped().formula(formula).key
        evaluation = explained.evaluation_of(shipped(), key, _given(inputs, f"formulas {formula}"), precision)
    document = explained.evaluation_json(evaluation, precision, explain and as_json)
    write_files({"--xlsx": (xlsx, lambda: workbook_file(workbook_of_evaluation(evaluation)))})
    if as_json:
        print_json(document)
        return
    print_fields({name: _figure(item) for name, item in document["outputs"].items()}
                 | ({say("提示", "notices"): _notices(document["notices"])} if document["notices"] else {}))
    if explain:
        print_explanation(explain_evaluation(evaluation))


@app.command("run", epilog="例 e.g. carbonseal mrv methodologies inventory.enterprise --example > month.json · "
                           "carbonseal mrv run inventory.enterprise --inputs month.json --at 2026-12-05 --explain")
@command
def run(
    methodology: Annotated[str, typer.Argument(help="方法学 id · methodology")],
    inputs: Inputs = "-",
    at: StatementDate = None,
    explain: Explain = False,
    xlsx: Xlsx = None,
    pdf: Annotated[Path | None, typer.Option("--pdf", help="写出 PDF 报告 · write the report as PDF")] = None,
    html: Annotated[Path | None, typer.Option("--html", help="写出 HTML 报告 · write the report as HTML")] = None,
    report: Annotated[Path | None, typer.Option("--report-json", help="写出监管 JSON · write the flat JSON")] = None,
    label: Annotated[bool, typer.Option("--label", help="产品碳足迹的碳标签摘要 · summary for a carbon label")] = False,
    as_json: Json = False,
) -> None:
    """按方法学计算一个报告期 · run a whole methodology over a reporting period."""
    with advising(shipped(), methodology=methodology):
        listing.methodology(shipped(), methodology)
        given = _given(inputs, f"methodologies {methodology}")
        result = service.result_of(shipped(), methodology, given, parse_date(at, given))
    made, language = report_of(result), say("zh", "en")
    write_files({"--xlsx": (xlsx, made.as_xlsx), "--pdf": (pdf, lambda: made.as_pdf(language)),
                 "--html": (html, lambda: made.as_html(language).encode()),
                 "--report-json": (report, lambda: canonical(made.as_json()))})
    document = explained.result_json(result, explain and as_json)
    summary = {"label": carbon_label(result)} if label else {}
    if as_json:
        print_json(document | summary)
        return
    _print_result(document)
    if label:
        print_label(summary["label"])
    if explain:
        print_explanation(explain_result(result))


@app.command("compare", epilog="例 e.g. carbonseal mrv compare inventory.enterprise --inputs month.json --scenarios "
                               "plans.json · docs/guides/reports.md")
@command
def compare(
    methodology: Annotated[str, typer.Argument(help="方法学 id · methodology")],
    scenarios: Annotated[str, typer.Option("--scenarios", "-s", help="情景 JSON 列表 · scenarios, a JSON list")],
    inputs: Inputs = "-",
    at: StatementDate = None,
    as_json: Json = False,
) -> None:
    """情景测算与基准并列（不用于声明）· what-if: scenarios beside their base, never attested."""
    with advising(shipped(), methodology=methodology):
        listing.methodology(shipped(), methodology)
        both = {"inputs": _given(inputs, f"methodologies {methodology}"),
                "scenarios": read_json(scenarios)}
        document = explained.compare(shipped(), methodology, both, parse_date(at, both["inputs"]))
    if as_json:
        print_json(document)
    else:
        print_comparison(document)


def _figure(item: Mapping[str, str]) -> str:
    """The value with its unit; a text and a plain number stand alone."""
    return item["value"] if item["unit"] in ("1", TEXT) else f"{item['value']} {item['unit']}"


def _print_result(document: Mapping[str, Any]) -> None:
    """What was calculated for when, the reported figure, and every output: scope 2 has two of them, always."""
    period, zone = document["period"], document["period"]["zone"]
    start, end = (local_text(parse_instant(period[name]), zone) for name in ("start", "end"))
    print_fields({say("方法学", "methodology"): document["methodology"]["title"][say("zh", "en")],
                  say("期间", "period"): f"{start} → {end} {zone}", say("报告日期", "statement date"): document["date"],
                  say("结果", "result"): f"{document['result']['value']} {document['result']['unit']}",
                  say("提示", "notices"): _notices(document["notices"]) or "–"})
    print_table(say("输出（六位小数，小于 0.1 的六位数字；全部数字见 --json）",
                    "Outputs, to six decimals, below 0.1 to six digits; every digit with --json"),
                [say("名称", "name"), say("数值", "value"), say("单位", "unit")],
                [(name, _readable(item["value"]), item["unit"]) for name, item in document["outputs"].items()])
    if document["quality"]["uncovered"]:
        print_table(say("无数据的时段", "Time without data"),
                    [say("输入", "input"), say("计量表或户号", "meter or account"), say("起", "from"), say("止", "to"),
                     say("其间走字", "moved meanwhile")],
                    [_hole(item, zone) for item in document["quality"]["uncovered"]])


def _hole(item: Mapping[str, Any], zone: str) -> tuple[str, ...]:
    start, end = (local_text(parse_instant(item[name]), zone) for name in ("start", "end"))
    return item["input"], item["name"] or "–", start, end, _figure(item["missing"]) if item["missing"] else "–"


def _readable(text: str) -> str:
    """A figure to six decimals, one below 0.1 to six digits: a small one never to nothing."""
    value = parse_decimal(text)
    return decimal_text(round_to(value, "round", max(SHOWN_DECIMALS, SHOWN_DECIMALS - 1 - value.adjusted())))


def _print_batch(answers: Iterable[Mapping[str, Any]]) -> None:
    """Every line is answered, and the command ends well (0): who reads lines finds the error in the line that has it.

    How many failed is told where results do not go.
    """
    failed = 0
    for answer in answers:
        print_json_line(answer)
        failed += "error" in answer
    if failed:
        err.print(say(f"{failed} 行未能计算，各行的 error 说明原因",
                      f"{failed} lines failed; the error of each says why"))


def _advising_formula(formula: str) -> AbstractContextManager[None]:
    return advising(shipped(), formula=formula)


def _check_batch(given: Mapping[str, object]) -> None:
    beside = [name for name, value in given.items() if value]
    if beside:
        raise InputError("usage", f"{', '.join(beside)} and --batch do not go together", where="--batch",
                         hint="each line of a batch names its formula: {\"id\", \"formula\", \"inputs\"}")


def _notices(codes: Sequence[str]) -> str:
    """Each code with what it means."""
    return " ".join(f"{code}: {say(words.zh, words.en)}" for code in codes for words in notices([code]))


def _given(name: str, rule: str) -> Any:
    """The JSON of an inputs file. A file that is none is told where an example is: people write these by hand."""
    try:
        return read_json(name)
    except FormError as error:
        if error.code == "json-malformed":
            error.hint = f"`carbonseal mrv {rule} --example` prints inputs to edit"
        raise
