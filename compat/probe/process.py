"""Processes as Linux sees them: what becomes of a case's descendants, and what a process asks of the kernel."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import time

__all__ = [
    "LIBC",
    "become_subreaper",
    "die_with_parent",
    "end_descendants",
    "keep_out",
    "let_in",
    "reap_orphans",
    "signal_name",
    "tell",
]

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


def end_descendants() -> None:
    """End every descendant, and wait until there is none. The caller is a subreaper, or the first of its pid namespace.

    The first process of a pid namespace ends everybody else in one call. Elsewhere orphans become our children, round
    by round.
    """
    me = os.getpid()
    while True:
        try:
            if os.waitpid(-1, os.WNOHANG)[0] != 0:
                continue
        except ChildProcessError:
            return
        if me == 1:
            with contextlib.suppress(ProcessLookupError):
                os.kill(-1, signal.SIGKILL)  # everybody in the namespace except ourselves
        else:
            for pid in _children(me):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        time.sleep(0.001)


def _children(parent: int) -> list[int]:
    """The process ids of our children, by one look through /proc."""
    found = []
    for name in os.listdir("/proc"):  # noqa: PTH208 - names are all that is needed, for every process
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat", encoding="utf-8", errors="replace") as stat:  # noqa: PTH123 - a hot loop
                    if int(stat.read().rpartition(")")[2].split()[1]) == parent:
                        found.append(int(name))
            except (OSError, IndexError, ValueError):
                continue
    return found


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
