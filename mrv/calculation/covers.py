"""What a document stands for: the whole of its input, or a span of time and an account that it names.

A document source may have `covers`: {"start", "end", "account"}: its quantity is of [start, end), as metered or billed
under `account` (a number of the supplier, a meter; null where there is one only). So one paper may stand for several
shares of a period, and two bills of one account for one time are seen.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from core.claims import ACCOUNT, ACCOUNT_HINT
from core.errors import FormError, InputError
from core.period import Period, parse_instant
from mrv.definitions.methodology import InputRule

COVERS = "covers"

_MEMBERS = {"start", "end", "account"}


def check_covers(rule: InputRule, given: Any, period: Period, where: str) -> None:
    """Passes for a span of the period. Raises FormError (inputs-malformed, instant-malformed), InputError
    (period-outside).

    An intensive quantity (a measured factor) may come from a longer time than it is used for.
    """
    if not isinstance(given, Mapping) or set(given) != _MEMBERS:
        raise FormError("inputs-malformed", "what a document covers has exactly start, end and account", where=where,
                        hint='{"start": instant, "end": instant, "account": "0512-0017" or null}')
    account = given["account"]
    if account is not None and not (isinstance(account, str) and ACCOUNT.fullmatch(account)):
        raise FormError("inputs-malformed", "an account is the number of a supplier or meter in one spelling, or null",
                        where=f"{where}.account", hint=ACCOUNT_HINT)
    start, end = _span(given, where)
    if start >= end or not (rule.single or period.start <= start < end <= period.end):
        raise InputError("period-outside", "what the document covers is empty or not within the period", where=where,
                         hint="give the share that falls within the period, with start and end of that share")


def covered_span(source: Mapping[str, Any]) -> tuple[int, int]:
    """[start, end) in ms UTC of a document that says what it covers. Raises FormError."""
    return _span(source[COVERS], COVERS)


def _span(given: Mapping[str, Any], where: str) -> tuple[int, int]:
    return (parse_instant(given["start"], where=f"{where}.start"), parse_instant(given["end"], where=f"{where}.end"))


def check_papers(rule: InputRule, sources: Sequence[Mapping[str, Any]], where: str) -> None:
    """The documents of one input, all its parts together. Raises InputError (inputs-overlap).

    A document given twice names what each share covers; no two of one account share time. An intensive quantity is
    no amount: its document may be used in each part.
    """
    papers = [source for source in sources if source["type"] == "document"]
    if rule.single:
        return
    given = Counter(source["digest"] for source in papers)
    if any(given[source["digest"]] > 1 for source in papers if COVERS not in source):
        raise InputError("inputs-overlap", "one document is given twice", where=where,
                         hint="give it once, or say with covers (start, end, account) which share each is of")
    spans: dict[str, list[tuple[int, int]]] = {}
    for source in papers:
        if COVERS in source:
            spans.setdefault(source[COVERS]["account"] or "", []).append(_span(source[COVERS], where))
    for account, ranges in spans.items():
        if any(a[1] > b[0] for a, b in pairwise(sorted(ranges))):
            raise InputError("inputs-overlap", "two documents" + (f" of the account {account!r}" if account else "")
                             + " cover the same time", where=where,
                             hint="name the account of each, or leave out what another document counts already")
