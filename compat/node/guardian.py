"""The process that locks GPU clocks, waits until its controller is gone, and gives them back: see ``clocks``."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from pathlib import Path

from compat.node.clocks import Record, boot_id, reset
from compat.node.nvml import nvml

__all__ = ["main"]


def main(folder: str, megahertz: str, *gpus: str) -> int:
    """Lock ``gpus`` (UUIDs), say ``locked`` or what is wrong in one line, and undo it when standard input ends.

    Exit code: 0, or 1 where a clock could not be given back; its record in ``folder`` then stays.
    """
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):  # it ends when its controller does, and not before
        signal.signal(number, signal.SIG_IGN)
    locked: dict[str, Path] = {}
    problem = _lock(Path(folder), int(megahertz), gpus, locked)
    with contextlib.suppress(OSError):  # nobody listens any more: then standard input has ended too
        print(problem or "locked", flush=True)  # noqa: T201 - the answer to the controller
    if problem is None:
        sys.stdin.buffer.read()
    left = 0
    for gpu, record in locked.items():
        if reset(gpu) is None:
            record.unlink(missing_ok=True)
        else:
            left = 1
    return left


def _lock(folder: Path, megahertz: int, gpus: tuple[str, ...], locked: dict[str, Path]) -> str | None:
    """Lock one GPU after another, each on record before it is locked; None, or why one could not be."""
    binding = nvml()
    if binding is None:
        return "NVML does not start on this node"
    for gpu in gpus:
        try:
            record = Record(gpu, megahertz, boot_id(), os.getpid()).hold(folder)
        except OSError as problem:
            return f"{folder} cannot keep the record of it: {problem.strerror}"
        if record is None:
            return f"another run has locked those of {gpu}"
        try:
            binding.nvmlDeviceSetGpuLockedClocks(binding.nvmlDeviceGetHandleByUUID(gpu), megahertz, megahertz)
        except binding.NVMLError as problem:
            record.unlink()
            return f"{gpu} at {megahertz} MHz: {problem}"
        locked[gpu] = record
    return None
