"""`carbonseal-verify`: checks an evidence file offline against the reader's own trust list."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from io import TextIOWrapper
from pathlib import Path
from typing import TextIO

from core import error_words
from core.clock import SystemClock
from core.errors import CarbonSealError, InputError
from verify.bundle import MAX_FILE_BYTES, too_large
from verify.report import Report, plain
from verify.trust import load_trust
from verify.verifier import verify

VALID, INVALID, UNUSABLE = 0, 1, 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point. Returns 0 valid, 1 not valid, 2 unusable input."""
    options = _parser().parse_args(arguments)
    _write_anything(sys.stdout, sys.stderr)
    try:
        trust = load_trust(options.trust)
        report = verify(_read(options.file), trust, now=SystemClock().now())
    except CarbonSealError as error:
        _print_error(error, options)
        return UNUSABLE
    except MemoryError:  # says nothing about the file, so it must not end as "not valid"
        _print_error(_unreadable("not enough memory to check it", options.file), options)
        return UNUSABLE
    _print_report(report, options)
    return VALID if report.valid else INVALID


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="carbonseal-verify",
        description="离线校验碳印证据文件(十个步骤)。Checks a CarbonSeal evidence file offline, in ten steps.",
        epilog="退出码 / exit code: 0 有效 valid, 1 无效 not valid, 2 输入不可用 unusable input")
    parser.add_argument("file", type=Path, metavar="F.cseal", help="证据文件 / the evidence file")
    parser.add_argument("--trust", type=Path, required=True, metavar="trust.json",
                        help="您自己的信任清单 / your own trust list")
    parser.add_argument("--json", action="store_true", help="输出一个 JSON 文档 / print one JSON document")
    parser.add_argument("--lang", choices=("zh", "en"), default="zh", help="语言 / language (zh)")
    return parser


def _write_anything(*streams: TextIO) -> None:
    """A terminal or pipe without these letters shows their codes; it must not turn a verdict into a crash."""
    for stream in streams:
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _read(path: Path) -> bytes:
    """The file, of at most the limit; a device or pipe without an end is left after one byte more."""
    try:
        with path.open("rb") as stream:
            data = stream.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise _unreadable(error.strerror, path) from None
    if len(data) > MAX_FILE_BYTES:
        raise too_large(str(path))
    return data


def _unreadable(reason: str | None, path: Path) -> InputError:
    return InputError("evidence-unreadable", f"cannot read the file: {reason}", where=str(path),
                      hint="give the path of a .cseal file that you may read, on a machine with memory for it")


def _print_report(report: Report, options: argparse.Namespace) -> None:
    text = json.dumps(report.as_json(), ensure_ascii=False, indent=2) if options.json else report.as_text(options.lang)
    try:
        print(text, flush=True)
    except BrokenPipeError:
        # Whoever reads has seen enough (`| head`); the exit code still says the verdict.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _print_error(error: CarbonSealError, options: argparse.Namespace) -> None:
    if options.json:
        document = {"valid": False, "steps": [], "error": error_words.as_document(error)}
        print(json.dumps(document, ensure_ascii=False, indent=2))
    else:
        lines = [f"{error.code} {error_words.headline(error, options.lang)}",
                 *error_words.particulars(error, options.lang)]
        print("\n".join(map(plain, lines)), file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
