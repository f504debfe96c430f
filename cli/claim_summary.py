"""A claim in a few lines: who, when, by what rule, what came out, how far it is, and who has to do what next."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from certificates import wording
from certificates.wording import Words
from cli.output import say
from core.period import local_text, parse_instant

_STATES = {"no-statement": "尚无计算书", "to-review": "待核查", "declined": "核查意见不支持签发",
           "to-issue": "已核查，待签发", "issued": "已签发", "superseded": "已被更正取代", "revoked": "已撤销"}

# {claim}: the claim's id, {statement}: the digest of its statement, {error}: why its job failed.
_NEXT = {
    "no-statement": Words("节点核算中，稍后再看", "the node is calculating; ask again in a moment"),
    "to-review": Words("核查方 carbonseal opinion review {claim}，再 opinion sign",
                       "a verifier: carbonseal opinion review {claim}, then opinion sign"),
    "declined": Words("企业更正后重新申报：carbonseal certificate supersede {statement}",
                      "the enterprise corrects its claim: carbonseal certificate supersede {statement}"),
    "to-issue": Words("节点签发中；未签发则 carbonseal certificate issue {claim}",
                      "the node is issuing; if it does not: carbonseal certificate issue {claim}"),
    "issued": Words("证书可转让、注销：carbonseal certificate show {statement}",
                    "it may be sold and retired: carbonseal certificate show {statement}"),
    "superseded": Words("查看更正后的申报：carbonseal claim list",
                        "see the claim that corrects it: carbonseal claim list"),
    "revoked": Words("无", "nothing"),
}
_FAILED = {
    "no-statement": Words("核算失败：{error}；企业更正后重新申报",
                          "the calculation failed: {error}; the enterprise corrects its claim"),
    "to-issue": Words("签发失败：{error}；再试 carbonseal certificate issue {claim}",
                      "issuing failed: {error}; try again: carbonseal certificate issue {claim}"),
}


def summary(claim: Mapping[str, Any]) -> dict[str, object]:
    """The lines of a claim as GET /v1/claims/{claim} answers it, with "quality" where it has a statement."""
    document, statement = claim["document"], claim["statement"]
    methodology = document["methodology"]
    lines: dict[str, object] = {
        say("申报编号", "claim id"): claim["claim"], say("状态", "state"): state_words(claim["state"]),
        say("企业", "subject"): document["subject"], say("边界", "boundary"): document["boundary"],
        say("期间", "period"): period_text(document["period"]),
        say("方法学", "methodology"): f"{methodology['id']} {say('版本', 'version')} {methodology['version']}"}
    if statement is not None:
        lines |= _calculated(statement, len(claim["quality"]["findings"]))
    lines[say("核查意见", "opinion")] = _opinion(claim["opinion"])
    lines[say("下一步", "next")] = next_step(claim)
    return lines


def _calculated(statement: Mapping[str, Any], findings: int) -> dict[str, object]:
    payload = statement["payload"]
    notices = [say(words.zh, words.en) for words in wording.notices(payload["notices"])]
    amount = payload["certificate"]
    return {
        say("结果", "result"): quantity_text(payload["result"]),
        say("证书数量", "to certify"): f"{amount['amount']} {amount['unit']}",
        say("计算书摘要", "statement digest"): statement["digest"], say("claim hash", "claim hash"): payload["claim"],
        say("提示", "notices"): " ".join(notices) or "–",
        say("数据质量发现", "findings"): str(findings) + (say("，见下", ", see below") if findings else "")}


def _opinion(opinion: Mapping[str, Any] | None) -> str:
    if opinion is None:
        return say("尚无", "none yet")
    payload = opinion["payload"]
    known = {conclusion.name.lower(): words for conclusion, words in wording.CONCLUSIONS.items()}
    words = known[payload["conclusion"]]
    return f"{payload['verifier']}{say('：', ': ')}{say(words.zh, words.en)}"


def next_step(claim: Mapping[str, Any]) -> str:
    """Who has to do what, with the command for it."""
    state, job, statement = claim["state"], claim["job"], claim["statement"]
    failed = state in _FAILED and job is not None and job["state"] == "failed"
    words = (_FAILED if failed else _NEXT)[state]
    error = f"{job['error']['code']} {job['error']['message']}" if failed else ""
    # The error is somebody else's text: filled in last, its braces are braces.
    return say(words.zh, words.en).format(
        claim=claim["claim"], statement=statement["digest"] if statement else "", error=error)


def state_words(state: str) -> str:
    """A state in the language of this run, with the code that `claim list --state` takes; in English that says all."""
    return say(f"{_STATES[state]} ({state})", state)


def quantity_text(quantity: Mapping[str, str] | None) -> str:
    """Value and unit, a dash where there is none yet."""
    return "–" if quantity is None else f"{quantity['value']} {quantity['unit']}"


def period_text(period: Mapping[str, str]) -> str:
    """From and to in the period's own zone; whole days as dates. The end is not included."""
    start, end = (local_text(parse_instant(period[name]), period["zone"])[:16] for name in ("start", "end"))
    if start.endswith("00:00") and end.endswith("00:00"):
        start, end = start[:10], end[:10]
    return f"{start} → {end} ({period['zone']})"
