"""The jobs of a deployment: pipeline steps that run longer than a request, by kind."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from api import fsck, pipeline
from api.chain import ChainLink
from api.deployment import Deployment
from api.jobs import Arguments, Function, Report
from core.errors import Refused

CALCULATE, ISSUE, FSCK = "calculate", "issue", "fsck"


def functions(deployment: Deployment, link: ChainLink) -> Mapping[str, Function]:
    """Kind → function, bound to a deployment and its chain."""
    def calculate(arguments: Arguments, report: Report) -> Mapping[str, Any]:
        statement = pipeline.calculate(deployment, bytes.fromhex(arguments["claim"]), _told(report, 2))
        return {"statement": statement.digest.hex(), "index": str(statement.log_index)}

    def issue(arguments: Arguments, report: Report) -> Mapping[str, Any]:
        intent = pipeline.issue(deployment, link, bytes.fromhex(arguments["statement"]), _told(report, 3))
        if intent.sighting is None:
            raise Refused(**intent.error) if intent.error else Refused("issue-pending", "the chain has not answered")
        return {"statement": arguments["statement"], "block": str(intent.sighting.block),
                "transaction": intent.sighting.transaction}

    def check(_arguments: Arguments, report: Report) -> Mapping[str, Any]:
        findings = fsck.check(deployment, link, lambda step, done, total: report(step, done, total))
        return {"findings": [finding.as_json() for finding in findings]}

    return {CALCULATE: calculate, ISSUE: issue, FSCK: check}


def _told(report: Report, total: int) -> pipeline.Steps:
    """Pipeline steps as a job's progress."""
    count = 0

    def steps(name: str, done: bool) -> None:
        nonlocal count
        count += done
        report(name, min(count, total), total)

    return steps
