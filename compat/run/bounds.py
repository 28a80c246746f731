"""What can be bounded of a runtime that is a process on this machine, and in words what cannot.

A container bounds all of it. Here the number of processes is bounded by a cgroup of the controller ``pids`` where we
may make one (root), or else by the user's limit; memory by the limit of each process.
"""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Bounds", "cgroup_folder", "memory_limit", "process_limit", "processors"]

_CGROUPS = Path("/sys/fs/cgroup")


def _others_limit() -> int:
    """Processes that a user may start beside the runtime's, where only the user can be bounded.

    Not many more than it needs: a user without rights has no more time than each of a fork bomb's processes, and to end
    a thousand on two cores takes 8 s.
    """
    return 512 + 32 * (os.cpu_count() or 1)


def process_limit() -> int:
    """Processes and threads that a runtime may have at once: enough for torch's compilers on every core."""
    return 512 + 8 * (os.cpu_count() or 1)


def memory_limit() -> int:
    """Bytes: four fifths of this machine, so that a case that takes all it can gets killed and the machine does not."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") * 4 // 5


def processors() -> str:
    """Which of this machine's processors are ours, as ``2,3``, where others are not; else empty."""
    own = os.sched_getaffinity(0)
    return ",".join(map(str, sorted(own))) if len(own) != os.cpu_count() else ""


def cgroup_folder(text: str | None = None) -> Path | None:
    """Where a cgroup for processes can be made: below ours (version 1), or beside it (version 2).

    In version 2 a cgroup that has processes cannot hand a controller on, so ours is no place for another.
    """
    try:
        lines = (text or Path("/proc/self/cgroup").read_text(encoding="utf-8")).splitlines()
    except OSError:
        return None
    for line in lines:
        number, controllers, path = line.split(":", 2)
        if "pids" in controllers.split(","):
            for folder in (_CGROUPS / "pids" / path.lstrip("/"), _CGROUPS / "pids"):  # a container sees only its own
                if (folder / "cgroup.procs").exists():
                    return folder
        if number == "0" and not controllers:
            ours = _CGROUPS / path.lstrip("/")
            place = ours.parent if path != "/" else ours
            if (place / "cgroup.subtree_control").exists():
                return place
    return None


@dataclass(frozen=True)
class Bounds:
    """The bounds of one local runtime's life. ``cgroup`` is a folder to join, ``processes`` a limit of the user."""

    cgroup: Path | None
    processes: int | None

    @classmethod
    def make(cls, name: str) -> Bounds:
        """Make a cgroup called ``name``, where that is possible."""
        cgroup = _make_cgroup(name)
        if cgroup is not None or os.getuid() == 0:
            return cls(cgroup, None)
        return cls(None, _processes_of(os.getuid()) + process_limit() + _others_limit())

    def unbounded(self) -> tuple[str, ...]:
        """What a case could do here that it could not in a container."""
        root = os.getuid() == 0
        if self.cgroup is not None:
            processes = ""
        elif root:
            processes = "the number of processes (run by root, and no cgroup can be made)"
        else:
            processes = "the number of processes beyond that of the user"
        said = ["the network", "files of the user", "memory of all processes together (each one is bounded)"]
        said += [processes] if processes else []
        reach = "end and read" if root else "end"
        return (f"not bounded here: {', '.join(said)}; a case could {reach} its probe",)


def _make_cgroup(name: str) -> Path | None:
    """A new cgroup that bounds the number of processes; None where there is no right to make one."""
    own = cgroup_folder()
    if own is None:
        return None
    folder = own / name
    try:
        folder.mkdir()
    except OSError:
        return None
    try:
        (folder / "pids.max").write_text(str(process_limit()), encoding="ascii")
    except OSError:
        with contextlib.suppress(OSError):
            folder.rmdir()
        return None
    return folder


def _processes_of(user: int) -> int:
    """How many processes and threads the user has."""
    total = 0
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if folder.stat().st_uid == user:
                total += len(list((folder / "task").iterdir()))
    return total
