"""AOTInductor: an exported program, compiled into a library that needs no Python, packed, and loaded. Since torch 2.5.

Its functions are private to torch, and their arguments changed from 2.5 to 2.6. On a CPU it needs a C++ compiler.
"""

from __future__ import annotations

import inspect
import os
import tempfile
from typing import Any

from compat.probe.backends.compiled import Compiled, Stopwatch, called
from compat.probe.backends.exported import export

__all__ = ["through"]


def through(module: Any, inputs: tuple[Any, ...]) -> Compiled:
    """Export, compile, pack and load the package, in a folder of the case's own. RuntimeError where torch cannot."""
    import torch
    import torch._inductor

    compile_package = getattr(torch._inductor, "aoti_compile_and_package", None)
    load_package = getattr(torch._inductor, "aoti_load_package", None)
    if compile_package is None or load_package is None:
        raise RuntimeError(f"torch {torch.__version__} has no AOTInductor packages: they came with 2.5")
    watch = Stopwatch()
    program = export(module, inputs)
    examples = {"args": inputs} if "args" in inspect.signature(compile_package).parameters else {}  # torch 2.5
    package = os.path.join(tempfile.mkdtemp(prefix="package-"), "model.pt2")  # noqa: PTH118
    call = load_package(compile_package(program, **examples, package_path=package))
    called(call, inputs)
    return Compiled(call, watch.seconds())
