"""Every error code that the rooms raise, found in their syntax trees.

A code stands where an error of ours is built: as a text, a constant of a module, a choice among texts, the result of a
function that returns codes (`chain_defect`), or an argument handed to a function that builds the error (`_bad`).
Codes that are only passed on (`error.code`) were raised elsewhere.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("core", "adapters", "attestation", "ledger", "mrv", "verify", "certificates", "edge", "simulator", "api",
         "cli")
BASE = "CarbonSealError"
Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, order=True)
class Raised:
    """One place that raises an error of ours with this code."""

    code: str
    error: str
    room: str
    message: str


@dataclass
class _Source:
    """What the rooms define that an error's code may come from."""

    errors: set[str] = field(default_factory=lambda: {BASE})
    constants: dict[str, str] = field(default_factory=dict)
    functions: dict[str, list[Function]] = field(default_factory=dict)

    def within(self, tree: ast.Module) -> _Source:
        """The same, seen from one module: a private function is the module's own."""
        own = {node for node in ast.walk(tree) if isinstance(node, Function)}
        seen = {name: [each for each in found if each in own or not name.startswith("_")]
                for name, found in self.functions.items()}
        return _Source(self.errors, self.constants, seen)

    def add(self, tree: ast.Module) -> None:
        for node in tree.body:
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant) \
                    and isinstance(node.value.value, str) and isinstance(node.targets[0], ast.Name):
                self.constants[node.targets[0].id] = node.value.value
        for function in (node for node in ast.walk(tree) if isinstance(node, Function)):
            self.functions.setdefault(function.name, []).append(function)

    def add_errors(self, trees: list[ast.Module]) -> None:
        """The classes of the error tree, those of other rooms too."""
        classes = {node.name: {base.id for base in node.bases if isinstance(base, ast.Name)}
                   for tree in trees for node in ast.walk(tree) if isinstance(node, ast.ClassDef)}
        while found := {name for name, bases in classes.items() if bases & self.errors} - self.errors:
            self.errors |= found


@cache
def raised_codes() -> tuple[Raised, ...]:
    """Every error that the rooms build whose code can be read in the source."""
    trees = [(room, ast.parse(path.read_text(encoding="utf-8")))
             for room in ROOMS for path in sorted((ROOT / room).rglob("*.py"))]
    source = _Source()
    source.add_errors([tree for _, tree in trees])
    for _, tree in trees:
        source.add(tree)
    return tuple(raised for room, tree in trees for raised in _raised_in(tree, room, source.within(tree)))


def _raised_in(tree: ast.Module, room: str, source: _Source) -> Iterator[Raised]:
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call) and node.args):
        name = _name(call.func)
        if name in source.errors and len(call.args) >= 2:
            for code in _texts(call.args[0], source):
                yield Raised(code, name, room, _shown(call.args[1]))
        else:
            yield from _handed_over(call, name, room, source)
    for function in (node for node in ast.walk(tree) if isinstance(node, Function)):
        yield from _of_returned_codes(function, room, source)


def _handed_over(call: ast.Call, name: str, room: str, source: _Source) -> Iterator[Raised]:
    """Codes given to a function that builds an error of its parameter `code`."""
    for function in source.functions.get(name, ()):
        place = _place_of_code(function)
        built = _built(function, source) if place is not None else None
        if built and place is not None and place < len(call.args):
            told = call.args[1] if _name(built.args[1]) == "message" and place == 0 else built.args[1]
            for code in _texts(call.args[place], source):
                yield Raised(code, _name(built.func), room, _shown(told))


def _of_returned_codes(function: Function, room: str, source: _Source) -> Iterator[Raised]:
    """Codes that another function returned: `code = chain_defect(…)`, then an error of `code`."""
    built = _built(function, source)
    for node in ast.walk(function) if built else ():
        if built and isinstance(node, ast.Assign) and _name(node.targets[0]) == "code" \
                and isinstance(node.value, ast.Call):
            for answer in source.functions.get(_name(node.value.func), ()):
                for each in ast.walk(answer):
                    if isinstance(each, ast.Return) and each.value is not None:
                        for code in _texts(each.value, source):
                            yield Raised(code, _name(built.func), room, _shown(built.args[1]))


def _place_of_code(function: Function) -> int | None:
    names = [argument.arg for argument in function.args.args]
    return names.index("code") if "code" in names and names[0] != "self" else None


def _built(function: Function, source: _Source) -> ast.Call | None:
    """The first error that the function builds of a variable `code`."""
    return next((node for node in ast.walk(function) if isinstance(node, ast.Call) and len(node.args) >= 2
                 and _name(node.func) in source.errors and _name(node.args[0]) == "code"), None)


def _texts(node: ast.expr, source: _Source) -> list[str]:
    """The texts that an expression may be."""
    if isinstance(node, ast.Constant):
        return [node.value] if isinstance(node.value, str) else []
    if isinstance(node, ast.IfExp):
        return _texts(node.body, source) + _texts(node.orelse, source)
    if isinstance(node, ast.BoolOp):
        return [text for value in node.values for text in _texts(value, source)]
    return [source.constants[_name(node)]] if _name(node) in source.constants else []


def _name(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else ""


def _shown(node: ast.expr) -> str:
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "…" for part in node.values)
    return "…"
