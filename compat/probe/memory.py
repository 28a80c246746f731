"""The host memory of this process alone, read from /proc, and the peak of its container where it is in one of ours.

After a fork VmHWM starts at the parent's size, so a case's own peak is the high-water mark at its end less the resident
size at its start (``ru_maxrss`` survives exec and would report the parent's). Readers give None where /proc does not
tell.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from compat.probe.process import LIBC, tell

__all__ = [
    "Use",
    "anonymous_bytes",
    "cgroup_peak_bytes",
    "give_back_free",
    "high_water_bytes",
    "oom_kills",
    "private_bytes",
    "resident_bytes",
]

_CGROUPS = ("/sys/fs/cgroup", "/sys/fs/cgroup/memory")  # version 2, version 1
_PEAKS = ("memory.peak", "memory.max_usage_in_bytes")  # of version 2 since Linux 5.19, of version 1


class Use:
    """What a case uses: made when it begins, and asked when it ends. ``private`` costs a walk over all its pages."""

    def __init__(self, private: bool) -> None:
        give_back_free()  # a fork would be served from what its parent holds free, and would not seem to take anything
        with contextlib.suppress(OSError):
            tell("/proc/self/clear_refs", b"5")  # the high-water mark begins anew: an earlier case is not this one
        begin = _fields("status")
        self._resident = begin.get("VmRSS")
        self._virtual = begin.get("VmSize")
        self._private = private_bytes() if private else None

    def measured(self) -> dict[str, float]:
        """Bytes by the name of the metric, without what could not be read.

        ``memory`` is the peak of resident pages beyond those at the beginning, ``memory_virtual`` that of the address
        space (which cannot begin anew: in a group it is at least what an earlier case reached), ``memory_private`` the
        written pages of its own that it has at the end beyond those at the beginning.
        """
        end = _fields("status")
        found = {
            "memory": _growth(self._resident, end.get("VmHWM")),
            "memory_virtual": _growth(self._virtual, end.get("VmPeak")),
            "memory_private": None if self._private is None else _growth(self._private, private_bytes()),
            "memory_cgroup": cgroup_peak_bytes(),
        }
        return {name: float(value) for name, value in found.items() if value is not None}


def _growth(begin: int | None, end: int | None) -> int | None:
    return None if begin is None or end is None else max(0, end - begin)


def _fields(name: str) -> dict[str, int]:
    """The fields of /proc/self/NAME that are given in kB, in bytes; empty where it cannot be read."""
    found = {}
    try:
        with open(f"/proc/self/{name}", "rb") as lines:  # noqa: PTH123 - before every case
            for line in lines:
                field, _, value = line.partition(b":")
                if value.endswith(b" kB\n"):
                    found[field.decode("utf-8", "replace")] = int(value[:-4]) * 1024
    except (OSError, ValueError):
        return {}
    return found


def give_back_free() -> None:
    """Give back to the kernel what the C library holds free. One that has no such function keeps it."""
    with contextlib.suppress(AttributeError):
        LIBC.malloc_trim(0)


def resident_bytes() -> int | None:
    """VmRSS: pages in memory."""
    return _fields("status").get("VmRSS")


def high_water_bytes() -> int | None:
    """VmHWM: the most pages that were in memory."""
    return _fields("status").get("VmHWM")


def private_bytes() -> int | None:
    """Private_Dirty: pages that this process has written and shares with nobody.

    Like ``anonymous_bytes`` it walks the page tables: seen, 0.2 ms with numpy imported and 2.7 ms with torch.
    """
    return _fields("smaps_rollup").get("Private_Dirty")


def anonymous_bytes() -> int | None:
    """Anonymous: pages that hold no file, the parent's that a fork shares included, to the page.

    A first write to a shared page does not move it, as it moves Private_Dirty for as long as a case goes on (seen, 130
    kB over 60 calls). VmRSS is no substitute: kernels have counted it in batches of 64 pages and more.
    """
    return _fields("smaps_rollup").get("Anonymous")


def cgroup_peak_bytes() -> int | None:
    """The container's peak so far, page cache included; None outside a container of ours.

    Elsewhere a cgroup also holds who measures. In our containers the zygote is the first process of its pid namespace,
    so it is our parent, it is in the cgroup itself, and the cgroup has no process that the namespace does not show
    (which would be listed as 0).
    """
    if os.getppid() != 1:
        return None
    for folder in _CGROUPS:
        try:
            inside = Path(folder, "cgroup.procs").read_text(encoding="ascii").split()
            if "1" not in inside or "0" in inside:
                continue
            peak = next(path for path in (Path(folder, name) for name in _PEAKS) if path.is_file())
            return int(peak.read_text(encoding="ascii"))
        except (OSError, StopIteration, ValueError):
            continue
    return None


def oom_kills() -> int | None:
    """How many processes of our cgroup the kernel has killed for memory; None where that cannot be read.

    cgroup v2 counts them in memory.events, v1 in memory.oom_control. Only a difference of readings means anything.
    """
    for path in ("/sys/fs/cgroup/memory.events", "/sys/fs/cgroup/memory/memory.oom_control"):
        try:
            with open(path, "rb") as lines:  # noqa: PTH123 - before every group
                for line in lines:
                    word, _, value = line.partition(b" ")
                    if word == b"oom_kill":
                        return int(value)
        except (OSError, ValueError):
            continue
    return None
