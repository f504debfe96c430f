"""carbonseal mrv plan: the data quality control plan 数据质量控制方案, from a file or as the log keeps it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlencode

import typer

from cli.files import read_json
from cli.node import connect
from cli.options import Json, Key, Org, Place, Token
from cli.output import command, print_fields, print_json, print_table, say
from core.documents import contract_domain
from core.ethereum import load_account
from mrv.authoring.catalogue import shipped
from mrv.presentation.advice import advising
from mrv.quality.plan import ControlPlan, check_document, check_plan, parse_plan
from mrv.quality.signed_plan import sign_plan

app = typer.Typer(no_args_is_help=True, help="数据质量控制方案 · data quality control plans")
PlanFile = Annotated[Path, typer.Argument(help="方案 JSON，见 docs/guides/control-plan.md · the plan as JSON")]
Entity = Annotated[str, typer.Option("--entity", help="企业编号，缺省为可见的全部 · the enterprise; all if absent")]


@app.command("show")
@command
def show(plan: PlanFile, as_json: Json = False) -> None:
    """读取方案文件并对照方法学检查 · read a plan file and hold it against its methodology."""
    document = read_json(plan)
    parsed = parse_plan(document)
    check_plan(parsed, shipped())
    if as_json:
        print_json({"digest": parsed.digest.hex(), "plan": document})
    else:
        _print_plan(parsed, {})


@app.command("check")
@command
def check(
    methodology: Annotated[str, typer.Argument(help="方法学 id · methodology")],
    plans: Annotated[list[Path], typer.Option("--plan", "-p", help="方案各版本，依次 · its versions, in order")],
    inputs: Annotated[str, typer.Option("--inputs", "-i", help="输入 JSON，- 为 stdin · inputs, - for stdin")] = "-",
    as_json: Json = False,
) -> None:
    """逐项对照控制方案检查输入；有发现则退出码 1 · hold every datum against the plan; exits 1 with findings."""
    given = {"plans": [read_json(path) for path in plans], "inputs": read_json(inputs)}
    with advising(shipped(), methodology=methodology):
        answer = check_document(shipped(), methodology, given)
    if as_json:
        print_json(answer)
    else:
        print_fields({say("方案版本", "plan version"): answer["plan"]["version"],
                      say("方案摘要", "plan digest"): answer["plan"]["digest"],
                      say("发现", "findings"): str(len(answer["findings"]))})
        print_findings(answer["findings"])
    if answer["findings"]:
        raise typer.Exit(1)


@app.command("submit")
@command
def submit(plan: PlanFile, key: Key, org: Org, place: Place = ".", token: Token = None, as_json: Json = False) -> None:
    """用企业账户签署并提交方案入链 · sign a plan with the enterprise's account and hand it in."""
    document, account = read_json(plan), load_account(key)
    check_plan(parse_plan(document), shipped())
    with connect(place, org, token) as node:
        trust = node.get("/v1/trust")
        chain = trust["chain"]
        domain = contract_domain(int(chain["id"]), chain["certificate_registry"])
        answer = node.send("/v1/mrv/plans", sign_plan(document, account, trust["origin"], domain), "application/json")
    _print_stored(answer, as_json)


@app.command("get")
@command
def get(plan: Annotated[str, typer.Argument(help="方案编号 · id of a plan in the log")], org: Org, place: Place = ".",
        token: Token = None, as_json: Json = False) -> None:
    """查看日志中的一个方案 · a plan as the log keeps it."""
    with connect(place, org, token) as node:
        _print_stored(node.get(f"/v1/mrv/plans/{plan}"), as_json)


@app.command("list")
@command
def list_plans(org: Org, entity: Entity = "", place: Place = ".", token: Token = None, as_json: Json = False) -> None:
    """日志中的方案，新者在前 · the plans of the log, newest first."""
    with connect(place, org, token) as node:
        found = node.listed("/v1/mrv/plans?" + urlencode({"entity": entity}))
    if as_json:
        print_json(found)
        return
    print_table(say("控制方案", "Control plans"),
                [say("编号", "id"), say("条目", "entry"), say("企业", "entity"), say("方法学", "methodology"),
                 say("版本", "version"), say("原因", "reason"), say("生效", "valid from")],
                [(item["id"], item["index"], *(item["plan"][name] for name in (
                    "entity", "methodology", "version", "reason", "valid_from"))) for item in found])


def print_quality(quality: Mapping[str, Any]) -> None:
    """What is known of a statement's data: its plan, how each input came to be, coverage, and every finding."""
    plan = quality["plan"]
    print_fields({
        say("数据质量", "data quality"): say("截至日志条目 ", "as of log entry ") + quality["as_of"],
        say("控制方案", "control plan"): "–" if plan is None else
        f"{plan['id']} · {say('版本', 'version')} {plan['version']} · #{plan['index']}",
        say("上一期", "statement before"): (quality["previous"] or {}).get("statement", "–"),
        **{name: f"{item['value']} {item['unit']}" for name, item in quality["stated"].items()}})
    print_table(say("输入占比（%）", "Shares of the inputs (%)"),
                [say("输入", "input"), say("实测", "measured"), say("估算", "estimated"), say("人工", "manual"),
                 say("替代", "substituted"), say("缺口数", "gaps filled")],
                [(name, *(item[kind] for kind in ("measured", "estimated", "manual", "substituted", "substitutions")))
                 for name, item in quality["shares"].items()])
    print_table(say("完整率", "Coverage"), [say("计量表", "meter"), say("小时", "hours"), say("有效", "valid"), "%",
                                            say("缺口", "gaps")],
                [(f"{item['meter']} {item['quantity']}", item["hours"], item["valid"], item["percent"],
                  ", ".join(f"{gap['from']} → {gap['to']}" for gap in item["gaps"]) or "–")
                 for item in quality["coverage"]])
    print_table(say("检查", "Checks"), [say("项目", "check"), say("发现", "findings")],
                [(item["check"], item["findings"]) for item in quality["checks"]])
    print_findings(quality["findings"])


def print_findings(findings: Sequence[Mapping[str, str]]) -> None:
    """What checks found, in the language of this run."""
    if findings:
        print_table(say("发现", "Findings"), [say("代码", "code"), say("含义", "meaning"), say("位置", "where"),
                                              say("说明", "message")],
                    [(item["code"], item[say("zh", "en")], item["where"], item["message"]) for item in findings])


def _print_stored(answer: Mapping[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(answer)
    else:
        _print_plan(parse_plan(answer["plan"]), {
            say("编号", "id"): answer["id"], say("日志条目", "log entry"): answer["index"],
            say("签署账户", "signed by"): answer["signer"]})


def _print_plan(plan: ControlPlan, stored: Mapping[str, str]) -> None:
    print_fields({**stored, say("企业", "entity"): plan.entity, say("边界", "boundary"): plan.boundary,
                  say("方法学", "methodology"): plan.methodology, say("版本", "version"): plan.version,
                  say("原因", "reason"): plan.reason, say("生效", "valid from"): plan.valid_from,
                  say("摘要", "digest"): plan.digest.hex()})
    print_table(say("数据", "Data"), [say("数据项", "datum"), say("名称", "title"), say("单位", "unit"),
                                      say("来源", "source"), say("方式", "method"), say("器具", "instrument"),
                                      say("频次", "frequency"), say("缺失处理", "gap"), say("部门", "department")],
                [(datum.input, datum.title[say("zh", "en")], datum.unit.text, datum.source, datum.method,
                  f"{datum.instrument.meter} {datum.instrument.accuracy_class}" if datum.instrument else "–",
                  datum.frequency, datum.gap, datum.department)
                 for data in plan.data.values() for datum in data])
