"""The demonstration's screen: each act with what happens, why it matters and how long it took. All on stderr."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.panel import Panel
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from cli.output import err, say


class Screen:
    """Numbered acts with their times; a bar where an act is long."""

    def __init__(self) -> None:
        self._begun = time.monotonic()
        self._number = 0

    @property
    def seconds(self) -> int:
        """Whole seconds since the beginning."""
        return round(time.monotonic() - self._begun)

    def title(self, text: str) -> None:
        """The frame around the beginning and the end."""
        err.print(Panel(text, expand=False, border_style="cyan"), soft_wrap=False)

    @contextmanager
    def act(self, zh: str, en: str, why_zh: str = "", why_en: str = "") -> Iterator[None]:
        """One act: its name and why, then its time."""
        self._number += 1
        begun = time.monotonic()
        err.print(f"\n[bold cyan]{self._number:2}[/bold cyan] [bold]{say(zh, en)}[/bold]")
        if why_zh:
            err.print(f"   [dim]{say(why_zh, why_en)}[/dim]")
        yield
        err.print(f"   [green]✓[/green] [dim]{time.monotonic() - begun:.1f} s[/dim]")

    def line(self, zh: str, en: str) -> None:
        """What an act did."""
        err.print(f"   · {say(zh, en)}")

    def refused(self, zh: str, en: str, code: str, where: str) -> None:
        """A forgery and what caught it."""
        err.print(f"   [green]✓[/green] {say(zh, en)} → [yellow]{where}[/yellow] [red]{code}[/red]")

    @contextmanager
    def bar(self, zh: str, en: str, total: int) -> Iterator[Bar]:
        """A progress bar over `total` units."""
        columns = (TextColumn("   {task.description}"), BarColumn(), MofNCompleteColumn(),
                   TextColumn("{task.fields[note]}"), TimeElapsedColumn())
        with Progress(*columns, console=err, transient=not err.is_terminal) as progress:
            yield Bar(progress, progress.add_task(say(zh, en), total=total, note=""))


class Bar:
    """One running progress bar."""

    def __init__(self, progress: Progress, task: TaskID) -> None:
        self._progress, self._task = progress, task

    def set(self, done: int, note: str = "") -> None:
        """So much is done."""
        self._progress.update(self._task, completed=done, note=note)
