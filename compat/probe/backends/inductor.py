"""``torch.compile``: Python's bytecode becomes graphs, and these become C++ or Triton's kernels. Since torch 2.0."""

from __future__ import annotations

from typing import Any

from compat.probe.backends.compiled import Compiled, Stopwatch, called

__all__ = ["through"]


def through(module: Any, inputs: tuple[Any, ...], folder: str) -> Compiled:  # noqa: ARG001 - the cache is elsewhere
    """Compile for exactly these shapes. What is kept lies where TORCHINDUCTOR_CACHE_DIR says, not in the folder."""
    import torch

    watch = Stopwatch()
    call = torch.compile(module, backend="inductor", dynamic=False)
    before = _breaks()
    called(call, inputs)
    return Compiled(call, watch.seconds(), _breaks() - before)


def _breaks() -> int:
    """The graph breaks of this process so far, as torch's own counters have them by their reasons."""
    from torch._dynamo.utils import counters

    return int(sum(counters["graph_break"].values()))
