"""Makes up runs of whole methodologies: worked inputs documents with members disturbed, fairly and unfairly."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from copy import deepcopy
from datetime import date, timedelta
from pathlib import Path
from random import Random
from typing import Any

from portal_helpers import written

from core.errors import CarbonSealError
from core.numbers import CONTEXT, decimal_text, parse_decimal
from core.period import instant_text, parse_instant
from core.quantity import Quantity
from core.units import parse_unit
from mrv.authoring.cases import Case
from mrv.calculation.run import run as run_rules
from mrv.calculation.service import parameter, result_json
from mrv.definitions.dates import parse_day
from mrv.definitions.ruleset import RuleSet

VECTORS = Path(__file__).parents[1] / "vectors" / "runs" / "runs.json"

Run = dict[str, Any]
"""{"methodology", "at", "inputs"}."""

_HOUR_MS = 3_600_000
_PERCENTAGES = (None, None, "0", "5", "12.5", "0.0000000001", "333.3333333333333333333333333333333333333333")
_UNFAIR: tuple[Any, ...] = (
    None, True, False, 0, 7, "", "x", "-1", "1e3", "01", "NaN", [], {}, ["a"], ["a", "a"],
    {"value": "1", "unit": "kWh"}, {"value": "2.5", "unit": "t"}, {"value": "1", "unit": "bushel"}, "org:a b",
    "ab" * 32, "AB" * 32, "cp:other", "Asia/Tokyo", "Mars/Olympus", "asia/shanghai",
    "2026-06-30T16:00:00.000Z", "2026-06-31T16:00:00.000Z", "1969-12-31T23:59:59.999Z",
    "9999-12-31T23:59:59.999Z", "18446744073709551616", "18446744073709551615", "measured", "estimated", "register",
    "declared", "substitution", "zero", "it's \" \u200b", "😀" * 201, "\ue000", "region")
_ACCOUNTS = (None, None, "0512-0017", "0512-0017", "总表2", "户 3", "gas-4", "5", "账" * 80, "账" * 81, "")
_SHIFTS_MS = (1, -1, 600_000, -600_000, 900_001, -900_001, 86_400_000, -86_400_000)
_ZONES = ("Asia/Shanghai", "Asia/Shanghai", "Asia/Urumqi", "UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu")


def worked_runs(cases: Iterable[Case]) -> list[Run]:
    """The runs of the cases beside methodologies; YAML scalars are text, so the one truth value is read here."""
    found = []
    for case in cases:
        if case.kind == "methodology":
            document = case.body["document"]
            allowed = {"allow_unconfirmed": document["allow_unconfirmed"] == "true"}
            found.append({"methodology": case.rule, "at": case.body["at"], "inputs": document | allowed})
    return found


def vector_documents() -> dict[str, Any]:
    """The small methodology whose factor changes on 1 July 2026."""
    rules: dict[str, Any] = json.loads(VECTORS.read_text("utf-8"))["rules"]
    return rules


def vector_runs() -> list[Run]:
    """Its runs: whole, split, with gaps, uncertainty and a statement before."""
    return [{"methodology": "inventory.glass", "at": case["at"], "inputs": case["inputs"]}
            for case in json.loads(VECTORS.read_text("utf-8"))["cases"]]


def metered_runs() -> list[Run]:
    """The same with a weighbridge that has a gap of two days, at a rate above and one below what it measured."""
    found = []
    for rate, value in (("1", "48"), ("0.1", "4.8")):
        run = deepcopy(vector_runs()[0])
        inputs = run["inputs"]
        inputs["inputs"]["soda_ash"] = [_metered(inputs["period"]), _gap_of_two_days(rate, value)]
        found.append(run)
    return found


def _metered(period: dict[str, str]) -> dict[str, Any]:
    """100 t in the first twenty days."""
    def point(position: str, time: str) -> dict[str, str]:
        return {"position": position, "time": time, "gateway": "gw:glass-1", "epoch": "0", "seq": "1", "block": "0",
                "ordinal": "0", "index": "7"}

    source = {"type": "register", "meter": "m:ash", "quantity": "mass", "from": point("500", period["start"]),
              "to": point("100000500", "2026-06-20T16:00:00.000Z")}
    return {"quantity": {"value": "100", "unit": "t"}, "source": source, "priority": "1", "method": "measured",
            "uncertainty": "1"}


def _gap_of_two_days(rate: str, value: str) -> dict[str, Any]:
    source = {"type": "substitution", "rule": "greatest-rate", "meter": "m:ash", "start": "2026-06-20T16:00:00.000Z",
              "end": "2026-06-22T16:00:00.000Z", "rate": {"value": rate, "unit": "t/h"}, "reason": "断线",
              "digest": "ab" * 32}
    return {"quantity": {"value": value, "unit": "t"}, "source": source, "priority": "4", "method": "estimated",
            "uncertainty": None}


class Runs:
    """Seeded runs; `unfair`: the share of documents of which any part is replaced by anything."""

    def __init__(self, seed: int, documents: dict[str, Any], worked: list[Run], unfair: float = 0.2) -> None:
        self._random = Random(seed)
        self._unfair = unfair
        self._worked = worked
        self._rules = {path.removeprefix("methodologies/"): document for path, document in documents.items()
                       if path.startswith("methodologies/")}

    def draw(self, count: int) -> list[Run]:
        """`count` runs, every worked one in turn."""
        return [self._one(self._worked[i % len(self._worked)]) for i in range(count)]

    def _one(self, worked: Run) -> Run:
        run = deepcopy(worked)
        rule = self._rule(run["methodology"])
        changes: tuple[Callable[[Run, dict[str, Any]], None], ...] = (
            *[self._scale, self._uncertainty] * 5, *[self._more, self._source, self._gap, self._previous] * 2,
            *[self._covers, self._readings] * 2, self._less, self._option, self._period, self._date, self._allow,
            self._carried, self._split)
        for _ in range(self._random.choice((0, 1, 1, 2, 3))):
            self._random.choice(changes)(run, rule)
        if self._random.random() < self._unfair:
            for _ in range(self._random.choice((1, 1, 2))):
                self._disturb(run)
        return run

    def _rule(self, name: str) -> dict[str, Any]:
        return next(rule for key, rule in self._rules.items() if name in (key, key.partition("@")[0]))

    def _input_rule(self, rule: dict[str, Any], name: str) -> dict[str, Any]:
        """The rule of an input; of one that the methodology does not know, any."""
        return next((item for item in rule["inputs"] if item["name"] == name
                     or (item["name"].endswith("*") and name.startswith(item["name"][:-1]))), rule["inputs"][0])

    def _groups(self, run: Run) -> list[dict[str, Any]]:
        inputs = run["inputs"]
        return [part["inputs"] for part in inputs["parts"]] if "parts" in inputs else [inputs["inputs"]]

    def _items(self, run: Run) -> list[tuple[str, dict[str, Any]]]:
        return [(name, item) for group in self._groups(run) for name, items in group.items() for item in items]

    def _set(self, item: dict[str, Any], value: str) -> None:
        """A new value; the positions of a register move with it where they can."""
        item["quantity"]["value"] = value
        source = item["source"]
        if source["type"] not in ("register", "claim-point"):
            return
        unit = parse_unit(item["quantity"]["unit"])
        for base in ("Wh", "g", "L"):
            if unit.dimension == parse_unit(base).dimension:
                joules = item["quantity"]["unit"] in ("J", "kJ", "MJ", "GJ", "TJ")
                moved = int(Quantity.of(value, item["quantity"]["unit"]).to("J" if joules else base).value)
                source["to"]["position"] = str(int(source["from"]["position"]) + moved)

    def _scale(self, run: Run, rule: dict[str, Any]) -> None:
        for _, item in self._items(run):
            if self._random.random() < 0.5:
                factor = self._random.choice(
                    ("0", "1", "2", "0.5", "1.1", "0.333", "10", str(self._random.randrange(1, 10**6))))
                exact = CONTEXT.multiply(parse_decimal(item["quantity"]["value"]), parse_decimal(factor))
                whole = item["source"]["type"] in ("register", "claim-point")
                self._set(item, decimal_text(exact.to_integral_value() if whole else exact))

    def _uncertainty(self, run: Run, rule: dict[str, Any]) -> None:
        for _, item in self._items(run):
            item["uncertainty"] = self._random.choice(_PERCENTAGES)

    def _source(self, run: Run, rule: dict[str, Any]) -> None:
        """Another kind of source that the methodology allows, or not."""
        for name, item in self._items(run):
            if self._random.random() < 0.6:
                continue
            allowed = self._input_rule(rule, name)
            kind = self._random.choice([*allowed["sources"], "declared", "document"])
            if kind in ("declared", "document"):
                item["source"] = {"type": kind} if kind == "declared" else self._paper()
                sources = allowed["sources"]
                item["priority"] = str(sources.index(kind) + 1) if kind in sources else "1"
                item["method"] = self._random.choice(allowed["methods"])

    def _paper(self) -> dict[str, str]:
        return {"type": "document", "digest": f"{self._random.randrange(2**256):064x}",
                "title": self._random.choice(("台账", "台账", "ledger", "示例 example · 台账"))}

    def _more(self, run: Run, rule: dict[str, Any]) -> None:
        """An item twice, sometimes from another paper; or another member of a family."""
        group = self._random.choice(self._groups(run))
        for name in self._random.sample(sorted(group), min(1, len(group))):
            item = deepcopy(self._random.choice(group[name]))
            if item["source"]["type"] == "document" and self._random.random() < 0.8:
                item["source"] = self._paper()
            if name != self._input_rule(rule, name)["name"] and self._random.random() < 0.5:
                group[f"{name}_2"] = [item]
            else:
                group[name].append(item)

    def _less(self, run: Run, rule: dict[str, Any]) -> None:
        group = self._random.choice(self._groups(run))
        if group:
            group.pop(self._random.choice(sorted(group)))

    def _option(self, run: Run, rule: dict[str, Any]) -> None:
        options = run["inputs"]["options"]
        for known in rule["options"]:
            if self._random.random() < 0.5:
                value = self._random.choice(known["one_of"] or ["jiangsu", "yunnan", "north", "2022", "2023", "甲"])
                options[known["name"]] = [value] if known["many"] else value
            elif self._random.random() < 0.2:
                options.pop(known["name"], None)
        if self._random.random() < 0.1:
            options["weather"] = "rain"

    def _period(self, run: Run, rule: dict[str, Any]) -> None:
        """Another month, year or zone; spans of registers stay where they are."""
        years, month = self._random.choice((0, -1, 1, -3, -8)), self._random.randrange(1, 13)
        period = run["inputs"].get("period")
        if not isinstance(period, dict):
            return
        for end in ("start", "end"):
            year = int(period[end][:4]) + years
            period[end] = f"{year:04d}{period[end][4:]}"
        if self._random.random() < 0.3:
            period["start"] = f"{period['start'][:4]}-{month:02d}-15T16:00:00.000Z"
        if self._random.random() < 0.4:
            period["zone"] = self._random.choice(_ZONES)

    def _date(self, run: Run, rule: dict[str, Any]) -> None:
        run["at"] = (date.fromisoformat(run["at"]) + timedelta(days=self._random.randrange(-2000, 400))).isoformat()

    def _allow(self, run: Run, rule: dict[str, Any]) -> None:
        run["inputs"]["allow_unconfirmed"] = not run["inputs"]["allow_unconfirmed"]

    def _covers(self, run: Run, rule: dict[str, Any]) -> None:
        """Documents of shares of the period: side by side, over one another, or reaching out of it."""
        inputs = run["inputs"]
        for part in inputs.get("parts", [inputs]):
            start, end = (parse_instant(part["period"][name]) for name in ("start", "end"))
            cuts = [start, start + (end - start) // 7, (start + end) // 2, end]
            for item in [item for items in part["inputs"].values() for item in items]:
                if item["source"]["type"] != "document" or self._random.random() < 0.3:
                    continue
                first, last = sorted(self._random.sample(range(len(cuts)), 2))
                until = cuts[last] if self._random.random() < 0.8 else end + self._random.choice((1, _HOUR_MS))
                item["source"]["covers"] = {"start": instant_text(cuts[first]), "end": instant_text(until),
                                            "account": self._random.choice(_ACCOUNTS)}

    def _readings(self, run: Run, rule: dict[str, Any]) -> None:
        """Registers read early or late, or in two spans with a pause and a jump between them, or none."""
        for group in self._groups(run):
            for name in sorted(group):
                for item in [item for item in group[name] if item["source"]["type"] == "register"]:
                    self._shift(item["source"]) if self._random.random() < 0.3 else self._cut(group[name], item)

    def _shift(self, source: dict[str, Any]) -> None:
        end = self._random.choice(("from", "to"))
        moved = parse_instant(source[end]["time"]) + self._random.choice(_SHIFTS_MS)
        source[end] = source[end] | {"time": instant_text(moved)}

    def _cut(self, items: list[dict[str, Any]], item: dict[str, Any]) -> None:
        """The span in two: the second one later by a pause, and further on by a jump."""
        source = item["source"]
        first, last = (int(source[end]["position"]) for end in ("from", "to"))
        start, end = (parse_instant(source[name]["time"]) for name in ("from", "to"))
        middle, cut = (first + last) // 2, (start + end) // 2
        pause, jump = self._random.choice((0, *_SHIFTS_MS)), self._random.choice((0, 0, 1, 1_000, -1))
        later = deepcopy(item)
        source["to"] = source["to"] | {"position": str(middle), "time": instant_text(cut)}
        later["source"]["from"] = later["source"]["from"] | {
            "position": str(middle + jump), "time": instant_text(max(cut + pause, 0))}
        later["source"]["to"]["position"] = str(last + jump)
        for half, moved in ((item, middle - first), (later, last - middle)):
            base = parse_unit("Wh" if half["quantity"]["unit"].endswith("Wh") else "g")
            given = Quantity(parse_decimal(str(moved)), base)
            half["quantity"] = {"value": decimal_text(given.to(half["quantity"]["unit"]).value),
                                "unit": half["quantity"]["unit"]}
        items.append(later)

    def _previous(self, run: Run, rule: dict[str, Any]) -> None:
        names = [item["name"] for item in rule["inputs"]] + [name for name, _ in self._items(run)]
        priorities = {name: str(self._random.randrange(1, 4)) for name in names if self._random.random() < 0.5}
        run["inputs"]["previous"] = {"statement": "cd" * 32, "priorities": priorities}

    def _carried(self, run: Run, rule: dict[str, Any]) -> None:
        value = self._random.choice(("0", "0.25", "999.999", "1500"))
        unit = self._random.choice((rule["result"]["unit"], "kWh", "tCO2e"))
        run["inputs"]["carried"] = {"statement": "ef" * 32, "value": value, "unit": unit}

    def _split(self, run: Run, rule: dict[str, Any]) -> None:
        """The same inputs for two halves of the period, cut at a midnight of the zone or not."""
        inputs = run["inputs"]
        if "parts" in inputs:
            return
        period = inputs["period"]
        first, last = period["start"][:4], period["end"][:4]
        cut = self._random.choice(("2026-06-30T16:00:00.000Z", f"{first}-12-14T16:00:00.000Z",
                                   f"{last}-03-31T16:00:00.000Z", f"{last}-03-31T15:00:00.000Z"))
        inputs["parts"] = [{"period": period | {"end": cut}, "inputs": inputs["inputs"]},
                           {"period": period | {"start": cut}, "inputs": deepcopy(inputs["inputs"])}]
        inputs["inputs"] = {}

    def _gap(self, run: Run, rule: dict[str, Any]) -> None:
        """A gap of some hours beside what is measured, at a rate that is great enough or not."""
        for group in self._groups(run):
            for name in sorted(group):
                allowed = self._input_rule(rule, name)
                if "substitution" not in allowed or self._random.random() < 0.3:
                    continue
                group[name].append(self._substituted(run, allowed))

    def _substituted(self, run: Run, allowed: dict[str, Any]) -> dict[str, Any]:
        day, hours = self._random.randrange(1, 28), self._random.randrange(1, 24)
        month = run["inputs"]["period"][self._random.choice(("start", "end"))][:7]
        start, end = f"{month}-{day:02d}T00:00:00.000Z", f"{month}-{day:02d}T{hours:02d}:00:00.000Z"
        rate = self._random.choice(("0.001", "1", "1000", "1000000"))
        unit, zero = allowed["unit"], allowed["substitution"] == "zero"
        value = "0" if zero else decimal_text(parse_decimal(rate) * hours)
        source = {"type": "substitution", "rule": allowed["substitution"], "start": start, "end": end, "reason": "断线",
                  "meter": self._random.choice((None, "m:plant-main", "m:ash")), "digest": None if zero else "ab" * 32,
                  "rate": None if zero else {"value": rate, "unit": f"{unit}/h"}}
        return {"quantity": {"value": value, "unit": unit}, "source": source, "method": "estimated",
                "uncertainty": None, "priority": str(allowed["sources"].index("substitution") + 1)}

    def _disturb(self, run: Run) -> None:
        places = list(_places(run["inputs"]))
        if not places:
            return
        container, key = self._random.choice(places)
        if self._random.random() < 0.25:
            del container[key]
        elif self._random.random() < 0.15 and isinstance(container, dict):
            container[self._random.choice(("another", "fuel.*", "fuel.😀", "carried", "type"))] = container[key]
        else:
            container[key] = deepcopy(self._random.choice(_UNFAIR))


def _places(value: Any) -> Iterable[tuple[Any, Any]]:
    """Every (container, key) below a value."""
    keys = list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in keys:
        yield value, key
        yield from _places(value[key])


def request_lines(runs: Iterable[Run]) -> list[bytes]:
    """A request a line, as the TypeScript tool reads it."""
    return [written({"id": i, **run}) for i, run in enumerate(runs)]


def python_runs(ruleset: RuleSet, runs: Iterable[Run]) -> list[bytes]:
    """What the reference implementation answers, of documents as statements hold them: nothing is made canonical."""
    return [_answer(i, lambda each=each: {"run": result_json(run_rules(  # type: ignore[misc]
        ruleset, each["methodology"], None, each["inputs"], parse_day(each["at"])))}) for i, each in enumerate(runs)]


def python_parameters(ruleset: RuleSet, questions: Iterable[tuple[str, str]]) -> list[bytes]:
    """The value of each (path, date)."""
    return [_answer(i, lambda path=path, at=at: {"value": parameter(ruleset, path, parse_day(at))})  # type: ignore[misc]
            for i, (path, at) in enumerate(questions)]


def _answer(number: int, answer: Callable[[], dict[str, Any]]) -> bytes:
    try:
        return written({"id": number, **answer()})
    except CarbonSealError as error:
        return written({"id": number, "error": error.as_dict()})
