"""Whose a process is: NVML names processes of the whole machine, and a case answers for its own only."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["belongs"]


def belongs(pid: int, root: int) -> bool:
    """Whether ``pid`` is ``root``, descends from it, or lives in the container that ``root`` is the first process of.

    A process that is over belongs to nobody.
    """
    return _descends(pid, root) or _shares_container(pid, root)


def _descends(pid: int, root: int) -> bool:
    seen: set[int] = set()
    current: int | None = pid
    while current and current not in seen:  # a process that takes a dead one's number could close a ring
        if current == root:
            return True
        seen.add(current)
        current = _parent(current)
    return False


def _parent(pid: int) -> int | None:
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    # pid (command) state ppid ...: the command may hold spaces and brackets.
    return int(text.rpartition(")")[2].split()[1])


def _shares_container(pid: int, root: int) -> bool:
    """What ``docker exec`` starts is no descendant of the container's first process, but is in its namespace."""
    namespace = _pid_namespace(root)
    return namespace not in (None, _pid_namespace(os.getpid())) and _pid_namespace(pid) == namespace


def _pid_namespace(pid: int) -> str | None:
    try:
        return os.readlink(f"/proc/{pid}/ns/pid")  # noqa: PTH115 - "pid:[4026531836]" is no path
    except OSError:
        return None
