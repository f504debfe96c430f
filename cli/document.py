"""carbonseal document: what an inputs document or a claim says of a file: its SHA-256."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli.files import sha256_of
from cli.options import Json
from cli.output import command, print_json, print_table, say

app = typer.Typer(no_args_is_help=True, help="凭证文件的 SHA-256 · the SHA-256 of documents")
Files = Annotated[list[Path], typer.Argument(help="发票、台账等文件，- 为 stdin · invoices, ledgers; - for stdin")]


@app.callback()
def documents() -> None:
    """A group, so that `digest` keeps its name."""


@app.command("digest", epilog="例 e.g. carbonseal document digest invoice-2026-10.pdf")
@command
def digest(files: Files, as_json: Json = False) -> None:
    """文件的 SHA-256，填入来源的 digest 或申报的 document · the SHA-256 to give in a source or a claim."""
    found = [{"file": str(path), "digest": sha256_of(path)} for path in files]
    if as_json:
        print_json(found)
    else:
        print_table(say("凭证", "Documents"), ["SHA-256", say("文件", "file")],
                    [(item["digest"], item["file"]) for item in found])
