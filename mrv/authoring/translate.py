"""From what a person writes in YAML (all scalars as text) to canonical documents. Pure: `catalogue` reads files.

Short forms are spelled out here and nowhere else: `consumption: t`, `output: tCO2`, `inputs.purchased_electricity`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from core.errors import CarbonSealError, FormError
from core.numbers import decimal_text
from core.quantity import printed_decimal
from mrv.definitions import formula as formula_module
from mrv.definitions import methodology as methodology_module
from mrv.definitions import parameter as parameter_module
from mrv.definitions.fields import Input
from mrv.language.checker import TEXT, Type, check
from mrv.language.parser import parse

Raw = Mapping[str, Any]

_BOUNDS = ("min", "max", "above", "below")
_FORMULA = {"id", "version", "title", "source", "valid", "status", "inputs", "let", "require", "output", "outputs",
            "expression", "cases", "note"}
_FIELD = {"unit", "zh", "en", "signed", "one_of", *_BOUNDS}
_METHODOLOGY = {"id", "version", "kind", "title", "source", "status", "valid", "inputs", "options", "steps", "outputs",
                "result", "intervals", "notices", "allow_unconfirmed", "max_staleness", "split", "priority_drop",
               "published", "cases", "note"}
_INPUT_RULE = {"zh", "en", "unit", "required", "sources", "methods", "gap", "substitution", "single"}


def formula_document(raw: Raw) -> dict[str, Any]:
    """The canonical document of a formula. Raises FormError naming the formula and the place."""
    where = str(raw.get("id", "?"))
    _known(raw, _FORMULA, where)
    try:
        inputs = [_input(name, spec) for name, spec in raw["inputs"].items()]
        scope: dict[str, Any] = {item["name"]: Input.from_document(item).type for item in inputs}
        definitions = [_let(name, text, scope) for name, text in (raw.get("let") or {}).items()]
        definitions += [_requirement(i, item, scope) for i, item in enumerate(raw.get("require") or (), 1)]
        definitions += [_output(name, spec, scope) for name, spec in _outputs(raw).items()]
        return {"schema": formula_module.SCHEMA, "id": raw["id"], "version": raw["version"],
                "title": _title(raw["title"]), "source": raw["source"], "status": raw["status"],
                "valid": _validity(raw["valid"]), "inputs": inputs, "definitions": definitions}
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise FormError("rule-malformed", f"a formula lacks or misuses {error}", where=where) from None
    except CarbonSealError as error:
        error.where = f"{where} {error.where}".strip()
        raise


def _known(raw: Raw, members: set[str], where: str) -> None:
    unknown = set(raw) - members
    if unknown:
        raise FormError("rule-malformed", f"{', '.join(sorted(unknown))} has no meaning here", where=where,
                        hint="known: " + ", ".join(sorted(members)))


def _title(raw: Any) -> dict[str, str]:
    if not isinstance(raw, Mapping) or set(raw) != {"zh", "en"} or not all(raw.values()):
        raise FormError("rule-malformed", "a title has zh and en")
    return dict(raw)


def _validity(raw: Any) -> dict[str, str | None]:
    if not isinstance(raw, Mapping) or set(raw) != {"from", "to"}:
        raise FormError("rule-malformed", "valid has from and to; null is open")
    return {"from": _nullable(raw["from"]), "to": _nullable(raw["to"])}


def _nullable(text: str | None) -> str | None:
    return None if text in (None, "", "null") else text


def _field(name: str, raw: Any) -> dict[str, Any]:
    spec = {"unit": raw} if isinstance(raw, str) else dict(raw)
    _known(spec, _FIELD, name)
    document: dict[str, Any] = {"unit": spec["unit"], "title": {"zh": spec.get("zh", name), "en": spec.get("en", name)}}
    if spec["unit"] == TEXT:
        document["one_of"] = list(spec.get("one_of", ()))
        return document
    bounds = {key: decimal_text(printed_decimal(spec[key])) for key in _BOUNDS if key in spec}
    if spec.get("signed") != "true" and "min" not in bounds and "above" not in bounds:
        bounds["min"] = "0"
    return document | bounds


def _input(name: str, raw: Any) -> dict[str, Any]:
    if isinstance(raw, str) or "list" not in raw:
        return {"name": name, **_field(name, raw)}
    _known(raw, {"list", "zh", "en", "empty", *_BOUNDS, "signed"}, name)
    title = {"zh": raw.get("zh", name), "en": raw.get("en", name)}
    least = "0" if raw.get("empty") == "true" else "1"
    items = raw["list"]
    if isinstance(items, str):
        single = _field(name, {"unit": items, **{key: raw[key] for key in (*_BOUNDS, "signed") if key in raw}})
        del single["title"]
        return {"name": name, "title": title, "least": least, "list": single}
    return {"name": name, "title": title, "least": least,
            "list": [{"name": field, **_field(field, spec)} for field, spec in items.items()]}


def _let(name: str, text: str, scope: dict[str, Any]) -> dict[str, Any]:
    node = check(parse(text), scope)
    scope[name] = node.type
    return {"name": name, "unit": node.unit_text, "tree": node.tree()}


def _requirement(number: int, raw: Any, scope: dict[str, Any]) -> dict[str, Any]:
    """An expression alone, or {"expression", "zh", "en"}: the words that an error shows beside it."""
    spec = {"expression": raw} if isinstance(raw, str) else dict(raw)
    _known(spec, {"expression", "zh", "en"}, f"require {number}")
    words = {name: spec[name] for name in ("zh", "en") if name in spec}
    return (_let(f"require_{number}", spec["expression"], scope) | {"require": True}
            | ({"title": _title(words)} if words else {}))


def _outputs(raw: Raw) -> dict[str, Any]:
    if "outputs" in raw:
        return dict(raw["outputs"])
    output = raw["output"]
    spec = {"unit": output, "name": "result"} if isinstance(output, str) else dict(output)
    return {spec.pop("name", "result"): spec | {"expression": raw["expression"]}}


def _output(name: str, raw: Raw, scope: dict[str, Any]) -> dict[str, Any]:
    _known(raw, {"unit", "expression", "zh", "en"}, name)
    node = check(parse(raw["expression"]), scope)
    kind: Type = node.type
    scope[name] = kind
    return {"name": name, "unit": raw["unit"], "title": {"zh": raw.get("zh", name), "en": raw.get("en", name)},
            "tree": node.tree()}


def parameter_documents(raw: Raw) -> list[dict[str, Any]]:
    """The canonical documents of a parameter file: `shared` members hold for every parameter and value below."""
    shared = raw.get("shared") or {}
    try:
        return [_parameter(name, {**shared, **spec}) for name, spec in raw["parameters"].items()]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise FormError("rule-malformed", f"a parameter file lacks or misuses {error}") from None


def _parameter(name: str, spec: Raw) -> dict[str, Any]:
    values = [_value(name, {**spec, **value}) for value in spec["values"]]
    return {"schema": parameter_module.SCHEMA, "id": name, "title": _title(spec["title"]), "unit": spec["unit"],
            "printed_unit": spec.get("printed_unit", spec["unit"]), "select": spec["select"],
            "region": spec.get("region", ""), "gap": spec.get("gap", ""), "values": values}


def _value(name: str, spec: Raw) -> dict[str, Any]:
    year = spec.get("year", "")
    dated = year and spec["select"] != parameter_module.FIXED
    return {"key": spec.get("key") or (f"{name}.{year}" if dated else name), "value": spec["value"], "year": year,
            "from": _nullable(spec.get("from")), "to": _nullable(spec.get("to")),
            "published": _nullable(spec.get("published")), "source": spec["source"],
            "locator": spec.get("locator", ""), "status": spec["status"],
            "date_status": spec.get("date_status", "unknown")}


def methodology_document(raw: Raw) -> dict[str, Any]:
    """The canonical document of a methodology. Raises FormError."""
    where = str(raw.get("id", "?"))
    _known(raw, _METHODOLOGY, where)
    try:
        return {
            "schema": methodology_module.SCHEMA, "id": raw["id"], "version": raw["version"], "kind": raw["kind"],
            "title": _title(raw["title"]), "source": raw["source"], "status": raw["status"],
            "valid": _validity(raw["valid"]),
            "inputs": [_input_rule(name, spec) for name, spec in raw["inputs"].items()],
            "options": [_option_rule(name, spec) for name, spec in (raw.get("options") or {}).items()],
            "steps": [_step(name, spec) for name, spec in raw["steps"].items()],
            "outputs": [_reported(name, path) for name, path in raw["outputs"].items()],
            "result": _result(raw["result"]), "intervals": dict(raw.get("intervals") or {"rule": "none"}),
            "notices": list(raw.get("notices") or ()), "allows_unconfirmed": raw.get("allow_unconfirmed") == "true",
            "max_staleness_ms": _nullable(raw.get("max_staleness")),
            **({"split": list(raw["split"])} if "split" in raw else {}),
            **({"priority_drop": raw["priority_drop"]} if "priority_drop" in raw else {}),
            **({"published": raw["published"]} if "published" in raw else {}),
        }
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise FormError("rule-malformed", f"a methodology lacks or misuses {error}", where=where) from None
    except CarbonSealError as error:
        error.where = f"{where} {error.where}".strip()
        raise


def _input_rule(name: str, spec: Raw) -> dict[str, Any]:
    _known(spec, _INPUT_RULE, name)
    return {"name": name, "title": {"zh": spec["zh"], "en": spec["en"]}, "unit": spec["unit"],
            "required": spec.get("required") == "true", "sources": list(spec["sources"]),
            "methods": list(spec.get("methods", ("measured",))), "gap": spec["gap"],
            **({"substitution": spec["substitution"]} if "substitution" in spec else {}),
            **({"single": True} if spec.get("single") == "true" else {})}


def _option_rule(name: str, spec: Raw) -> dict[str, Any]:
    return {"name": name, "title": {"zh": spec["zh"], "en": spec["en"]}, "required": spec.get("required") == "true",
            "one_of": list(spec.get("one_of", ())), "many": spec.get("many") == "true",
            **({"period": spec["period"]} if "period" in spec else {})}


def _step(name: str, spec: Raw) -> dict[str, Any]:
    _known(spec, {"formula", "each", "with"}, name)
    return {"name": name, "formula": spec["formula"], "each": _nullable(spec.get("each")),
            "arguments": [{"name": argument, "binding": _binding(text)} for argument, text in spec["with"].items()]}


def _binding(raw: Any) -> dict[str, Any]:
    if isinstance(raw, Sequence) and not isinstance(raw, str):
        return {"first": [_binding(item) for item in raw]}
    if isinstance(raw, Mapping) and "list" in raw:
        return {"list": [_binding(item) for item in raw["list"]]}
    if isinstance(raw, Mapping) and "rows" in raw:
        return {"rows": raw["rows"], "fields": {name: _binding(item) for name, item in raw["fields"].items()}}
    if isinstance(raw, Mapping) and "at" in raw:
        return {**raw, "at": _binding(raw["at"])}
    if isinstance(raw, Mapping):
        return dict(raw)
    kind, _, rest = raw.partition(".")
    if kind == "inputs":
        return {"input": rest}
    if kind == "items":
        return {"items": rest}
    if kind == "parameters":
        return {"parameter": rest}
    if kind == "options":
        return {"option": rest}
    if kind == "steps":
        step, _, output = rest.partition(".")
        return {"step": step, "output": output}
    raise FormError("rule-malformed", f"{raw!r} names no input, parameter, option or step")


def _reported(name: str, path: str) -> dict[str, str]:
    step, _, output = path.removeprefix("steps.").partition(".")
    return {"name": name, "step": step, "output": output}


def _result(raw: Raw) -> dict[str, Any]:
    return {"output": raw["output"], "unit": raw["unit"], "rounding": raw["rounding"], "digits": raw["digits"],
            "carry": raw.get("carry") == "true"}
