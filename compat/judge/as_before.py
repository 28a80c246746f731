"""Whether a case is as it was: what it did now beside what it did when the ring was measured, on the same node.

For a few runs: while an upgrade soaks, and after it was taken back. Faults, outputs, exact and bounded metrics are
judged as everywhere, with the runs of then in the place of the known-good arm. Of speed only large slowdowns are told.
Two sessions of one machine differ by more than an upgrade may cost, so what is between is undecided and is no finding.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from compat.judge import faults
from compat.judge.admit import in_pairs, measurement
from compat.judge.budget import sampled
from compat.judge.centre import Centre, centre
from compat.judge.environment import changed_identity
from compat.judge.items import MEASURED_TIERS, without_statistics
from compat.judge.outcome import Outcome
from compat.judge.phased import cross, generations
from compat.judge.sampled import Sample, judge_samples
from compat.judge.text import change, clip, percent, plural, quantity
from compat.judge.unsound import events_in_words, is_clean
from compat.model import Arm, Direction, Evidence, Identity, Item, Metric, Node, Plan, Status

__all__ = ["changed_node", "named", "not_as_before", "not_what_it_was", "slower_beside", "slower_than_before"]

_AS_IT_WAS = (Status.PASS, Status.PREEXISTING)
_ARMS = {Arm.KNOWN_GOOD: "known-good", Arm.CANDIDATE: "candidate"}


def named(item: Item, arm: Arm | None = None) -> str:
    """What a finding calls an item."""
    side = "" if arm is None else f", {_ARMS[arm]} arm"
    return f"{item.case.workload}[{item.case.id}] of {item.cell.id}{side}"


def not_as_before(
    item: Item, arm: Arm, before: Sequence[Evidence], now: Sequence[Evidence], plan: Plan, blob: Callable[[str], bytes]
) -> list[str]:
    """Sentences about one arm of one item in one place, but for its speed: none where all is as it was.

    ``before`` and ``now`` are runs of that arm. What cannot be told for want of runs is said, too.
    """
    place = named(item, arm)
    found = list(_faults(before, now))
    sound, clean = [e for e in before if is_clean(e)], [e for e in now if is_clean(e)]
    if not sound:
        found.append("it has no run without a fault from before: there is nothing to compare with")
    elif not clean and not found and not any(run.fault for run in now):
        found.append("it did not run now")
    elif clean:
        if {run.inputs for run in clean} - {run.inputs for run in sound}:
            found.append("its inputs are not those of before: nothing of it compares")
        else:
            outcomes = without_statistics(item, cross(sound, clean), plan, blob)
            found += [f"{o.reason}, compared with before" for o in outcomes if o.status not in _AS_IT_WAS]
    return [f"{place}: {said}" for said in found]


def _faults(before: Sequence[Evidence], now: Sequence[Evidence]) -> Iterator[str]:
    known = {run.fault.signature for run in before if run.fault is not None}
    new = [run.fault for run in now if run.fault is not None and run.fault.signature not in known]
    if new:
        yield f"it faulted in {len(new)} of {plural(len(now), 'run')}, as it never did before: {faults.describe(new)}"
    if hard := events_in_words(now, hard=True):
        yield f"a GPU was not sound: {hard}"


# -- speed -------------------------------------------------------------------------------------------------------------


def slower_than_before(
    item: Item, arm: Arm, before: Sequence[Evidence], now: Sequence[Evidence], plan: Plan, tests: int
) -> list[str]:
    """Sentences about large slowdowns of one arm against its own runs of before, ``tests`` of which share the level.

    ``plan`` says by its ``ignore`` what is large (``compat.plan.sentinels.narrowed``). With fewer than three
    generations on a side, or where the runs vary too much, nothing is shown and nothing is said.
    """
    found = []
    sound, clean = [e for e in before if is_clean(e)], [e for e in now if is_clean(e)]
    policy = plan.policy.of(item.case.workload)
    for metric in sampled(item) if sound and clean else ():
        if any(measurement(run, metric.name) is None for run in clean):
            found.append(f"{metric.name}: some runs did not measure it")
            continue
        whole = [run for run in sound if measurement(run, metric.name) is not None]
        old, new = centre(generations(metric, whole) or []), centre(generations(metric, clean) or [])
        if old is None or new is None:
            continue
        # Welch's error with the fewer degrees of freedom of the two, which is on the safe side.
        apart = Centre(
            new.effect - old.effect, math.hypot(old.error, new.error), min(old.freedom, new.freedom), new.units
        )
        ignore = policy.metric(metric.name).ignore
        if apart.p_worse(math.log1p(ignore)) <= policy.regress_alpha / max(1, tests):
            found.append(_worse(metric, old, apart, ignore))
    return [f"{named(item, arm)}: {said}" for said in found]


def _worse(metric: Metric, old: Centre, apart: Centre, ignore: float) -> str:
    moved, span = change(apart.effect, apart.interval(), metric.unit, metric.direction)
    sign = 1.0 if metric.direction is Direction.LOWER else -1.0
    a, b = (quantity(math.exp(sign * value), metric.unit) for value in (old.effect, old.effect + apart.effect))
    return f"{metric.name} {moved} than before (95 % interval {span}): {a} -> {b}; {percent(ignore)} more is large"


def slower_beside(
    items: Mapping[str, Item],
    now: Sequence[Evidence],
    plan: Plan,
    tests: int,
    known: Mapping[tuple[str, str], float] | None = None,
) -> dict[tuple[str, str], str]:
    """By item and metric: a sentence where the candidate is slower than the known-good arm beside it, by much.

    ``now`` are interleaved pairs, judged in the rounds of ``plan`` (``compat.plan.sentinels.narrowed``). ``known`` is
    how much slower (relative) it is known to be, by item and metric: only what is shown to be more is told.
    """
    samples, owners = [], []
    places = sorted({(run.item, run.place) for run in now if run.item in items})
    for key, place in places:
        item = items[key]
        pairs, _ = in_pairs([run for run in now if (run.item, run.place) == (key, place)])
        clean = [pair for pair in pairs if pair.clean]
        policy = plan.policy.of(item.case.workload)
        for metric in sampled(item) if clean and item.case.tier in MEASURED_TIERS else ():
            samples.append(Sample.of(metric, policy.metric(metric.name), clean))
            owners.append((key, metric.name))
    outcomes = judge_samples(samples, plan.policy, tests)
    undecided = (Status.PASS, Status.INCONCLUSIVE)
    return {
        owner: f"{named(items[owner[0]])}: {outcome.reason}"
        for owner, sample, outcome in zip(owners, samples, outcomes, strict=True)
        if outcome.status not in undecided and not _within(outcome, (known or {}).get(owner, 0.0), sample)
    }


def _within(outcome: Outcome, known: float, sample: Sample) -> bool:
    """Whether it is shown to be less than is large, or not shown to be slower than is known, where that is large.

    Where all processes are slower by so much, that many are slow: they are part of it.
    """
    if outcome.interval is None:
        return False
    low, high = outcome.interval
    ignore = sample.limits.ignore
    return high <= math.log1p(ignore) or (known > ignore and low <= math.log1p(known))


# -- what the arm and the node are -------------------------------------------------------------------------------------


def not_what_it_was(
    item: Item,
    arm: Arm,
    before: Sequence[Evidence],
    now: Sequence[Evidence],
    identities: Mapping[str, Identity],
) -> list[tuple[str, str]]:
    """What of an arm is not what it was when its runs were made: the part, and a sentence of it.

    Libraries, driver, image, variables and settings. ``identities`` by digest, of both. One that is exactly one of
    before is what it was.
    """
    known = [identities[run.identity] for run in before if run.identity in identities]
    found: dict[str, str] = {}
    for key in dict.fromkeys(run.identity for run in now):
        identity = identities.get(key)
        if identity is None or not known:
            found[""] = f"{_ARMS[arm]} arm: what it is, or was, is not known"
            continue
        apart = min((changed_identity(one, identity) for one in known), key=len)
        for what, a, b in apart:
            found.setdefault(what, f"{_ARMS[arm]} arm ({item.cell.id}): {what} was {clip(a, 80)}, and is {clip(b, 80)}")
    return list(found.items())


def changed_node(before: Node, now: Node, *, upgraded: bool) -> list[str]:
    """What of a node is not as its document says. One that is ``upgraded`` keeps its machine and its GPUs alone.

    Labels are the operator's, and are no part of it.
    """
    names = {"hostname": "name", "cpu": "CPU"}
    if not upgraded:
        names |= {"cores": "cores", "memory_bytes": "memory", "kernel": "kernel", "driver": "driver"}
    found = [
        f"the node's {word} was {getattr(before, name)}, and is {getattr(now, name)}"
        for name, word in names.items()
        if getattr(before, name) != getattr(now, name)
    ]
    old, new = ({gpu.uuid: gpu for gpu in node.gpus} for node in (before, now))
    found += [f"{uuid} is not there any more" for uuid in sorted(old.keys() - new.keys())]
    found += [f"{uuid} was not there before" for uuid in sorted(new.keys() - old.keys())]
    for uuid in sorted(old.keys() & new.keys()):
        # An upgraded driver may say more or less of a GPU; which GPU it is part of stays.
        one, other = (replace(gpu, memory_bytes=None) if upgraded else gpu for gpu in (old[uuid], new[uuid]))
        if one != other:
            found.append(f"{uuid} was {clip(str(one), 200)}, and is {clip(str(other), 200)}")
    return found
