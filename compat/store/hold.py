"""One controller a node: two that measure on a node at once would disturb each other, and give pairs the same number.

A controller holds a lock on a file in the store's folder while it measures. The kernel lets the lock go when the
process is over, however it ended. Shards of one node are no exception: their cases differ, so that their evidence
would lie beside each other unharmed, but what one measures is slowed down by the other.
"""

from __future__ import annotations

import contextlib
import datetime
import errno
import fcntl
import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

from compat.errors import StoreError
from compat.model import Node

__all__ = ["LOCK", "hold"]

LOCK = ".measuring-"  # and the node's id: a file of the folder that is no document
_LONGEST = 200  # bytes of what a lock's holder says of itself
_UNABLE = frozenset({errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP})  # a file system that has no locks


@contextlib.contextmanager
def hold(folder: Path, node: Node, say: Callable[[str], None]) -> Iterator[None]:
    """Be the only controller that measures on ``node`` into ``folder``.

    StoreError where another one is: who, and since when. Where the file system has no locks, ``say`` gets a sentence,
    and nothing is held.
    """
    path = folder / f"{LOCK}{node.id}"
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)  # as far as the umask lets others
    except OSError as problem:
        raise StoreError(str(path), f"cannot be written: {problem.strerror}", "make room or rights there") from problem
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            who = os.pread(handle, _LONGEST, 0).decode("utf-8", "replace")
            who = "".join(char for char in who if char.isprintable())
            what = f"is measured on node {node.hostname} by another controller: {who or 'just begun'}"
            raise StoreError(
                str(folder), what, "wait until it has ended, or end it; a node has one at a time"
            ) from None
        except OSError as problem:
            if problem.errno not in _UNABLE:
                raise StoreError(str(path), f"cannot be locked: {problem.strerror}", "name another folder") from problem
            say(f"{folder} is on a file system without locks: see to it that nobody else measures on this node")
        else:
            now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
            text = f"process {os.getpid()} on {socket.gethostname()}, since {now}".encode()[:_LONGEST]
            with contextlib.suppress(OSError):  # a full disk: the lock holds without its words
                os.ftruncate(handle, 0)
                os.pwrite(handle, text, 0)
        yield
    finally:
        os.close(handle)
