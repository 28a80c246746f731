"""The server: uvicorn, with bounds on what a client may hold, and nothing said that nobody asked for.

uvicorn closes a connection that is idle after a response, and no other: one that never sends a request, or sends it a
byte a minute, would stay for ever. So each request has a time here, from its first byte to its last.
"""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from compat.gate.serve.app import make_app
from compat.gate.serve.guard import HEADER_BYTES, Guard

if TYPE_CHECKING:
    from compat.gate.serve import Answers
    from compat.gate.serve.token import Tokens

__all__ = ["run_server"]

CONNECTIONS = 256
REQUEST_SECONDS = 10.0  # from a connection, or from a request's first byte, to its last
IDLE_SECONDS = 30  # of a connection after a response
_END_SECONDS = 5  # for requests under way when we are told to end


class _Bounded(H11Protocol):
    """A connection that is refused where there are too many, and ended where its client takes too long.

    That is for a request to come in, or for answers to be taken: nobody has to read what comes back.
    """

    _late: asyncio.TimerHandle | None = None
    _full: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn has it
        super().connection_made(transport)
        if len(self.connections) > CONNECTIONS:
            transport.abort()
            return
        self._late = self.loop.call_later(REQUEST_SECONDS, transport.abort)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        incomplete = self.conn.their_state in (h11.IDLE, h11.SEND_BODY)
        if not incomplete:
            self._in_time()
        elif self._late is None and not self.transport.is_closing():
            self._late = self.loop.call_later(REQUEST_SECONDS, self.transport.abort)

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - what is wrong is not said
        super().send_400_response("")

    def pause_writing(self) -> None:
        super().pause_writing()
        self._full = self.loop.call_later(REQUEST_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        self._taken()
        super().resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        self._in_time()
        self._taken()
        super().connection_lost(exc)

    def _in_time(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def _taken(self) -> None:
        if self._full is not None:
            self._full.cancel()
            self._full = None


def run_server(answers: Answers, tokens: Tokens | None, listener: socket.socket, say: Callable[[str], None]) -> None:
    """Answer on a socket that listens, until a signal ends it. ``say`` gets a line of what failed."""
    config = uvicorn.Config(
        Guard(make_app(answers), tokens, say),
        http=_Bounded,
        ws="none",
        loop="asyncio",
        lifespan="off",
        interface="asgi3",
        log_config=None,
        log_level="critical",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=IDLE_SECONDS,
        timeout_graceful_shutdown=_END_SECONDS,
        h11_max_incomplete_event_size=HEADER_BYTES,
        backlog=CONNECTIONS,
    )
    for name in (signal.SIGTERM, signal.SIGINT):  # uvicorn raises them again, once it has ended
        signal.signal(name, lambda _number, _frame: None)
    uvicorn.Server(config).run(sockets=[listener])
