"""Backends: ways to run a torch module. One file for each, of its name, with one function of the same shape.

``through(module, inputs)`` compiles the module for these example inputs, in a mode without gradients, and calls it
once. Its ImportError says what the runtime lacks, a BackendError what failed.
"""

from __future__ import annotations

import contextlib
import dataclasses
import importlib
from collections.abc import Iterator, Sequence
from typing import Any

from compat.model.backends import BACKENDS
from compat.probe.backends.compiled import Compiled

__all__ = ["BackendError", "Compiled", "through"]


class BackendError(RuntimeError):
    """A backend could not compile a module, or run what it had compiled for the first time."""


def through(backend: str, module: Any, inputs: Sequence[Any]) -> Compiled:
    """The module in evaluation mode, as the backend of that name made it. ValueError for a name that is none.

    Gradients are off while it is compiled and while it is called: a compiler makes other code for each. So is tf32 in
    cuDNN, which uses it by default, where the module has weights in float32: its tolerance is that of float32.
    """
    if backend not in BACKENDS:
        raise ValueError(f"{backend!r} is no backend: expected one of {', '.join(BACKENDS)}")
    import torch

    one = importlib.import_module(f"compat.probe.backends.{backend}")
    module.eval()
    exact = any(weight.dtype is torch.float32 for weight in module.parameters())
    try:
        with torch.no_grad(), _without_tf32(exact):
            compiled: Compiled = one.through(module, tuple(inputs))
    except (ImportError, MemoryError):
        raise
    except Exception as problem:
        raise BackendError(f"{backend}: {type(problem).__name__}: {problem}") from problem

    def call(*inputs: Any) -> Any:
        with torch.no_grad(), _without_tf32(exact):
            return compiled.call(*inputs)

    return dataclasses.replace(compiled, call=call)


@contextlib.contextmanager
def _without_tf32(exact: bool) -> Iterator[None]:
    import torch

    before = torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.allow_tf32 = before and not exact
    try:
        yield
    finally:
        torch.backends.cudnn.allow_tf32 = before
