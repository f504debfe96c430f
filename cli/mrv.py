"""carbonseal mrv: formulas, parameters and methodologies, evaluated by the same engine that makes statements."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from certificates.inventory_report import report_of
from certificates.workbook import xlsx as workbook_file
from cli.explanation import print_comparison, print_explanation, print_label
from cli.lazy import Lazy, lazy_group
from cli.options import At, Json
from cli.output import command, err, print_fields, print_json, print_json_line, print_table, say
from core.clock import SystemClock
from core.errors import FormError, InputError
from core.jcs import canonical, parse_lenient
from core.period import local_text
from mrv.authoring.catalogue import shipped
from mrv.calculation import service
from mrv.presentation import explained
from mrv.presentation.explain import explain as explain_run
from mrv.presentation.explain import explain_evaluation
from mrv.presentation.label import carbon_label
from mrv.presentation.workbook import workbook_of_evaluation

# A plan in the log is asked of a node, which one evaluation does not wait for.
PLANS = {"plan": Lazy("cli.plans:app", "数据质量控制方案 · data quality control plans")}
app = typer.Typer(cls=lazy_group(PLANS), no_args_is_help=True, help="核算规则与计算 · rules and calculation")
Inputs = Annotated[str, typer.Option("--inputs", "-i", help="输入 JSON 文件，- 为 stdin · inputs as JSON, - for stdin")]
Xlsx = Annotated[Path | None, typer.Option("--xlsx", help="写出含公式的工作簿 · write a workbook with live formulas")]
Explain = Annotated[bool, typer.Option("--explain", help="打印计算树 · print the calculation tree")]


@app.command("formulas")
@command
def formulas(as_json: Json = False) -> None:
    """全部公式：输入、单位、来源、有效期 · every formula with inputs, units, source and validity."""
    listed = service.formulas(shipped())
    if as_json:
        print_json(listed)
        return
    print_table(say("公式", "Formulas"), [say("公式", "formula"), say("名称", "title"), say("表达式", "expression"),
                                          say("状态", "status")],
                [(item["formula"], item["title"][say("zh", "en")], item["expression"], item["status"])
                 for item in listed])


@app.command("eval")
@command
def evaluate(
    formula: Annotated[str, typer.Argument(help="公式 id 或 id@version · formula")] = "",
    inputs: Inputs = "-",
    batch: Annotated[bool, typer.Option("--batch", help="逐行 JSON {id, formula, inputs} · JSON lines")] = False,
    explain: Explain = False,
    xlsx: Xlsx = None,
    as_json: Json = False,
) -> None:
    """计算一个公式，或用 --batch 逐行计算 · evaluate one formula, or JSON lines with --batch."""
    if batch:
        for answer in service.evaluate_batch(shipped(), _lines(inputs)):
            print_json_line(answer)
        return
    if not formula:
        raise InputError("usage", "name a formula, or use --batch", hint="carbonseal mrv formulas lists them")
    given = parse_lenient(_read(inputs))
    document = explained.evaluate(shipped(), formula, given, explain and as_json)
    evaluation = explained.evaluation_of(shipped(), formula, given)
    _write(xlsx, lambda: workbook_file(workbook_of_evaluation(evaluation)))
    if as_json:
        print_json(document)
        return
    print_fields({name: f"{item['value']} {item['unit']}" for name, item in document["outputs"].items()})
    if explain:
        print_explanation(explain_evaluation(evaluation))


@app.command("run")
@command
def run(
    methodology: Annotated[str, typer.Argument(help="方法学 id · methodology")],
    inputs: Inputs = "-",
    at: At = None,
    explain: Explain = False,
    xlsx: Xlsx = None,
    pdf: Annotated[Path | None, typer.Option("--pdf", help="写出 PDF 报告 · write the report as PDF")] = None,
    html: Annotated[Path | None, typer.Option("--html", help="写出 HTML 报告 · write the report as HTML")] = None,
    report: Annotated[Path | None, typer.Option("--report-json", help="写出监管 JSON · write the flat JSON")] = None,
    label: Annotated[bool, typer.Option("--label", help="产品碳足迹的碳标签摘要 · summary for a carbon label")] = False,
    as_json: Json = False,
) -> None:
    """按方法学计算一个报告期 · run a whole methodology over a reporting period."""
    result = explained.result_of(shipped(), methodology, parse_lenient(_read(inputs)), parse_date(at))
    made, language = report_of(result), say("zh", "en")
    _write(xlsx, made.as_xlsx)
    _write(pdf, lambda: made.as_pdf(language))
    _write(html, lambda: made.as_html(language).encode())
    _write(report, lambda: canonical(made.as_json()))
    document = service.result_json(result)
    summary = {"label": carbon_label(result)} if label else {}
    if as_json:
        print_json(document | summary | ({"explanation": explain_run(result).as_json()} if explain else {}))
        return
    print_fields({say("方法学", "methodology"): document["methodology"]["title"][say("zh", "en")],
                  say("结果", "result"): f"{document['result']['value']} {document['result']['unit']}",
                  say("提示", "notices"): ", ".join(document["notices"]) or "–"})
    if label:
        print_label(summary["label"])
    if explain:
        print_explanation(explain_run(result))


@app.command("compare")
@command
def compare(
    methodology: Annotated[str, typer.Argument(help="方法学 id · methodology")],
    scenarios: Annotated[str, typer.Option("--scenarios", "-s", help="情景 JSON 列表 · scenarios, a JSON list")],
    inputs: Inputs = "-",
    at: At = None,
    as_json: Json = False,
) -> None:
    """情景测算与基准并列（不用于声明）· what-if: scenarios beside their base, never attested."""
    both = {"inputs": parse_lenient(_read(inputs)), "scenarios": parse_lenient(_read(scenarios))}
    document = explained.compare(shipped(), methodology, both, parse_date(at))
    if as_json:
        print_json(document)
    else:
        print_comparison(document)


@app.command("parameters")
@command
def parameters(
    path: Annotated[str, typer.Argument(help="参数路径，如 grid.average.cn · parameter path")],
    at: At = None,
    as_json: Json = False,
) -> None:
    """某日有效的参数值、单位、来源与状态 · the value in force at a date, its unit, source and status."""
    document = service.parameter(shipped(), path, parse_date(at))
    if as_json:
        print_json(document)
    else:
        print_fields({name: _plain(value) for name, value in document.items()})


def parse_date(text: str | None) -> date:
    """The date of "YYYY-MM-DD", today where absent. Raises FormError (date-malformed)."""
    try:
        return date.fromisoformat(text or local_text(SystemClock().now(), "Asia/Shanghai")[:10])
    except ValueError:
        raise FormError("date-malformed", f"{str(text)[:20]!r} is not YYYY-MM-DD", where="--at") from None


def _write(path: Path | None, make: Callable[[], bytes]) -> None:
    if path is not None:
        path.write_bytes(make())
        err.print(say(f"已写入 {path}", f"wrote {path}"), markup=False)


def _plain(value: object) -> object:
    return value.get(say("zh", "en"), value) if isinstance(value, dict) else value


def _read(name: str) -> bytes:
    return sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()


def _lines(name: str) -> list[bytes]:
    return _read(name).splitlines()
