"""A module as a backend made it ready to be called, and what that took."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["Compiled", "Stopwatch", "called"]


@dataclass(frozen=True)
class Compiled:
    """``call(*inputs)`` returns what the module returns. What is compiled has been, when there is one of these."""

    call: Callable[..., Any]
    seconds: float | None = None  # of compiling, the first call included; None where nothing is compiled
    graph_breaks: int | None = None  # places where the compiler gave up and began anew; None where none can be


class Stopwatch:
    """Seconds since it was made."""

    def __init__(self) -> None:
        self._begin = time.perf_counter()

    def seconds(self) -> float:
        """Seconds until now."""
        return time.perf_counter() - self._begin


def called(call: Callable[..., Any], inputs: Sequence[Any]) -> None:
    """Call it once and wait until the GPU has done it: what is compiled when it is first called, is then."""
    import torch

    call(*inputs)
    if any(getattr(each, "is_cuda", False) for each in inputs):
        torch.cuda.synchronize()
