"""The host memory of this process alone, read from /proc.

After a fork VmHWM starts at the parent's size, so a case's own peak is the high-water mark at its end less the resident
size at its start (``ru_maxrss`` survives exec and would report the parent's).
"""

from __future__ import annotations

from pathlib import Path

__all__ = ["high_water_bytes", "oom_kills", "resident_bytes"]


def _status(field: str) -> int | None:
    try:
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith(field + ":"):
                return int(line.split()[1]) * 1024
    except (OSError, ValueError, IndexError):
        return None
    return None


def resident_bytes() -> int | None:
    """VmRSS in bytes; None where /proc does not tell."""
    return _status("VmRSS")


def high_water_bytes() -> int | None:
    """VmHWM in bytes; None where /proc does not tell."""
    return _status("VmHWM")


def oom_kills() -> int | None:
    """How many processes of our cgroup the kernel has killed for memory; None where that cannot be read.

    cgroup v2 counts them in memory.events, v1 in memory.oom_control. Only a difference of readings means anything.
    """
    for path in ("/sys/fs/cgroup/memory.events", "/sys/fs/cgroup/memory/memory.oom_control"):
        try:
            for line in Path(path).read_text().splitlines():
                word, _, value = line.partition(" ")
                if word == "oom_kill":
                    return int(value)
        except (OSError, ValueError):
            continue
    return None
