"""Groups whose commands are imported when they are called: a proof over stdin does not wait for a chain client."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any, cast

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command, get_group

from cli.output import print_json

# Typer's own base of "missing option" and its like; it has no public name in every version.
_UsageError = cast(type[Exception], typer.BadParameter.__mro__[1])


@dataclass(frozen=True)
class Lazy:
    """A command or group: `target` "module:attribute", `help` the first line of what it says of itself."""

    target: str
    help: str


class LazyCommand(TyperCommand):
    """What help shows of a command; called, it becomes the command."""

    def __init__(self, name: str, lazy: Lazy) -> None:
        super().__init__(name, help=lazy.help, add_help_option=False)
        self._target = lazy.target

    def load(self) -> TyperCommand | TyperGroup:
        """The command or group itself."""
        module, _, attribute = self._target.partition(":")
        found = getattr(import_module(module), attribute)
        if isinstance(found, typer.Typer):
            return get_group(found)
        alone = typer.Typer(add_completion=False)
        alone.command(self.name)(found)
        return cast(TyperCommand, get_command(alone))

    def make_context(self, *args: Any, **extra: Any) -> Any:
        """The context of the command itself: from here on this stand-in is out of the way."""
        return self.load().make_context(*args, **extra)


def lazy_group(commands: Mapping[str, Lazy]) -> type[TyperGroup]:
    """The class of a group that has these commands beside its own."""
    class LazyGroup(TyperGroup):
        """See `lazy_group`."""

        def __init__(self, **attributes: Any) -> None:
            super().__init__(**attributes)
            for name, lazy in commands.items():
                self.add_command(LazyCommand(name, lazy))

        def main(self, args: Sequence[str] | None = None, *rest: Any, **options: Any) -> Any:
            """Run. With --json a usage error is one document on stdout too."""
            words = sys.argv[1:] if args is None else list(args)
            if "--json" not in words:
                return super().main(words, *rest, **options)
            try:
                code = super().main(words, *rest, **{**options, "standalone_mode": False})
            except _UsageError as error:
                code = _report(error)
            sys.exit(code if isinstance(code, int) else 0)

    return LazyGroup


def walk(group: TyperGroup) -> Iterator[tuple[list[str], TyperCommand | TyperGroup]]:
    """Every command below a group with the words that call it; imports them all."""
    for name, item in group.commands.items():
        found = item.load() if isinstance(item, LazyCommand) else item
        if isinstance(found, TyperGroup):
            yield from (([name, *words], command) for words, command in walk(found))
        else:
            yield [name], cast(TyperCommand, found)


def _report(error: BaseException) -> int:
    usage = cast(Any, error)
    path = usage.ctx.command_path if usage.ctx is not None else "carbonseal"
    print_json({"error": {"code": "usage", "message": usage.format_message(), "where": path, "hint": f"{path} --help"}})
    return int(usage.exit_code)
