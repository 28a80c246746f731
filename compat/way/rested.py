"""What a verdict rested on, as it lies in a store: the records, their outputs, where and in what they ran.

Records are read one after the other, and of each only what is needed to find it again is kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from compat.errors import StoreError
from compat.model import Check, Evidence, Identity, Node, Verdict, digest
from compat.model.moments import moment
from compat.report.text import count

if TYPE_CHECKING:
    from compat.judge.rested import Ran
    from compat.model import Plan
    from compat.store import Store

__all__ = ["Read", "Rested", "gather"]


@dataclass(frozen=True)
class Rested:
    """The evidence of a verdict; ``found``: whether all that its digest is over is there. ``checks``: what was seen.

    ``own`` are the records that the digest is over: those of its ring. ``before`` are what the rings before it rested
    on. ``by_then`` and ``later`` are all others, which no digest of the verdict is over, by when they ended.
    """

    found: bool
    own: Sequence[Ran]
    before: Sequence[Ran]
    by_then: Sequence[Ran]
    later: Sequence[Ran]
    nodes: Mapping[str, Node]
    identities: Mapping[str, Identity]
    checks: tuple[Check, ...]

    @property
    def where(self) -> dict[str, Node]:
        """The nodes that the verdict's own records ran on, by id."""
        there = {ran.node for ran in self.own}
        return {name: node for name, node in sorted(self.nodes.items()) if name in there}


class Read(Mapping[str, list[Evidence]]):
    """Some of a plan's records, by item, as a judge takes them: an item's are read anew each time."""

    def __init__(self, store: Store, plan: str, those: Iterable[Ran]) -> None:
        self._store, self._plan = store, plan
        self._items: dict[str, list[Ran]] = {}
        for ran in those:
            self._items.setdefault(ran.item, []).append(ran)

    def __getitem__(self, item: str) -> list[Evidence]:
        return [self._store.named(_name(self._plan, ran), Evidence)[0] for ran in self._items[item]]

    def __iter__(self) -> Iterator[str]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)


def gather(store: Store, verdict: Verdict, plan: Plan) -> Rested:
    """Find what a verdict rested on among all that the store has by now."""
    from compat.judge.rested import rested_on

    nodes, torn_nodes = _nodes(store)
    identities, torn_identities = _identities(store)
    evidence, torn = _evidence(store, verdict.plan)
    own = rested_on(verdict, plan, evidence.values(), nodes)
    if own is None:
        said = f"{verdict.evidence}: no set of the {count(len(evidence), 'record')} that are there has this digest"
        checks: list[Check] = [Check("evidence", False, said), *(Check("evidence", False, one) for one in torn)]
        return Rested(False, (), (), (), (), nodes, identities, tuple(checks))
    later = len(evidence) - len(own)
    where = sorted({ran.node for ran in own.values()})
    said = f"{verdict.evidence}: {count(len(own), 'run')} on {count(len(where), 'node')}"
    checks = [Check("evidence", True, f"{said}; {later} more are there, of later or of other rings" if later else said)]
    checks += [Check("evidence", None, f"not what it rested on: {one}") for one in torn]
    checks += _named(own, nodes, identities, torn_nodes, torn_identities)
    checks.append(_outputs(store, Read(store, verdict.plan, own.values())))
    before, by_then, after = _others(store, verdict, plan, own, evidence, nodes)
    return Rested(True, tuple(own.values()), before, by_then, after, nodes, identities, tuple(checks))


def _others(
    store: Store,
    verdict: Verdict,
    plan: Plan,
    own: Mapping[str, Ran],
    evidence: Mapping[str, Ran],
    nodes: Mapping[str, Node],
) -> tuple[list[Ran], list[Ran], list[Ran]]:
    """What the rings before it rested on, and all other records: those that had ended when it was judged, and later."""
    from compat.judge.rested import ended_by, rested_on, ring_records

    everything = evidence.values()
    decided = {*own, *ring_records(plan, verdict.ring, everything, nodes)}
    before: list[Ran] = []
    judged = moment(verdict.judged_at)
    for ring in plan.rings:
        if ring.name == verdict.ring:
            continue
        kept = [v for v in _verdicts(store, verdict.plan, ring.name) if moment(v.judged_at) <= judged]
        earlier = rested_on(kept[-1], plan, everything, nodes) if kept else None
        if earlier is not None:
            before += [ran for name, ran in earlier.items() if name not in decided]
            decided |= {*earlier, *ring_records(plan, ring.name, everything, nodes)}
    rest = [ran for name, ran in evidence.items() if name not in decided]
    by_then = [ran for ran in rest if ended_by(ran, verdict.judged_at)]
    return before, by_then, [ran for ran in rest if not ended_by(ran, verdict.judged_at)]


def _verdicts(store: Store, plan: str, ring: str) -> list[Verdict]:
    try:
        return store.verdicts(plan, ring)
    except StoreError:
        return []  # of a ring that somebody else asks for: by moments, then


def _evidence(store: Store, plan: str) -> tuple[dict[str, Ran], list[str]]:
    """Every record that can be read and is what its name says, by digest; and what is wrong with the others."""
    from compat.judge.rested import Ran
    from compat.store.naming import number_of

    found: dict[str, Ran] = {}
    torn = []
    for name in store.objects.names(f"evidence/{plan}"):
        try:
            record, data = store.named(name, Evidence)
        except StoreError as problem:
            torn.append(str(problem))
            continue
        ran = Ran.of(record, digest(data), number_of(name))
        if _name(plan, ran) == name:
            found.setdefault(ran.own, ran)
        else:
            torn.append(f"{store.objects.address(name)}: is not where a run of its node is")
    return found, torn


def _name(plan: str, ran: Ran) -> str:
    """The name of a record's document."""
    return f"evidence/{plan}/{ran.node}/{ran.number:06d}-{ran.own[:16]}.json"


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
    own: Mapping[str, Ran],
    nodes: Mapping[str, Node],
    identities: Mapping[str, Identity],
    torn_nodes: str,
    torn_identities: str,
) -> list[Check]:
    """Whether the nodes and runtimes that the records name are there."""
    where = sorted({ran.node for ran in own.values()})
    what = sorted({ran.identity for ran in own.values()})
    checks: list[Check] = []
    for word, names, there, torn in (
        ("nodes", where, nodes, torn_nodes),
        ("runtimes", what, identities, torn_identities),
    ):
        gone = [name[:12] for name in names if name not in there]
        said = f"{len(names)}, as they were read" if not gone else f"not there: {', '.join(gone)}"
        checks.append(Check(word, not gone and not torn, torn or said))
    return checks


def _outputs(store: Store, own: Read) -> Check:
    """Whether every output is there, and is what its name says."""
    seen = set[bytes]()
    for item in own:
        for name in {output.digest for record in own[item] for output in record.outputs}:
            if (short := name.encode()[:32]) in seen:
                continue
            seen.add(short)
            try:
                store.blob(name)
            except StoreError as problem:
                return Check("outputs", False, str(problem))
    return Check("outputs", True, f"{len(seen)}, each by its sha256")
