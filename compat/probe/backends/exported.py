"""``torch.export``: one whole graph of torch's operators, run as a module. Since torch 2.1; 2.5 for most models."""

from __future__ import annotations

from typing import Any

from compat.probe.backends.compiled import Compiled, Stopwatch, called

__all__ = ["export", "through"]


def through(module: Any, inputs: tuple[Any, ...]) -> Compiled:
    """Export for exactly these shapes. A place where the graph would break is an error of torch's."""
    watch = Stopwatch()
    call = export(module, inputs).module()
    called(call, inputs)
    return Compiled(call, watch.seconds())


def export(module: Any, inputs: tuple[Any, ...]) -> Any:
    """The exported program. ImportError where torch has no ``torch.export.export``."""
    try:
        from torch.export import export as of_torch
    except ImportError as problem:
        raise ImportError(f"this torch has no torch.export: {problem}") from None
    return of_torch(module, inputs)
