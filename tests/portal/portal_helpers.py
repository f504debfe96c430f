"""Runs the TypeScript harness and makes up evaluations from what formulas declare."""

from __future__ import annotations

import fcntl
import json
import shutil
import subprocess
from collections.abc import Iterable, Sequence
from copy import deepcopy
from pathlib import Path
from random import Random
from typing import Any

from core.errors import CarbonSealError
from core.numbers import decimal_text, parse_decimal
from mrv.authoring.translate import formula_document
from mrv.calculation.service import evaluate, evaluate_batch
from mrv.definitions.ruleset import RuleSet

PORTAL = Path(__file__).parents[2] / "verifier-portal"

_FAMILIES = (("t", "kg", "g", "mg", "lb", "short ton", "t clinker"), ("kWh", "MWh", "GJ", "MJ", "kcal", "Wh"),
             ("tCO2", "kgCO2"), ("tCO2e", "kgCO2e", "gCO2e"), ("1", "%", "‰"), ("Nm3", "1e4Nm3", "万Nm3"), ("m3", "L"),
             ("h", "day", "s", "min"), ("kPa", "MPa", "Pa"), ("°C", "degC"), ("km", "m"), ("tCO2/MWh", "kgCO2/kWh"),
             ("GJ/t", "MJ/kg"), ("tC/GJ", "kgC/MJ"), ("kgce", "tce"), ("tC", "kgC"), ("CNY", "1e4CNY"),
             ("tC/t", "kgC/t", "%", "1"))
_MALFORMED: tuple[Any, ...] = (
    "NaN", "Infinity", "-", "", "1,5", "１", "0x1", "1e10000", "1" * 201, "1e400", "1e201", "1e200", "1e-200", 5,
    True, None, ["1"], {"a": "1"}, "it's", 'both \' and "', "tab\t", "\u200b", "😀" * 50)
_BAD_UNITS: tuple[Any, ...] = ("bushel", "", " ", "t/", "(t", "t)", "t t", "1e19t", "t^4", "t^2", "kWh ", "m·/s",
                               "t" * 81, 5, None, False, "text", "1", "tCO2e/(t·km)", "1e45")
_SHAPES: tuple[Any, ...] = (
    {}, [], "5", 5, None, {"value": "1"}, [{"value": "1.50", "unit": "kWh"}, {"value": "a", "unit": "text"}],
    {"x": {"value": "1", "unit": "kWh"}}, {"value": "甲", "unit": "text"}, {"value": ["a"], "unit": "text"})
_SPELLINGS = ("0.30", "1e2", "+5", ".5", "5.", "007", "1E-3", "100.000", "-0", "-0.0", "0", "0e5", "1e15", "3.14159",
              "0.3333333333333333333333333333333333333333333333")

OPERATOR_EXPRESSIONS = {
    "sum": "a + b - c", "product": "a * b * c", "quotient": "a / b / c", "third": "a / 3 + b / 7",
    "negation": "-a + -b",
    "size": "abs(a) + abs(-b)", "least_of": "min(a, b, c)", "greatest_of": "max(a, b, c)", "root": "sqrt(a)",
    "square_root_of_square": "sqrt(a * a)", "power": "exp(a)", "small_power": "exp(a / 1000)", "logarithm": "ln(a)",
    "logarithm_near_one": "ln(1 + a / 1000000000000)", "rounded": "round(a / b, 3)", "floored": "floor(a / b, 2)",
    "raised": "ceil(a / b, 2)", "rounded_far": "round(a, 20)", "chosen": "if(a < b and b <= c or not a = c, a, b)",
    "seventh_power": "a * a * a * a * a * a * a",
}

_SQUARINGS = 13


def operator_documents() -> dict[str, Any]:
    """Formulas that lead each operator through any numbers, beside those of the catalogue."""
    documents = {}
    for name, expression in OPERATOR_EXPRESSIONS.items():
        documents[f"formulas/operator.{name}@1"] = formula_document(
            _frame(f"operator.{name}") | {"inputs": {key: {"unit": "1", "signed": "true"} for key in "abc"},
                                          "output": "1", "expression": expression})
    documents["formulas/operator.towering@1"] = _towering()
    columns = {"key": {"unit": "1", "signed": "true"}, "x": {"unit": "t", "signed": "true"}}
    listed = {"rows": {"list": columns, "empty": "true"}, "at": columns["key"]}
    bodies = {"interpolated": "interpolate(rows, key, x, at)", "looked_up": "lookup(rows, key, x, at)",
              "summed": "sum(row in rows: row.x * row.key) + 0[t] * at", "averaged": "mean(row in rows: row.x)",
              "least": "least(row in rows: row.x)", "greatest": "greatest(row in rows: row.x)",
              "counted": "count(rows) * 1[t]", "converted": "convert(sum(row in rows: convert(row.x, [lb])), [t])",
              "asked": "if(all(row in rows: row.key > at) or any(row in rows: row.key = at), 1[t], 2[t])"}
    for name, expression in bodies.items():
        documents[f"formulas/list.{name}@1"] = formula_document(
            _frame(f"list.{name}") | {"inputs": listed, "output": "t", "expression": expression})
    return documents


def _towering() -> dict[str, Any]:
    """Numbers beyond every scale inside, a small one outside: overflow, subnormal numbers, roundings without room."""
    let = {f"p{i}": f"p{i - 1} * p{i - 1}" if i else "a * 1" for i in range(_SQUARINGS + 1)}
    return formula_document(_frame("operator.towering") | {
        "inputs": {key: {"unit": "1", "signed": "true"} for key in "abc"},
        "let": let | {"tiny": f"1 / p{_SQUARINGS} / b", "again": f"tiny * p{_SQUARINGS} * b"},
        "outputs": {"vanished": {"unit": "text", "expression": 'if(tiny = 0, "yes", "no")'},
                    "survived": {"unit": "1", "expression": "if(c = 0, again, round(p2, 20) / p2)"}}})


def _frame(name: str) -> dict[str, Any]:
    return {"id": name, "version": "1", "title": {"zh": "算子", "en": "operator"}, "source": "test",
            "status": "published", "valid": {"from": None, "to": None}}


class Requests:
    """Seeded evaluations: worked cases with members disturbed, or made up from what a formula declares."""

    def __init__(self, seed: int, documents: dict[str, Any], cases: dict[str, list[dict[str, Any]]]) -> None:
        self._random = Random(seed)
        self._formulas = sorted(path.removeprefix("formulas/") for path in documents if path.startswith("formulas/"))
        self._documents = documents
        self._cases = cases

    def lines(self, count: int) -> list[bytes]:
        """`count` request lines, every formula in turn."""
        return [self._line(i) for i in range(count)]

    def _line(self, number: int) -> bytes:
        key = self._formulas[number % len(self._formulas)]
        cases = self._cases.get(key, [])
        inputs = deepcopy(self._random.choice(cases)) if cases and self._chance(0.5) else self._made_up(key)
        for _ in range(self._random.choice((0, 0, 0, 1, 2))):
            self._disturb(inputs)
        name = key.partition("@")[0] if self._chance(0.1) else key
        return json.dumps({"id": number, "formula": name, "inputs": inputs}, ensure_ascii=False).encode()

    def _chance(self, share: float) -> bool:
        return self._random.random() < share

    def _made_up(self, key: str) -> dict[str, Any]:
        return {item["name"]: self._input(item) for item in self._documents[f"formulas/{key}"]["inputs"]}

    def _input(self, item: dict[str, Any]) -> Any:
        if "list" not in item:
            return self._quantity(item)
        count = self._random.choice((0, 1, 2, 2, 3, 5))
        inner = item["list"]
        if isinstance(inner, dict):
            return [self._quantity(inner) for _ in range(count)]
        return [{field["name"]: self._quantity(field) for field in inner} for _ in range(count)]

    def _quantity(self, field: dict[str, Any]) -> dict[str, Any]:
        if field["unit"] == "text":
            words = field.get("one_of") or ["a", "b", "甲"]
            return {"value": self._random.choice(words), "unit": "text"}
        return {"value": self._value(field), "unit": self._unit(field["unit"])}

    def _unit(self, unit: str) -> str:
        for family in _FAMILIES:
            if unit in family and self._chance(0.3):
                return self._random.choice(family)
        return unit

    def _value(self, field: dict[str, Any]) -> str:
        bounds = [field[name] for name in ("min", "max", "above", "below") if name in field]
        if bounds and self._chance(0.3):
            step = self._random.choice(("0", "0.001", "-0.001", "1e-30", "1"))
            bound = parse_decimal(self._random.choice(bounds))
            return str(bound + parse_decimal(decimal_text(type(bound)(step))))
        if self._chance(0.2):
            return self._random.choice(_SPELLINGS)
        if self._chance(0.25):
            return self._random.choice(("1", "1.0", "2", "2.50", "3", "4"))
        digits = self._random.randint(1, self._random.choice((2, 4, 12, 45)))
        text = str(self._random.randint(1, 10**digits))
        if self._chance(0.5):
            text = f"{text}.{self._random.randint(0, 10**self._random.randint(1, 20))}"
        elif self._chance(0.3):
            text = f"{text}e{self._random.randint(-30, 30)}"
        upper = field.get("max", field.get("below"))
        if upper == "1" and self._chance(0.8):
            text = f"0.{self._random.randint(0, 10**digits)}"
        return f"-{text}" if field.get("min") != "0" and self._chance(0.3) else text

    def _disturb(self, inputs: dict[str, Any]) -> None:
        name = self._random.choice([*inputs, "nobody_asked"])
        kind = self._random.choice(("missing", "value", "value", "spelling", "unit", "unit", "shape", "negative",
                                    "double"))
        if name not in inputs or kind == "missing":
            inputs.pop(name, None) or inputs.update({name: {"value": "1", "unit": "t"}})
            return
        if kind == "shape":
            inputs[name] = self._random.choice(_SHAPES)
            return
        target = self._leaf(inputs[name])
        if target is None:
            return
        if kind == "double" and isinstance(inputs[name], list):
            inputs[name].append(deepcopy(inputs[name][0]))
        elif kind == "unit":
            target["unit"] = self._random.choice(_BAD_UNITS) if self._chance(0.4) else self._unit(str(target["unit"]))
        elif kind == "negative":
            target["value"] = f"-{target['value']}"
        else:
            target["value"] = self._random.choice(_MALFORMED if kind == "value" else _SPELLINGS)

    def _leaf(self, value: Any) -> dict[str, Any] | None:
        while not (isinstance(value, dict) and set(value) == {"value", "unit"}):
            items = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []
            if not items:
                return None
            value = self._random.choice(items)
        return value


def written(answer: Any) -> bytes:
    """An answer as `carbonseal mrv eval --batch` writes its line."""
    return json.dumps(answer, ensure_ascii=False, separators=(",", ":")).encode()


def python_answers(ruleset: RuleSet, lines: Iterable[bytes]) -> list[bytes]:
    """What the reference implementation answers, line by line."""
    return [written(answer) for answer in evaluate_batch(ruleset, lines)]


def python_traces(ruleset: RuleSet, lines: Sequence[bytes]) -> list[bytes]:
    """The same with the trace of each evaluation."""
    answers = []
    for line in lines:
        request = json.loads(line)
        try:
            document = evaluate(ruleset, request["formula"], request["inputs"])
            answers.append(written({"id": request["id"], "outputs": document["outputs"], "trace": document["trace"]}))
        except CarbonSealError as error:
            answers.append(written({"id": request["id"], "error": error.as_dict()}))
    return answers


def node() -> str:
    """The Node.js of this machine."""
    found = shutil.which("node")
    assert found is not None, "Node.js >= 20 is needed: see `make setup`"
    return found


def build() -> None:
    """Compiles the package into verifier-portal/dist (incremental)."""
    compiler = PORTAL / "node_modules" / "typescript" / "bin" / "tsc"
    assert compiler.exists(), "packages are missing: cd verifier-portal && npm ci --ignore-scripts"
    (PORTAL / "dist").mkdir(exist_ok=True)
    with (PORTAL / "dist" / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # parallel test processes share the folder
        subprocess.run([node(), str(compiler), "--build", str(PORTAL)], check=True, timeout=240)


def run_tool(name: str, *arguments: str, stdin: bytes = b"") -> list[bytes]:
    """The lines that a compiled tool writes."""
    tool = PORTAL / "dist" / "tools" / f"{name}.js"
    done = subprocess.run([node(), str(tool), *arguments], input=stdin, check=True, capture_output=True, timeout=280)
    return done.stdout.splitlines()
