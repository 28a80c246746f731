"""Device memory: what a CUDA context takes of a GPU, and how much torch's allocator held for a case.

It has run against a library with libcuda's ABI (tests/probe/fake_cuda.c) and a model of torch's allocator. It has not
run on a GPU.
"""

from __future__ import annotations

import contextlib
import gc
import os
import select
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from compat.model import STANDARD, Measurement

if TYPE_CHECKING:
    from compat.probe.cuda import Device

__all__ = ["AllocatorStart", "allocator_peaks", "context_memory", "restart_peaks"]

_SECONDS = 60.0  # for another process to make a context: 0.3 to 2 s, more where many GPUs are visible
_SETTLE = 2.0  # seconds for the memory of a process that ended to come back
_ROOT = str(Path(__file__).resolve().parents[2])
_OTHER = (
    "import os, sys; sys.path[:] = [p for p in sys.path if p]; sys.path.insert(0, {root!r}); "
    "from compat.probe.cuda import Device; device = Device({ordinal}); os.write(1, b'!'); sys.stdin.read()"
)


def context_memory(device: Device, notes: list[str]) -> tuple[Measurement, ...]:
    """``memory_context``: bytes of device memory that one more process takes by making its primary context.

    A fresh process makes a context on the same GPU and nothing else. The free memory of cuMemGetInfo before, less the
    free memory while that context lives, is the context: its stacks, heap and queues, with no kernel loaded. It is the
    same for every case, so it is measured once for a GPU. Nothing is measured, and ``notes`` says why, where the GPU
    takes one process only, where no context can be made, and where the free memory is not what it was once the process
    has ended: then somebody else used the GPU.
    """
    before = device.memory_info()[0]
    command = [sys.executable, "-c", _OTHER.format(root=_ROOT, ordinal=device.ordinal)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe) as other:
        try:
            opened = _says_open(other)
            during = device.memory_info()[0]
        finally:
            other.kill()
            said = other.communicate()[1].decode("utf-8", "replace").split("\n")
    if not opened:
        last = next((line for line in reversed(said) if line), "it did not say why")
        notes.append(f"memory_context: another process could not make a context: {last}"[:300])
        return ()
    if not _comes_back(device, before):
        notes.append("memory_context: the GPU's free memory changed while a context was made: it was not alone")
        return ()
    if not during < before:
        notes.append("memory_context: the GPU's free memory does not show what a context takes")
        return ()
    return (_measured("memory_context", before - during),)


def _says_open(other: subprocess.Popen[bytes]) -> bool:
    assert other.stdout is not None  # noqa: S101 - for the type checker
    fd = other.stdout.fileno()
    return bool(select.select([fd], [], [], _SECONDS)[0]) and os.read(fd, 1) == b"!"


def _comes_back(device: Device, free: int) -> bool:
    until = time.monotonic() + _SETTLE
    while device.memory_info()[0] != free:
        if not time.monotonic() < until:
            return False
        time.sleep(0.01)
    return True


@dataclass(frozen=True)
class AllocatorStart:
    """What torch's allocator held of each GPU, by its number, when a case began: allocated and reserved bytes."""

    held: dict[int, tuple[int, int]] = field(default_factory=dict)


def restart_peaks() -> AllocatorStart:
    """Let torch's peaks begin anew, before a case's work; what earlier cases of this process left is given back first.

    Nothing happens where torch is not imported or has not initialised CUDA: then its peaks begin with the case anyway.
    """
    cuda = _torch_cuda()
    if cuda is None:
        return AllocatorStart()
    gc.collect()  # tensors in reference cycles
    # cuBLAS keeps a workspace from its first use on, in this allocator: the first case would pay for all that follow.
    with contextlib.suppress(AttributeError):  # a private function of torch, which some release may not have
        sys.modules["torch"]._C._cuda_clearCublasWorkspaces()
    cuda.empty_cache()
    held = {}
    for number in range(cuda.device_count()):
        cuda.reset_peak_memory_stats(number)
        held[number] = (int(cuda.memory_allocated(number)), int(cuda.memory_reserved(number)))
    return AllocatorStart(held)


def allocator_peaks(start: AllocatorStart, notes: list[str]) -> tuple[Measurement, ...]:
    """``memory_allocated`` and ``memory_reserved``: the case's own peaks on the GPU that it used most, in bytes.

    Empty where torch has not used CUDA. Own is the peak less what was held at the start; where that was something,
    ``notes`` says so, for a case may have found room in what was held.
    """
    cuda = _torch_cuda()
    if cuda is None:
        return ()
    allocated, reserved = [], []
    for number in range(cuda.device_count()):
        allocated_before, reserved_before = start.held.get(number, (0, 0))
        allocated.append(int(cuda.max_memory_allocated(number)) - allocated_before)
        reserved.append(int(cuda.max_memory_reserved(number)) - reserved_before)
        if reserved_before:
            notes.append(f"memory_reserved: earlier cases left {reserved_before} bytes on GPU {number}")
    return (_measured("memory_allocated", max(allocated)), _measured("memory_reserved", max(reserved)))


def _torch_cuda() -> Any:
    """The module torch.cuda, where somebody has imported torch and initialised CUDA through it; else None."""
    cuda = getattr(sys.modules.get("torch"), "cuda", None)
    return cuda if cuda is not None and cuda.is_initialized() else None


def _measured(name: str, value: int) -> Measurement:
    metric = STANDARD[name]
    return Measurement(metric.name, metric.unit, metric.direction, metric.kind, (float(value),))
