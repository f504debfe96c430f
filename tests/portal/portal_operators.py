"""A methodology that leads uncertain inputs through every operator, rows of a family and tables; one operator a run."""

from __future__ import annotations

from typing import Any

from portal_runs import Run

from mrv.authoring.translate import formula_document

EXPRESSIONS = {
    "sum": "a + b - c", "product": "a * b * c", "quotient": "a / b / c", "twice": "a * a - a", "negation": "-a + -b",
    "root": "sqrt(a * b)", "power": "exp(a / 1000)", "logarithm": "ln(a)", "size": "abs(a - b) + abs(b - a)",
    "least_of": "min(a, b, c)", "greatest_of": "max(a, b, c)", "rounded": "round(a, 2) * floor(b, 0) + ceil(c, 1)",
    "converted": "convert(a * 1[t], [lb]) / 1[lb]", "chosen": "if(a < b and not (b = c), a * c, b)",
    "counted": "count(rows) * a", "row_sum": "sum(row in rows: row.x * row.key)",
    "row_mean": "mean(row in rows: row.x * a)",
    "row_least": "least(row in rows: row.x)", "row_greatest": "greatest(row in rows: row.x)",
    "looked_up": "lookup(rows, key, x, round(a, 0))", "between": "interpolate(rows, key, x, a)", "nothing": "0 * a",
    "past_the_middle": "interpolate(rows, key, x, b)", "at_the_end": "interpolate(rows, key, x, a + a)",
    "row_between": "interpolate(rows, key, x, b)", "row_at": "interpolate(rows, key, x, a)",
    "row_looked_up": "lookup(rows, key, x, 4)", "value_looked_up": "lookup(rows, key, x, 4)",
    "value_between": "interpolate(rows, key, x, 3)",
    "near_nothing": "1 / (a - a + 0.0000001)", "root_of_nothing": "sqrt(a - a)",
    "asked": "if(any(row in rows: row.x > a), b, c)",
    "tower": "a * a * a * a * a * a / b / b / b",
}
_TITLE = {"zh": "算子", "en": "operators"}
_FRAME = {"version": "1", "title": _TITLE, "source": "test", "status": "published", "valid": {"from": None, "to": None}}
_NAMES = ("a", "b", "c")


def operator_rules() -> dict[str, Any]:
    """The documents of the formula and the methodology, by path."""
    expression = "0"
    for name, body in EXPRESSIONS.items():
        expression = f'if(choice = "{name}", {body}, {expression})'
    number = {"unit": "1", "signed": "true"}
    formula = formula_document({**_FRAME, "id": "twin.operators", "inputs": {
        **dict.fromkeys(_NAMES, number), "choice": {"unit": "text", "one_of": list(EXPRESSIONS)},
        "rows": {"list": {"key": number, "x": number}, "empty": "true"}}, "output": "1", "expression": expression})
    return {"formulas/twin.operators@1": formula, "methodologies/twin.operators@1": _methodology()}


def _methodology() -> dict[str, Any]:
    inputs = [{"name": name, "title": _TITLE, "unit": "1", "required": True, "sources": ["document", "declared"],
               "methods": ["measured", "manual"], "gap": "refused"} for name in (*_NAMES, "key.*", "row.*")]
    rows = {"rows": "row.*", "fields": {"key": {"input": "key.*"}, "x": {"input": "row.*"}}}
    bindings = {**{name: {"input": name} for name in _NAMES}, "choice": {"option": "operator"}, "rows": rows}
    step = {"name": "one", "formula": "twin.operators@1", "each": None,
            "arguments": [{"name": name, "binding": binding} for name, binding in bindings.items()]}
    return {**_FRAME, "schema": "carbonseal-methodology/1", "id": "twin.operators", "kind": "calculation",
            "inputs": inputs, "options": [{"name": "operator", "title": _TITLE, "required": True, "many": False,
                                           "one_of": list(EXPRESSIONS)}],
            "steps": [step], "outputs": [{"name": "result", "step": "one", "output": "result"}],
            "result": {"output": "result", "unit": "1", "rounding": "round", "digits": "6", "carry": False},
            "intervals": {"rule": "none"}, "notices": [], "allows_unconfirmed": False, "max_staleness_ms": None,
            "split": ["result"]}


def operator_runs() -> list[Run]:
    """One for each operator, every input with an uncertainty but, where no row is meant, those of the tables."""
    return [{"methodology": "twin.operators", "at": "2026-12-05", "inputs": _inputs(name)} for name in EXPRESSIONS]


def _inputs(operator: str) -> dict[str, Any]:
    items = {"a": ["3", "1"], "b": ["7.5"], "c": ["2"], "key.one": ["2"], "key.two": ["4"], "key.three": ["8"],
             "row.one": ["10"], "row.two": ["11.5"], "row.three": ["9.25"]}
    exact = () if "row_" in operator else ("key.",) if "value_" in operator else ("key.", "row.")
    inputs = {name: [_item(value, None if name.startswith(exact) else str(i + 3)) for i, value in enumerate(values)]
              for name, values in items.items()}
    return {"subject": "org:twin", "boundary": "算子", "options": {"operator": operator}, "allow_unconfirmed": False,
            "period": {"start": "2026-05-31T16:00:00.000Z", "end": "2026-06-30T16:00:00.000Z", "zone": "Asia/Shanghai"},
            "inputs": inputs}


def _item(value: str, uncertainty: str | None) -> dict[str, Any]:
    return {"quantity": {"value": value, "unit": "1"}, "source": {"type": "declared"}, "priority": "2",
            "method": "measured", "uncertainty": uncertainty}
