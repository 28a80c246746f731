"""What stands before the application: the token, the bound of a body, and that nothing is said of a failure.

A request without a right token gets the same answer, whatever is wrong with it and whatever it asks for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from compat.gate.serve.token import Tokens

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["BODY_BYTES", "HEADER_BYTES", "OPEN_PATHS", "Guard"]

BODY_BYTES = 65_536  # of a request
HEADER_BYTES = 16_384  # of its head: h11 bounds only one that is not complete yet
_BODY_SECONDS = 5.0  # for all of it
OPEN_PATHS = frozenset({"/healthz"})  # asked by whoever starts and stops us, without a token
_EMPTY: tuple[tuple[bytes, bytes], ...] = ((b"content-length", b"0"), (b"cache-control", b"no-store"))
_CLOSE = (b"connection", b"close")


class Guard:
    """An application around another one. ``tokens`` None asks for none; ``say`` gets a line of what failed."""

    def __init__(self, app: ASGIApp, tokens: Tokens | None, say: Callable[[str], None]) -> None:
        self._app = app
        self._tokens = tokens
        self._say = say

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or answer it here."""
        if scope["type"] != "http":
            return
        headers = scope["headers"]
        if self._tokens is not None and scope["path"] not in OPEN_PATHS and not self._tokens.accept(headers):
            await _answer(send, 401, (b"www-authenticate", b"Bearer"))
            return
        if _head(scope) > HEADER_BYTES:
            await _answer(send, 431, _CLOSE)
            return
        started = False

        async def sent(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            if _length(headers) > BODY_BYTES:
                raise _TooLargeError
            async with asyncio.timeout(_BODY_SECONDS):
                body = await _read(receive)
            await self._app(scope, _again(body, receive), sent)
        except _TooLargeError:
            await _answer(send, 413, _CLOSE)
        except TimeoutError:
            await _answer(send, 408, _CLOSE)
        except Exception as problem:  # noqa: BLE001 - whatever it is, the client gets nothing of it
            self._say(f"a request failed: {type(problem).__name__}: {problem}: this is a defect of gpu-compat")
            if not started:
                await _answer(send, 500, _CLOSE)


class _TooLargeError(Exception):
    """A body has more bytes than a request may have."""


async def _read(receive: Receive) -> bytes:
    """The whole body, before the application sees anything of the request."""
    found = bytearray()
    while True:
        message = await receive()
        found += message.get("body", b"")
        if len(found) > BODY_BYTES:
            raise _TooLargeError
        if not message.get("more_body", False):
            return bytes(found)


def _again(body: bytes, receive: Receive) -> Receive:
    """What gives the body that was read, and then whatever comes."""
    left = [body]

    async def give() -> Message:
        return {"type": "http.request", "body": left.pop(), "more_body": False} if left else await receive()

    return give


def _head(scope: Scope) -> int:
    """Bytes of a request's head, but for what is in every one of them."""
    fields = sum(len(name) + len(value) + 4 for name, value in scope["headers"])
    return fields + len(scope["raw_path"]) + len(scope["query_string"])


def _length(headers: list[tuple[bytes, bytes]]) -> int:
    """What the request says of its body; that it is a number was checked before (h11)."""
    found = [value for name, value in headers if name == b"content-length"]
    return int(found[0]) if found else 0


async def _answer(send: Send, status: int, *more: tuple[bytes, bytes]) -> None:
    await send({"type": "http.response.start", "status": status, "headers": [*_EMPTY, *more]})
    await send({"type": "http.response.body", "body": b""})
