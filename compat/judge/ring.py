"""From the evidence of a ring to its verdict. GO is earned: everything required was compared, and all of it is fine."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from compat.errors import UsageError
from compat.judge import environment, faults
from compat.judge.admit import contradictions, defects, distinct, fingerprint
from compat.judge.environment import Difference, version_of
from compat.judge.items import expected_metrics, judge_item
from compat.judge.outcome import Outcome
from compat.judge.sampling import measured
from compat.judge.tables import judge_tables
from compat.judge.text import plural
from compat.model import (
    LOCKED_CLOCKS,
    SCHEMA_VERSION,
    Arm,
    Cell,
    Comparison,
    Decision,
    Evidence,
    Identity,
    Item,
    Node,
    Plan,
    Rejection,
    Ring,
    Status,
    Tier,
    Verdict,
    digest,
)

__all__ = ["judge"]

_FINE = (Status.PASS, Status.FIXED)
_NOTHING = (Status.MISSING, Status.INVALID)  # no evidence of any tier rests on these
_SHOWN = 3  # defects of one item that its reason lists


def judge(
    plan: Plan,
    ring: str,
    evidence: Sequence[Evidence],
    identities: Mapping[str, Identity],
    nodes: Mapping[str, Node],
    blob: Callable[[str], bytes],
    judged_at: str,
) -> Verdict:
    """GO, NO-GO or HOLD for one ring, whatever the order of ``evidence``.

    ``identities`` by digest, ``nodes`` by id, ``blob`` gives the bytes of an output's digest and raises LookupError,
    OSError or CompatError where it has none. Evidence of items of other rings' tiers, and of nodes without the ring's
    labels, is not this ring's and is left aside. UsageError if the plan has no such ring.
    """
    try:
        asked = plan.ring(ring)
    except KeyError:
        names = ", ".join(r.name for r in plan.rings) or "none"
        raise UsageError("ring", f"the plan has no ring {ring!r}", f"its rings are: {names}") from None
    everything = distinct(evidence)
    elsewhere = sorted({e.node for e in everything if not _in_ring(nodes.get(e.node), asked)})
    here = [e for e in everything if e.node not in elsewhere]
    items = {item.key: item for item in plan.for_ring(ring)}
    planned = {item.key for item in plan.items}
    strangers = sorted({e.item for e in here if e.item not in planned})
    ours = [e for e in here if e.item in items]
    admitted, refused = _admit(plan, items, ours, identities, nodes)
    budget = measured(plan, asked)
    found: list[Comparison] = []
    for key, item in items.items():
        outcomes = (
            [Outcome(faults.METRIC, Status.INVALID, f"{faults.METRIC}: {refused[key]}")]
            if key in refused
            else judge_item(item, admitted[key], plan, budget, asked.minimum_nodes, blob)
        )
        found += _bind(item, outcomes, admitted[key], identities)
    accepted = [e for key in items for e in admitted[key]]
    checked, differences, misrealised = _environments(plan, items, accepted, identities)
    found = [_unblamed(c) if c.cell in misrealised and c.status is Status.REGRESS else c for c in found]
    found += checked + judge_tables(plan, asked)
    found += _expected_minus_observed(items, found)
    found.sort(key=lambda c: (c.cell, c.workload, c.case, c.item, c.metric))
    judged_nodes = tuple(sorted({e.node for e in accepted}))
    counted = [c for c in found if c.status not in _NOTHING and c.metric != environment.METRIC]
    tiers = Counter(c.tier.value for c in counted)
    lacking = [tier.value for tier in asked.tiers if not any(c.tier is tier and c.required for c in counted)]
    holds = _holds(plan, asked, found, judged_nodes, lacking, strangers, elsewhere)
    holds += [
        f"node {nodes[name].hostname} had its clocks locked ({nodes[name].labels[LOCKED_CLOCKS]}): for diagnosis only"
        for name in judged_nodes
        if LOCKED_CLOCKS in nodes[name].labels
    ]
    if asked.after is not None:
        # The ring before is judged by the same evidence, now: nothing rests on what was once said of it.
        earlier = [r.name for r in plan.rings[: plan.rings.index(asked)]]
        if asked.after in earlier:
            before = judge(plan, asked.after, evidence, identities, nodes, blob, judged_at).decision
        else:
            before = Decision.HOLD
        if before is not Decision.GO:
            holds.append(f"ring {asked.after}, which comes before it, is {before.value}")
    decision, reasons = _decide(found, holds, judged_nodes)
    return Verdict(
        schema_version=SCHEMA_VERSION,
        decision=decision,
        matrix=plan.name,
        ring=ring,
        plan=digest(plan),
        matrix_digest=plan.matrix_digest,
        evidence=digest(sorted(fingerprint(e) for e in ours)),
        compat_version=plan.compat_version,
        judged_at=judged_at,
        known_good=plan.known_good,
        candidate=plan.candidate,
        reasons=reasons,
        comparisons=tuple(found),
        tiers=dict(sorted(tiers.items())),
        nodes=judged_nodes,
        not_covered=tuple(f"{r.what}: {r.reason}" for r in plan.rejections)
        + tuple(f"node {node}: it does not have the ring's labels, its evidence is left aside" for node in elsewhere),
        differences=differences,
        policy=plan.policy,
    )


def _in_ring(node: Node | None, ring: Ring) -> bool:
    """Whether a node has the ring's labels. One that nobody knows is kept, to be refused by name."""
    return node is None or all(node.labels.get(key) == value for key, value in ring.labels.items())


def _admit(
    plan: Plan,
    items: Mapping[str, Item],
    evidence: Sequence[Evidence],
    identities: Mapping[str, Identity],
    nodes: Mapping[str, Node],
) -> tuple[dict[str, list[Evidence]], dict[str, str]]:
    """The evidence of each item that counts, and why the evidence of others is not what was asked for."""
    plan_digest = digest(plan)
    admitted: dict[str, list[Evidence]] = {key: [] for key in items}
    refused: dict[str, str] = {}
    by_item: dict[str, list[Evidence]] = {key: [] for key in items}
    for record in evidence:
        by_item[record.item].append(record)
    for key, item in items.items():
        records = by_item[key]
        wrong = contradictions(records)
        for record in records:
            why = defects(record, item, plan, plan_digest, identities, nodes)
            if not why:
                admitted[key].append(record)
            wrong += [f"pair {record.pair} on {record.node} ({record.arm.value}): {said}" for said in why]
        if wrong:
            more = f"; and {len(wrong) - _SHOWN} more" if len(wrong) > _SHOWN else ""
            refused[key] = f"evidence that is not what was asked for: {'; '.join(wrong[:_SHOWN])}{more}"
    return admitted, refused


def _bind(
    item: Item, outcomes: Sequence[Outcome], evidence: Sequence[Evidence], identities: Mapping[str, Identity]
) -> list[Comparison]:
    """Outcomes as comparisons of ``item``, with the versions of its components that were really there."""
    arms = [min((e.identity for e in evidence if e.arm is arm), default="") for arm in (Arm.KNOWN_GOOD, Arm.CANDIDATE)]
    good, new = (identities.get(key) for key in arms)
    versions = tuple((c, version_of(good, c), version_of(new, c)) for c in item.case.components if good and new)
    return [
        Comparison(
            item=item.key,
            cell=item.cell.id,
            workload=item.case.workload,
            case=item.case.id,
            tier=item.case.tier,
            metric=o.metric,
            status=o.status,
            reason=o.reason,
            required=item.required and item.cell.required,
            kind=o.kind,
            unit=o.unit,
            known_good=o.known_good,
            candidate=o.candidate,
            effect=o.effect,
            interval=o.interval,
            limit=o.limit,
            pairs=o.pairs,
            versions=versions,
            closeness=o.closeness,
        )
        for o in outcomes
    ]


def _environments(
    plan: Plan, items: Mapping[str, Item], evidence: Sequence[Evidence], identities: Mapping[str, Identity]
) -> tuple[list[Comparison], tuple[Difference, ...], set[str]]:
    """Rule 17 for every cell that has evidence: comparisons, differences, and the cells that were not realised."""
    cells: dict[str, tuple[Cell, Tier]] = {item.cell.id: (item.cell, item.case.tier) for item in items.values()}
    found, differences, misrealised = [], set(), set()
    for name, (cell, tier) in sorted(cells.items()):
        own = [e for e in evidence if items[e.item].cell.id == name]
        if not own:
            continue
        state = environment.judge_environment(cell, own, plan, identities)
        differences |= set(state.differences)
        if state.misrealised:
            misrealised.add(name)
        found.append(
            Comparison(
                item=name,
                cell=name,
                workload=environment.METRIC,
                case=name,
                tier=tier,
                metric=environment.METRIC,
                status=state.outcome.status,
                reason=state.outcome.reason,
                required=cell.required,
            )
        )
    return found, tuple(sorted(differences)), misrealised


def _unblamed(comparison: Comparison) -> Comparison:
    """A regression of something that is not the candidate: HOLD, not NO-GO."""
    said = f"{comparison.reason}; but what ran is not what the matrix says"
    return replace(comparison, status=Status.INVALID, reason=said)


def _expected_minus_observed(items: Mapping[str, Item], found: Sequence[Comparison]) -> list[Comparison]:
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
        lost = [name for name in expected_metrics(item) if name not in own]
        missing += _bind(item, [Outcome(n, Status.MISSING, f"{n}: it was not compared") for n in lost], (), {})
    return missing


def _holds(
    plan: Plan,
    ring: Ring,
    found: Sequence[Comparison],
    nodes: Sequence[str],
    lacking: Sequence[str],
    strangers: Sequence[str],
    elsewhere: Sequence[str],
) -> list[str]:
    """What keeps a ring from GO besides its comparisons."""
    holds = []
    executed = any(c.required and c.metric == faults.METRIC and c.status in _FINE for c in found)
    if not executed:
        holds.append("no required case was executed cleanly")
    if len(nodes) < ring.minimum_nodes:
        left = f" ({', '.join(elsewhere)} left aside: without the ring's labels)" if elsewhere else ""
        holds.append(f"evidence from {plural(len(nodes), 'node')}, the ring asks for {ring.minimum_nodes}{left}")
    if lacking:
        holds.append(f"no evidence of tier {', '.join(lacking)}, which the ring asks for")
    holds += [f"{r.what} will not be measured: {r.reason}" for r in plan.rejections if _keeps_from_go(r, ring)]
    holds += [f"there is evidence for {key!r}, which is not in the plan" for key in strangers]
    keys = Counter(item.key for item in plan.items)
    holds += [
        f"the plan has {plural(count, 'item')} called {key!r}" for key, count in sorted(keys.items()) if count > 1
    ]
    return holds


def _keeps_from_go(rejection: Rejection, ring: Ring) -> bool:
    return rejection.blocking and rejection.ring in (None, ring.name)


def _decide(
    found: Sequence[Comparison], holds: Sequence[str], nodes: Sequence[str]
) -> tuple[Decision, tuple[str, ...]]:
    required = [c for c in found if c.required]
    cells = {c.cell for c in required}
    worse = [_reason(c, len(cells) > 1) for c in required if c.status is Status.REGRESS]
    unrun = {c.item for c in required if c.metric == faults.METRIC and c.status is Status.MISSING}
    open_ = [
        _reason(c, len(cells) > 1)
        for c in required
        if c.status not in (*_FINE, Status.REGRESS)
        and not (c.item in unrun and c.metric != faults.METRIC and c.status is Status.MISSING)
    ]
    if worse:
        return Decision.NO_GO, (*worse, *open_, *holds)
    if open_ or holds or not required:
        return Decision.HOLD, (*open_, *holds)
    cases = len({c.item for c in required if c.metric == faults.METRIC})
    said = (
        f"all {plural(len(required), 'comparison')} of {plural(cases, 'case')} on {plural(len(nodes), 'node')} are fine"
    )
    return Decision.GO, (said,)


def _reason(comparison: Comparison, several: bool) -> str:
    """The case, what was found, and both versions of each component that changed."""
    changed = ", ".join(f"{name} {a} -> {b}" for name, a, b in comparison.versions if a != b)
    place = f"{comparison.workload}[{comparison.case}]" + (f" of {comparison.cell}" if several else "")
    return f"{place} {comparison.reason}" + (f" ({changed})" if changed else "")
