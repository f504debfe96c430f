"""Writes tests/vectors/evidence from the cases: `python tests/verify/make_vectors.py`. Always the same bytes.

One folder a case: file.cseal, trust.json, expected.json {"valid", "exit", "now", "steps"}, README.md with the reason;
the suffix _fail when the verdict must not be valid.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
sys.path.insert(0, str(Path(__file__).parent))

from verify_cases import CASES
from verify_forging import EvidenceCase, world
from verify_world import Lies

from core.errors import InputError
from verify.trust import Trust
from verify.verifier import verify

FOLDER = Path(__file__).resolve().parents[1] / "vectors" / "evidence"
README = """# Evidence files

One folder a case, one defect each; `_fail`: the verdict must not be valid. Made by `tests/verify/make_vectors.py` from
a made-up world (Apache-2.0, as the project). A verifier in any language reads `file.cseal` with `trust.json`, and `now`
(ms UTC, or null: no clock) of `expected.json`, and must give that verdict, step by step, with these codes and this exit
status (2: unusable input, no steps).
"""


def vectors() -> Iterator[tuple[str, dict[str, bytes]]]:
    """(folder, files) of every case."""
    for name, case in CASES.items():
        trust = trust_of(case)
        data = case.build()
        yield name if case.valid else f"{name}_fail", {
            "file.cseal": data, "trust.json": text(trust.as_json()), "expected.json": text(expected(case, data, trust)),
            "README.md": f"# {name}\n\n{case.why}\n".encode()}


def trust_of(case: EvidenceCase) -> Trust:
    """The trust list of a case's reader."""
    made = world(Lies(development=True)) if case.development else world()
    return case.trust(made.trust())


def expected(case: EvidenceCase, data: bytes, trust: Trust) -> dict[str, Any]:
    """The verdict, step by step."""
    now = None if case.now is None else str(case.now)
    try:
        report = verify(data, trust, now=case.now)
    except InputError as error:
        return {"valid": False, "exit": 2, "now": now, "steps": {}, "error": error.code}
    steps = {str(step.n): {"outcome": step.outcome.value, "code": step.code} for step in report.steps}
    return {"valid": report.valid, "exit": 0 if report.valid else 1, "now": now, "steps": steps}


def text(value: Any) -> bytes:
    """JSON for people."""
    return json.dumps(value, ensure_ascii=False, indent=1).encode() + b"\n"


def main() -> int:
    """Write everything anew."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    (FOLDER / "README.md").write_text(README, encoding="utf-8")
    for name, files in vectors():
        (FOLDER / name).mkdir()
        for file, content in files.items():
            (FOLDER / name / file).write_bytes(content)
    return 0


if __name__ == "__main__":
    sys.exit(main())
