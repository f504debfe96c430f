"""Errors that only an HTTP service has; leaves of the tree in `core.errors`."""

from __future__ import annotations

from core.errors import Forbidden, FormError, InputError, Unavailable


class Unauthenticated(Forbidden):
    """Nobody, or nobody known, asks. HTTP 401."""

    http_status = 401


class TooLarge(FormError):
    """The body is larger than this node takes. HTTP 413."""

    http_status = 413


class Unsupported(InputError):
    """The media type of the body is not one this route reads. HTTP 415."""

    http_status = 415


class Busy(Unavailable):
    """More is waiting than the node will hold in memory; the sender keeps it and comes again. HTTP 503."""
