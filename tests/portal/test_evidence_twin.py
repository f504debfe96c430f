"""The statements of the evidence vectors, evaluated again in TypeScript as a reader's browser would: step 8."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import portal_helpers as portal
import portal_statements as statements
import pytest

from core.errors import CarbonSealError
from core.jcs import canonical, parse
from verify.parse import parse_evidence

VECTORS = Path(__file__).parents[1] / "vectors" / "evidence"


def request_of(folder: Path) -> dict[str, Any] | None:
    """What a file gives to evaluate; None where it cannot be read or holds not all of it."""
    try:
        evidence = parse_evidence((folder / "file.cseal").read_bytes())
    except CarbonSealError:
        return None
    documents, listed = evidence.documents, evidence.listed
    release, details = evidence.release, evidence.details
    if documents is None or listed is None or release is None or details is None or not details.complete:
        return None
    return {"documents": documents, "listed": listed, "release": parse(release.envelope.payload),
            "payload": parse(evidence.statement.envelope.payload),
            "details": [{"salt": item.salt.hex(), "record": item.record} for item in details.records]}


@pytest.fixture(scope="module")
def requests() -> dict[str, dict[str, Any]]:
    """By the name of the vector; of equal ones the first, and a good one before one that fails elsewhere."""
    found, seen = {}, set()
    folders = (path for path in VECTORS.iterdir() if path.is_dir())
    for folder in sorted(folders, key=lambda path: (path.name.endswith("_fail"), path.name)):
        request = request_of(folder)
        if request is not None and canonical(request) not in seen:
            seen.add(canonical(request))
            found[folder.name] = request
    return found


def test_evidence_is_evaluated_to_the_same_verdict(requests: dict[str, dict[str, Any]]) -> None:
    given = list(requests.values())
    ours = statements.python_recomputations(given)
    assert ours == portal.run_tool("recompute", stdin=b"\n".join(statements.statement_lines(given)))
    answers = dict(zip(requests, map(json.loads, ours), strict=True))
    same = {name for name, answer in answers.items() if answer.get("different") == []}
    # What is wrong elsewhere does not change the calculation.
    assert {"auditor", "emission", "uncertainty-left-out_fail"} <= same
    assert answers["statement-inflated_fail"]["different"] == ["result"]
    assert answers["changed-factor_fail"]["error"]["code"] == "rule-not-released"
    assert answers["salt-changed_fail"]["different"] == ["details"]


def test_what_is_rebuilt_from_good_evidence_is_the_signed_payload(requests: dict[str, dict[str, Any]]) -> None:
    good = {name: request for name, request in requests.items() if not name.endswith("_fail")}
    assert good
    answers = portal.run_tool("recompute", stdin=b"\n".join(statements.statement_lines(good.values())))
    for request, line in zip(good.values(), answers, strict=True):
        assert json.loads(line)["payload"].encode() == canonical(request["payload"])
