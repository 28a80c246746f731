"""The metrics that the harness itself measures: one catalogue, for planning, for the probe and for the judge.

A metric that is not ``gated`` is shown and never judged; a case may then lack it without harm.
"""

from __future__ import annotations

from compat.model.planned import Metric
from compat.model.words import Direction, Kind

__all__ = ["AOT_METRICS", "STANDARD", "STANDARD_NAMES"]

_LOWER, _HIGHER = Direction.LOWER, Direction.HIGHER
_COMPILE_TIME = Metric("compile_time", "s", _LOWER, Kind.SAMPLED, gated=False)

# By name. When a case has which: compat/plan/content.py; how each is taken: compat/probe/.
STANDARD = {
    metric.name: metric
    for metric in (
        Metric("latency", "s", _LOWER, Kind.SAMPLED),  # a call in the steady state
        Metric("throughput", "items/s", _HIGHER, Kind.SAMPLED, gated=False),  # of the same calls: judged once is enough
        Metric("first_call", "s", _LOWER, Kind.SAMPLED, gated=False),  # the first call of a process: compilation too
        Metric("import_time", "s", _LOWER, Kind.SAMPLED, gated=False),  # IMPORTS, once per generation
        Metric("load_time", "s", _LOWER, Kind.SAMPLED, gated=False),  # prepare() of a case with an artifact
        _COMPILE_TIME,  # of a model's backend, the first call included
        Metric("graph_breaks", "breaks", _LOWER, Kind.EXACT),  # where torch.compile gave up and began another graph
        Metric("memory", "B", _LOWER, Kind.BOUNDED),  # the case's own peak of host memory
        Metric("memory_private", "B", _LOWER, Kind.BOUNDED, gated=False),  # pages of its own at its end
        Metric("memory_virtual", "B", _LOWER, Kind.BOUNDED, gated=False),  # the case's own peak of address space
        Metric("memory_cgroup", "B", _LOWER, Kind.BOUNDED, gated=False),  # the container's peak so far, page cache too
        Metric("leak", "B/call", _LOWER, Kind.BOUNDED),  # slope of host memory over repetitions
        Metric("nondeterministic", "elements", _LOWER, Kind.EXACT),  # differ between two calls in one process
        Metric("batch_mismatches", "elements", _LOWER, Kind.EXACT),  # differ when the batch is split
        Metric("memory_allocated", "B", _LOWER, Kind.EXACT),  # peak of torch's allocator on the GPU
        Metric("memory_reserved", "B", _LOWER, Kind.EXACT),
        Metric("memory_context", "B", _LOWER, Kind.BOUNDED, gated=False),  # what a CUDA context takes of the GPU
        Metric("memory_device", "B", _LOWER, Kind.BOUNDED),  # the process on the GPU, as NVML on the host sees it
        Metric("sm_clock", "MHz", _HIGHER, Kind.SAMPLED, gated=False),
        Metric("temperature", "degC", _LOWER, Kind.SAMPLED, gated=False),
        Metric("power", "W", _LOWER, Kind.SAMPLED, gated=False),
        Metric("throttled", "share", _LOWER, Kind.BOUNDED, gated=False),  # of the readings during the case, 0 to 1
    )
}
AOT_METRICS = (
    Metric("scalar_dots", "dots", _LOWER, Kind.EXACT),  # products that are computed without matrix instructions
    Metric("spills", "B", _LOWER, Kind.EXACT),  # local memory per thread
    Metric("occupancy", "warps", _HIGHER, Kind.EXACT),  # resident on a multiprocessor
    Metric("atomics", "operations", _HIGHER, Kind.EXACT),
    Metric("matrix_instructions", "instructions", _HIGHER, Kind.EXACT, gated=False),  # a larger one does several's work
    Metric("registers", "registers", _LOWER, Kind.EXACT, gated=False),  # what they cost is occupancy
    Metric("shared_memory", "B", _LOWER, Kind.EXACT, gated=False),  # so does this; beyond the card's it is a fault
    Metric("code_size", "B", _LOWER, Kind.EXACT, gated=False),  # machine code
    _COMPILE_TIME,
)
STANDARD_NAMES = frozenset(STANDARD) | {metric.name for metric in AOT_METRICS}
