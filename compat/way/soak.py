"""A look at a node while an upgrade soaks on it: a few cases in both arms, its health, and what drifted."""

from __future__ import annotations

import datetime
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from compat.errors import RuntimeSetupError, UsageError
from compat.model import SCHEMA_VERSION, Arm, Item, Verdict, Watch
from compat.way.here import Here, find_here, held
from compat.way.options import Options

if TYPE_CHECKING:
    from compat.model.inventory import Inventory
    from compat.run.measure import Progress
    from compat.store import Store

__all__ = ["soak"]

_MOST = 100  # findings that a document keeps


def soak(
    store: Store,
    options: Options,
    say: Callable[[str], None],
    report: Callable[[Progress], None],
    *,
    plan: str | None = None,
    pattern: str = "*",
    seconds: float | None = None,
) -> Watch:
    """Look at this node, and keep what was found in ``store``.

    ``seconds`` that the cases may take; the ring's budget if it is not said. What is run is kept apart from the ring's
    evidence and thrown away. UsageError where the ring has no verdict, or this node has no evidence of it.
    """
    from compat.node.inventory import read_inventory
    from compat.node.since import gpu_health
    from compat.plan.sentinels import sentinels
    from compat.probe.driver import read_driver

    begin = time.monotonic()
    here = find_here(store, options.ring, plan)
    verdicts = store.verdicts(here.digest, here.ring.name)
    if not verdicts:
        problem = f"has no verdict for ring {here.ring.name}"
        raise UsageError(store.where, problem, f"say compat judge {store.where} --ring {here.ring.name} first")
    if here.ring.is_control(here.before):
        raise UsageError(here.before.hostname, "is a control: it has no upgrade that soaks", "say it on another node")
    known = _known(verdicts[-1])
    items = sentinels(here.plan, here.ring.name, here.seconds(), pattern)
    if not items and pattern != "*":  # a ring may have nothing that is run: then the node alone is looked at
        problem = f"{pattern!r} selects no required case of ring {here.ring.name} that is run"
        raise UsageError("case", problem, "compat plan lists their names")
    found = list(_of_node(store, here))
    ran: tuple[str, ...] = ()
    if here.same_gpus:
        until = begin + (seconds if seconds is not None else here.ring.budget)
        with held(store, here, options, say):
            told, ran = _of_cases(store, here, items, known, options, until, say, report)
        found += told
    inventory = read_inventory(read_driver())
    found += _of_health(store, here, inventory)
    watch = Watch(
        schema_version=SCHEMA_VERSION,
        plan=here.digest,
        ring=here.ring.name,
        node=here.before.id,
        at=datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds"),
        seconds=round(time.monotonic() - begin, 3),
        cases=ran,
        findings=_bounded(found),
        gpus=gpu_health(inventory),
        records=here.records(),
        pattern=pattern,
    )
    store.put_watch(watch)
    return watch


def _bounded(found: Sequence[str]) -> tuple[str, ...]:
    once = tuple(dict.fromkeys(found))
    return once if len(once) <= _MOST else (*once[:_MOST], f"and {len(once) - _MOST} more")


def _known(verdict: Verdict) -> dict[tuple[str, str], float]:
    """How much slower the verdict said itself that the candidate is, by item and metric; the most of all places."""
    from compat.judge.waivers import known_slowdown

    found: dict[tuple[str, str], float] = {}
    for comparison in verdict.comparisons:
        key = comparison.item, comparison.metric
        found[key] = max(found.get(key, 0.0), known_slowdown(comparison, verdict.waivers))
    return found


def _of_node(store: Store, here: Here) -> Iterator[str]:
    from compat.judge.as_before import changed_node
    from compat.way.leases import holder, upgrade_of

    lease = holder(store, here.before.id)
    if lease is not None and lease.upgrade != upgrade_of(here.plan):
        yield f"the node belongs to another upgrade since {lease.at}: {lease.upgrade} (by {lease.by})"
    yield from changed_node(here.before, here.node, upgraded=here.upgraded)
    if not here.same_gpus:
        yield "no case was run: its GPUs are not those that the ring was measured on"


def _of_cases(
    store: Store,
    here: Here,
    items: Sequence[Item],
    known: Mapping[tuple[str, str], float],
    options: Options,
    until: float,
    say: Callable[[str], None],
    report: Callable[[Progress], None],
) -> tuple[list[str], tuple[str, ...]]:
    """What the cases show, and the names of those that ran. What cannot run here any more is a finding."""
    from compat.plan.cells import unplaced
    from compat.way.sentinels import look, prepare_sentinels

    asked: dict[str, tuple[Item, tuple[Arm, ...]]] = {}
    found = []
    for item in items:
        driver = item.cell.stack.get("driver")
        reason = unplaced(item.cell, here.node)
        if reason is None and item.cell.phased and here.node.driver != driver:
            reason = f"the candidate has driver {driver}, and this node {here.node.driver}"
        if reason is not None:
            found.append(f"{item.key} cannot run here any more: {reason}")
        else:
            asked[item.key] = item, (Arm.CANDIDATE,) if item.cell.phased else tuple(Arm)
    if not asked:
        return found, ()
    try:
        made = prepare_sentinels(here, tuple(asked.values()), options, say)
    except RuntimeSetupError as problem:
        return [*found, f"its runtimes cannot be had any more: {problem}"], ()
    looked = look(store, here, tuple(asked.values()), made, options, until, say, report, known)
    return [*found, *looked.findings], looked.ran


def _of_health(store: Store, here: Here, inventory: Inventory) -> list[str]:
    """What is new since the ring's evidence: by the counters since the first look, by the kernel's log since then."""
    from compat.node.since import gpu_health, started, what_is_amiss, what_is_new, xids_since

    earlier = [w for w in store.watches(here.digest) if (w.ring, w.node) == (here.ring.name, here.before.id) and w.gpus]
    now = gpu_health(inventory)
    first = min(earlier, key=lambda watch: watch.at, default=None)
    new = what_is_amiss(now) if first is None else what_is_new(first.gpus, now)
    return [*new, *xids_since(inventory, here.last(), started())]
