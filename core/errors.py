"""The error tree. Every error a user can meet has a stable code, says what and where, and what to do.

    CarbonSealError
    ├── InputError          the input cannot be used                       exit 2, HTTP 422
    │   ├── FormError       bytes or text are not well formed              exit 2, HTTP 400
    │   └── NotFound        it names something that does not exist         exit 2, HTTP 404
    ├── Refused             well formed, and the answer is no              exit 1, HTTP 409
    │   └── Forbidden       who asks may not do this                       exit 1, HTTP 403
    ├── VerificationFailed  a check said no                                exit 1, HTTP 422
    └── Unavailable         chain, database or node cannot be reached      exit 3, HTTP 503

A foreign exception that leaves a parser or a verifier is a bug.
"""

from __future__ import annotations

from typing import Any, ClassVar

from core.hints import HINTS


def quoted(value: object, count: int) -> str:
    """What was given, as a message shows it: the first `count` characters in quotation marks; null, true and false
    as JSON spells them."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    return repr(str(value)[:count])


class CarbonSealError(Exception):
    """Base of every error of ours.

    `code` is stable kebab-case; `message` says what is wrong; `where` names the place (file, field, index);
    `hint` says what to do: the one given, or else what core/hints.py has for the code; `detail` holds values a program
    may act on (JSON scalars, for example the expected seq).
    """

    exit_code: ClassVar[int] = 2
    http_status: ClassVar[int] = 422

    def __init__(self, code: str, message: str, *, where: str = "", hint: str = "", **detail: Any) -> None:
        super().__init__(code, message, where, hint)
        self.code = code
        self.message = message
        self.where = where
        self.hint = hint or HINTS.get(code, "")
        self.detail = detail

    def __str__(self) -> str:
        place = f" at {self.where}" if self.where else ""
        hint = f" ({self.hint})" if self.hint else ""
        return f"{self.code}: {self.message}{place}{hint}"

    def as_dict(self) -> dict[str, Any]:
        """The error as every interface prints it: {"code", "message", "where", "hint", **detail}."""
        return {"code": self.code, "message": self.message, "where": self.where, "hint": self.hint, **self.detail}


class InputError(CarbonSealError):
    """The input cannot be used."""


class FormError(InputError):
    """Bytes or text are not well formed."""

    http_status = 400


class NotFound(InputError):
    """It names something that does not exist here."""

    http_status = 404


class Refused(CarbonSealError):
    """Well formed, and the answer is no."""

    exit_code = 1
    http_status = 409


class Forbidden(Refused):
    """Who asks may not do this."""

    http_status = 403


class VerificationFailed(CarbonSealError):
    """A check said no."""

    exit_code = 1


class Unavailable(CarbonSealError):
    """A dependency (chain, database, node, disk) cannot be reached or used now."""

    exit_code = 3
    http_status = 503
