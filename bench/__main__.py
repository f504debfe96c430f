"""python -m bench: run the benchmarks and print one JSON line a figure."""

from __future__ import annotations

import argparse
import importlib
import json
import sys

SUITES = ("ledger", "accept", "chain", "verify", "http", "mrv", "demo")


def main() -> None:
    """Run the suites named by --only (comma separated), all by default."""
    parser = argparse.ArgumentParser(prog="make bench", description="Benchmarks; JSON lines on stdout.")
    parser.add_argument("--only", default=",".join(SUITES), help="comma separated: " + ", ".join(SUITES))
    parser.add_argument("--quick", action="store_true", help="smaller runs, for a look")
    options = parser.parse_args()
    chosen = options.only.split(",")
    if unknown := [name for name in chosen if name not in SUITES]:
        parser.error(f"no suite {', '.join(unknown)}; one of {', '.join(SUITES)}")
    for name in chosen:
        print(f"== {name}", file=sys.stderr, flush=True)
        for figure in importlib.import_module(f"bench.{name}").run(options.quick):
            print(json.dumps(figure), flush=True)


main()
