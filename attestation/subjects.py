"""Registered subjects of one moment, with what follows from their histories, computed once."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from functools import lru_cache

from sqlalchemy import Connection, bindparam, select
from sqlmodel import col

from attestation.history import History, extend, gateway_at, read_history
from attestation.models import RegistrationRow
from attestation.registration import METER, Registration
from attestation.rules import Rule, rules_of
from attestation.storage import chunks
from core.errors import NotFound

# An index after every leaf there will be.
LATEST = 2**63 - 1
_CACHED_SUBJECTS = 16_384


class Subject:
    """A history, and what holds for its columns."""

    def __init__(self, history: History) -> None:
        self.history = history
        self._rules: dict[str, tuple[Rule, ...]] = {}

    def gateway(self, index: int) -> str | None:
        """The gateway that carries the meter at a log index."""
        try:
            return gateway_at(self.history, index)
        except NotFound:
            return None

    def rules(self, quantity: str) -> tuple[Rule, ...]:
        """What holds for a column of the meter, in order of time; empty when it has no such column."""
        if quantity not in self._rules:
            self._rules[quantity] = rules_of(self.history, quantity)
        return self._rules[quantity]

    @property
    def kind(self) -> str:
        """device, meter, claim-point or participant."""
        return self.history.entries[0].registration.kind


@lru_cache(maxsize=_CACHED_SUBJECTS)
def _subject(items: tuple[tuple[int, bytes], ...]) -> Subject:
    return Subject(read_history(items))


class Registry(ABC):
    """Subjects as registered to date."""

    @abstractmethod
    def get(self, subject: str) -> Subject | None:
        """The subject, or None when nobody registered it."""

    @abstractmethod
    def meters(self) -> Iterable[str]:
        """The ids of all meters."""

    def gateway_of(self, meter: str, index: int) -> str | None:
        """The gateway that carries the meter at a log index, None when it was not enrolled."""
        subject = self.get(meter)
        return subject.gateway(index) if subject is not None and subject.kind == METER else None

    def rules(self, meter: str, quantity: str) -> tuple[Rule, ...]:
        """What holds for a column over time, as registered to date."""
        subject = self.get(meter)
        return subject.rules(quantity) if subject is not None and subject.kind == METER else ()

    def carried_by(self, gateway: str, index: int = LATEST) -> frozenset[str]:
        """The meters that the gateway has to report at a log index."""
        return frozenset(meter for meter in self.meters() if self.gateway_of(meter, index) == gateway)


class DatabaseRegistry(Registry):
    """Subjects read from the database when first asked for."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._subjects: dict[str, Subject | None] = {}
        self._meters: list[str] | None = None

    def load(self, names: Iterable[str]) -> None:
        """Read several subjects at once."""
        missing = sorted(set(names) - set(self._subjects))
        found: dict[str, list[tuple[int, bytes]]] = {}
        for part in chunks(missing):
            for name, index, payload in self._connection.execute(_SELECT_HISTORIES, {"names": part}):
                found.setdefault(name, []).append((index, payload))
        for name in missing:
            self._subjects[name] = _subject(tuple(found[name])) if name in found else None

    def get(self, subject: str) -> Subject | None:
        """See Registry.get."""
        if subject not in self._subjects:
            self.load([subject])
        return self._subjects[subject]

    def meters(self) -> Iterable[str]:
        """See Registry.meters."""
        if self._meters is None:
            self._meters = [row[0] for row in self._connection.execute(SELECT_SUBJECTS, {"kind": METER})]
            self.load(self._meters)
        return self._meters


class LogRegistry(Registry):
    """Subjects as of a place in the log, while its entries are read in order."""

    def __init__(self) -> None:
        self._subjects: dict[str, Subject] = {}

    def add(self, index: int, registration: Registration) -> None:
        """The registration at a log index. Raises VerificationFailed when it does not follow."""
        known = self._subjects.get(registration.subject)
        self._subjects[registration.subject] = Subject(extend(known.history if known else None, index, registration))

    def get(self, subject: str) -> Subject | None:
        """See Registry.get."""
        return self._subjects.get(subject)

    def meters(self) -> Iterable[str]:
        """See Registry.meters."""
        return [name for name, subject in self._subjects.items() if subject.kind == METER]


_SELECT_HISTORIES = (
    select(col(RegistrationRow.subject), col(RegistrationRow.log_index), col(RegistrationRow.payload))
    .where(col(RegistrationRow.subject).in_(bindparam("names", expanding=True)))
    .order_by(col(RegistrationRow.subject), col(RegistrationRow.seq)))
SELECT_SUBJECTS = (
    select(col(RegistrationRow.subject))
    .where(col(RegistrationRow.kind) == bindparam("kind"), col(RegistrationRow.seq) == 0)
    .order_by(col(RegistrationRow.subject)))
