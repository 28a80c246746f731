"""From the evidence of a ring to its verdict. GO is earned: everything required was compared, and all of it is fine."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence

from compat.digests import Digests
from compat.errors import UsageError
from compat.judge import environment, faults
from compat.judge.admit import by_fingerprint
from compat.judge.budget import measured
from compat.judge.calibration import Spread, uncover
from compat.judge.comparisons import compare
from compat.judge.evidence import ByItem, by_item
from compat.judge.skew import holding
from compat.judge.text import percent, plural
from compat.judge.waivers import waive
from compat.judge.windows import judge_windows
from compat.model import (
    ACCEPTED,
    FINE,
    LOCKED_CLOCKS,
    SCHEMA_VERSION,
    Comparison,
    Decision,
    Evidence,
    Identity,
    Node,
    Plan,
    Rejection,
    Ring,
    Status,
    Verdict,
    Waiver,
    digest,
)

__all__ = ["decide", "in_ring", "judge"]

_NOTHING = (Status.MISSING, Status.INVALID)  # no evidence of any tier rests on these


def judge(
    plan: Plan,
    ring: str,
    evidence: ByItem | Iterable[Evidence],
    identities: Mapping[str, Identity],
    nodes: Mapping[str, Node],
    blob: Callable[[str], bytes],
    judged_at: str,
    waivers: Sequence[Waiver] = (),
    spreads: Mapping[tuple[str, str], Spread] | None = None,
) -> Verdict:
    """GO, NO-GO or HOLD for one ring, whatever the order of ``evidence``.

    ``evidence`` is all of a plan's, or a mapping that has each item's: then it is asked for the records of one item
    after the other, for some more than once, and none of them are kept.
    ``identities`` by digest, ``nodes`` by id, ``blob`` gives the bytes of an output's digest and raises LookupError,
    OSError or CompatError where it has none. ``waivers`` act if they are in force on the day ``judged_at``. Evidence of
    items of other rings' tiers, and of nodes without the ring's labels, is not this ring's and is left aside.
    ``spreads`` by item and metric are what a calibration has shown (``compat.judge.calibration``).
    UsageError if the plan has no such ring.
    """
    try:
        asked = plan.ring(ring)
    except KeyError:
        names = ", ".join(r.name for r in plan.rings) or "none"
        raise UsageError("ring", f"the plan has no ring {ring!r}", f"its rings are: {names}") from None
    records = by_item(evidence)
    seen = _Seen(records, plan, asked, nodes)
    compared = compare(plan, asked, seen.read, identities, nodes, blob)
    items = {item.key for item in plan.for_ring(ring)}
    for key in records.keys() - items:
        seen.pass_by(key)
    planned = {item.key for item in plan.items}
    strangers, elsewhere = sorted(seen.others - planned), sorted(seen.elsewhere)
    # How pairs vary says nothing of nodes and sessions.
    paired = {item.key for item in plan.items if not item.cell.phased}
    known = {key: spread for key, spread in (spreads or {}).items() if key[0] in paired}
    compared_all = (*compared.comparisons, *judge_windows(plan, asked, judged_at))
    covered = uncover(compared_all, known, plan.policy, measured(plan, asked))
    found, uses = waive(covered, waivers, judged_at)
    counted = [c for c in found if c.status not in _NOTHING and c.metric != environment.METRIC]
    tiers = Counter(c.tier.value for c in counted)
    lacking = [tier.value for tier in asked.tiers if not any(c.tier is tier and c.required for c in counted)]
    holds = _holds(plan, asked, found, compared.nodes, lacking, strangers, elsewhere)
    holds += holding(compared.skew)
    holds += [
        f"node {nodes[name].hostname} had its clocks locked ({nodes[name].labels[LOCKED_CLOCKS]}): for diagnosis only"
        for name in (*compared.nodes, *compared.controls)
        if LOCKED_CLOCKS in nodes[name].labels
    ]
    if asked.after is not None:
        # The ring before is judged by the same evidence, now: nothing rests on what was once said of it.
        earlier = [r.name for r in plan.rings[: plan.rings.index(asked)]]
        if asked.after in earlier:
            before = judge(plan, asked.after, records, identities, nodes, blob, judged_at, waivers, spreads).decision
        else:
            before = Decision.HOLD
        if before is not Decision.GO:
            holds.append(f"ring {asked.after}, which comes before it, is {before.value}")
    decision, reasons = decide(found, holds, compared.nodes)
    return Verdict(
        schema_version=SCHEMA_VERSION,
        decision=decision,
        matrix=plan.name,
        ring=ring,
        plan=digest(plan),
        matrix_digest=plan.matrix_digest,
        evidence=seen.ours.digest(),
        compat_version=plan.compat_version,
        judged_at=judged_at,
        known_good=plan.known_good,
        candidate=plan.candidate,
        reasons=reasons,
        comparisons=found,
        tiers=dict(sorted(tiers.items())),
        nodes=compared.nodes,
        not_covered=tuple(f"{r.what}: {r.reason}" for r in plan.rejections)
        + tuple(
            f"node {node}: it does not have the ring's labels or cards, its evidence is left aside"
            for node in elsewhere
            if not any(in_ring(nodes.get(node), other, plan) for other in plan.rings)  # a verdict is of its ring alone
        )
        + tuple(f"node {place} is quarantined: {why}" for place, why in compared.quarantined.items()),
        differences=compared.differences,
        policy=plan.policy,
        waivers=uses,
        skew=compared.skew,
        calibration=digest(sorted((*key, spread.error) for key, spread in spreads.items())) if spreads else "",
        records=seen.counts(),
    )


class _Seen:
    """What was read of the evidence for one ring, and what of it counts there."""

    def __init__(self, records: ByItem, plan: Plan, ring: Ring, nodes: Mapping[str, Node]) -> None:
        self._records, self._plan, self._ring, self._nodes = records, plan, ring, nodes
        self._here: dict[str, bool] = {}  # by node
        self.ours = Digests()  # of the ring's records
        self.others: set[str] = set()  # items that are not the ring's, and ran on its nodes
        self.elsewhere: set[str] = set()  # nodes without the ring's labels
        self._read: dict[str, Counter[str]] = {}  # records of the ring by item and node: items may be read again

    def read(self, item: str) -> list[Evidence]:
        """The records of an item of the ring, on its nodes, each once and in order."""
        found = []
        for name, record in by_fingerprint(self._own(item)).items():
            if self._is_here(record.node):
                self.ours.add(name)
                found.append(record)
        self._read[item] = Counter(record.node for record in found)
        return found

    def counts(self) -> dict[str, int]:
        """Of each node, how many records there are of the ring."""
        return dict(sorted(sum(self._read.values(), Counter[str]()).items()))

    def pass_by(self, item: str) -> None:
        """An item that is none of the ring's."""
        if {record.node for record in self._own(item) if self._is_here(record.node)}:
            self.others.add(item)

    def _own(self, item: str) -> Sequence[Evidence]:
        own = self._records.get(item, ())
        if any(record.item != item for record in own):
            raise ValueError(f"there are records of other items among those of {item!r}")
        return own

    def _is_here(self, node: str) -> bool:
        if node not in self._here:
            self._here[node] = in_ring(self._nodes.get(node), self._ring, self._plan)
            if not self._here[node]:
                self.elsewhere.add(node)
        return self._here[node]


def in_ring(node: Node | None, ring: Ring, plan: Plan) -> bool:
    """Whether a node has the ring's labels and cards, and is no other ring's control.

    One that nobody knows is kept, to be refused by name.
    """
    if node is None or ring.is_control(node):
        return True
    if ring.other_card(node) is not None:
        return False
    return ring.labels.items() <= node.labels.items() and not any(other.is_control(node) for other in plan.rings)


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
    executed = any(c.required and c.metric == faults.METRIC and c.status in FINE for c in found)
    if not executed:
        but = ": the tables alone never make a ring GO" if ring.on_paper else ""
        holds.append(f"no required case was executed cleanly{but}")
    if len(nodes) < ring.minimum_nodes and not ring.on_paper:
        left = f" ({', '.join(elsewhere)} left aside: without the ring's labels or cards)" if elsewhere else ""
        holds.append(f"evidence from {plural(len(nodes), 'node')}, the ring asks for {ring.minimum_nodes}{left}")
    if lacking:
        holds.append(f"no evidence of tier {', '.join(lacking)}, which the ring asks for")
    holds += [f"{r.what} will not be measured: {r.reason}" for r in plan.rejections if _keeps_from_go(r, ring)]
    holds += [f"there is evidence for {key!r}, which is not in the plan" for key in strangers]
    holds += _too_much_accepted(plan, found)
    keys = Counter(item.key for item in plan.items)
    holds += [
        f"the plan has {plural(count, 'item')} called {key!r}" for key, count in sorted(keys.items()) if count > 1
    ]
    return holds


def _too_much_accepted(plan: Plan, found: Sequence[Comparison]) -> list[str]:
    """Whether more was waived, or could not be told, than a ring may rest on."""
    required = [c for c in found if c.required]
    accepted = Counter(c.status.value for c in required if c.status in ACCEPTED)
    allowed = max(plan.policy.accepted_least, int(plan.policy.accepted_share * len(required)))
    if accepted.total() <= allowed:
        return []
    counts = ", ".join(f"{number} {name}" for name, number in sorted(accepted.items()))
    share = percent(plan.policy.accepted_share)
    return [f"{counts} of {plural(len(required), 'comparison')}: at most {allowed} ({share}) may be"]


def _keeps_from_go(rejection: Rejection, ring: Ring) -> bool:
    return rejection.blocking and rejection.ring in (None, ring.name)


def decide(found: Sequence[Comparison], holds: Sequence[str], nodes: Sequence[str]) -> tuple[Decision, tuple[str, ...]]:
    """The decision and its reasons, from all comparisons and whatever else keeps the ring from GO."""
    required = [c for c in found if c.required]
    cells = {c.cell for c in required}
    worse = [_reason(c, len(cells) > 1) for c in required if c.status is Status.REGRESS]
    unrun = {c.item for c in required if c.metric == faults.METRIC and c.status is Status.MISSING}
    open_ = [
        _reason(c, len(cells) > 1)
        for c in required
        if c.status not in FINE | {Status.REGRESS}
        and not (c.item in unrun and c.metric != faults.METRIC and c.status is Status.MISSING)
    ]
    if worse:
        return Decision.NO_GO, (*worse, *open_, *holds)
    if open_ or holds or not required:
        return Decision.HOLD, (*open_, *holds)
    cases = len({c.item for c in required if c.metric == faults.METRIC})
    place = f"{plural(cases, 'case')} on {plural(len(nodes), 'node')}"
    accepted = Counter(c.status.value for c in required if c.status in ACCEPTED)
    but = f", of which {' and '.join(f'{n} {name}' for name, n in sorted(accepted.items()))}" if accepted else ""
    said = f"all {plural(len(required), 'comparison')} of {place} are fine{but}"
    return Decision.GO, (said,)


def _reason(comparison: Comparison, several: bool) -> str:
    """The case, what was found, and both versions of each component that changed."""
    changed = ", ".join(f"{name} {a} -> {b}" for name, a, b in comparison.versions if a != b)
    place = f"{comparison.workload}[{comparison.case}]" + (f" of {comparison.cell}" if several else "")
    return f"{place} {comparison.reason}" + (f" ({changed})" if changed else "")
