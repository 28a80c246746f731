"""Processes as Linux sees them: what becomes of a case's descendants, and what a process asks of the kernel."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "LIBC",
    "become_subreaper",
    "before_others",
    "die_with_parent",
    "end_descendants",
    "keep_out",
    "let_in",
    "no_more_processes",
    "reap_orphans",
    "signal_name",
    "tell",
]

_PAUSE = 0.05  # seconds between looks at processes that were killed and are not over
_TOLD = "/proc/thread-self/children"  # there, where the kernel tells who a process has started

# linux/prctl.h
_SET_PDEATHSIG, _SET_DUMPABLE, _SET_CHILD_SUBREAPER = 1, 4, 36


LIBC = ctypes.CDLL(None)  # looked up once: in every case's process it would cost a third of a millisecond


def _prctl(option: int, value: int) -> None:
    """Best effort: where the kernel refuses, pipes still end a case whose zygote is gone."""
    with contextlib.suppress(AttributeError):
        LIBC.prctl(option, value, 0, 0, 0)


def become_subreaper() -> None:
    """Become the parent of every orphan among our descendants, however deep it was."""
    _prctl(_SET_CHILD_SUBREAPER, 1)


def keep_out() -> None:
    """Let nobody of our own user read our memory and descriptors or trace us. Children inherit it: ``let_in``."""
    _prctl(_SET_DUMPABLE, 0)


def let_in() -> None:
    """Undo ``keep_out``."""
    _prctl(_SET_DUMPABLE, 1)


def die_with_parent(parent: int) -> None:
    """Be killed when the thread that made us ends; at once when ``parent`` is gone already."""
    _prctl(_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)


def reap_orphans(but: int) -> None:
    """Collect descendants that are over, except the child ``but``: until then each counts as a process."""
    while True:
        try:
            found = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            return
        if found is None or found.si_pid == but:
            return
        os.waitpid(found.si_pid, 0)


def end_descendants(cgroup: str = "") -> None:
    """End every descendant, and wait until there is none. The caller is a subreaper, or the first of its pid namespace.

    The first process of a pid namespace ends everybody else in one call. Elsewhere some may start others faster than
    they are ended: then all are stopped first. ``cgroup`` is the folder of the one that bounds them, if any.
    """
    if _collected():
        return
    if os.getpid() == 1:
        while not _collected():
            with contextlib.suppress(OSError):
                os.kill(-1, signal.SIGKILL)  # everybody in the namespace except ourselves
            time.sleep(0.001)
        return
    pause = 0.001
    with before_others(), no_more_processes(cgroup):
        while not _collected():
            for pid in _stopped():
                _send(pid, signal.SIGKILL)
            time.sleep(pause)
            pause = min(2 * pause, _PAUSE)  # thousands take a while to be over


def _collected() -> bool:
    """Collect the children that are over; whether there are no others."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0] != 0:
            pass
    except ChildProcessError:
        return True
    return False


def _send(pid: int, number: int) -> None:
    with contextlib.suppress(OSError):  # it is over, or somebody else by now
        os.kill(pid, number)


def _stopped() -> set[int]:
    """Every descendant, once it is stopped: none of them can start another."""
    stopped: set[int] = set()
    before = -1
    while len(stopped) > before:
        before = len(stopped)
        for pid in _descendants():
            if pid not in stopped:
                _send(pid, signal.SIGSTOP)
                stopped.add(pid)
    return stopped


def _descendants() -> Iterator[int]:
    """Each of our descendants, before its children are looked for: whoever is stopped in between has them all."""
    found = dict.fromkeys(_children(os.getpid()))
    left = list(found)
    while left:
        pid = left.pop()
        yield pid
        new = [child for child in _children(pid) if child not in found]
        found.update(dict.fromkeys(new))
        left += new


def _children(parent: int) -> list[int]:
    """The children of a process: each of its threads has its own."""
    found: list[int] = []
    try:
        for thread in os.listdir(f"/proc/{parent}/task"):  # noqa: PTH208 - names are all that is needed
            with open(f"/proc/{parent}/task/{thread}/children", "rb") as file:  # noqa: PTH123 - a hot loop
                found += map(int, file.read().split())
    except OSError:  # it is over, or the kernel does not tell
        return [] if os.access(_TOLD, os.R_OK) else _children_by_search(parent)
    return found


def _children_by_search(parent: int) -> list[int]:
    """The same by one look through /proc."""
    names = os.listdir("/proc")  # noqa: PTH208 - as above
    return [pid for pid in map(int, filter(str.isdigit, names)) if _parent(pid) == parent]


def _parent(pid: int) -> int:
    """The parent of a process; 0 for one that is over."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as stat:  # noqa: PTH123 - a hot loop
            return int(stat.read().rpartition(b")")[2].split(None, 2)[1])
    except (OSError, IndexError, ValueError):
        return 0


@contextlib.contextmanager
def no_more_processes(cgroup: str) -> Iterator[None]:
    """Let nobody in a cgroup start another process meanwhile, if there is one and we may say so."""
    path, most = f"{cgroup}/pids.max", b""
    with contextlib.suppress(OSError):
        if cgroup:
            with open(path, "rb") as file:  # noqa: PTH123 - as all of this file
                most = file.read()
            tell(path, b"0")
    try:
        yield
    finally:
        if most:
            with contextlib.suppress(OSError):
                tell(path, most)


@contextlib.contextmanager
def before_others() -> Iterator[None]:
    """Run before everybody else meanwhile, where we may: thousands that never sleep would leave us no time."""
    policy, parameters = os.sched_getscheduler(0), os.sched_getparam(0)
    try:
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
    except OSError:
        yield
        return
    try:
        yield
    finally:
        os.sched_setscheduler(0, policy, parameters)


def tell(path: str, word: bytes) -> None:
    """Write a word to a file of /proc; OSError where the kernel refuses.

    No text: a codec that the zygote has not loaded would be imported in every case's process, for 1 ms.
    """
    file = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(file, word)
    finally:
        os.close(file)


def signal_name(number: int) -> str:
    """``SIGSEGV`` for 11; ``signal 40`` for one without a name (the real-time signals in the middle)."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
