"""carbonseal mrv formulas, methodologies, parameters, units: what rules there are, found by a word, shown whole."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from shlex import quote
from typing import Annotated, Any

import typer

from cli.dates import parse_date
from cli.options import At, Json
from cli.output import command, err, out, print_fields, print_json, print_rows, print_table, say
from core.errors import InputError, NotFound
from mrv.authoring.catalogue import example, shipped, shipped_catalogue
from mrv.authoring.vocabulary import vocabulary
from mrv.presentation import listing
from mrv.presentation.advice import advising

Find = Annotated[str, typer.Option("--find", "-f", help=(
    "按词筛选，含同义词，最相近的在前 · with these words or their synonyms, best first"))]
Example = Annotated[bool, typer.Option("--example", help="只打印一份可编辑的输入 JSON · only inputs JSON to edit")]
MAX_KEYS_SHOWN = 6
_ROW = ("key", "year", "value", "published", "from", "to", "status", "source")


@command
def formulas(
    formula: Annotated[str, typer.Argument(help="公式 id 或 id@version，缺省列出全部 · one; all if absent")] = "",
    find: Find = "",
    only_example: Example = False,
    as_json: Json = False,
) -> None:
    """公式及其输入、单位、来源；给出 ID 则附示例输入 · formulas; of one also its inputs and an example."""
    if formula:
        with advising(shipped(), formula=formula):
            page = listing.formula(shipped(), formula)
        _show("formula", page, only_example, as_json, _print_formula)
        return
    _check_alone(only_example)
    found = listing.formulas(shipped(), find, vocabulary())
    _print_found("formulas", found, find, as_json, say("公式", "Formulas"), {
        say("公式", "formula"): itemgetter("formula"), say("名称", "title"): _title,
        say("表达式", "expression"): itemgetter("expression"), say("状态", "status"): itemgetter("status")})


@command
def methodologies(
    methodology: Annotated[str, typer.Argument(help="id 或 id@version，缺省列出全部 · one; all if absent")] = "",
    find: Find = "",
    only_example: Example = False,
    as_json: Json = False,
) -> None:
    """方法学及其输入、来源要求、选项；给出 ID 则附示例输入 · methodologies; of one also inputs and an example."""
    if methodology:
        with advising(shipped(), methodology=methodology):
            page = listing.methodology(shipped(), methodology)
        _show("methodology", page, only_example, as_json, _print_methodology)
        return
    _check_alone(only_example)
    found = listing.methodologies(shipped(), find, vocabulary())
    _print_found("methodologies", found, find, as_json, say("方法学", "Methodologies"), {
        say("方法学", "methodology"): itemgetter("methodology"), say("名称", "title"): _title,
        say("声明类型", "type"): itemgetter("type"), say("有效期", "valid"): lambda item: _span(item["valid"]),
        say("必填输入", "required inputs"): lambda item: ", ".join(
            f"{rule['name']} [{rule['unit']}]" for rule in item["inputs"] if rule["required"]),
        say("状态", "status"): itemgetter("status")})


@command
def parameters(
    path: Annotated[str | None, typer.Argument(help="路径，如 grid.average.cn，缺省列出 · a list if absent")] = None,
    at: At = None,
    prefix: Annotated[str, typer.Option("--list", help="列出以此开头的路径 · paths that begin so: grid.average")] = "",
    find: Find = "",
    every: Annotated[bool, typer.Option("--all", help="该参数的全部取值 · every value of the parameter")] = False,
    as_json: Json = False,
) -> None:
    """参数：某日有效的值；整张表（如蒸汽焓）；或路径清单 · the value in force, a whole table, or a list of paths."""
    if path is not None:
        _check_no_list(prefix, find)
        with advising(shipped(), parameter=path):
            _print_parameter(listing.parameter(shipped(), path, parse_date(at), every), as_json)
        return
    found = listing.parameters(shipped(), prefix, find, vocabulary())
    _print_found("parameters", found, find, as_json, say("参数", "Parameters"), {
        say("路径", "path"): itemgetter("path"), say("名称", "title"): _title, say("单位", "unit"): itemgetter("unit"),
        say("区域", "region"): itemgetter("region"), say("选值", "chosen by"): itemgetter("selection"),
        say("取值", "values"): lambda item: _short(item["values"])})


@command
def units(find: Find = "", as_json: Json = False) -> None:
    """单位：符号、量纲、换算系数；用 * 与 / 组合，如 kgCO2/kWh · symbols, dimensions, factors; join with * and /."""
    found = listing.units(find)
    _print_found("units", found, find, as_json, say("单位", "Units"), {
        say("符号", "symbol"): itemgetter("symbol"), say("量纲", "dimension"): itemgetter("dimension"),
        say("等于", "is"): lambda item: f"{item['factor']} {item['base']}",
        say("同", "same as"): itemgetter("alias_of")})


def register(app: typer.Typer) -> None:
    """Adds the commands to the group `carbonseal mrv`, each with an example."""
    for name, function, words in (
            ("formulas", formulas, "mrv formulas --find 蒸汽 · mrv formulas heat.steam.saturated --example > one.json"),
            ("methodologies", methodologies, "mrv methodologies inventory.enterprise --example > month.json"),
            ("parameters", parameters, "mrv parameters grid.average.jiangsu · mrv parameters steam.saturated.enthalpy"
                                       " · mrv parameters --find 天然气"),
            ("units", units, "mrv units --find energy")):
        app.command(name, epilog=f"例 e.g. {words.replace('mrv ', 'carbonseal mrv ')}")(function)


def _print_found(kind: str, found: Sequence[Mapping[str, Any]], words: str, as_json: bool, title: str,
                 columns: Mapping[str, Callable[[Mapping[str, Any]], object]]) -> None:
    """The rows. A search that finds none says so where no result goes, and where the words are, or others like them."""
    if found or as_json or not words:
        print_rows(found, as_json, title, columns)
    if found or not words:
        return
    other = listing.elsewhere(shipped(), words, vocabulary())
    asked = words if words.isalnum() else quote(words)
    err.print(say(f"{title}中没有“{words}”", f"nothing among {title.lower()} has “{words}”"), markup=False)
    for name in (name for name in ("formulas", "methodologies", "parameters", "units") if name != kind and other[name]):
        err.print(say(f"  在 {name} 中有 {other[name]} 项：", f"  {other[name]} among {name}: ")
                  + f"carbonseal mrv {name} --find {asked}", markup=False)
    if other["near"]:
        err.print(say("  相近的词：", "  words like it: ") + ", ".join(other["near"]), markup=False)


def _show(kind: str, found: dict[str, Any], only_example: bool, as_json: bool, show: Any) -> None:
    case = example(shipped_catalogue(), kind, found[kind])
    if only_example:
        if case is None:
            raise NotFound("example-missing", f"no case beside {found[kind]} gives a number", where=found[kind],
                           hint="docs/methodologies.md counts the cases of each rule")
        print_json(case["inputs"])
        err.print(say("示例数据，不是真实数据：请换成自己的", "An example, not data: put yours in its place"))
        if kind == "methodology":
            err.print(say("标题或边界仍以“示例 example”开头的，结果带提示 example-input",
                          "while a title or the boundary begins with “示例 example”, a run notices example-input"))
    elif as_json:
        print_json(found | {"example": case})
    else:
        show(found)
        if case is not None:
            _print_example(found, kind, case)


def _print_formula(found: Mapping[str, Any]) -> None:
    _print_head(found, "formula")
    print_fields({say("表达式", "expression"): found["expression"].replace("\n", "; ")})
    rows = [(name, _said(field["description"]), field["unit"], field.get("range", ""),
             ", ".join(field.get("one_of", ()))) for name, field in _fields(found["inputs"])]
    print_table(say("输入", "Inputs"), [say("名称", "name"), say("含义", "meaning"), say("单位", "unit"),
                                        say("范围", "range"), say("取值", "one of")], rows)
    print_table(say("输出", "Outputs"), [say("名称", "name"), say("含义", "meaning"), say("单位", "unit")],
                [(item["name"], _said(item["description"]), item["unit"]) for item in found["outputs"]])
    if found["parameters"]:
        print_table(say("可用参数（mrv parameters 路径）", "Parameters that fit (mrv parameters PATH)"),
                    [say("输入", "input"), say("路径", "paths"), say("个数", "count"), say("例", "for example")],
                    [(row["input"], row["paths"], str(row["count"]), ", ".join(row["examples"]))
                     for row in found["parameters"]])
    if found["conditions"]:
        print_table(say("必须满足的条件", "Conditions that must hold"),
                    [say("含义", "meaning"), say("表达式", "expression")],
                    [(_said(item["description"]), item["expression"]) for item in found["conditions"]])


def _fields(inputs: list[dict[str, Any]]) -> list[tuple[str, dict[str, Any]]]:
    """Each field of each input by the name it has in the JSON: "table[].pressure" for one of a list."""
    named = []
    for item in inputs:
        if isinstance(item.get("list"), list):
            named += [(f"{item['name']}[].{field['name']}", field) for field in item["list"]]
        else:
            named.append((f"{item['name']}[]" if item.get("list") else item["name"], item))
    return named


def _print_methodology(found: Mapping[str, Any]) -> None:
    _print_head(found, "methodology")
    result = found["result"]
    print_fields({say("结果", "result"): f"{result['output']} [{result['unit']}]",
                  say("跨变更日", "across a change"): found["period"]["across_change"],
                  say("未确认的参数", "unconfirmed"): say("须在输入中允许", "needs allow_unconfirmed in the inputs")
                  if found["allows_unconfirmed"] else say("不允许", "not allowed")})
    print_table(say("输入（* 必填）", "Inputs (* required)"),
                [say("名称", "name"), say("含义", "meaning"), say("单位", "unit"),
                 say("优先级与来源", "priority and source"), say("方式", "methods"), say("缺口", "gap")],
                [(f"{rule['name']}{' *' if rule['required'] else ''}", _said(rule["description"]), rule["unit"],
                  ", ".join(f"{number} {source}" for number, source in enumerate(rule["sources"], 1)),
                  ", ".join(rule["methods"]), rule["substitution"] or rule["gap"]) for rule in found["inputs"]])
    for rule in found["inputs"]:
        if rule.get("members"):
            print_fields({rule["name"] + say(" 有参数的", " with parameters"): ", ".join(rule["members"])})
    print_table(say("选项（* 必填）", "Options (* required)"),
                [say("名称", "name"), say("含义", "meaning"), say("取值", "values")],
                [(f"{rule['name']}{' *' if rule['required'] else ''}", _said(rule["description"]),
                  ", ".join(rule["one_of"] or rule["values"])) for rule in found["options"]])
    print_table(say("输出", "Outputs"), [say("名称", "name"), say("含义", "meaning"), say("单位", "unit"),
                                         say("公式", "formula")],
                [(item["name"], _said(item["description"]), item["unit"], item["formula"])
                 for item in found["outputs"]])


def _print_head(found: Mapping[str, Any], kind: str) -> None:
    print_fields({kind: found[kind], say("名称", "title"): _said(found["title"]),
                  say("来源", "source"): found["source"], say("有效期", "valid"): _span(found["valid"]),
                  say("状态", "status"): found["status"]})


def _print_example(found: Mapping[str, Any], kind: str, case: Mapping[str, Any]) -> None:
    words = {"formula": "eval", "methodology": "run"}[kind]
    given = f"carbonseal mrv {words} {found['id']} --inputs one.json" + (f" --at {case['at']}" if "at" in case else "")
    out.print(say("示例输入 one.json（--example 只打印它）：", "Example inputs one.json (alone by --example):"),
              style="bold")
    out.print(json.dumps(case["inputs"], ensure_ascii=False, indent=2), markup=False)
    out.print(f"→ {given}", markup=False)


def _print_parameter(document: Mapping[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(document)
        return
    print_fields({name: _said(value) if isinstance(value, dict) else value for name, value in document.items()
                  if name not in ("rows", "notices")}
                 | ({say("提示", "notices"): _notice(name) for name in document["notices"]}))
    if "rows" in document:
        print_table("", [say("键", "key"), say("年份或行", "year or row"), say("值", "value"),
                         say("发布", "published"), say("自", "from"), say("至", "to"), say("状态", "status"),
                         say("来源", "source")], [tuple(row[name] for name in _ROW) for row in document["rows"]])


def _notice(code: str) -> str:
    return code + say("：没有依据证明该值在所问日期有效，请核对其来源",
                      ": nothing proves that it was in force on the day asked for; see its source")


def _short(values: list[dict[str, str]]) -> str:
    shown = ", ".join(f"{value['year']}: {value['value']}".removeprefix(": ") for value in values[:MAX_KEYS_SHOWN])
    return shown + (f", … ({len(values)})" if len(values) > MAX_KEYS_SHOWN else "")


def _span(valid: Mapping[str, str | None]) -> str:
    return f"{valid['from'] or '…'} → {valid['to'] or '…'}"


def _title(item: Mapping[str, Any]) -> str:
    return _said(item["title"])


def _said(title: Mapping[str, str]) -> str:
    return title.get(say("zh", "en"), "")


def _check_alone(only_example: bool) -> None:
    if only_example:
        raise InputError("usage", "--example needs the id of one rule", where="--example")


def _check_no_list(prefix: str, find: str) -> None:
    if prefix or find:
        raise InputError("usage", "a path is read, or a list is searched, not both", where="--list, --find",
                         hint="leave the path out to list")
