"""The ways in which a model is run, by name: the parameter ``backend`` of its cases, for planning and for the probe."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["BACKENDS", "EAGER", "INDUCTOR", "compiled_by", "is_cold"]

EAGER, INDUCTOR = "eager", "inductor"
# Each but the first compiles; compat/probe/backends/ has a file for each.
BACKENDS = (EAGER, INDUCTOR, "exported", "aot_inductor", "tensorrt")


def compiled_by(workload: str, params: Mapping[str, Any]) -> str | None:
    """The backend that compiles a case of ``workload``; None where nothing is compiled.

    Only a model has one: what an operator calls ``backend`` is its own affair (attention has several of its own).
    """
    if not workload.startswith("model:"):
        return None
    backend = params.get("backend", EAGER)
    return None if backend == EAGER else str(backend)


def is_cold(workload: str, params: Mapping[str, Any]) -> bool:
    """Whether the case is there for what compiling it takes: its calls are not timed."""
    return compiled_by(workload, params) is not None and params.get("cold", False) is True
