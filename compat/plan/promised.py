"""Which of the harness's own metrics a case has, by what its content declares; ``compat.probe`` takes them by the same.

A metric that is not gated may be absent without harm: the container's peak is one, which only a container has.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from compat.model import AOT_METRICS, STANDARD, Tier
from compat.model.backends import INDUCTOR, compiled_by, is_cold
from compat.model.cards import limits_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from compat.model import Metric
    from compat.plan.workload import Workload

__all__ = ["promised"]


def promised(workload: Workload, tier: Tier, params: Mapping[str, Any]) -> tuple[Metric, ...]:
    """The metrics of the case of ``workload`` with these parameters in ``tier``, the content's own last.

    What is compiled ahead of time has the compiler's: for a ``target`` whose limits are not known, no occupancy. What
    is interpreted has no speed and no memory of its own. A test suite has its benchmarks only. A model that a backend
    compiles has what that takes, and where it is ``cold`` no speed.
    """
    if workload.kind == "pytest":
        return workload.own_metrics
    if tier is Tier.AOT:
        known = limits_of(params.get("target", "")) is not None
        return tuple(metric for metric in AOT_METRICS if known or metric.name != "occupancy")
    names = ["nondeterministic"]
    if workload.splits:
        names.append("batch_mismatches")
    if tier in (Tier.CPU, Tier.GPU):
        names += ["memory", "memory_virtual", "memory_cgroup"]
        backend = compiled_by(workload.name, params)
        if backend is not None:
            names.append("compile_time")
        if backend == INDUCTOR:
            names.append("graph_breaks")
        if tier in workload.timed and not is_cold(workload.name, params):
            names += ["latency", "first_call", "leak", "memory_private"]
            names += ["throughput"] if workload.items is not None else []
        if workload.imports:
            names.append("import_time")
        if workload.artifact is not None or workload.kind == "loader":
            names.append("load_time")
    if tier is Tier.GPU:
        names += ["memory_context", "memory_device", "sm_clock", "temperature", "power", "throttled"]
        if "torch" in workload.components:
            names += ["memory_allocated", "memory_reserved"]
    return tuple(metric for name, metric in STANDARD.items() if name in names) + workload.own_metrics
