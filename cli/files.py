"""Files that a command reads and writes: never more of one than a command can use, all outputs or none."""

from __future__ import annotations

import os
import sys
from codecs import BOM_UTF8
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any, BinaryIO

from cli.output import err, say
from core.errors import FormError, InputError
from core.jcs import MAX_DOCUMENT_BYTES, parse_lenient

STDIN = "-"
# A formula takes at most 50,000 quantities, each some 200 bytes of JSON.
MAX_LINE_BYTES = 16 * 2**20
# A year of scanned vouchers in one file, with room; a device without an end is left after some ten seconds.
MAX_HASHED_BYTES = 4 * 2**30
_PIECE_BYTES = 2**20


def read_bounded(name: str | Path, limit: int = MAX_DOCUMENT_BYTES) -> bytes:
    """A file, or stdin for "-", of at most `limit` bytes; a device or pipe without an end is left after one more.

    Raises InputError (input-too-large), OSError.
    """
    with _opened(name) as stream:
        data = stream.read(limit + 1)
    if len(data) > limit:
        raise InputError("input-too-large", f"more than {limit} bytes", where=_place(name),
                         hint="give the file that the command asks for; divide a large one")
    return data


def sha256_of(name: str | Path, limit: int = MAX_HASHED_BYTES) -> str:
    """The SHA-256 in hex of a file of any kind, or of stdin for "-", read piece by piece.

    Raises InputError (document-empty, input-too-large), OSError.
    """
    hashed, length = sha256(), 0
    with _opened(name) as stream:
        while length <= limit and (piece := stream.read(_PIECE_BYTES)):
            hashed.update(piece)
            length += len(piece)
    if length > limit:
        raise InputError("input-too-large", f"more than {limit} bytes", where=_place(name),
                         hint="give the document itself, no device and no archive of a plant")
    if not length:
        raise InputError("document-empty", "the file has no bytes: it shows nothing", where=_place(name),
                         hint="look whether it was scanned or saved to its end")
    return hashed.hexdigest()


def read_json(name: str | Path) -> Any:
    """The JSON of a file, or of stdin for "-". What is wrong with it names the file. Raises FormError (json-…)."""
    # Editors on Windows begin a file with a byte order mark; it says nothing.
    data = read_bounded(name).removeprefix(BOM_UTF8)
    with named(name):
        return parse_lenient(data)


@contextmanager
def named(name: str | Path) -> Iterator[None]:
    """What is wrong with the content of a file, and has no place of its own, is told with the file's name."""
    try:
        yield
    except FormError as error:
        error.where = f"{_place(name)}: {error.where}" if error.where else _place(name)
        raise


def read_lines(name: str | Path, limit: int = MAX_LINE_BYTES) -> Iterator[bytes]:
    """The lines of a file, or of stdin for "-", each as soon as it is there. Raises InputError (input-too-large)."""
    with _opened(name) as stream:
        number = 1
        while line := stream.readline(limit + 1):
            if len(line) > limit:
                raise InputError("input-too-large", f"a line of more than {limit} bytes",
                                 where=f"{_place(name)}, line {number}", hint="one document a line, each line ended")
            yield line
            number += 1


def write_files(outputs: Mapping[str, tuple[Path | None, Callable[[], bytes]]]) -> None:
    """Make every document that was asked for, then write them all: nothing is written unless each could be made.

    `outputs`: by the name of its option, where to write and what makes it. Raises InputError (file-unusable), OSError.
    """
    wanted = {option: (path, make) for option, (path, make) in outputs.items() if path is not None}
    for option, (path, _) in wanted.items():
        _check_place(option, path)
    _replace_all([(path, make()) for path, make in wanted.values()])
    for path, _ in wanted.values():
        err.print(say(f"已写入 {path}", f"wrote {path}"), markup=False)


def _check_place(option: str, path: Path) -> None:
    if path.is_dir() or not path.parent.is_dir():
        raise InputError("file-unusable", f"{option} names a folder, or a file in a folder that is not there",
                         where=str(path), hint="make the folder first, and name a file in it")


def _replace_all(documents: list[tuple[Path, bytes]]) -> None:
    """Each is whole beside its place before the first takes it."""
    beside: list[tuple[Path, Path]] = []
    try:
        for path, data in documents:
            # A device or pipe takes bytes and cannot be replaced; a link is kept, its file replaced.
            target = path.resolve()
            if target.exists() and not target.is_file():
                target.write_bytes(data)
                continue
            part = target.with_name(f".{target.name[:100]}.{os.getpid()}.{len(beside)}.part")
            beside.append((part, target))
            part.write_bytes(data)
        for part, target in beside:
            part.replace(target)
    finally:
        for part, _ in beside:
            part.unlink(missing_ok=True)


@contextmanager
def _opened(name: str | Path) -> Iterator[BinaryIO]:
    if str(name) != STDIN:
        with Path(name).open("rb") as stream:
            yield stream
        return
    if sys.stdin.isatty():
        err.print(say("从 stdin 读取输入，以 Ctrl-D 结束", "reading the inputs from stdin, Ctrl-D ends them"))
    yield sys.stdin.buffer


def _place(name: str | Path) -> str:
    return "stdin" if str(name) == STDIN else str(name)
