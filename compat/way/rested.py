"""What a verdict rested on, as it lies in a store: the records, their outputs, where and in what they ran."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from compat.errors import StoreError
from compat.model import Check, Evidence, Identity, Node, Verdict, digest
from compat.report.text import count

if TYPE_CHECKING:
    from compat.model import Plan
    from compat.store import Store

__all__ = ["Rested", "gather"]


@dataclass(frozen=True)
class Rested:
    """The evidence of a verdict; ``found``: whether all that its digest is over is there. ``checks``: what was seen.

    ``own`` are the records that the digest is over: those of its ring. ``before`` are what the rings before it rested
    on. ``by_then`` and ``later`` are all others, which no digest of the verdict is over, by when they ended.
    """

    found: bool
    own: Sequence[Evidence]
    before: Sequence[Evidence]
    by_then: Sequence[Evidence]
    later: Sequence[Evidence]
    nodes: Mapping[str, Node]
    identities: Mapping[str, Identity]
    checks: tuple[Check, ...]

    @property
    def where(self) -> dict[str, Node]:
        """The nodes that the verdict's own records ran on, by id."""
        there = {record.node for record in self.own}
        return {name: node for name, node in sorted(self.nodes.items()) if name in there}


def gather(store: Store, verdict: Verdict, plan: Plan) -> Rested:
    """Find what a verdict rested on among all that the store has by now."""
    from compat.judge.rested import rested_on

    nodes, torn_nodes = _nodes(store)
    identities, torn_identities = _identities(store)
    evidence, torn = _evidence(store, verdict.plan)
    own = rested_on(verdict, plan, list(evidence.values()), nodes)
    if own is None:
        said = f"{verdict.evidence}: no set of the {count(len(evidence), 'record')} that are there has this digest"
        checks: list[Check] = [Check("evidence", False, said), *(Check("evidence", False, one) for one in torn)]
        return Rested(False, (), (), (), (), nodes, identities, tuple(checks))
    later = len(evidence) - len(own)
    where = sorted({record.node for record in own.values()})
    said = f"{verdict.evidence}: {count(len(own), 'run')} on {count(len(where), 'node')}"
    checks = [Check("evidence", True, f"{said}; {later} more are there, of later or of other rings" if later else said)]
    checks += [Check("evidence", None, f"not what it rested on: {one}") for one in torn]
    checks += _named(own, nodes, identities, torn_nodes, torn_identities)
    checks.append(_outputs(store, own))
    before, by_then, after = _others(store, verdict, plan, own, evidence, nodes)
    return Rested(True, tuple(own.values()), before, by_then, after, nodes, identities, tuple(checks))


def _others(
    store: Store,
    verdict: Verdict,
    plan: Plan,
    own: Mapping[str, Evidence],
    evidence: Mapping[str, Evidence],
    nodes: Mapping[str, Node],
) -> tuple[list[Evidence], list[Evidence], list[Evidence]]:
    """What the rings before it rested on, and all other records: those that had ended when it was judged, and later."""
    from compat.judge.rested import ended_by, rested_on, ring_records

    everything = list(evidence.values())
    decided = {*own, *ring_records(plan, verdict.ring, everything, nodes)}
    before: list[Evidence] = []
    for ring in plan.rings:
        if ring.name == verdict.ring:
            continue
        kept = [v for v in _verdicts(store, verdict.plan, ring.name) if v.judged_at <= verdict.judged_at]
        earlier = rested_on(kept[-1], plan, everything, nodes) if kept else None
        if earlier is not None:
            before += [record for name, record in earlier.items() if name not in decided]
            decided |= {*earlier, *ring_records(plan, ring.name, everything, nodes)}
    rest = [record for name, record in evidence.items() if name not in decided]
    by_then = [record for record in rest if ended_by(record, verdict.judged_at)]
    return before, by_then, [record for record in rest if not ended_by(record, verdict.judged_at)]


def _verdicts(store: Store, plan: str, ring: str) -> list[Verdict]:
    try:
        return store.verdicts(plan, ring)
    except StoreError:
        return []  # of a ring that somebody else asks for: by moments, then


def _evidence(store: Store, plan: str) -> tuple[dict[str, Evidence], list[str]]:
    """Every record that can be read and is what its name says, by digest; and what is wrong with the others."""
    found, torn = {}, []
    for name in store.objects.names(f"evidence/{plan}"):
        try:
            record, data = store.named(name, Evidence)
        except StoreError as problem:
            torn.append(str(problem))
            continue
        found[digest(data)] = record
    return found, torn


def _nodes(store: Store) -> tuple[Mapping[str, Node], str]:
    try:
        return store.nodes(), ""
    except StoreError as problem:
        return {}, str(problem)


def _identities(store: Store) -> tuple[Mapping[str, Identity], str]:
    try:
        return store.identities(), ""
    except StoreError as problem:
        return {}, str(problem)


def _named(
    own: Mapping[str, Evidence],
    nodes: Mapping[str, Node],
    identities: Mapping[str, Identity],
    torn_nodes: str,
    torn_identities: str,
) -> list[Check]:
    """Whether the nodes and runtimes that the records name are there."""
    where = sorted({record.node for record in own.values()})
    what = sorted({record.identity for record in own.values()})
    checks: list[Check] = []
    for word, names, there, torn in (
        ("nodes", where, nodes, torn_nodes),
        ("runtimes", what, identities, torn_identities),
    ):
        gone = [name[:12] for name in names if name not in there]
        said = f"{len(names)}, as they were read" if not gone else f"not there: {', '.join(gone)}"
        checks.append(Check(word, not gone and not torn, torn or said))
    return checks


def _outputs(store: Store, own: Mapping[str, Evidence]) -> Check:
    names = {output.digest for record in own.values() for output in record.outputs}
    for name in sorted(names):
        try:
            store.blob(name)
        except StoreError as problem:
            return Check("outputs", False, str(problem))
    return Check("outputs", True, f"{len(names)}, each by its sha256")
