"""Tensors for kernels, with guards around and between their elements: what is read or written outside is found.

A kernel that drops a mask reads a neighbour's memory and, as a rule, computes the right thing; one that stores too far
destroys somebody else's. So tensors lie inside a larger buffer. Around an input its other elements are NaN (of an
integer each byte is 85): what is read there spoils the result. Around a result they are -0.0 (42), to which nothing can
be added that leaves the bits as they were but -0.0 itself: what is written there is counted. Around what is read and
written they are 1.5 (42). And in the interpreter, which reads and writes as this process, the memory behind the last
element may not be touched at all: also a read whose value nobody uses ends the case there (SIGSEGV), as it may end a
launch on a GPU.
"""

from __future__ import annotations

import ctypes
import math
import mmap
import os
from collections.abc import Sequence
from typing import Any

__all__ = ["DTYPES", "Guarded", "OutsideError"]

# Triton's names for element types, and torch's.
DTYPES = {
    "fp64": "float64",
    "fp32": "float32",
    "fp16": "float16",
    "bf16": "bfloat16",
    "fp8e4nv": "float8_e4m3fn",
    "fp8e5": "float8_e5m2",
    "i64": "int64",
    "i32": "int32",
    "i16": "int16",
    "i8": "int8",
    "u8": "uint8",
    "i1": "bool",
}

_MARGIN = 256  # elements before and after: a multiple of what frameworks align to, whatever the type
_GUARDS = {"input": math.nan, "inout": 1.5, "output": -0.0}
_READ, _WRITTEN = 0x55, 0x2A  # each byte of an integer: of an input, and of what may be written
_PROT_NONE = 0  # of mprotect: neither read nor written


class OutsideError(RuntimeError):
    """A kernel wrote outside its outputs."""


class Guarded:
    """One tensor in its buffer. ``view`` is the tensor; ``readable`` says that the kernel may not write it."""

    def __init__(
        self,
        name: str,
        shape: Sequence[int],
        dtype: str,
        strides: Sequence[int] | None,
        device: str,
        role: str,
        fenced: bool = False,
    ) -> None:
        """A tensor of NaN; of an integer type, of its guards. ``strides`` are in elements, row by row if None.

        ``role`` is ``input``, ``inout`` or ``output``. ``fenced``: memory that may not be touched begins where the last
        element ends; on the host only.
        ValueError for a type that is none of ``DTYPES``, and for strides that are too few, negative or overlap.
        """
        import torch

        if dtype not in DTYPES:
            raise ValueError(f"{dtype!r} is no element type: expected one of {', '.join(DTYPES)}")
        steps = _contiguous(shape) if strides is None else tuple(strides)
        if len(steps) != len(shape) or min(steps, default=0) < 0 or (0 not in shape and _overlap(shape, steps)):
            raise ValueError(f"strides {steps} do not fit the shape {tuple(shape)}")
        kind = getattr(torch, DTYPES[dtype])
        span = 0 if 0 in shape else 1 + sum((size - 1) * step for size, step in zip(shape, steps))
        self.name = name
        self._role = role
        self._bytes = _guards(torch, kind, _MARGIN + span + (0 if fenced else _MARGIN), device, role)
        if fenced:
            self._bytes = _before_a_fence(torch, self._bytes)
        self._buffer = self._bytes.view(kind)
        self.view = self._buffer.as_strided(tuple(shape), steps, _MARGIN)
        if kind.is_floating_point:
            self.view.fill_(math.nan)
        self._whole: Any = None  # the buffer as it was, where no element of it may change

    def fill(self, values: Any, readable: bool) -> Any:
        """Put values in, a numpy array, rounded to the type once; the tensor. ``readable``: it may not be written."""
        import torch

        self.view.copy_(torch.from_numpy(values))
        if readable:
            self._whole = self._bytes.clone()
        return self.view

    def written_outside(self) -> int:
        """How many bytes that are nobody's, or all of a tensor that may only be read, are no longer what they were."""
        import torch

        width = self._buffer.element_size()
        if self._whole is not None:
            changed = (self._bytes != self._whole).view(-1, width).any(dim=1)
            return int(width) * int(changed.sum().item())
        mine = torch.zeros(self._buffer.numel(), dtype=torch.bool, device=self._buffer.device)
        mine.as_strided(tuple(self.view.shape), self.view.stride(), _MARGIN).fill_(True)
        untouched = _guards(torch, self._buffer.dtype, self._buffer.numel(), str(self._buffer.device), self._role)
        changed = (self._bytes != untouched).view(-1, width).any(dim=1) & ~mine
        return int(width) * int(changed.sum().item())


def _guards(torch: Any, kind: Any, count: int, device: str, role: str) -> Any:
    """So many elements of a type, as bytes, of what lies outside a tensor of that role."""
    width = torch.empty((), dtype=kind).element_size()
    if not kind.is_floating_point:
        value = 1 if kind is torch.bool else _READ if role == "input" else _WRITTEN
        return torch.full((count * width,), value, dtype=torch.uint8, device=device)
    value = torch.full((1,), _GUARDS[role], dtype=torch.float32).to(kind)
    return value.view(torch.uint8).repeat(count).to(device)


def _before_a_fence(torch: Any, data: Any) -> Any:
    """A copy of bytes that ends where a page begins that nobody may read or write."""
    size = data.numel()
    room = -(-size // mmap.PAGESIZE) * mmap.PAGESIZE
    memory = mmap.mmap(-1, room + mmap.PAGESIZE)
    fence = ctypes.addressof(ctypes.c_char.from_buffer(memory)) + room
    protect = ctypes.CDLL(None, use_errno=True).mprotect
    if protect(ctypes.c_void_p(fence), ctypes.c_size_t(mmap.PAGESIZE), _PROT_NONE) != 0:
        problem = ctypes.get_errno()
        raise OSError(problem, f"mprotect: {os.strerror(problem)}")
    found = torch.frombuffer(memory, dtype=torch.uint8, count=size, offset=room - size)
    return found.copy_(data)


def _contiguous(shape: Sequence[int]) -> tuple[int, ...]:
    steps, step = [], 1
    for size in reversed(shape):
        steps.append(step)
        step *= size
    return tuple(reversed(steps))


def _overlap(shape: Sequence[int], steps: Sequence[int]) -> bool:
    """Whether two places may share an element: never where each step passes all that smaller ones reach."""
    reach = 0
    for step, size in sorted(zip(steps, shape)):
        if size > 1:
            if step <= reach:
                return True
            reach += (size - 1) * step
    return False
