"""All comparisons of a ring, from its evidence: what is judged of each item, cell and group, bound to its name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace

from compat.judge import environment, faults
from compat.judge.budget import measured
from compat.judge.confirm import can_be_confirmed
from compat.judge.designs import judge_phased
from compat.judge.environment import Difference, version_of
from compat.judge.groups import EVERYTHING, Group, judge_group, planned_groups, tests_of
from compat.judge.items import Examined, conclude, expected_metrics
from compat.judge.nodes import hardware, quarantine
from compat.judge.outcome import Outcome, worst
from compat.judge.points import Point
from compat.judge.reader import Reader
from compat.judge.routes import Edge, judge_route, paired_leg
from compat.judge.sampled import Sample, judge_samples
from compat.judge.skew import find_skew
from compat.judge.tables import judge_tables
from compat.judge.traces import Trace
from compat.judge.unsound import is_clean
from compat.model import (
    Arm,
    Cell,
    Comparison,
    Evidence,
    Identity,
    Item,
    Node,
    Place,
    Plan,
    Ring,
    Skew,
    Status,
    Tier,
)

__all__ = ["Compared", "compare"]


@dataclass(frozen=True)
class Compared:
    """What the evidence of a ring came to, before anybody decides."""

    comparisons: tuple[Comparison, ...]
    differences: tuple[Difference, ...]  # between the arms
    nodes: tuple[str, ...]  # whose evidence counts
    controls: tuple[str, ...]  # the same, of the control group
    quarantined: dict[Place, str]  # places that are left out, and why
    skew: tuple[Skew, ...] = ()


def compare(
    plan: Plan,
    ring: Ring,
    read: Callable[[str], Sequence[Evidence]],
    identities: Mapping[str, Identity],
    nodes: Mapping[str, Node],
    blob: Callable[[str], bytes],
) -> Compared:
    """Every comparison that the ``ring`` rests on.

    ``read`` gives the evidence of an item on the ring's nodes, each record once. It is asked for one item after the
    other, and what is kept of a record are floats.
    """
    items = {item.key: item for item in plan.for_ring(ring.name)}
    reader = Reader(plan, ring, read, identities, nodes, blob)
    controls = reader.controls
    known = {key: reader.judge(item) for key, item in items.items()}
    sound = {key: item for key, item in items.items() if not known[key].refused}
    examined = {key: known[key].examined for key, item in sound.items() if not item.cell.phased}
    share = measured(plan, ring)
    samples = [(key, each, sample) for key, own in examined.items() for each in own for sample in each.samples]
    outcomes = judge_samples([sample for _, _, sample in samples], plan.policy, share)
    accepted = [trace for own in known.values() for trace in own.traces]
    kinds = hardware({trace.place for trace in accepted}, nodes)
    gpus = {name: [gpu.uuid for gpu in node.gpus] for name, node in nodes.items()}
    sick = quarantine(list(examined.values()), kinds, plan.policy.outlier)
    in_phases = {key: own.phased for key, own in known.items() if own.phased is not None}
    upgraded, families = judge_phased(in_phases, {key: items[key] for key in in_phases}, plan, ring, share)
    speeds = iter(outcomes)
    found: list[Comparison] = []
    for key, item in items.items():
        if known[key].refused:
            own = [Outcome(faults.METRIC, Status.INVALID, f"{faults.METRIC}: {known[key].refused}")]
        elif key in upgraded:
            own, _ = upgraded[key]
        else:
            own = conclude(item, examined[key], speeds, ring, kinds, sick, gpus)
        found += _bind(item, own, known[key].traces, identities)
    legs = {key: legs for key, (_, legs) in upgraded.items()}
    for (key, each, sample), outcome in zip(samples, outcomes, strict=True) if plan.routes else ():
        leg = paired_leg(sample, outcome, plan.policy, share)
        if leg is not None and each.place not in sick:
            legs.setdefault(key, {})[sample.metric.name, each.place] = leg
    aside = {trace.place for trace in accepted if trace.node in controls} | sick.keys()
    ran = {c.item: c.status for c in found if c.metric == faults.METRIC}

    def edge(item: Item) -> Edge:
        runs = [e for e in reader.admitted(item)[0] if is_clean(e) and e.place not in aside]
        own = {name: leg for name, leg in legs.get(item.key, {}).items() if name[1] not in aside}
        return Edge(item, ran[item.key], own, runs)

    found += _routes(plan, ring, sound.values(), edge, share, blob)
    found += [_bind_group(group, items[group.members[0]].case.tier, said) for group, said in families]
    found += _groups(plan, ring, items, zip(samples, outcomes, strict=True), sick)
    checked, differences, blameless = _environments(plan, items, accepted, identities)
    found = [
        _unblamed(c, blameless[c.cell]) if c.cell in blameless and c.status is Status.REGRESS else c for c in found
    ]
    skew = find_skew(plan, accepted, identities, nodes)
    found += checked + judge_tables(plan, ring)
    found += _expected_minus_observed(items, ring, found)
    found.sort(key=lambda c: (c.cell, c.workload, c.case, c.item, c.metric))
    counted = {place.node for place in {trace.place for trace in accepted} - sick.keys()}
    return Compared(
        tuple(found), differences, tuple(sorted(counted - controls)), tuple(sorted(counted & controls)), sick, skew
    )


def _routes(
    plan: Plan,
    ring: Ring,
    items: Iterable[Item],
    edge: Callable[[Item], Edge],
    share: int,
    blob: Callable[[str], bytes],
) -> list[Comparison]:
    """What the edges of a route come to together, case by case. An edge that lacks something says so by itself.

    ``edge`` reads what an item came to, and its runs: those of one case at a time.
    """
    found = []
    for route in (one for one in plan.routes if ring.has(one.cell.id)):
        by_case: dict[tuple[str, str], dict[str, Item]] = {}
        for item in items:
            if item.cell.id in route.edges:
                by_case.setdefault((item.case.workload, item.case.id), {})[item.cell.id] = item
        for (workload, case), there in by_case.items():
            if len(there) == len(route.edges):
                own = [edge(there[name]) for name in route.edges]
                required = route.cell.required and own[-1].item.required
                place = f"{route.cell.id}/{workload}[{case}]", route.cell.id, workload, case, own[-1].item.case.tier
                found += [_comparison(each, *place, required) for each in judge_route(own, plan, share, blob)]
    return found


def _bind(
    item: Item, outcomes: Sequence[Outcome], evidence: Sequence[Trace], identities: Mapping[str, Identity]
) -> list[Comparison]:
    """Outcomes as comparisons of ``item``, with the versions of its components that were really there."""
    arms = [min((e.identity for e in evidence if e.arm is arm), default="") for arm in (Arm.KNOWN_GOOD, Arm.CANDIDATE)]
    good, new = (identities.get(key) for key in arms)
    versions = tuple((c, version_of(good, c), version_of(new, c)) for c in item.case.components if good and new)
    required = item.required and item.cell.required
    place = item.key, item.cell.id, item.case.workload, item.case.id, item.case.tier, required
    if item.cell.rollback:
        outcomes = [outcome if outcome.status is Status.PASS else _turned(outcome) for outcome in outcomes]
    return [_comparison(outcome, *place, versions=versions) for outcome in outcomes]


def _turned(outcome: Outcome) -> Outcome:
    """What is said of a way back, where the arms have changed their places.

    What is wrong in the newer stack only is no fix of the older one: the newer one cannot load what it saved itself.
    """
    if outcome.status is Status.FIXED:
        said = f"{outcome.reason}; on the way back: that is the newer stack, with what it saved itself"
        return replace(outcome, status=Status.REGRESS, reason=said)
    return replace(outcome, reason=f"{outcome.reason}; on the way back: the candidate here is the older stack")


def _comparison(
    outcome: Outcome,
    item: str,
    cell: str,
    workload: str,
    case: str,
    tier: Tier,
    required: bool,
    versions: tuple[tuple[str, str, str], ...] = (),
) -> Comparison:
    """An outcome with its name."""
    values = {field.name: getattr(outcome, field.name) for field in fields(Outcome)}
    return Comparison(
        item=item, cell=cell, workload=workload, case=case, tier=tier, required=required, versions=versions, **values
    )


def _environments(
    plan: Plan, items: Mapping[str, Item], evidence: Sequence[Trace], identities: Mapping[str, Identity]
) -> tuple[list[Comparison], tuple[Difference, ...], dict[str, str]]:
    """Rule 17 for every cell that has evidence: comparisons, differences, and the cells where nothing is to blame.

    That is where what ran is not what the matrix says. Where the arms ran days apart, on either side of a reboot, so is
    whatever else changed meanwhile.
    """
    cells: dict[str, tuple[Cell, Tier]] = {item.cell.id: (item.cell, item.case.tier) for item in items.values()}
    found, differences = [], set()
    blameless: dict[str, str] = {}
    by_cell: dict[str, list[Trace]] = {}
    for trace in evidence:
        by_cell.setdefault(items[trace.item].cell.id, []).append(trace)
    for name, (cell, tier) in sorted(cells.items()):
        own = by_cell.get(name)
        if not own:
            continue
        state = environment.judge_environment(cell, own, plan, identities)
        if not cell.rollback:  # the same, the other way round
            differences |= set(state.differences)
        if state.misrealised:
            blameless[name] = "what ran is not what the matrix says"
        elif cell.phased and state.outcome.status is Status.UNDECLARED:
            blameless[name] = "its phases differ in what nobody declared"
        found.append(_comparison(state.outcome, name, name, environment.METRIC, name, tier, cell.required))
    return found, tuple(sorted(differences)), blameless


def _unblamed(comparison: Comparison, why: str) -> Comparison:
    """A regression of something that is not the candidate: HOLD, not NO-GO."""
    said = f"{comparison.reason}; but {why}"
    return replace(comparison, status=Status.INVALID, reason=said)


def _expected_minus_observed(items: Mapping[str, Item], ring: Ring, found: Sequence[Comparison]) -> list[Comparison]:
    """A MISSING comparison for whatever should have been compared and was not.

    An item that did not run cleanly has its execution comparison, and that is enough: it is not GO by itself.
    """
    have: dict[str, dict[str, Status]] = {}
    for c in found:
        have.setdefault(c.item, {})[c.metric] = c.status
    missing = []
    for key, item in items.items():
        own = have.get(key, {})
        if own.get(faults.METRIC, Status.PASS) is not Status.PASS:
            continue
        lost = [name for name in expected_metrics(item, speed=not ring.watches(item)) if name not in own]
        missing += _bind(item, [Outcome(n, Status.MISSING, f"{n}: it was not compared") for n in lost], (), {})
    return missing


def _groups(
    plan: Plan,
    ring: Ring,
    items: Mapping[str, Item],
    judged: Iterable[tuple[tuple[str, Examined, Sample], Outcome]],
    sick: Mapping[Place, str],
) -> list[Comparison]:
    """The group tests, place by place; the worst one decides. What is slower by itself is named by itself."""
    planned = planned_groups(plan, items.values())
    if not planned:
        return []
    points: dict[tuple[str, Place], dict[str, Sequence[Point]]] = {}  # by metric and place: by item
    for (key, each, sample), outcome in judged:
        if outcome.status is not Status.REGRESS and not each.wrong and each.place not in sick:
            points.setdefault((sample.metric.name, each.place), {})[key] = sample.points or ()
    tests = tests_of(plan, ring)
    found = []
    for group in planned:
        confirmable = can_be_confirmed(plan, items[group.members[0]])
        outcomes = {
            place: said
            for (metric, place), own in sorted(points.items())
            if metric == group.metric.name
            and (said := judge_group(group, own, plan.policy, tests, confirmable=confirmable)) is not None
        }
        if outcomes:
            several = len(outcomes) > 1
            said = worst(
                replace(o, reason=f"{o.reason}, on node {place}") if several else o for place, o in outcomes.items()
            )
            found.append(_bind_group(group, items[group.members[0]].case.tier, said))
    return found


def _bind_group(group: Group, tier: Tier, said: Outcome) -> Comparison:
    case = "everything" if group.name == EVERYTHING else "all cases"
    return _comparison(said, f"{group.cell}/{group.name}", group.cell, group.name, case, tier, required=True)
