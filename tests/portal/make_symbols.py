"""Writes the table of units that the TypeScript interpreter uses from the one in `core.units`.

    python tests/portal/make_symbols.py

The twin test fails while the committed table differs from what this prints.
"""

from __future__ import annotations

import json
from pathlib import Path

from core.units import _ALIASES, _MEANT, _SYMBOLS

TARGET = Path(__file__).parents[2] / "verifier-portal" / "src" / "verify" / "rules" / "symbols.ts"
HEADER = """\
/** Every unit symbol: numerator and denominator of its size in base units, its dimension (make_symbols.py). */
export type SymbolEntry = readonly [string, string, readonly (readonly [string, number])[]];

"""


def table() -> str:
    """The whole module as text."""
    lines = [HEADER, "export const SYMBOLS: ReadonlyMap<string, SymbolEntry> = new Map<string, SymbolEntry>([\n"]
    for symbol, (scale, dimension) in _SYMBOLS.items():
        entry = [str(scale.numerator), str(scale.denominator), sorted(dimension.items())]
        lines.append(f"  {json.dumps([symbol, entry], ensure_ascii=False)},\n")
    lines.append("]);\n\n/** Other spellings. */\nexport const ALIASES: ReadonlyMap<string, string> = new Map([\n")
    lines += [f"  {json.dumps(list(pair), ensure_ascii=False)},\n" for pair in _ALIASES.items()]
    lines.append("]);\n\n/** What may be meant by a word for several units. */\n"
                 "export const MEANT: ReadonlyMap<string, string> = new Map([\n")
    lines += [f"  {json.dumps(list(pair), ensure_ascii=False)},\n" for pair in _MEANT.items()]
    return "".join([*lines, "]);\n"])


if __name__ == "__main__":
    TARGET.write_text(table(), encoding="utf-8")
