"""Connections that say nothing, or half a request, are closed: otherwise a few hundred of them shut everybody out."""

from __future__ import annotations

import asyncio

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

# A gateway on a poor line sends its headers at once and may take long over a body of megabytes, as may a reader.
HEADER_SECONDS = 20.0
BODY_SECONDS = 600.0


class PatientProtocol(H11Protocol):
    """uvicorn's HTTP/1.1 with an end to its patience for a request that does not come."""

    _waiting: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """See asyncio.Protocol."""
        super().connection_made(transport)
        self._expect()

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio.Protocol."""
        self._stop_waiting()
        super().connection_lost(exc)

    def on_response_complete(self) -> None:
        """The next request of a connection that is kept gets its own time."""
        self._expect()
        super().on_response_complete()

    def _stop_waiting(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()

    def _expect(self, waited: float = 0.0) -> None:
        self._stop_waiting()
        self._waiting = self.loop.call_later(HEADER_SECONDS, self._look, waited + HEADER_SECONDS)

    def _look(self, waited: float) -> None:
        state = self.conn.their_state
        # An answer of megabytes is written at once, and read as fast as the line allows.
        moving = state is h11.SEND_BODY or (state is h11.IDLE and self.transport.get_write_buffer_size() > 0)
        if moving and waited < BODY_SECONDS:
            self._expect(waited)
        elif state in (h11.IDLE, h11.SEND_BODY):
            self.transport.abort()
