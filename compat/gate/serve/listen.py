"""Where the server listens."""

from __future__ import annotations

import ipaddress
import socket

from compat.errors import UsageError

__all__ = ["is_loopback", "listen"]

_BACKLOG = 256


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches the address. A name is asked for; one of several addresses has to be all."""
    try:
        found = [info[4][0] for info in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)]
        return bool(found) and all(ipaddress.ip_address(str(address)).is_loopback for address in found)
    except (OSError, UnicodeError, ValueError):
        return False


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens there. UsageError in one line where that cannot be."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        listener = socket.create_server(address, family=family, backlog=_BACKLOG)
    except (OSError, UnicodeError, OverflowError) as problem:
        what = getattr(problem, "strerror", None) or str(problem)
        raise UsageError(f"{host}:{port}", f"cannot be listened on: {what}", "say another --host or --port") from None
    # A head and a body are two writes: without this the second waits 40 ms for the client's word on the first.
    # Connections have it from their listener (Linux); asyncio sets it only where a socket names its protocol.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener
