"""``torch.compile``: Python's bytecode becomes graphs, and these become C++ or Triton's kernels. Since torch 2.0."""

from __future__ import annotations

from typing import Any

from compat.probe.backends.compiled import Compiled, Stopwatch, called

__all__ = ["through"]


def through(module: Any, inputs: tuple[Any, ...]) -> Compiled:
    """Compile for exactly these shapes. What is kept lies where TORCHINDUCTOR_CACHE_DIR says."""
    import torch

    watch = Stopwatch()
    call = torch.compile(module, backend="inductor", dynamic=False)
    before = _graphs()
    called(call, inputs)
    # None at all: it gave up on the whole module, as it does for a break in a loop.
    return Compiled(call, watch.seconds(), abs(_graphs() - before - 1))


def _graphs() -> int:
    """The graphs that were compiled in this process so far: each break ends one, and another begins.

    torch counts reasons of breaks as well, but not all of them: a branch that depends on data is not among them.
    """
    from torch._dynamo.utils import counters

    return int(counters["stats"]["unique_graphs"])
