"""Items whose stacks cannot share a node: what each node ran in its phases, and what is judged of that node by itself.

An upgraded node runs the known-good arm before its upgrade and the candidate after it; in the A-B-A design it is rolled
back then, and runs the known-good arm once more. A control node runs the known-good arm in both phases.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, median

from compat.judge.admit import Pair, measurement
from compat.judge.outcome import Outcome
from compat.judge.plausible import moment
from compat.judge.points import too_few
from compat.judge.text import plural
from compat.judge.throttled import is_throttled
from compat.judge.unsound import is_clean
from compat.model import (
    FEWEST_UNITS,
    Arm,
    Design,
    Direction,
    Evidence,
    Item,
    Kind,
    Metric,
    Node,
    Phase,
    Place,
    Ring,
    Status,
)

__all__ = ["Phases", "Taken", "Values", "cross", "gather", "generations", "lost", "misplaced", "taken", "unjudged"]

_CLOCK = 60.0  # seconds that a clock may be set back by
_LATEST = 4 * 3600.0  # seconds that a session goes on beyond a ring's budget: it may be called again, and wait
_RUNS = {Phase.BEFORE: Arm.KNOWN_GOOD, Phase.AFTER: Arm.CANDIDATE, Phase.BACK: Arm.KNOWN_GOOD}


@dataclass(frozen=True)
class Phases:
    """What one place ran of an item, by phase, in order."""

    place: Place
    control: bool
    runs: Mapping[Phase, tuple[Evidence, ...]]

    def clean(self, phase: Phase) -> list[Evidence]:
        """The runs without a fault, on GPUs that were sound."""
        return [run for run in self.runs.get(phase, ()) if is_clean(run)]

    def steady(self, phase: Phase) -> list[Evidence]:
        """Those that say something of speed: a known-good arm that was throttled would hide what the candidate lost."""
        return [run for run in self.clean(phase) if run.arm is Arm.CANDIDATE or not is_throttled(run)]


Values = dict[Phase, list[float]]  # oriented log-medians, a mean for each generation


@dataclass(frozen=True)
class Taken:
    """What one place measured of a sampled metric: what stays of it, without the runs."""

    place: Place
    control: bool
    values: Values
    begun: frozenset[tuple[Phase, str]]  # sessions, whole or not: their phase, and when they began
    sessions: Mapping[tuple[Phase, str], float]  # of whole sessions before and after: the mean over their generations


def taken(metric: Metric, one: Phases, fewest: int) -> Taken:
    """What a place measured of a metric, of which a whole session has ``fewest`` runs."""
    begun = frozenset((phase, run.session) for phase, runs in one.runs.items() for run in runs)
    whole = {}
    for phase in (Phase.BEFORE, Phase.AFTER):
        own: dict[str, list[Evidence]] = {}
        for run in one.steady(phase):
            own.setdefault(run.session, []).append(run)
        for session, runs in own.items():
            means = generations(metric, runs) or []
            if len(runs) >= fewest and len(means) >= FEWEST_UNITS:
                whole[phase, session] = fmean(means)
    values = {phase: generations(metric, one.steady(phase)) or [] for phase in Phase}
    return Taken(one.place, one.control, values, begun, whole)


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
    return _wrong_session(evidence, ring) if ring.design is Design.STORED else []


def _wrong_session(evidence: Evidence, ring: Ring) -> list[str]:
    """Whether a run cannot be of its session: before it, or later than a call of it may take, and then some."""
    began, ran = moment(evidence.session), moment(evidence.started)
    if began is None:
        return [f"its session began at {evidence.session!r}, which is no moment"]
    if ran is not None and not (-_CLOCK <= ran - began <= ring.budget + _LATEST):
        return [f"it ran at {evidence.started}, and its session began at {evidence.session}"]
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
        back = len(one.steady(Phase.BACK))
        if Phase.BACK in one.runs and not (back >= fewest):
            said = f"{plural(back, 'clean run')} back again, {fewest} are needed"
            return Outcome(metric.name, Status.MISSING, f"{metric.name}: {said}", Kind.SAMPLED, metric.unit)
        runs = [run for phase in Phase for run in one.steady(phase)]
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
