"""What bounds the process of a case where no container does, and keeps it the first to be killed."""

from __future__ import annotations

import contextlib
import resource

__all__ = ["bound_process"]

_FILE = 4 << 30  # bytes of one file: as much as a container's /tmp holds


def bound_process(memory: int | None) -> None:
    """Bound this process and what it starts: no core dump, files of at most 4 GiB, ``memory`` bytes of its own each.

    RLIMIT_DATA counts private writable pages, so a GPU driver's reservations and mapped weights are outside it. When
    the machine runs out of memory, the kernel takes a case before it takes anything else.
    """
    _lower(resource.RLIMIT_CORE, 0)
    _lower(resource.RLIMIT_FSIZE, _FILE)
    if memory is not None:
        _lower(resource.RLIMIT_DATA, memory)
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w", encoding="ascii") as score:  # noqa: PTH123
        score.write("1000")


def _lower(what: int, limit: int) -> None:
    """Set a limit for good, unless there is a lower one already."""
    _, hard = resource.getrlimit(what)
    if hard == resource.RLIM_INFINITY or limit < hard:
        resource.setrlimit(what, (limit, limit))
