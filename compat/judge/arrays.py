"""Outputs as arrays: bytes that are what their digest says, and how far two arrays are apart."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compat.errors import CompatError
from compat.judge.text import clip
from compat.model import Output, digest

__all__ = ["Array", "Arrays", "UnreadableOutputError", "described", "largest", "not_finite", "relative_l2"]

Array = NDArray[Any]

TEXT = "utf-8"  # the dtype of an output that is text


class UnreadableOutputError(ValueError):
    """The bytes of an output are not there, or are not what the record says."""


class Arrays:
    """Decodes outputs, each digest once."""

    def __init__(self, blob: Callable[[str], bytes]) -> None:
        self._blob = blob
        self._read: dict[tuple[str, str, tuple[int, ...]], Array | str] = {}

    def value(self, output: Output) -> Array | str:
        """The array (or the text) of ``output``; UnreadableOutputError says what is wrong with it."""
        key = (output.digest, output.dtype, output.shape)
        if key not in self._read:
            self._read[key] = self._decode(output)
        return self._read[key]

    def _decode(self, output: Output) -> Array | str:
        try:
            data = self._blob(output.digest)
        except (CompatError, LookupError, OSError) as error:
            raise UnreadableOutputError(f"the bytes of {output.name} cannot be read ({error})") from error
        if digest(bytes(data)) != output.digest:
            raise UnreadableOutputError(f"the bytes of {output.name} are not what their digest says")
        if output.dtype == TEXT:
            try:
                return bytes(data).decode()
            except UnicodeDecodeError as error:
                raise UnreadableOutputError(f"{output.name} is not UTF-8: {error.reason}") from error
        try:
            dtype = np.dtype(output.dtype)
        except (TypeError, ValueError, SyntaxError) as error:  # numpy parses the text, which is a runtime's
            raise UnreadableOutputError(f"{output.name} has the unknown dtype {output.dtype!r}") from error
        if dtype.kind not in "biufcSU":
            raise UnreadableOutputError(f"{output.name} has the dtype {output.dtype!r}, which cannot be compared")
        size = dtype.itemsize * math.prod(output.shape)
        if any(n < 0 for n in output.shape) or len(data) != size:
            raise UnreadableOutputError(
                f"{output.name} has {len(data)} bytes, shape {list(output.shape)} of {output.dtype} needs {size}"
            )
        try:
            return np.frombuffer(data, dtype=dtype).reshape(output.shape)
        except ValueError as error:  # more dimensions than numpy has, or sizes beyond its own
            raise UnreadableOutputError(f"{output.name} has a shape that no array has") from error


def wide(value: Array) -> Array:
    """``value`` in double precision, real or complex."""
    return value.astype(np.complex128 if value.dtype.kind == "c" else np.float64)


def not_finite(value: Array) -> Array:
    """What is not finite and how: 0 finite, 1 NaN, 2 +Inf, 3 -Inf (8 bits an element; for complex parts combined)."""
    if value.dtype.kind == "c":
        return not_finite(value.real) + np.uint8(4) * not_finite(value.imag)
    kinds = np.zeros(value.shape, dtype=np.uint8)
    kinds[np.isnan(value)] = 1
    kinds[np.isposinf(value)] = 2
    kinds[np.isneginf(value)] = 3
    return kinds


def relative_l2(value: Array, reference: Array) -> float:
    """||value - reference|| / ||reference|| over the elements finite in both; 0 for equal, inf against zeros."""
    with np.errstate(all="ignore"):
        a, b = wide(value).ravel(), wide(reference).ravel()
        both = np.isfinite(a) & np.isfinite(b)
        a, b = a[both], b[both]
        if np.array_equal(a, b):
            return 0.0
        scale = float(np.max(np.abs(b)))
        if scale == 0.0:
            return math.inf
        error = float(np.linalg.norm((a - b) / scale) / np.linalg.norm(b / scale))
    return error if not math.isnan(error) else math.inf


def largest(name: str, known_good: Array, candidate: Array) -> str:
    """The element that differs most, as ``y[0, 3]: 9.38 -> 10.93``; arrays of the same shape."""
    if not known_good.size:
        return f"{name}: empty"
    with np.errstate(all="ignore"):
        a, b = wide(known_good), wide(candidate)
        apart = np.abs(b - a)
        apart = np.where(np.isnan(apart), np.where(not_finite(a) == not_finite(b), 0.0, np.inf), apart)
    index = np.unravel_index(int(np.argmax(apart)), apart.shape)
    place = f"{name}[{', '.join(str(int(i)) for i in index)}]" if index else name
    return f"{place}: {_show(known_good[index])} -> {_show(candidate[index])}"


def described(value: Array | str) -> str:
    """A value for a sentence: what it is, its shape, and its first elements: ``float64 [2, 2] 0.5, 1, 2, ...``."""
    if isinstance(value, str):
        return f"text {clip(repr(value), 60)}"
    shape = f" {list(value.shape)}" if value.shape else ""
    first = [_show(element) for element in value.ravel()[:3]]
    more = ", ..." if value.size > len(first) else ""
    return f"{value.dtype.name}{shape} {', '.join(first)}{more}".rstrip()


def _show(value: Any) -> str:
    return f"{value:.9g}" if isinstance(value, (np.floating, np.complexfloating)) else str(value)
