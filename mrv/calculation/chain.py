"""The state of evaluating one part of a period: what was called, read and used, and what may be read.

Nothing is guessed: an input that nothing reads and an unconfirmed parameter where none is allowed are errors.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

from core.errors import InputError
from mrv.calculation.bounds import CallSpreads
from mrv.calculation.inputs import Inputs
from mrv.definitions.formula import Evaluation
from mrv.definitions.methodology import Methodology
from mrv.definitions.parameter import ParameterValue
from mrv.definitions.ruleset import RuleSet

Read = tuple[tuple[str, ParameterValue], ...]

MAX_NEAR = 8
"""Names in a hint: more are no help."""


@dataclass(frozen=True)
class StepResult:
    """One formula call: step name, member of a family or "", its evaluation, and the part of the period it is of."""

    step: str
    member: str
    evaluation: Evaluation
    part: int = 0


@dataclass
class Chain:
    """The state of evaluating one part: what was called, which parameters and inputs were read, what each step gave.

    `asked`: every input that was looked for, given or not; `used`: those that entered the calculation.
    """

    ruleset: RuleSet
    methodology: Methodology
    at: date
    inputs: Inputs
    part: int = 0
    steps: list[StepResult] = field(default_factory=list)
    read: dict[tuple[str, str], ParameterValue] = field(default_factory=dict)
    spreads: dict[str, list[CallSpreads]] = field(default_factory=dict)
    asked: set[str] = field(default_factory=set)
    used: set[str] = field(default_factory=set)

    @property
    def parameters(self) -> Read:
        """The parameter values in order of reading."""
        return tuple((path, value) for (path, _), value in self.read.items())

    def calls(self, step: str) -> list[StepResult]:
        """What a step gave, one result for each member."""
        return [call for call in self.steps if call.step == step]

    def note(self, path: str, value: ParameterValue) -> ParameterValue:
        """A value that is read: allowed, and among what was read. Raises InputError (parameter-unconfirmed)."""
        if value.status == "unconfirmed":
            self.check_allowed(value.key, value.source, path)
        self.read[path, value.key] = value
        return value

    def check_allowed(self, name: str, source: str, where: str) -> None:
        """Raises InputError (parameter-unconfirmed) unless both methodology and inputs allow what is unconfirmed."""
        if not (self.inputs.allow_unconfirmed and self.methodology.allows_unconfirmed):
            raise InputError("parameter-unconfirmed", f"{name} is not confirmed ({source})", where=where,
                             hint='"allow_unconfirmed": true accepts it where the methodology does; the result says so')

    def check_used(self) -> None:
        """Raises InputError (input-unused): a value set aside in silence would leave a default in its place."""
        read = self.used | {self.methodology.intervals.get("input", "")}
        for name in self.inputs.items:
            if name in read:
                continue
            family = name.split(".")[0] + "."
            near = sorted(other for other in self.asked if other.startswith(family) and other not in self.inputs.items)
            raise InputError("input-unused", f"{name} is given, and nothing in this calculation reads it",
                             where=self.inputs.place_of(name),
                             hint="it would read " + ", ".join(near[:MAX_NEAR]) if near else "leave it out, or give "
                             "the input that it belongs to under the same name after the point")
