"""The way back from an upgrade: what it is, whether its stack can still be had, which cases tell where a node is."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING

from compat.errors import UsageError
from compat.model import Arm, Item, Stack, digest
from compat.way.here import Here

if TYPE_CHECKING:
    from pathlib import Path

    from compat.model import Plan, Promotion
    from compat.plan.back import WayBack
    from compat.run.available import Had
    from compat.store import Store

__all__ = ["can_be_had", "known_good_sentinels", "known_good_stack", "plan_back"]


def known_good_stack(store: Store, plan: Plan, baseline: str | None = None) -> Promotion | None:
    """The newest promotion in force of the baseline (its name: the matrix's), of another stack than the candidate."""
    from compat.gate.baselines import current, same_stack

    entries = store.baseline(baseline or plan.name).entries()
    runtime = plan.runtimes.get(plan.candidate["runtime"])
    others = [
        entry
        for entry in entries
        if entry.action != "promote"
        or not same_stack(_axes(entry.stack, plan.candidate), entry.runtime, plan.candidate, runtime)
    ]
    return current(others, datetime.datetime.now(datetime.UTC).date())


def _axes(stack: Stack, like: Stack) -> Stack:
    """As much of a stack as a matrix says: a promotion may have the nodes' driver beside it."""
    return {axis: value for axis, value in stack.items() if axis in like}


def plan_back(store: Store, plan: str | None = None, baseline: str | None = None) -> WayBack:
    """The way back from the candidate of a plan (the newest, unless its digest is given)."""
    from compat.plan.way_back import way_back

    chosen = store.plan(plan)
    if baseline is not None and baseline not in store.baselines():
        known = ", ".join(store.baselines()) or "none"
        raise UsageError(store.where, f"has no baseline {baseline!r}", f"its baselines are: {known}")
    name = digest(chosen)
    return way_back(
        chosen,
        known_good_stack(store, chosen, baseline),
        store.runs(name).each(),
        store.nodes(),
        store.identities(),
        store.rehearsals(name),
    )


def can_be_had(back: WayBack, cache: Path) -> tuple[Had, ...]:
    """Whether every part of the known-good stack can still be had; only where all are ``good`` it can."""
    from compat.run.available import availability

    return availability(back, cache)


def known_good_sentinels(store: Store, here: Here, pattern: str) -> tuple[Item, ...]:
    """The cases that tell whether this node is back: those that have a run of the known-good arm on it.

    UsageError where there is none, or where the stack that was promoted last is another one.
    """
    from compat.plan.sentinels import sentinels

    _check_promoted(store, here.plan)
    if here.ring.is_control(here.before):
        raise UsageError(here.before.hostname, "is a control: it was never upgraded", "say it on another node")
    # What goes the other way round has the candidate in the place of the known-good arm.
    seconds = here.seconds(Arm.KNOWN_GOOD)
    chosen = sentinels(here.plan, here.ring.name, seconds, pattern)
    found = tuple(item for item in chosen if item.key in seconds and not item.cell.rollback)
    if not found:
        problem = f"has no run of the known-good stack on this node for a case that {pattern!r} selects"
        raise UsageError(store.where, problem, "measure the ring on it first, or select other cases")
    return found


def _check_promoted(store: Store, plan: Plan) -> None:
    """UsageError where the stack that was promoted last is not the one that the plan's known-good arm has."""
    from compat.gate.baselines import same_stack, stack_text

    promoted = known_good_stack(store, plan)
    runtime = plan.runtimes.get(plan.known_good["runtime"])
    if promoted is not None and not same_stack(
        _axes(promoted.stack, plan.known_good), promoted.runtime, plan.known_good, runtime
    ):
        problem = f"has {stack_text(plan.known_good)}, and known-good is {stack_text(promoted.stack)} since entry "
        remedy = "name a plan that was measured against that (--plan)"
        raise UsageError(f"plan of {plan.name}", f"{problem}{promoted.number} of {promoted.baseline}", remedy)
