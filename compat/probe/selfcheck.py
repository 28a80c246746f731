"""Whether a fork of this process is safe: asked once the libraries are imported, and before every case.

A child has the memory of all threads and only the thread that forked: a lock that another one held stays locked for
ever (seen: after any parallel torch operation every matmul of a child hangs). CUDA does not survive a fork at all.
"""

from __future__ import annotations

import os

from compat.probe import libcuda

__all__ = ["why_not_fork"]


def why_not_fork(thorough: bool = False) -> str:
    """What makes a fork unsafe, as words for a note; empty when it is safe.

    ``thorough`` asks libcuda too, where it is loaded: once after the imports is enough, since we run nothing later.
    """
    threads = len(os.listdir("/proc/self/task"))  # noqa: PTH208 - asked before every case
    if threads > 1:
        return f"importing its libraries started {threads - 1} {'thread' if threads == 2 else 'threads'}"
    opened = libcuda.open_devices()
    if opened is None:
        return "/proc does not tell what its libraries have opened"
    if opened:
        return f"importing its libraries opened {', '.join(opened)}"
    if thorough and libcuda.initialised() is not False:
        return "importing its libraries initialised CUDA"
    return ""
