"""What stays of runs once they were judged: where they ran, in what, and when; of runs that are alike in that, some.

An item may have thousands of runs, and what they were run in is the same each time. What is asked of all runs of a cell
or a ring (``compat.judge.environment``, ``compat.judge.settings``, ``compat.judge.skew``) is asked of their traces.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import dataclass

from compat.model import Arm, Evidence, Phase, Place

__all__ = ["CODE", "Trace", "traces"]

CODE = "torch's code"  # as the workload torch_architectures tells it


@dataclass(frozen=True, slots=True)
class Trace:
    """Where, when and in what a run was."""

    item: str
    place: Place
    arm: Arm
    runtime: str
    identity: str
    phase: Phase | None
    code: str | None  # the architectures that torch was built for, where the run tells them
    generation: int
    pair: int

    @property
    def node(self) -> str:
        """The node of its place."""
        return self.place.node

    @property
    def kind(self) -> tuple[object, ...]:
        """What it has in common with other runs of its item in its place."""
        return self.arm, self.runtime, self.identity, self.phase, self.code


def traces(evidence: Iterable[Evidence]) -> tuple[Trace, ...]:
    """The traces of ``evidence``, in its order.

    Of the pairs of an item in a place whose runs are of the same kinds one is kept, and of each kind the first run, by
    generation and pair, with all that ran in its pair. Whatever is a set over runs, or over the runs of each pair, or
    asks what was first, is the same over these.
    """
    pairs: dict[tuple[str, Place, int], list[Trace]] = {}
    for run in evidence:
        trace = _trace(run)
        pairs.setdefault((trace.item, trace.place, trace.pair), []).append(trace)
    alike: dict[tuple[object, ...], tuple[str, Place, int]] = {}
    first: dict[tuple[object, ...], Trace] = {}
    for key, own in pairs.items():
        item, place, _ = key
        alike.setdefault((item, place, *(trace.kind for trace in own)), key)
        for trace in own:
            known = first.setdefault((item, place, trace.kind), trace)
            if (trace.generation, trace.pair) < (known.generation, known.pair):
                first[item, place, trace.kind] = trace
    kept = {*alike.values(), *((trace.item, trace.place, trace.pair) for trace in first.values())}
    return tuple(trace for key, own in pairs.items() if key in kept for trace in own)


def _trace(run: Evidence) -> Trace:
    words = sys.intern
    return Trace(
        words(run.item),
        Place(words(run.node), tuple(map(words, run.devices))),
        run.arm,
        words(run.runtime),
        words(run.identity),
        run.phase,
        run.took.get(CODE),
        run.generation,
        run.pair,
    )
