"""Runs the few cases that stand for a plan, apart from a run: in both arms, or in one; in the time there is."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from compat.judge import Wanted, wanted_in_phase
from compat.model import Arm, Evidence, Item, Node, Plan, Tier, digest
from compat.run.arms import Arms
from compat.run.lanes import Due, places_of
from compat.run.measure import Measuring, Progress
from compat.run.prepare import Prepared
from compat.run.runtime import RealisedRuntime
from compat.run.session import Session
from compat.run.standing import Standing
from compat.store import Store

__all__ = ["Sentinels", "alone", "first_start"]


class Sentinels(Measuring):
    """Measures the items of a narrowed plan on this node, until the judge wants no more or a moment has come.

    ``standings`` by cell, of those cells of which one arm runs alone. ``until`` is of ``time.monotonic``: no case is
    begun after it.
    """

    def __init__(
        self,
        plan: Plan,
        store: Store,
        node: Node,
        prepared: Prepared,
        until: float,
        standings: Mapping[str, Standing],
    ) -> None:
        # The narrowed plan has one ring, whose GPUs are measured.
        gpus = plan.rings[0].gpus
        budget = until - time.monotonic()
        super().__init__(plan, plan.items, store, node, prepared, budget, gpus, standings)
        self._until = until

    def _ask_the_judge(self, item: Item, have: Sequence[Evidence]) -> Wanted:
        if item.cell.id in self._standings:
            return wanted_in_phase(self._plan, item, have)
        return super()._ask_the_judge(item, have)

    def _pair(self, arms: Arms, group: Sequence[Due], generation: int) -> None:
        if time.monotonic() < self._until:
            super()._pair(arms, group, generation)

    def look(self, report: Callable[[Progress], None]) -> list[Evidence]:
        """Run them; what was measured, which may be less than all."""
        self._store.put_node(self._node)
        self._store.put_plan(self._plan)
        self.run(report)
        return self._store.evidence(digest(self._plan))

    def not_run(self) -> list[Item]:
        """The items that lack a run in some place: there was no time."""
        lacking = {key for key, place in self._spots if not self._whole((key, place))}
        return [item for key, item in self._items.items() if key in lacking]


def alone(item: Item, arm: Arm) -> Item:
    """The item with a cell that asks for the stack of one arm and for nothing else."""
    stack = item.cell.known_good if arm is Arm.KNOWN_GOOD else item.cell.stack
    return replace(item, cell=replace(item.cell, known_good=stack, stack=stack))


def first_start(runtime: RealisedRuntime, items: Sequence[Item], node: Node) -> float:
    """Seconds until a probe is ready in a runtime, with what the items import. RuntimeSetupError if it never is."""
    begin = time.monotonic()
    imports = sorted({name for item in items for name in item.case.imports})
    on_gpu = next((item for item in items if item.case.tier is Tier.GPU), None)
    devices = places_of(on_gpu, node, 1)[0].devices if on_gpu is not None else ()
    Session(runtime, imports, devices).close()
    return time.monotonic() - begin
