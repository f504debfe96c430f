"""carbonseal claim, opinion: an enterprise claims, a verifier reviews; each with a key of its own."""

from __future__ import annotations

from operator import itemgetter
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlencode

import typer

from api.deployment import NODE_ORG
from certificates.claim_list import STATES
from cli.claim_summary import period_text, quantity_text, state_words, summary
from cli.desks.enterprise import EnterpriseDesk, facts_from_json
from cli.desks.verifier import Terms, VerifierDesk
from cli.explanation import line_of, print_explanation, print_sources
from cli.files import read_json
from cli.node import connect
from cli.options import Json, Key, Org, Place, Token
from cli.output import command, print_answer, print_fields, print_rows, say
from cli.plans import print_quality
from core.errors import InputError
from core.ethereum import load_account
from core.numbers import parse_decimal
from core.opinions import ASSURANCE_LEVELS, VISITS
from core.records import Conclusion
from verify.trust import load_trust

claim_app = typer.Typer(no_args_is_help=True, help="申报 · claims")
opinion_app = typer.Typer(no_args_is_help=True, help="核查意见 · opinions")
ClaimId = Annotated[str, typer.Argument(
    help="申报编号、计算书摘要或 claim hash · claim id, statement digest or claim hash")]
FactsFile = Annotated[Path, typer.Option(
    "--facts", "-f", help="事实 JSON，见 docs/guides/claims.md · facts as JSON, see docs/guides/claims.md")]
CONCLUSIONS = tuple(conclusion.name.lower() for conclusion in Conclusion)


@claim_app.command("create")
@command
def create(facts: FactsFile, key: Key, org: Org, place: Place = ".", token: Token = None,
           as_json: Json = False) -> None:
    """起草、签名并提交申报，等待计算书 · draft, sign and hand in a claim; waits for its statement."""
    hand_in(read_json(facts), key, place, org, token, as_json)


def hand_in(facts: Any, key: Path, place: str, org: str, token: Path | None, as_json: bool) -> None:
    """Claim what a facts document says and print what became of it."""
    account, stated = load_account(key), facts_from_json(facts)
    with connect(place, org, token) as node:
        desk = EnterpriseDesk(node, account, node.clock)
        print_answer(desk.submit(desk.draft(stated)), as_json)


@claim_app.command("list")
@command
def list_claims(
    organisation: Annotated[str, typer.Option(
        "--organisation", help="申报的企业，缺省为可见的全部 · who claims; all that one sees if absent")] = "",
    state: Annotated[str, typer.Option("--state", help=" | ".join(STATES))] = "",
    start: Annotated[str, typer.Option("--start", help="期间起（UTC）· start of the period")] = "",
    end: Annotated[str, typer.Option("--end", help="期间止（UTC）· end of the period")] = "",
    place: Place = ".", org: Org = NODE_ORG, token: Token = None, as_json: Json = False,
) -> None:
    """可见的申报，新者在前 · the claims that this organisation may see, newest first."""
    asked = {"organisation": organisation, "state": state, "start": start, "end": end}
    query = urlencode({name: value for name, value in asked.items() if value})
    with connect(place, org, token) as node:
        rows = node.listed(f"/v1/claims?{query}")
    print_rows(rows, as_json, say("申报", "Claims"), {
        say("编号", "id"): itemgetter("claim"), say("企业", "subject"): itemgetter("subject"),
        say("期间", "period"): lambda row: period_text(row["period"]),
        say("方法学", "methodology"): itemgetter("methodology"),
        say("结果", "result"): lambda row: quantity_text(row["result"]),
        say("状态", "state"): lambda row: state_words(row["state"])})


@claim_app.command("show")
@command
def show(
    claim: ClaimId, place: Place = ".", org: Org = NODE_ORG, token: Token = None,
    explain: Annotated[bool, typer.Option(
        "--explain", help="计算树与每个数的出处 · the tree, and where each number comes from")] = False,
    every: Annotated[bool, typer.Option("--all", help="逐项列出全部成员 · every member, one a line")] = False,
    as_json: Json = False,
) -> None:
    """申报的摘要与数据质量；--all 列出全部 · a claim in short, and its data quality; all of it with --all."""
    with connect(place, org, token) as node:
        document = node.get(f"/v1/claims/{claim}")
        if document["statement"] is not None:
            document["quality"] = node.get(f"/v1/claims/{claim}/quality")
        found = node.get(f"/v1/claims/{claim}/explanation") if explain else None
    if as_json:
        print_answer(document | ({"explanation": found} if found else {}), as_json)
        return
    print_fields(summary(document))
    if "quality" in document:
        print_quality(document["quality"])
    if found is not None:
        print_explanation(line_of(found["tree"]))
        print_sources(found["sources"])
    if every:
        print_answer({name: value for name, value in document.items() if name != "quality"}, as_json)


@opinion_app.command("review")
@command
def review(
    claim: ClaimId, org: Org,
    trust: Annotated[Path, typer.Option("--trust", help="核查方自己的信任表 · the verifier's own trust list")],
    key: Key, place: Place = ".", token: Token = None, as_json: Json = False,
) -> None:
    """只复算，不签署 · recompute log, manifest and details; sign nothing."""
    with connect(place, org, token) as node:
        found = VerifierDesk(node, org, load_account(key), load_trust(trust), node.clock).review(claim)
        print_answer({"claim": claim, "statement": found.claim["statement"]["digest"], "entries": found.entries,
                      "manifest": found.manifest.hex(), "report": found.report.as_json()}, as_json)


@opinion_app.command("sign")
@command
def sign(
    claim: ClaimId, key: Key, org: Org,
    trust: Annotated[Path, typer.Option("--trust", help="核查方自己的信任表 · the verifier's own trust list")],
    criteria: Annotated[list[str], typer.Option("--criteria", help="准则，可多次 · criteria, repeatable")],
    reasons: Annotated[str, typer.Option("--reasons", help="理由 · reasons")],
    materiality_source: Annotated[str, typer.Option(
        "--materiality-source", help="重要性水平的依据 · where the materiality comes from")],
    materiality: Annotated[str, typer.Option("--materiality", help="重要性水平（%）· materiality in percent")] = "5",
    assurance: Annotated[str, typer.Option("--assurance", help="limited | reasonable")] = "limited",
    visit: Annotated[str, typer.Option("--visit", help="none | virtual | in-person")] = "none",
    conclusion: Annotated[str, typer.Option(
        "--conclusion", help="unmodified | modified | adverse | disclaimed")] = "unmodified",
    place: Place = ".", token: Token = None, as_json: Json = False,
) -> None:
    """先复算日志与明细，再用核查方自己的密钥签署 · recompute log and details, then sign with the verifier's own key."""
    _choice(conclusion, CONCLUSIONS, "--conclusion")
    terms = Terms(_choice(assurance, ASSURANCE_LEVELS, "--assurance"),
                  parse_decimal(materiality, where="--materiality"), materiality_source,
                  _choice(visit, VISITS, "--visit"))
    account, trusted = load_account(key), load_trust(trust)
    with connect(place, org, token) as node:
        desk = VerifierDesk(node, org, account, trusted, node.clock)
        opinion = desk.sign(desk.review(claim), criteria, reasons, Conclusion[conclusion.upper()], terms)
        print_answer(desk.submit(claim, opinion), as_json)


def _choice(text: str, choices: tuple[str, ...], where: str) -> str:
    if text not in choices:
        raise InputError("usage", f"{text[:40]!r} is not possible here", where=where,
                         hint="one of " + ", ".join(choices))
    return text
