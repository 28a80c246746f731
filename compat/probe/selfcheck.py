"""Whether a fork of this process is safe: asked once the libraries are imported, and before every case.

A child has the memory of all threads and only the thread that forked: a lock that another one held stays locked for
ever (seen: after any parallel torch operation every matmul of a child hangs). CUDA does not survive a fork at all.
"""

from __future__ import annotations

import os

__all__ = ["why_not_fork"]


def why_not_fork() -> str:
    """What makes a fork unsafe, as words for a note; empty when it is safe."""
    threads = len(os.listdir("/proc/self/task"))  # noqa: PTH208 - asked before every case
    if threads > 1:
        return f"importing its libraries started {threads - 1} threads"
    for number in os.listdir("/proc/self/fd"):  # noqa: PTH208
        try:
            target = os.readlink(f"/proc/self/fd/{number}")  # noqa: PTH115
        except OSError:  # the descriptor of the listing itself
            continue
        if target.startswith("/dev/nvidia"):
            return f"importing its libraries opened {target}"
    return ""
