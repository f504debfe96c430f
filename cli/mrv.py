"""carbonseal mrv: formulas, parameters and methodologies, evaluated by the same engine that makes statements."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.tree import Tree

from cli.options import At, Json
from cli.output import command, out, print_fields, print_json, print_json_line, print_table, say
from core.clock import SystemClock
from core.errors import FormError, InputError
from core.jcs import parse_lenient
from core.period import local_text
from mrv import service
from mrv.catalogue import shipped

app = typer.Typer(no_args_is_help=True, help="核算规则与计算 · rules and calculation")
Inputs = Annotated[str, typer.Option("--inputs", "-i", help="输入 JSON 文件，- 为 stdin · inputs as JSON, - for stdin")]
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
    as_json: Json = False,
) -> None:
    """计算一个公式，或用 --batch 逐行计算 · evaluate one formula, or JSON lines with --batch."""
    if batch:
        for answer in service.evaluate_batch(shipped(), _lines(inputs)):
            print_json_line(answer)
        return
    if not formula:
        raise InputError("usage", "name a formula, or use --batch", hint="carbonseal mrv formulas lists them")
    document = service.evaluate(shipped(), formula, parse_lenient(_read(inputs)))
    if as_json:
        print_json(document)
        return
    print_fields({name: f"{item['value']} {item['unit']}" for name, item in document["outputs"].items()})
    if explain:
        print_trace(document["formula"], document["trace"])


@app.command("run")
@command
def run(
    methodology: Annotated[str, typer.Argument(help="方法学 id · methodology")],
    inputs: Inputs = "-",
    at: At = None,
    explain: Explain = False,
    as_json: Json = False,
) -> None:
    """按方法学计算一个报告期 · run a whole methodology over a reporting period."""
    document = service.run_methodology(shipped(), methodology, parse_lenient(_read(inputs)), parse_date(at))
    if as_json:
        print_json(document)
        return
    print_fields({say("方法学", "methodology"): document["methodology"]["title"][say("zh", "en")],
                  say("结果", "result"): f"{document['result']['value']} {document['result']['unit']}",
                  say("提示", "notices"): ", ".join(document["notices"]) or "–"})
    if explain:
        for call in document["trace"]:
            print_trace(f"{call['step']}: {call['formula']}", call["trace"])


@app.command("parameters")
@command
def parameters(
    path: Annotated[str, typer.Argument(help="参数路径，如 grid.cn · parameter path")],
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


def print_trace(title: str, trace: list[dict[str, Any]]) -> None:
    """The calculation as a tree a person can read: operator, name, value, unit."""
    tree = Tree(f"[bold]{title}[/bold]")
    for definition in trace:
        _grow(tree.add(f"{definition['definition']} = {definition['expression']}"), definition)
    out.print(tree)


def _grow(tree: Tree, step: Mapping[str, Any]) -> None:
    name = f" {step['name']}" if step.get("name") else ""
    branch = tree.add(f"{step.get('operator', step.get('op', ''))}{name} = [bold]{step.get('value')}[/bold] "
                      f"{step.get('unit', '')}")
    for operand in step.get("operands", []):
        _grow(branch, operand)


def _plain(value: object) -> object:
    return value.get(say("zh", "en"), value) if isinstance(value, dict) else value


def _read(name: str) -> bytes:
    return sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()


def _lines(name: str) -> list[bytes]:
    return _read(name).splitlines()
