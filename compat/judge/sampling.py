"""How many pairs are still wanted: what a run may ask. It never learns a verdict from here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from compat.judge.admit import Pair, in_pairs
from compat.judge.budget import strictest
from compat.judge.confirm import asked, can_be_confirmed
from compat.judge.exact import judge_values
from compat.judge.faults import attempts, attempts_needed
from compat.judge.groups import fresh_short, planned_groups, tests_of
from compat.judge.points import Points, points, too_few
from compat.judge.rounds import Courses, courses
from compat.judge.series import Series
from compat.judge.throttled import is_throttled, kept
from compat.judge.unsound import unsound
from compat.model import Arm, Evidence, Item, Kind, Metric, Plan, Policy, Status, Tier

__all__ = ["Wanted", "fewest_pairs", "runs_wanted", "wanted", "wanted_by_groups", "wanted_in_phase"]


COLD_PAIRS = 3  # processes of each arm in which a model is compiled: that it takes time differs from one to the next


@dataclass(frozen=True)
class Wanted:
    """The pairs that an item should have in one place, all together, and the round that the next one belongs to."""

    pairs: int
    round: int


def wanted(plan: Plan, item: Item, evidence: Sequence[Evidence], sharing: int | None = None) -> Wanted:
    """What the run should still do for one item, given what there is of it (in one place; other items are ignored).

    ``sharing`` is ``strictest`` of the item's tier, for those who ask often.

    ``pairs`` is at most what exists exactly when nothing more is wanted. A fault is tried again and then not sampled
    on; a metric that is lost, or an exact one that failed, gets no more pairs after the first generation. Where a pair
    lacks an arm, another one is wanted in its place. So it is where both arms were throttled, until that is as many
    pairs as the round has: then the node is too hot for it. With evidence of several places, the neediest answers.
    Where a GPU was not sound nothing more is wanted.
    """
    own = _once(record for record in evidence if record.item == item.key)
    groups = {place: [e for e in own if e.place == place] for place in sorted({e.place for e in own})}
    sharing = strictest(plan, item.case.tier) if sharing is None else sharing
    answers = [_in_place(plan, item, group, sharing) for group in groups.values() or [[]]]
    return max(answers, key=lambda answer: (answer.pairs, answer.round))


def _in_place(plan: Plan, item: Item, evidence: Sequence[Evidence], sharing: int) -> Wanted:
    policy = plan.policy
    pairs, problems = in_pairs(evidence)
    numbers = len({e.pair for e in evidence})
    enough = Wanted(len(pairs), max((e.round for e in evidence), default=1))
    if any(record.fault is not None for record in evidence):
        short = attempts_needed(evidence, policy)
        return Wanted(numbers + short, enough.round) if short else enough
    if any(unsound(record) for record in evidence):
        return enough
    fewest = fewest_pairs(item, policy)
    if len(pairs) < fewest:
        return Wanted(numbers + fewest - len(pairs), 1)
    sampled = [m for m in item.case.metrics if m.gated and m.kind is Kind.SAMPLED]
    if problems or not sampled or _failed(plan, item, pairs):
        return enough
    for number, size in enumerate(policy.rounds, 1):
        own = [pair for pair in pairs if pair.round == number]
        short = size - len(kept(own))
        if short <= 0:
            continue
        if len(own) >= 2 * size or (number > 1 and not _open(plan, item, pairs, sharing)):
            break
        return Wanted(numbers + min(short, 2 * size - len(own)), number)
    size, number = _to_confirm(plan, item, pairs, sharing), policy.confirm_round
    own = [pair for pair in pairs if pair.round == number]
    short = min(size - len(kept(own)), 2 * size - len(own))
    return Wanted(numbers + short, number) if short > 0 else enough


def fewest_pairs(item: Item, policy: Policy) -> int:
    """The pairs that an item has in any case."""
    return max(policy.fewest_pairs, COLD_PAIRS if _compiles(item) else 0)


def _compiles(item: Item) -> bool:
    """Whether a backend compiles it in each process; what is compiled ahead of time is compiled alike each time."""
    return item.case.tier is not Tier.AOT and any(metric.name == "compile_time" for metric in item.case.metrics)


def wanted_in_phase(plan: Plan, item: Item, evidence: Sequence[Evidence]) -> Wanted:
    """What the run should still do in one phase, given what one arm ran of the item in one place in it.

    Where stacks cannot share a node, the node is the unit: a first round says as much of it as more would.
    """
    policy = plan.policy
    runs = len({record.pair for record in evidence})
    if any(record.fault is not None for record in evidence):
        tried = len(attempts(evidence, evidence[0].arm, policy))
        return Wanted(runs + max(0, policy.fault_attempts - tried), 1)
    if any(unsound(record) for record in evidence):
        return Wanted(runs, 1)
    wanted_runs = runs_wanted(item, policy)
    lost = len({e.pair for e in evidence if e.arm is Arm.KNOWN_GOOD and is_throttled(e)})
    return Wanted(min(wanted_runs + lost, 2 * wanted_runs), 1)


def runs_wanted(item: Item, policy: Policy) -> int:
    """The clean runs that an item has in a phase, or in a session of it."""
    sampled = any((metric.gated or item.sentinel) and metric.kind is Kind.SAMPLED for metric in item.case.metrics)
    return max(policy.rounds[0] if sampled else 0, policy.fewest_pairs)


def _once(evidence: Iterable[Evidence]) -> list[Evidence]:
    """Every run once, whatever the order given. It is asked after every pair, so no record is digested."""
    ordered = sorted(evidence, key=lambda e: (e.place, e.pair, e.arm.value, e.started, e.seconds))
    return list({(e.place, e.pair, e.arm): e for e in reversed(ordered)}.values())[::-1]


def _failed(plan: Plan, item: Item, pairs: Sequence[Pair]) -> bool:
    """Whether something that needs no statistics has failed, so that the speed is of no interest."""
    outcomes = [
        judge_values(m, pairs, plan.policy.of(item.case.workload))
        for m in item.case.metrics
        if m.gated and m.kind is not Kind.SAMPLED
    ]
    return any(outcome.status is Status.REGRESS for outcome in outcomes)


def _to_confirm(plan: Plan, item: Item, pairs: Sequence[Pair], sharing: int) -> int:
    """The pairs on second installations that the item's metrics ask for."""
    if not can_be_confirmed(plan, item):
        return 0
    return max((asked(state.at(0), plan.policy) for state in _states(plan, item, pairs, sharing)), default=0)


def wanted_by_groups(plan: Plan, evidence: Mapping[str, Sequence[Evidence]]) -> dict[str, Wanted]:
    """By item: the fresh pairs that groups ask for, once round 1 has flagged them. To be asked when no item is open.

    ``evidence`` by item, in one place. A member of which twice as many pairs were thrown away asks no more.
    """
    items = {item.key: item for item in plan.items}
    sharing = {tier: strictest(plan, tier) for tier in Tier}
    tests = min((tests_of(plan, ring) for ring in plan.rings), default=1)  # who asks for too much misses nothing
    lacking: dict[str, tuple[int, int]] = {}  # round, and pairs: what is fresh comes before what confirms it
    for group in planned_groups(plan, [items[key] for key in evidence if key in items]):
        points = {}
        for key in group.members:
            own = _points_of_member(plan, items[key], group.metric, evidence[key], sharing[items[key].case.tier])
            if own is not None:
                points[key] = own
        confirmable = can_be_confirmed(plan, items[group.members[0]])
        asked_for = fresh_short(group, points, plan.policy, tests, confirmable=confirmable)
        for key, (number, short) in asked_for.items():
            have = sum(pair.round == number for pair in in_pairs(evidence[key])[0])
            short = min(short, 2 * plan.policy.group.pairs - have)
            if short > 0:
                known = lacking.get(key, (number, 0))
                lacking[key] = max(known, (number, short)) if known[0] == number else min(known, (number, short))
    numbers = {key: len({e.pair for e in evidence[key]}) for key in lacking}
    return {key: Wanted(numbers[key] + short, number) for key, (number, short) in lacking.items()}


def _points_of_member(
    plan: Plan, item: Item, metric: Metric, evidence: Sequence[Evidence], sharing: int
) -> Points | None:
    """The pairs of one item, unless something else is wrong with it or it is slower by itself."""
    pairs, problems = in_pairs(_once(evidence))
    amiss = problems or any(record.fault or unsound(record) for record in evidence)
    if amiss or too_few(metric, pairs) or _failed(plan, item, pairs):
        return None
    own = points(metric, kept(pairs))
    if own is None:
        return None
    limits = plan.policy.of(item.case.workload).metric(metric.name)
    slower = courses(Series.of([own]), limits, plan.policy, sharing).came_to(Status.REGRESS)
    return None if slower.any() else own


def _open(plan: Plan, item: Item, pairs: Sequence[Pair], sharing: int) -> bool:
    """Whether a sampled metric is still undecided."""
    return any(len(state.still_open()) for state in _states(plan, item, pairs, sharing))


def _states(plan: Plan, item: Item, pairs: Sequence[Pair], sharing: int) -> Iterator[Courses]:
    """How far the rounds of each sampled metric came."""
    policy = plan.policy.of(item.case.workload)
    for metric in item.case.metrics:
        if metric.gated and metric.kind is Kind.SAMPLED and not too_few(metric, pairs):
            found = points(metric, kept(pairs))
            if found is not None:
                yield courses(Series.of([found]), policy.metric(metric.name), policy, sharing)
