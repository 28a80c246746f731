"""TensorRT by way of torch_tensorrt: what TensorRT can do becomes an engine, the rest stays with torch.

Unverified: it follows torch_tensorrt's documented function ``compile``, and has not run. It needs a GPU, and
torch_tensorrt of torch's own version.
"""

from __future__ import annotations

from typing import Any

from compat.probe.backends.compiled import Compiled, Stopwatch, called

__all__ = ["through"]


def through(module: Any, inputs: tuple[Any, ...]) -> Compiled:
    """Compile through torch.export. ImportError where torch_tensorrt is not installed, RuntimeError without a GPU."""
    import torch

    try:
        import torch_tensorrt  # type: ignore[import-not-found]
    except ImportError as problem:
        raise ImportError(f"torch_tensorrt cannot be imported in this runtime: {problem}") from None
    if not torch.cuda.is_available():
        raise RuntimeError("TensorRT needs a GPU, and torch sees none")
    watch = Stopwatch()
    kinds = {each.dtype for each in (*module.parameters(), *inputs) if each.is_floating_point()}
    call = torch_tensorrt.compile(module, ir="dynamo", inputs=list(inputs), enabled_precisions=kinds)
    called(call, inputs)
    return Compiled(call, watch.seconds())
