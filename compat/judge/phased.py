"""Items whose stacks cannot share a node: what each node ran in its phases, and what is judged of that node by itself.

An upgraded node runs the known-good arm before its upgrade and the candidate after it; in the A-B-A design it is rolled
back then, and runs the known-good arm once more. A control node runs the known-good arm in both phases.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median

from compat.judge import faults
from compat.judge.admit import Pair, measurement
from compat.judge.items import Examined, without_statistics
from compat.judge.outcome import Outcome
from compat.judge.plausible import moment
from compat.judge.points import too_few
from compat.judge.sampling import runs_wanted
from compat.judge.text import plural
from compat.model import Arm, Design, Direction, Evidence, Item, Kind, Metric, Node, Phase, Place, Plan, Ring, Status

__all__ = [
    "Phases",
    "cross",
    "examine_phases",
    "gather",
    "generations",
    "lost",
    "misplaced",
    "unjudged",
]

_RUNS = {Phase.BEFORE: Arm.KNOWN_GOOD, Phase.AFTER: Arm.CANDIDATE, Phase.BACK: Arm.KNOWN_GOOD}


@dataclass(frozen=True)
class Phases:
    """What one place ran of an item, by phase, in order."""

    place: Place
    control: bool
    runs: Mapping[Phase, tuple[Evidence, ...]]

    def clean(self, phase: Phase) -> list[Evidence]:
        """The runs without a fault."""
        return [run for run in self.runs.get(phase, ()) if run.fault is None]


def misplaced(evidence: Evidence, item: Item, ring: Ring, node: Node | None) -> list[str]:
    """What is wrong with the phase of a record, and with the arm that it ran."""
    if not item.cell.phased:
        return [] if evidence.phase is None else ["it ran in a phase, and both arms can run on a node as it is"]
    if evidence.phase is None:
        return ["it ran in no phase, and its stacks cannot share a node"]
    control = node is not None and ring.is_control(node)
    known = tuple(Phase) if ring.design is Design.ABA else (Phase.BEFORE, Phase.AFTER)
    arm = Arm.KNOWN_GOOD if control else _RUNS[evidence.phase]
    if evidence.phase not in known or evidence.arm is not arm:
        what = "a control node" if control else f"a node in the {ring.design.value} design"
        return [f"it ran the {evidence.arm.value} arm in the phase {evidence.phase.value}, which {what} does not"]
    if ring.design is Design.STORED and moment(evidence.session) is None:
        return [f"its session began at {evidence.session!r}, which is no moment"]
    return []


def _controls(nodes: Mapping[str, Node], place: Place, ring: Ring) -> bool:
    node = nodes.get(place.node)
    return node is not None and ring.is_control(node)


def gather(evidence: Sequence[Evidence], ring: Ring, nodes: Mapping[str, Node]) -> list[Phases]:
    """The admitted evidence of one item by place and phase."""
    here: dict[Place, dict[Phase, list[Evidence]]] = {}
    for run in sorted(evidence, key=lambda e: (e.generation, e.pair)):
        if run.phase is not None:
            here.setdefault(run.place, {}).setdefault(run.phase, []).append(run)
    return [
        Phases(place, _controls(nodes, place, ring), {phase: tuple(runs) for phase, runs in own.items()})
        for place, own in sorted(here.items())
    ]


def examine_phases(
    item: Item, places: Sequence[Phases], ring: Ring, plan: Plan, blob: Callable[[str], bytes]
) -> tuple[Examined, ...]:
    """What needs no statistics, upgraded place by upgraded place: faults, outputs, exact and bounded metrics."""
    return tuple(_in_place(item, one, places, ring, plan, blob) for one in places if not one.control)


def _in_place(
    item: Item, one: Phases, places: Sequence[Phases], ring: Ring, plan: Plan, blob: Callable[[str], bytes]
) -> Examined:
    policy = plan.policy.of(item.case.workload)
    runs = [run for own in one.runs.values() for run in own]
    execution = faults.judge_faults(runs, policy, interleaved=False)
    pairs = cross([*one.clean(Phase.BEFORE), *one.clean(Phase.BACK)], one.clean(Phase.AFTER))
    plain = without_statistics(item, pairs, plan, blob)
    if execution.status is not Status.PASS:
        shown = [o for o in plain if o.status in (Status.REGRESS, Status.INVALID, Status.PREEXISTING)]
        return Examined(one.place, (execution, *shown))
    if said := _short([one, *(other for other in places if other.control)], ring, runs_wanted(item, policy)):
        short = replace(execution, status=Status.MISSING, reason=f"{faults.METRIC}: {said}")
        return Examined(one.place, (short, *plain))
    return Examined(one.place, (execution, *plain))


def _short(places: Sequence[Phases], ring: Ring, fewest: int) -> str:
    """Which node has not run a phase yet, or too few control nodes; or nothing."""
    for one in places:
        for phase in (Phase.BEFORE, Phase.AFTER):
            if not (len(one.clean(phase)) >= fewest):
                have = plural(len(one.clean(phase)), "clean run")
                role = "control node" if one.control else "node"
                return f"{role} {one.place} has {have} {phase.value} the upgrade, {fewest} are needed"
    controls = len({one.place.node for one in places if one.control})
    if controls < ring.minimum_controls:
        return f"it ran on {controls} of the {plural(ring.minimum_controls, 'control node')} that the ring asks for"
    return ""


def cross(known_good: Sequence[Evidence], candidate: Sequence[Evidence]) -> list[Pair]:
    """Every run of both arms in pairs that were not interleaved; runs of the arm with fewer are there again."""
    if not known_good or not candidate:
        return []
    count = max(len(known_good), len(candidate))
    arms = [[runs[n % len(runs)] for n in range(count)] for runs in (known_good, candidate)]
    return [Pair(n, 1, n, good, new) for n, (good, new) in enumerate(zip(*arms, strict=True))]


def generations(metric: Metric, runs: Sequence[Evidence]) -> list[float] | None:
    """The oriented log-medians of one phase, a mean for each generation; None if a run lacks the metric."""
    sign = 1.0 if metric.direction is Direction.LOWER else -1.0
    found: dict[int, list[float]] = {}
    for run in runs:
        taken = measurement(run, metric.name)
        if taken is None:
            return None
        found.setdefault(run.generation, []).append(sign * math.log(median(taken.samples)))
    return [math.fsum(values) / len(values) for _, values in sorted(found.items())]


def lost(metric: Metric, places: Sequence[Phases], fewest: int) -> Outcome | None:
    """What keeps a sampled metric, of which a phase has ``fewest`` runs, from being judged at all."""
    for one in places:
        back = len(one.clean(Phase.BACK))
        if Phase.BACK in one.runs and not (back >= fewest):
            said = f"{plural(back, 'clean run')} back again, {fewest} are needed"
            return Outcome(metric.name, Status.MISSING, f"{metric.name}: {said}", Kind.SAMPLED, metric.unit)
        runs = [run for phase in Phase for run in one.clean(phase)]
        if any(measurement(run, metric.name) is None for run in runs):
            said = f"some runs on node {one.place} did not measure it"
            return Outcome(metric.name, Status.MISSING, f"{metric.name}: {said}", Kind.SAMPLED, metric.unit)
        if few := too_few(metric, cross(runs, runs)):
            return Outcome(metric.name, Status.INVALID, few, Kind.SAMPLED, metric.unit)
    return None


def unjudged(metric: Metric) -> Outcome:
    """The outcome of a metric of what returns something wrong."""
    said = f"{metric.name}: not judged, a wrong result has no speed"
    return Outcome(metric.name, Status.INCONCLUSIVE, said, Kind.SAMPLED, metric.unit)
