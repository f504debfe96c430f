"""What a command prints: one JSON document with --json, a table or sentences for people; errors in one shape."""

from __future__ import annotations

import functools
import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn, ParamSpec, TypeVar

import typer
from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from core import error_words
from core.errors import CarbonSealError, InputError

P = ParamSpec("P")
R = TypeVar("R")

DEBUG = "CARBONSEAL_DEBUG"

# Results go to stdout; logs, progress and errors to stderr.
# A pipe has no edge: nothing in a table is folded there that a program downstream would look for.
PIPE_WIDTH = 250
out = Console(width=None if sys.stdout.isatty() else PIPE_WIDTH, highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)


@dataclass
class Language:
    """The language of this run: "zh" or "en"; set once by the main callback."""

    code: str = "zh"


language = Language()


def say(zh: str, en: str) -> str:
    """The text in the language of this run."""
    return zh if language.code == "zh" else en


def print_json(document: Any) -> None:
    """One JSON document on stdout, nothing else."""
    sys.stdout.write(json.dumps(document, ensure_ascii=False, indent=2) + "\n")


def print_json_line(document: Any) -> None:
    """One line of a JSON-lines answer, there at once for whoever waits for it before asking on."""
    sys.stdout.write(json.dumps(document, ensure_ascii=False, separators=(",", ":")) + "\n")
    sys.stdout.flush()


def print_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """A table for people."""
    table = Table(title=title, title_justify="left", header_style="bold", show_edge=False, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*("" if cell is None else escape(str(cell)) for cell in row))
    out.print(table)


def print_rows(rows: Sequence[Mapping[str, Any]], as_json: bool, title: str,
               columns: Mapping[str, Callable[[Mapping[str, Any]], object]]) -> None:
    """Rows a node answered: one JSON document, or a table of these columns, each by its heading."""
    if as_json:
        print_json(rows)
    else:
        print_table(title, list(columns), [[cell(row) for cell in columns.values()] for row in rows])


def print_fields(fields: Mapping[str, object]) -> None:
    """Name and value, one a line."""
    # A Chinese character is two cells wide.
    width = max((cell_len(name) for name in fields), default=0)
    for name, value in fields.items():
        out.print(f"[bold]{escape(set_cell_size(name, width))}[/bold]  {escape(str(value))}", markup=True)


def print_answer(document: Mapping[str, Any], as_json: bool) -> None:
    """An answer as one JSON document, or for people: its members below one another, those of members dotted."""
    if as_json:
        print_json(document)
    else:
        print_fields(dict(_flat(document)))


def _flat(document: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, object]]:
    for name, value in document.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        elif isinstance(value, list) and value and isinstance(value[0], Mapping):
            yield from _flat({str(position): item for position, item in enumerate(value)}, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", ", ".join(map(str, value)) if isinstance(value, list) else value


def told(code: str) -> str:
    """A code in a cell of a table: in Chinese with what it says is wrong."""
    found = error_words.words(code)
    return say(f"{code} {found.what}", code) if found else code


def fail(error: CarbonSealError, as_json: bool) -> NoReturn:
    """Print the error and leave with its exit code."""
    if as_json:
        print_json({"error": error_words.as_document(error)})
    else:
        err.print(f"[red]{error.code}[/red] {escape(error_words.headline(error, language.code))}")
        for line in error_words.particulars(error, language.code):
            err.print(escape(line))
    raise typer.Exit(error.exit_code)


def command(function: Callable[P, R]) -> Callable[P, R]:
    """A command whose errors are printed in our shape; `as_json` among its arguments chooses JSON.

    Exit codes are those of core.errors. A bug of ours is internal-error (2), with its traceback only when
    CARBONSEAL_DEBUG=1.
    """

    @functools.wraps(function)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except CarbonSealError as error:
            fail(error, bool(kwargs.get("as_json")))
        except BrokenPipeError:
            raise typer.Exit(0) from None
        except OSError as error:
            place = str(error.filename or "")
            fail(InputError("file-unusable", error.strerror or str(error), where=place,
                            hint="check that the file exists and may be read or written"), bool(kwargs.get("as_json")))
        except (typer.Exit, typer.Abort, typer.BadParameter):
            raise
        except Exception as error:
            if os.environ.get(DEBUG) == "1":
                raise
            fail(CarbonSealError("internal-error", f"an error of the program's own: {type(error).__name__}: {error}",
                                 hint=f"run it again with {DEBUG}=1 and report what it prints"),
                 bool(kwargs.get("as_json")))

    return wrapped
