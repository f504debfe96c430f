"""Writes the hints that stand beside a code alone for the TypeScript package, from those in `core.hints`.

    python tests/portal/make_hints.py

The twin test fails while the committed table differs from what this prints.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[2]))

from core.hints import HINTS

RULES = Path(__file__).parents[2] / "verifier-portal" / "src" / "verify" / "rules"
TARGET = RULES / "hints.ts"
HEADER = """\
/** What to do about an error whose code alone says it (make_hints.py); a place that knows better gives its own hint. */
export const HINTS: ReadonlyMap<string, string> = new Map([
"""


def table() -> str:
    """The whole module as text: the codes of the package's closed union, in order."""
    union = (RULES / "error.ts").read_text("utf-8").partition("[")[2].partition("]")[0]
    codes = re.findall(r'"([a-z0-9-]+)"', union)
    lines = [f"  {json.dumps([code, HINTS[code]], ensure_ascii=False)},\n" for code in codes if code in HINTS]
    return "".join([HEADER, *lines, "]);\n"])


if __name__ == "__main__":
    TARGET.write_text(table(), encoding="utf-8")
