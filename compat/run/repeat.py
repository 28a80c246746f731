"""One case of a stored plan again and again, exactly as it was planned: for finding out what is wrong with it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from compat.errors import UsageError
from compat.model import Arm, Item, Loads, Node, Plan, digest
from compat.patterns import name_pattern
from compat.run.arms import Arms
from compat.run.lanes import Due, places_of
from compat.run.measure import Measuring, Progress
from compat.run.prepare import Prepared
from compat.run.progress import Lacking
from compat.run.repeated import Repeated, summary
from compat.run.scratch import scratch_store
from compat.store import Store

__all__ = ["only_item", "repeat", "with_arms"]

_MOST = 10  # names in a message


def only_item(plan: Plan, pattern: str) -> Item:
    """The one item that a name or a pattern (``compat.patterns``) means. UsageError with names for none or several."""
    wild = name_pattern(pattern)
    found = [item for item in plan.items if item.key == pattern]
    found = found or [item for item in plan.items if wild.fullmatch(item.key)]
    if len(found) == 1:
        return found[0]
    names = [item.key for item in found or plan.items]
    problem = f"selects {len(found)} cases" if found else f"selects none of the {len(names)} cases"
    more = f" and {len(names) - _MOST} more" if len(names) > _MOST else ""
    raise UsageError("case", f"{pattern!r} {problem}", f"name one of {', '.join(names[:_MOST])}{more}")


def with_arms(item: Item, arms: Sequence[Arm]) -> Item:
    """The item, with a cell that asks nothing for an arm that is not among ``arms``."""
    if len(arms) > 1 or item.case.loads is Loads.KNOWN_GOOD:  # which one arm saves for the other
        return item
    stack = item.cell.known_good if arms[0] is Arm.KNOWN_GOOD else item.cell.stack
    return replace(item, cell=replace(item.cell, known_good=stack, stack=stack))


def repeat(
    plan: Plan,
    item: Item,
    node: Node,
    prepared: Prepared,
    *,
    count: int,
    arms: Sequence[Arm],
    keep: Path | None,
    report: Callable[[Progress], None],
) -> Repeated:
    """Run ``item`` (of ``with_arms``) ``count`` times in each of ``arms``, in random order and in fresh processes.

    The evidence goes to a new store in the folder ``keep``; without one it is thrown away. Ctrl-C ends it early: then
    what was measured until then is summed up.
    """
    with scratch_store(keep) as store:
        store.put_node(node)
        store.put_plan(plan)
        stopped = False
        try:
            _Repeating(plan, item, store, node, prepared, count, arms).run(report)
        except KeyboardInterrupt:
            stopped = True
        return replace(summary(item, arms, store.evidence(digest(plan)), store.blob), stopped=stopped)


class _Repeating(Measuring):
    """Measures one item a given number of times, in some arms only, whatever the judge would want."""

    def __init__(
        self,
        plan: Plan,
        item: Item,
        store: Store,
        node: Node,
        prepared: Prepared,
        count: int,
        arms: Sequence[Arm],
    ) -> None:
        # What was compiled before is compiled again: an answer from the cache would repeat nothing.
        super().__init__(plan, [item], store, node, replace(prepared, compiled=None), math.inf, gpus=1)
        (self._place,) = places_of(item, node, 1)
        self._due_again = Due(item, self._place, 1, tuple(arms))
        self._count = count

    def _runs(self) -> int:
        """How many runs there are in each arm."""
        have = self._evidence[self._due_again.item.key, self._place]
        return min(sum(record.arm is arm for record in have) for arm in self._due_again.arms)

    def _open(self) -> list[Due]:
        short = self._count - self._runs()
        return [replace(self._due_again, lacking=Lacking(short))] if short > 0 else []

    def _pair(self, arms: Arms, group: Sequence[Due], generation: int) -> None:
        if self._runs() < self._count:  # the number may be odd, and a generation has several pairs
            super()._pair(arms, group, generation)
