"""Prints a calculation as a tree, and scenarios beside their base."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.text import Text
from rich.tree import Tree

from cli.output import language, out, print_fields, print_table, say
from mrv.presentation.explain import Line, facts_text, figures, heading

LINE_WIDTH = 10_000

_STYLES = {"result": "bold", "output": "bold", "call": "bold green", "seen": "dim", "condition": "dim"}


def print_explanation(line: Line) -> None:
    """The tree: what each line is, its numbers and units, under it where they come from."""
    tree = Tree(_text(line), guide_style="dim")
    _grow(tree, line)
    # Nothing is cut: a terminal wraps, a file gets one line for each line.
    console = out if out.is_terminal else Console(file=out.file, width=LINE_WIDTH, highlight=False)
    console.print(tree, soft_wrap=False)


def _grow(tree: Tree, line: Line) -> None:
    for inner in line.lines:
        _grow(tree.add(_text(inner)), inner)


def _text(line: Line) -> Text:
    """Styled text, never markup: titles and expressions hold brackets."""
    text = Text(heading(line, language.code), style=_STYLES.get(line.kind, ""))
    if shown := figures(line):
        text.append(" = " if text.plain else "", style="not bold")
        text.append(shown, style="not bold default")
    if facts := facts_text(line, language.code):
        text.append(f"\n{facts}", style="not bold dim")
    return text


def line_of(document: dict[str, Any]) -> Line:
    """The line of its JSON form, with those below it."""
    return Line(**{**document, "lines": tuple(line_of(inner) for inner in document["lines"])})


def print_sources(sources: list[dict[str, Any]]) -> None:
    """Where each input and parameter comes from: the signed frame of a reading, the hash of a document or rule."""
    rows = [row for item in sources for row in _source_rows(item)]
    print_table(say("来源", "Sources"), [say("明细", "record"), say("名称", "name"), say("数值", "value"),
                                         say("出处", "from"), say("签名帧或摘要", "signed frame or digest")], rows)


def _source_rows(item: dict[str, Any]) -> list[tuple[str, ...]]:
    head = (item["record"], item["name"], f"{item['value']} {item['unit']}")
    if "readings" not in item:
        return [(*head, item.get("title") or item["source"], item.get("digest") or "–")]
    return [(*head, f"{item['meter']} {reading['position']} @ {reading['time']}",
             f"log #{reading['index']} · {reading['gateway']} {reading['epoch']}/{reading['seq']} · {reading['frame']}")
            for reading in item["readings"]]


def print_label(label: dict[str, Any]) -> None:
    """The summary of a product footprint, in the language of this run; it is no certified label and says so."""
    spread = label["uncertainty"]
    footprint = f"{label['footprint']['value']} {label['footprint']['unit']}"
    print_fields({
        say("碳标签摘要", "carbon label summary"): say("测算，非认证标签", "a calculation, no certified label"),
        say("产品", "product"): label["product"], say("功能单位", "functional unit"): label["functional_unit"],
        say("系统边界", "boundary"): label["boundary"], say("分配", "allocation"): label["allocation"],
        say("碳足迹", "footprint"): footprint + (f" ± {spread['value']} %" if spread else ""),
        say("数据质量", "data quality"): label["data_quality"]["value"],
        say("舍去", "cut off"): f"{label['cut_off']['value']} %"})
    print_table(say("生命周期阶段", "Life-cycle stages"), [say("阶段", "stage"), say("排放", "emission"), "%"],
                [(item["title"][say("zh", "en")], f"{item['emission']['value']} {item['emission']['unit']}",
                  item["share"]["value"]) for item in label["stages"]])


def print_comparison(document: dict[str, Any]) -> None:
    """The table of base, scenario, difference, and what each scenario changes."""
    print_fields({say("方法学", "methodology"): document["methodology"]["title"][say("zh", "en")],
                  say("性质", "standing"): say("情景测算，不用于声明或核查", "scenarios, never attested")})
    for scenario in document["scenarios"]:
        rows = [_row(document, scenario, name) for name in document["base"]["outputs"]]
        rows += [_main_row(document, scenario, name) for name in document["main_outputs"]]
        print_table(say("情景：", "Scenario: ") + scenario["name"],
                    [say("输出", "output"), say("基准", "base"), say("情景", "scenario"), say("差", "difference"), "%",
                     say("单位", "unit")], rows)
        print_table(say("改变了什么", "What differs"),
                    [say("项目", "item"), say("基准", "base"), say("情景", "scenario")], _changes(scenario))


def _row(document: dict[str, Any], scenario: dict[str, Any], name: str) -> tuple[str, ...]:
    other = scenario["outputs"].get(name)
    base = document["base"]["outputs"][name]
    return (name, *(_figures(base, other, other) if other else (base["value"], "–", "–", "–", base["unit"])))


def _main_row(document: dict[str, Any], scenario: dict[str, Any], name: str) -> tuple[str, ...]:
    """The reported result, and beside it the totals of other bases, which a scenario may change alone."""
    label = say("结果", "result")
    if len(document["main_outputs"]) > 1:
        label = f"{label} {name}"
    if name != document["result_output"]:
        return (label, *_row(document, scenario, name)[1:])
    return (label, *_figures(document["base"]["result"], scenario["result"], scenario["difference"]))


def _figures(base: dict[str, str], other: dict[str, str], change: dict[str, Any]) -> tuple[str, ...]:
    return base["value"], other["value"], change["difference"] or "–", change["percent"] or "–", base["unit"]


def _changes(scenario: dict[str, Any]) -> list[tuple[str, str, str]]:
    rows = [(item["path"], _value(item["base"]), _value(item["scenario"])) for item in scenario["parameters"]]
    rows += [(item["name"], _value(item["base"]), _value(item["scenario"]))
             for item in scenario["inputs"] + scenario["options"]]
    return rows


def _value(value: Any) -> str:
    if value is None:
        return "–"
    if not isinstance(value, dict):
        return str(value)
    source = f" ({value['source']})" if "source" in value else ""
    return f"{value['value']} {value['unit']}{source}"
