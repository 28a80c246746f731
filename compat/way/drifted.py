"""How far a stack has drifted from the oldest baseline that it came from: the promotions in between, one by one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from compat.errors import StoreError
from compat.model import Plan, Promotion, Stack, Verdict, digest

if TYPE_CHECKING:
    from compat.gate.drift import Drifted
    from compat.store import Store

__all__ = ["drift_between", "drifted", "stack_on_nodes"]


@dataclass(frozen=True)
class _Way:
    """Promotions of which each was compared with the one before it, with the verdicts of all but the first."""

    links: tuple[Promotion, ...]
    verdicts: tuple[Verdict, ...]
    unknown: tuple[str, ...] = ()


def drifted(store: Store, log: Sequence[Promotion], head: Promotion | None, verdict: Verdict, plan: Plan) -> Drifted:
    """How far the candidate of ``verdict`` is from where ``head``, which it was compared with, came from."""
    from compat.gate.drift import Drifted, drift

    if head is None:
        return Drifted()
    way = _way(store, log, head)
    if way.unknown:
        return Drifted(way.links[0], unknown=way.unknown)
    return Drifted(way.links[0], drift([*way.verdicts, verdict], plan))


def drift_between(store: Store, log: Sequence[Promotion], old: Promotion | None, new: Promotion) -> Drifted:
    """How far ``new`` is from ``old``, or from the oldest entry that it came from."""
    from compat.gate.drift import Drifted, drift

    way = _way(store, log, new)
    links, verdicts = way.links, way.verdicts
    if old is not None and old in links:
        at = links.index(old)
        links, verdicts, way = links[at:], verdicts[at:], replace(way, unknown=())
    elif old is not None and not way.unknown:
        return Drifted(old, unknown=(f"entry {new.number} did not come from entry {old.number}",))
    if way.unknown or not verdicts:
        return Drifted(links[0], unknown=way.unknown)
    return Drifted(links[0], drift(verdicts, store.plan(new.plan)))


def stack_on_nodes(store: Store, verdict: Verdict, stack: Stack, like: Stack) -> Stack:
    """A stack of the verdict; with its nodes' driver, where ``like`` has one and its matrix says none."""
    from compat.gate.baselines import with_driver

    nodes = store.nodes()
    return with_driver(stack, like, [nodes[name] for name in verdict.nodes if name in nodes])


def _way(store: Store, log: Sequence[Promotion], head: Promotion) -> _Way:
    """Back from ``head``, as far as entries are kept."""
    from compat.gate.baselines import follows, kept

    links, verdicts = [head], list[Verdict]()
    older = [entry for entry in kept(log) if entry.number < head.number]
    while older:
        verdict, unknown = _verdict(store, links[0])
        if verdict is None:
            return _Way(tuple(links), tuple(verdicts), unknown)
        try:
            plan = store.plan(links[0].plan)
        except StoreError as problem:
            return _Way(tuple(links), tuple(verdicts), (str(problem),))
        runtime = plan.runtimes.get(verdict.known_good.get("runtime", ""))
        found = [p for p in older if follows(p, stack_on_nodes(store, verdict, verdict.known_good, p.stack), runtime)]
        if not found:
            break
        links.insert(0, found[-1])
        verdicts.insert(0, verdict)
        older = [entry for entry in older if entry.number < found[-1].number]
    return _Way(tuple(links), tuple(verdicts))


def _verdict(store: Store, promotion: Promotion) -> tuple[Verdict | None, tuple[str, ...]]:
    """The verdict that a promotion rests on; or why it is not there."""
    for verdict in store.verdicts(promotion.plan, promotion.ring):
        if digest(verdict) == promotion.verdict:
            return verdict, ()
    said = f"the verdict of entry {promotion.number} ({promotion.verdict[:12]}) is not in this store"
    return None, (said,)
