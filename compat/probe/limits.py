"""What a case's process may use: bounded where no container does it, and handed on by its zygote unchanged."""

from __future__ import annotations

import contextlib
import os
import resource

from compat.probe.process import tell

__all__ = ["bound_process", "handed_on"]

_FILE = 4 << 30  # bytes of one file: as much as a container's /tmp holds
_LIMITS = tuple(sorted({number for name, number in vars(resource).items() if name.startswith("RLIMIT_")}))


def bound_process(memory: int | None) -> None:
    """Bound this process and what it starts: no core dump, files of at most 4 GiB, ``memory`` bytes of its own each.

    RLIMIT_DATA counts private writable pages, so a GPU driver's reservations and mapped weights are outside it. When
    the machine runs out of memory, the kernel takes a case before it takes anything else.
    """
    _lower(resource.RLIMIT_CORE, 0)
    _lower(resource.RLIMIT_FSIZE, _FILE)
    if memory is not None:
        _lower(resource.RLIMIT_DATA, memory)
    with contextlib.suppress(OSError):
        tell("/proc/self/oom_score_adj", b"1000")


def handed_on() -> tuple[object, ...]:
    """What a process hands on to the processes it starts, and what any process of the same user can change in it.

    Its resource limits, scheduling policy, niceness and processors. What needs the right to trace it (its memory, its
    timer slack) is closed to cases, and not asked here.
    """
    return (
        [resource.getrlimit(number) for number in _LIMITS],
        os.sched_getscheduler(0),
        os.sched_getparam(0).sched_priority,
        os.getpriority(os.PRIO_PROCESS, 0),
        os.sched_getaffinity(0),
    )


def _lower(what: int, limit: int) -> None:
    """Set a limit for good, unless there is a lower one already."""
    _, hard = resource.getrlimit(what)
    if hard == resource.RLIM_INFINITY or limit < hard:
        resource.setrlimit(what, (limit, limit))
