"""The parent of a zygote on this machine: when either end of the connection is gone, nothing of it is left running.

It is a process of its own, run by the interpreter that runs us and not by the runtime's. It becomes the parent of all
that a zygote or a case leaves behind, so it ends even what outlives a killed zygote. It imports next to nothing.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import tempfile
from typing import Any

from compat.probe.folders import remove
from compat.probe.process import become_subreaper, die_with_parent, end_descendants

__all__ = ["KEEPER", "main"]

# Run with -I -S, the descriptor of our end of the life line as the only argument.
KEEPER = "import sys; sys.path.insert(0, {root!r}); from compat.run.keeper import main; main(int(sys.argv[1]))"


def main(life_line: int) -> None:
    """Start what the controller asks for, say how that went, and clear up when it or the controller ends."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.set_inheritable(life_line, False)  # nobody below may hold on to it
    life = socket.socket(fileno=life_line)
    wake = _wake_on_child()
    with life.makefile("rb") as lines:
        asked = json.loads(lines.readline())
    become_subreaper()
    room = tempfile.mkdtemp(prefix=asked["room"])
    asked["env"]["TMPDIR"] = room
    if not asked["cwd"]:
        asked["cwd"] = asked["env"]["HOME"] = room
    try:
        pid, problem = _start(asked)
        life.sendall(json.dumps({"pid": pid, "errno": problem, "room": room}).encode() + b"\n")
        null = os.open(os.devnull, os.O_RDWR)
        for fd in (0, 1, 2):
            os.dup2(null, fd)  # the streams are the zygote's: their ends must not wait for us
        while not problem and not _over(pid):
            ready = select.select([life.fileno(), wake], [], [])[0]
            if life.fileno() in ready:
                break
            os.read(wake, 512)
    except OSError:  # the controller is gone already
        pass
    finally:
        end_descendants(asked["cgroup"])
        with contextlib.suppress(OSError):
            remove(room)
        if asked["cgroup"]:
            with contextlib.suppress(OSError):
                os.rmdir(asked["cgroup"])  # noqa: PTH106 - pathlib costs more than all of this


def _wake_on_child() -> int:
    read, write = os.pipe()
    os.set_blocking(write, False)
    signal.set_wakeup_fd(write, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    return read


def _over(zygote: int) -> bool:
    """Collect every child that is over; whether the zygote was among them."""
    try:
        while (pid := os.waitpid(-1, os.WNOHANG)[0]) != 0:
            if pid == zygote:
                return True
    except ChildProcessError:
        return True
    return False


def _start(asked: dict[str, Any]) -> tuple[int, int]:
    """The process id of the zygote, and the number of the error that kept it from being executed, or 0."""
    read, write = os.pipe()
    parent = os.getpid()
    pid = os.fork()
    if pid == 0:
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            os.setsid()
            die_with_parent(parent)
            _bound(asked)
            os.chdir(asked["cwd"])
            os.execve(asked["command"][0], asked["command"], asked["env"])  # noqa: S606 - no shell is wanted
        except OSError as problem:
            os.write(write, str(problem.errno).encode())
        finally:
            os._exit(127)
    os.close(write)
    said = os.read(read, 16)
    os.close(read)
    return pid, int(said or 0)


def _bound(asked: dict[str, Any]) -> None:
    """Bound how many processes there may be: in a cgroup, or else for the user; root has no limit as a user."""
    if asked["cgroup"]:
        with open(f"{asked['cgroup']}/cgroup.procs", "w", encoding="ascii") as procs:  # noqa: PTH123
            procs.write(str(os.getpid()))
    elif asked["processes"]:
        import resource

        _, hard = resource.getrlimit(resource.RLIMIT_NPROC)
        limit = asked["processes"] if hard == resource.RLIM_INFINITY else min(hard, asked["processes"])
        resource.setrlimit(resource.RLIMIT_NPROC, (limit, limit))
