"""All rules in memory: pure, built from canonical documents, whether they come from the catalogue or from evidence.

A path names a document: "parameters/heat.default", "formulas/fuel.combustion.heat@1", "methodologies/green-power.pv@1".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from core.errors import FormError, InputError, NotFound
from core.jcs import canonical
from core.merkle import leaf_hash, root
from core.period import instant_text
from core.units import Unit, parse_unit
from mrv.definitions.dates import check_in_force
from mrv.definitions.formula import Formula
from mrv.definitions.methodology import Methodology, StepRule, pattern_matches
from mrv.definitions.parameter import CHOICES, Parameter
from mrv.language.checker import ListType, Type

RELEASE_SCHEMA = "carbonseal-rules/2"


@dataclass(frozen=True)
class RuleSet:
    """Parameters by id, formulas and methodologies by "id@version"."""

    parameters: Mapping[str, Parameter]
    formulas: Mapping[str, Formula]
    methodologies: Mapping[str, Methodology]

    # Whether every parameter is here; an evidence file carries only those that were read.
    complete: bool = True

    @classmethod
    def from_documents(cls, documents: Mapping[str, Any], *, complete: bool = True) -> RuleSet:
        """The rules of canonical documents by path; every unit and reference is checked. Raises FormError.

        `complete`: False for a part of the parameters; then what a pattern of paths can bring is only checked where a
        value is bound.
        """
        parameters: dict[str, Parameter] = {}
        formulas: dict[str, Formula] = {}
        methodologies: dict[str, Methodology] = {}
        if not isinstance(documents, Mapping):
            raise FormError("rule-malformed", "rules are an object of documents by path")
        for path, document in documents.items():
            folder, _, name = path.partition("/")
            if folder == "parameters":
                parameters[name] = Parameter.from_document(document)
                _check_name(name, parameters[name].id)
            elif folder == "formulas":
                formulas[name] = Formula.from_document(document)
                _check_name(name, formulas[name].key)
            elif folder == "methodologies":
                methodologies[name] = Methodology.from_document(document)
                _check_name(name, methodologies[name].key)
            else:
                raise FormError("rule-malformed", f"{path[:80]!r} is not a path of a rule")
        ruleset = cls(parameters, formulas, methodologies, complete)
        for methodology in methodologies.values():
            ruleset._check_methodology(methodology)
        return ruleset

    def documents(self) -> dict[str, Any]:
        """Every canonical document by path."""
        return ({f"parameters/{name}": item.document for name, item in self.parameters.items()}
                | {f"formulas/{name}": item.document for name, item in self.formulas.items()}
                | {f"methodologies/{name}": item.document for name, item in self.methodologies.items()})

    def digests(self) -> dict[str, bytes]:
        """SHA-256 of the JCS form of every document, by path, sorted."""
        items: dict[str, Parameter | Formula | Methodology] = {}
        items |= {f"parameters/{name}": item for name, item in self.parameters.items()}
        items |= {f"formulas/{name}": item for name, item in self.formulas.items()}
        items |= {f"methodologies/{name}": item for name, item in self.methodologies.items()}
        return {path: items[path].digest for path in sorted(items)}

    def documents_for(self, methodology: Methodology, read: Iterable[str] | None = None) -> dict[str, Any]:
        """What an evidence file carries: the methodology, its formulas, and the parameters of the paths `read`.

        `read` is what a run read (`RunResult.parameters`, or the parameter records of a statement's details); None
        stands for every parameter the methodology can read. Raises NotFound (parameter-missing).
        """
        documents: dict[str, Any] = {f"methodologies/{methodology.key}": methodology.document}
        documents |= {f"formulas/{key}": self.formulas[key].document for key in methodology.formula_keys()}
        names = self._readable(methodology) if read is None else sorted(set(read))
        return documents | {f"parameters/{name}": self.parameter(name).document for name in names}

    def _readable(self, methodology: Methodology) -> list[str]:
        patterns = methodology.parameter_patterns()
        return [name for name in self.parameters if any(pattern_matches(pattern, name) for pattern in patterns)]

    def formula(self, name: str) -> Formula:
        """The formula of "id@version", or the newest version of "id". Raises NotFound (formula-unknown)."""
        if name in self.formulas:
            return self.formulas[name]
        versions = [formula for formula in self.formulas.values() if formula.id == name]
        if not versions:
            raise NotFound("formula-unknown", f"there is no formula {name[:80]!r}", where=name[:80],
                           hint="see `carbonseal mrv formulas`")
        return max(versions, key=lambda formula: int(formula.version))

    def parameter(self, path: str) -> Parameter:
        """The parameter of a path. Raises NotFound (parameter-missing)."""
        if path not in self.parameters:
            raise NotFound("parameter-missing", f"there is no parameter {path[:80]!r}", where=path[:80],
                           hint="no parent region or other fuel is taken in its place")
        return self.parameters[path]

    def methodology(self, name: str, version: str | None, first: date, last: date) -> Methodology:
        """The methodology `name` ("id" or "id@version") in force on the days of a period.

        Raises NotFound (methodology-unknown), InputError (rule-not-in-force, period-crosses-change).
        """
        key, _, pinned = name.partition("@")
        wanted = version or pinned or None
        known = [item for item in self.methodologies.values()
                 if item.id == key and (wanted is None or item.version == wanted)]
        if not known:
            raise NotFound("methodology-unknown", f"there is no methodology {name[:80]!r} {version or ''}".rstrip(),
                           where="methodology", hint="`carbonseal mrv methodologies` lists them")
        touching = [item for item in known if item.validity.holds(first) or item.validity.holds(last)]
        chosen = max(touching or known, key=lambda item: int(item.version))
        check_in_force(chosen.key, chosen.validity, first, last)
        return chosen

    def _check_methodology(self, methodology: Methodology) -> None:
        seen: dict[str, tuple[Formula, bool]] = {}
        for step in methodology.steps:
            formula = self.formulas.get(step.formula)
            if formula is None:
                raise FormError("rule-malformed", f"{step.formula!r} is no formula here", where=methodology.key)
            self._check_step(methodology, step, formula, seen)
            seen[step.name] = (formula, step.each is not None)
        _check_intervals(methodology)
        for name, step_name, output in methodology.outputs:
            _output_unit(seen, step_name, output, f"{methodology.key} {name}")
        single = {name for name, step_name, _ in methodology.outputs if not seen[step_name][1]}
        if methodology.result.output not in single:
            raise FormError("rule-malformed", "the result is not among the single outputs", where=methodology.key)
        if not set(methodology.split) <= {name for name, _, _ in methodology.outputs}:
            raise FormError("rule-malformed", "what adds up over parts is not among the outputs", where=methodology.key)

    def _check_step(self, methodology: Methodology, step: StepRule, formula: Formula,
                    seen: Mapping[str, tuple[Formula, bool]]) -> None:
        where = f"{methodology.key} {step.name}"
        types = {item.name: item.type for item in formula.inputs}
        if step.each is not None and step.each not in _families(methodology):
            raise FormError("rule-malformed", f"{step.each!r} is no family of inputs", where=where)
        if set(types) != {name for name, _ in step.arguments}:
            raise FormError("rule-malformed", f"{step.formula} needs exactly {', '.join(types)}", where=where)
        for name, binding in step.arguments:
            wanted = types[name]
            if "rows" in binding or "table" in binding:
                check_list = self._check_rows if "rows" in binding else self._check_table
                check_list(methodology, binding, wanted, seen, f"{where} {name}")
                continue
            needed = wanted.unit if isinstance(wanted, ListType) else wanted
            for units in self._units(methodology, binding, seen, where):
                _check_units(needed, units, f"{where} {name}")

    def _check_rows(self, methodology: Methodology, binding: Mapping[str, Any], wanted: Type | ListType,
                    seen: Mapping[str, tuple[Formula, bool]], where: str) -> None:
        fields = wanted.fields if isinstance(wanted, ListType) else {}
        if not fields or set(fields) != set(binding["fields"]) or binding["rows"] not in _families(methodology):
            raise FormError("rule-malformed", "rows need a family and exactly the fields of the list", where=where)
        for field, inner in binding["fields"].items():
            for units in self._units(methodology, inner, seen, where):
                _check_units(fields[field], units, f"{where}.{field}")

    def _check_table(self, methodology: Methodology, binding: Mapping[str, Any], wanted: Type | ListType,
                     seen: Mapping[str, tuple[Formula, bool]], where: str) -> None:
        fields = wanted.fields if isinstance(wanted, ListType) else {}
        if len(fields) != 2 or set(fields) != {binding["key"], binding["value"]}:
            raise FormError("rule-malformed", "a table needs a list of exactly its key and its value", where=where)
        _check_units(fields[binding["key"]], [parse_unit(binding["unit"])], f"{where}.{binding['key']}")
        _check_units(fields[binding["value"]], self._units_of(binding["table"]), f"{where}.{binding['value']}")
        if "among" in binding:
            self._check_neighbour(methodology, binding, seen, where)

    def _check_neighbour(self, methodology: Methodology, binding: Mapping[str, Any],
                         seen: Mapping[str, tuple[Formula, bool]], where: str) -> None:
        """What is sought can have the unit of the values among which its neighbours are."""
        for unit in self._units_of(binding["among"]):
            for units in self._units(methodology, binding["at"], seen, where):
                _check_units(unit, units, f"{where} at")

    def _units_of(self, pattern: str) -> list[Type]:
        """The units of the parameters that a path can name; none known where not every parameter is at hand."""
        return [item.unit for name, item in self.parameters.items() if self.complete and pattern_matches(pattern, name)]

    def _units(self, methodology: Methodology, binding: Mapping[str, Any],
               seen: Mapping[str, tuple[Formula, bool]], where: str) -> Iterable[list[Type]]:
        """For each source of a binding the units it can bring; a pattern of parameter paths can bring several."""
        if "first" in binding or "list" in binding:
            for item in binding.get("first", binding.get("list")):
                yield from self._units(methodology, item, seen, where)
        elif "parameter" in binding:
            _check_selection(methodology, binding.get("selected_by"), where)
            yield self._units_of(binding["parameter"])
        elif "among" in binding and "table" not in binding:
            self._check_neighbour(methodology, binding, seen, where)
            yield self._units_of(binding["among"])
        elif "step" in binding:
            yield [_output_unit(seen, binding["step"], binding["output"], where)]
        elif "input" in binding or "items" in binding:
            name = binding.get("input") or binding.get("items")
            rules = [rule for rule in methodology.inputs if rule.name == name]
            if not rules:
                raise FormError("rule-malformed", f"{name!r} is no input of the methodology", where=where)
            yield [rules[0].unit]
        elif "rows" in binding or "table" in binding:
            raise FormError("rule-malformed", "rows stand alone, not among other bindings", where=where)


def _check_selection(methodology: Methodology, name: str | None, where: str) -> None:
    """An option that chooses a parameter's value offers the two ways of doing so."""
    offered = [rule.one_of for rule in methodology.options if rule.name == name]
    if name is not None and offered != [CHOICES]:
        raise FormError("rule-malformed", f"{name!r} is no option of {' and '.join(CHOICES)}", where=where)


def _families(methodology: Methodology) -> set[str]:
    return {rule.name for rule in methodology.inputs if rule.prefix}


def _check_intervals(methodology: Methodology) -> None:
    """What spends serials of a register is given by claim points and nothing else."""
    name = methodology.intervals.get("input")
    if name is None:
        return
    sources = [rule.sources for rule in methodology.inputs if rule.name == name and not rule.prefix]
    if sources != [("claim-point",)]:
        raise FormError("rule-malformed", f"{name!r} is no input that comes from claim points alone",
                        where=methodology.key)


def _output_unit(seen: Mapping[str, tuple[Formula, bool]], step: str, output: str, where: str) -> Type:
    if step in seen:
        for definition in seen[step][0].outputs:
            if definition.name == output:
                return definition.node.type
    raise FormError("rule-malformed", f"{step}.{output} is not computed before it is used", where=where)


def _check_units(needed: Type | None, given: list[Type], where: str) -> None:
    # A pattern also matches values for other formulas (gas beside coal); each value is checked again when it is bound.
    if given and needed is not None and not any(_fits(needed, unit) for unit in given):
        shown = given[0] if isinstance(given[0], str) else given[0].text
        raise FormError("unit-mismatch", f"{shown} is given where {needed if isinstance(needed, str) else needed.text}"
                        " is needed", where=where)


def _fits(needed: Type, given: Type) -> bool:
    if isinstance(needed, Unit) and isinstance(given, Unit):
        return needed.dimension == given.dimension
    return needed == given


def _check_name(path: str, key: str) -> None:
    if path != key:
        raise FormError("rule-malformed", f"the document under {path!r} calls itself {key!r}")


def listing(ruleset: RuleSet) -> dict[str, str]:
    """The digest of every rule as hex, by path: what a release commits to."""
    return {path: value.hex() for path, value in ruleset.digests().items()}


def listing_root(listed: Mapping[str, Any]) -> bytes:
    """The RFC 6962 root over JCS [path, digest] in the order of the paths."""
    return root([leaf_hash(canonical([path, listed[path]])) for path in sorted(listed)])


def release(ruleset: RuleSet, version: str, time: int) -> dict[str, Any]:
    """The payload of a rules+json entry: count and root of the list of rules, however long. `time`: ms UTC."""
    listed = listing(ruleset)
    return {"schema": RELEASE_SCHEMA, "version": version, "time": instant_text(time),
            "count": str(len(listed)), "root": listing_root(listed).hex()}


def check_listed(listed: Mapping[str, Any], payload: Mapping[str, Any]) -> None:
    """Passes when this is the list that a release payload commits to. Raises InputError (rules-not-listed)."""
    if payload.get("count") != str(len(listed)) or payload.get("root") != listing_root(listed).hex():
        raise InputError("rules-not-listed", "the list of rules is not the one that was released", where="root",
                         hint="the list is kept with its release, whole and unchanged")


def check_released(documents: Mapping[str, Any], listed: Mapping[str, Any], payload: Mapping[str, Any]) -> RuleSet:
    """The rules of an evidence file, each with the digest that the list of the release names for it.

    Raises FormError for malformed rules, InputError: rules-not-listed for another list than the release's,
    rule-not-released for a rule that the list does not name so.
    """
    check_listed(listed, payload)
    ruleset = RuleSet.from_documents(documents, complete=False)
    for path, value in ruleset.digests().items():
        if listed.get(path) != value.hex():
            raise InputError("rule-not-released", f"{path} is not the rule that was released", where=path)
    return ruleset
