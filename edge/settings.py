"""A strict reader of TOML tables: unknown, missing and wrong keys are errors that name the file and the key."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from core.errors import InputError


def load_table(path: Path) -> Table:
    """The root table of a TOML file. Raises InputError (config-missing, config-syntax)."""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError("config-missing", f"cannot read the configuration: {error.strerror}", where=str(path),
                         hint="see docs/guides/gateway.md for an example") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError("config-syntax", f"not TOML: {error}", where=str(path),
                         hint="see docs/guides/gateway.md for an example") from None
    return Table(content, f"{path}: ")


class Table:
    """One table; every key is taken once, and `close` refuses those that nobody took."""

    def __init__(self, values: dict[str, Any], prefix: str) -> None:
        self._values = dict(values)
        self._prefix = prefix

    def where(self, key: str) -> str:
        """The place of a key as errors print it."""
        return self._prefix + key

    def text(self, key: str, default: str | None = None) -> str:
        """A string that is not empty."""
        value = self._take(key, default)
        if not isinstance(value, str) or not value.strip():
            raise self._wrong(key, "a text is needed")
        return value

    def optional_text(self, key: str) -> str | None:
        """A string, or None when the key is absent."""
        return self.text(key) if key in self._values else None

    def choice(self, key: str, choices: tuple[str, ...], default: str | None = None) -> str:
        """One of the texts given."""
        value = self.text(key, default)
        if value not in choices:
            raise self._wrong(key, f"{value!r} is none of {', '.join(choices)}")
        return value

    def integer(self, key: str, low: int, high: int, default: int | None = None) -> int:
        """An integer from `low` to `high`."""
        value = self._take(key, default)
        if type(value) is not int or not low <= value <= high:
            raise self._wrong(key, f"an integer from {low} to {high} is needed")
        return value

    def flag(self, key: str, default: bool) -> bool:
        """true or false."""
        value = self._take(key, default)
        if type(value) is not bool:
            raise self._wrong(key, "true or false is needed")
        return value

    def table(self, key: str) -> Table:
        """A table inside this one; an empty one when the key is absent."""
        value = self._take(key, {})
        if not isinstance(value, dict):
            raise self._wrong(key, "a table is needed")
        return Table(value, f"{self._prefix}{key}.")

    def tables(self, key: str) -> list[Table]:
        """An array of at least one table ([[key]])."""
        values = self._take(key, None)
        if not isinstance(values, list) or not values or not all(isinstance(value, dict) for value in values):
            raise self._wrong(key, f"at least one table [[{key}]] is needed")
        return [Table(value, f"{self._prefix}{key}[{number}].") for number, value in enumerate(values)]

    def close(self) -> None:
        """Raises InputError (config-unknown) for keys that have no meaning here."""
        for key in self._values:
            raise InputError("config-unknown", "this key is not known", where=self.where(key),
                             hint="remove it, or check its spelling in docs/guides/gateway.md")

    def _take(self, key: str, default: Any) -> Any:
        value = self._values.pop(key, default)
        if value is None:
            raise InputError("config-key-missing", "this key is needed", where=self.where(key),
                             hint="see docs/guides/gateway.md")
        return value

    def _wrong(self, key: str, message: str) -> InputError:
        return InputError("config-value", message, where=self.where(key))
