"""The streams of a probe in a container, over the engine's attach socket."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from typing import TYPE_CHECKING

from compat.run.connection import Tail, wait_writable

if TYPE_CHECKING:
    from docker.models.containers import Container

__all__ = ["ContainerConnection", "remove"]


class ContainerConnection:
    """Starts a container that was created, and is its three streams until it is removed."""

    unbounded: tuple[str, ...] = ()  # a container bounds all of it
    cgroup = ""
    room = ""

    def __init__(self, container: Container, image_digests: tuple[str, ...] = ()) -> None:
        self._container = container
        self.image = str(container.attrs["Image"])  # the engine's word for this container: a tag may be moved
        self.image_digests = image_digests
        self.removed = False  # an engine that is away when we close keeps the container
        attached = container.attach_socket(params={"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1})
        self._attached = attached
        self._socket: socket.socket = getattr(attached, "_sock")  # noqa: B009 - docker-py has no public name for it
        self._socket.settimeout(None)  # waiting for a slow case is the session's business
        self.stdout, self._stdout_write = os.pipe()
        error_read, self._stderr_write = os.pipe()
        self._tail = Tail(os.fdopen(error_read, "rb", buffering=0))
        self._pump = threading.Thread(target=self._demultiplex, daemon=True)
        self._pump.start()
        try:
            container.start()
        except BaseException:
            self.close()
            raise

    def _demultiplex(self) -> None:
        """Sort the frames of the one socket into our two pipes, until the container's streams end."""
        from docker.utils.socket import frames_iter

        try:
            for stream, data in frames_iter(self._attached, tty=False):  # type: ignore[no-untyped-call]  # docker-py's
                view = memoryview(data)
                while view:
                    view = view[os.write(self._stdout_write if stream == 1 else self._stderr_write, view) :]
        except (OSError, ValueError):  # the socket or our reading end was closed
            pass
        finally:
            os.close(self._stdout_write)
            os.close(self._stderr_write)

    @property
    def pid(self) -> int | None:
        """The process id of the container's first process on the engine's machine; None when it cannot be had."""
        from docker.errors import DockerException

        try:
            self._container.reload()
        except (DockerException, OSError):
            return None
        return int(self._container.attrs["State"]["Pid"]) or None

    @property
    def id(self) -> str:
        """The container's id."""
        return str(self._container.id)

    @property
    def is_open(self) -> bool:
        """Whether it has not been closed."""
        return self.stdout >= 0

    def write(self, data: bytes, deadline: float | None = None) -> None:
        """Send all of ``data`` to the probe's standard input."""
        view = memoryview(data)
        while view:
            wait_writable(self._socket.fileno(), deadline)
            with contextlib.suppress(BlockingIOError):
                view = view[self._socket.send(view, socket.MSG_DONTWAIT) :]

    def tail(self) -> str:
        """The end of what it printed to standard error."""
        return self._tail.text(0.5)

    def close(self) -> None:
        """Remove the container with everything in it."""
        if self.stdout < 0:
            return
        # First what it has still to say: an engine does not end a container while it waits for us to read that.
        os.close(self.stdout)
        self.stdout = -1
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self.removed = remove(self._container)
        self._pump.join(5.0)
        self._attached.close()


def remove(container: Container) -> bool:
    """Have the engine remove a container with everything in it; False when the engine does not answer or refuses."""
    from docker.errors import DockerException, NotFound

    try:
        container.remove(force=True)
    except NotFound:
        return True
    except (DockerException, OSError):  # OSError: there is no engine at the moment
        return False
    return True
