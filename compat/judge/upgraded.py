"""What needs no statistics of an item that runs in phases: faults, outputs, exact and bounded metrics, place by place.

A control is examined as if its second phase were a candidate's. What it shows there is no upgrade's doing: then it is
held, and not blamed on the upgrade.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from compat.judge import faults, numerics
from compat.judge.items import SHOWN_DESPITE_A_FAULT, Examined, candidate_alone, without_statistics
from compat.judge.outcome import Outcome
from compat.judge.phased import Phases, cross
from compat.judge.plausible import moment
from compat.judge.sampling import runs_wanted
from compat.judge.text import plural
from compat.judge.unsound import is_clean
from compat.model import Arm, Design, Evidence, Item, Phase, Plan, Ring, Status

__all__ = ["examine_phases"]

# What of a control makes doubtful what an upgraded node shows; of other metrics only what is worse. That a control has
# not run a phase yet is said for itself.
_DOUBTFUL = {
    faults.METRIC: frozenset(Status) - {Status.PASS, Status.MISSING},
    numerics.METRIC: frozenset(Status) - {Status.PASS, Status.FIXED},
}
_ORDER = ((Phase.BEFORE, Phase.AFTER), (Phase.AFTER, Phase.BACK))


def examine_phases(
    item: Item, places: Sequence[Phases], ring: Ring, plan: Plan, blob: Callable[[str], bytes]
) -> tuple[Examined, ...]:
    """Every upgraded place of an item."""
    upgraded = [one for one in places if not one.control]
    said = _other_inputs(places) or ("" if ring.design is Design.STORED else _out_of_order(places))
    if said:
        wrong = Outcome(faults.METRIC, Status.INVALID, f"{faults.METRIC}: {said}")
        return tuple(Examined(one.place, (wrong,)) for one in upgraded)
    doubts = _doubts(item, [one for one in places if one.control], plan, blob)
    return tuple(_doubted(_in_place(item, one, places, ring, plan, blob), doubts) for one in upgraded)


def _other_inputs(places: Sequence[Phases]) -> str:
    """Whether runs were given other things: then nothing of them compares."""
    given = {run.inputs for one in places for phase in Phase for run in one.clean(phase)}
    return "its runs had different inputs" if len(given) > 1 else ""


def _out_of_order(places: Sequence[Phases]) -> str:
    """Whether phases do not follow each other, on a node or between a control and an upgraded one; or nothing."""
    upgraded, controls = ([one for one in places if one.control is group] for group in (False, True))
    for one in places:
        for first, second in _ORDER:
            if not _follow([one], first, [one], second):
                return f"on node {one.place} the phase {second.value} began before {first.value} had ended"
    if not _follow(controls, Phase.BEFORE, upgraded, Phase.AFTER):
        return "a control was measured before the upgrade when nodes were upgraded already"
    if not _follow(upgraded, Phase.BEFORE, controls, Phase.AFTER):
        return "a control was measured after the upgrade when nodes were not upgraded yet"
    return ""


def _follow(earlier: Sequence[Phases], first: Phase, later: Sequence[Phases], second: Phase) -> bool:
    ends = [moment(run.started) or 0.0 for one in earlier for run in one.runs.get(first, ())]
    begins = [moment(run.started) or 0.0 for one in later for run in one.runs.get(second, ())]
    return not ends or not begins or max(ends) <= min(begins)


def _in_place(
    item: Item, one: Phases, places: Sequence[Phases], ring: Ring, plan: Plan, blob: Callable[[str], bytes]
) -> Examined:
    policy = plan.policy.of(item.case.workload)
    runs = [run for own in one.runs.values() for run in own]
    execution = faults.judge_faults(runs, policy, interleaved=False)
    fewest = runs_wanted(item, policy)
    if execution.status is Status.FIXED:
        if said := _short([one], (Phase.AFTER,), fewest):
            execution = replace(execution, status=Status.MISSING, reason=f"{faults.METRIC}: {said}")
        return Examined(one.place, (execution, *candidate_alone(item, one.clean(Phase.AFTER), blob)))
    plain = _without_statistics(item, runs, plan, blob)
    if execution.status is not Status.PASS:
        return Examined(one.place, (execution, *(o for o in plain if o.status in SHOWN_DESPITE_A_FAULT)))
    controls = [other for other in places if other.control]
    said = _short([one, *controls], (Phase.BEFORE, Phase.AFTER), fewest) or _few_controls(controls, ring)
    if said:
        execution = replace(execution, status=Status.MISSING, reason=f"{faults.METRIC}: {said}")
    return Examined(one.place, (execution, *plain))


def _without_statistics(
    item: Item, runs: Sequence[Evidence], plan: Plan, blob: Callable[[str], bytes]
) -> list[Outcome]:
    good, new = ([run for run in runs if run.arm is arm and is_clean(run)] for arm in (Arm.KNOWN_GOOD, Arm.CANDIDATE))
    return without_statistics(item, cross(good, new), plan, blob)


def _short(places: Sequence[Phases], phases: Sequence[Phase], fewest: int) -> str:
    """Which place has not run a phase yet, or not wholly; or nothing."""
    for one in places:
        for phase in phases:
            have = len(one.steady(phase))
            if not (have >= fewest):
                what = "clean run" if have == len(one.clean(phase)) else "unthrottled run"
                role = "control node" if one.control else "node"
                return f"{role} {one.place} has {plural(have, what)} {phase.value} the upgrade, {fewest} are needed"
    return ""


def _few_controls(controls: Sequence[Phases], ring: Ring) -> str:
    count = len({one.place.node for one in controls})
    if count < ring.minimum_controls:
        return f"it ran on {count} of the {plural(ring.minimum_controls, 'control node')} that the ring asks for"
    return ""


def _doubts(
    item: Item, controls: Sequence[Phases], plan: Plan, blob: Callable[[str], bytes]
) -> dict[str, tuple[Phases, Outcome]]:
    """By metric: the control on which something changed that no upgrade can have changed."""
    policy = plan.policy.of(item.case.workload)
    found: dict[str, list[tuple[Phases, Outcome]]] = {}
    for one in controls:
        runs = [
            replace(run, arm=Arm.CANDIDATE if phase is Phase.AFTER else Arm.KNOWN_GOOD)
            for phase, own in one.runs.items()
            for run in own
        ]
        judged = [faults.judge_faults(runs, policy, interleaved=False), *_without_statistics(item, runs, plan, blob)]
        for outcome in judged:
            crashed = outcome.metric == faults.METRIC and any(run.fault is not None for run in runs)
            if crashed or outcome.status in _DOUBTFUL.get(outcome.metric, {Status.REGRESS}):
                found.setdefault(outcome.metric, []).append((one, outcome))
    return {metric: min(each, key=lambda pair: str(pair[0].place)) for metric, each in found.items()}


def _doubted(examined: Examined, doubts: Mapping[str, tuple[Phases, Outcome]]) -> Examined:
    """What is worse on a control too is not shown to be the upgrade's; nor is output that is unsound there."""
    outcomes = []
    for outcome in examined.outcomes:
        doubt = doubts.get(outcome.metric)
        if doubt is not None and (outcome.status is Status.REGRESS or outcome.metric in _DOUBTFUL):
            said = f"{outcome.reason}; but on control node {doubt[0].place} too, between its phases: {doubt[1].reason}"
            outcome = replace(outcome, status=Status.INVALID, reason=said)
        outcomes.append(outcome)
    return replace(examined, outcomes=tuple(outcomes))
