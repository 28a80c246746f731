"""The second stage: what is to be measured on this node, and measuring it."""

from __future__ import annotations

import contextlib
import datetime
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from compat.errors import UsageError
from compat.model import Item, Plan, digest
from compat.patterns import name_pattern
from compat.store.place import local_folder
from compat.way.aside import put_aside
from compat.way.clocks import clocks
from compat.way.leases import take
from compat.way.options import Options, ring_of

if TYPE_CHECKING:
    from compat.model import Node
    from compat.run.measure import Progress
    from compat.run.standing import Standing
    from compat.store import Store

__all__ = ["Job"]


class Job:
    """One plan, one ring, one node: what is to be measured here, and where it is kept."""

    def __init__(self, plan: Plan, options: Options) -> None:
        self.plan = plan
        self.options = options
        self.ring = ring_of(plan, options.ring)
        self.whole = plan.for_ring(self.ring)
        self.items = self._shard()  # those that are measured here
        self.folder = local_folder(options.store or Path("out") / plan.name)
        if options.waivers is not None:  # a mistake in them is said before anything is measured
            from compat.plan import load_waivers

            load_waivers(options.waivers)

    def _shard(self) -> tuple[Item, ...]:
        """The items of the shard that was asked for, or all."""
        if self.options.shard is None:
            return self.whole
        from compat.plan.shards import shard_items
        from compat.way.durations import stored_durations

        return shard_items(self.plan, self.ring, self.options.shard, stored_durations(self.options.like))

    def select(self, pattern: str) -> tuple[Item, ...]:
        """The items whose name matches a pattern (``compat.patterns``). UsageError when none does.

        A ring that asks for the tables alone has none.
        """
        wild = name_pattern(pattern)
        found = tuple(item for item in self.items if wild.fullmatch(item.key))
        if not found and not (pattern == "*" and self.plan.ring(self.ring).on_paper):
            raise UsageError(
                "case", f"{pattern!r} selects none of the {len(self.items)} cases", "compat plan lists their names"
            )
        return found

    def measure(self, items: Sequence[Item], say: Callable[[str], None], report: Callable[[Progress], None]) -> Store:
        """Get everything ready and measure until nothing is open or the ring's budget is spent.

        ``say`` gets a sentence for each step, ``report`` a Progress after every pair. Nothing is written before every
        runtime is realised.
        """
        from compat.node import this_node

        node = this_node(self.options.node_labels())
        ring = self.plan.ring(self.ring)
        if not ring.is_control(node):
            self._check_labels(node)
        if self.options.shard is not None:
            say(f"shard {self.options.shard}: {len(items)} of the {len(self.whole)} cases of ring {self.ring}")
        here = self._placed(items, node, say)
        stand = self._standings(here, node)
        for phase in sorted({one.phase.value for one in stand.values()}):
            say(f"this node is in the phase {phase} (driver {node.driver})")
        for session in sorted({one.session for one in stand.values() if one.session}):
            say(f"this is the session of {session}")
        with clocks(self.options, node, here, ring.gpus, say), contextlib.ExitStack() as held:
            return self._measure(node, here, stand, say, report, held)

    def _placed(self, items: Sequence[Item], node: Node, say: Callable[[str], None]) -> list[Item]:
        """The items that can be measured on this node; of the others it is said why not."""
        from compat.plan.cells import unplaced

        here = []
        for item in items:
            reason = unplaced(item.cell, node)
            if reason is None and not item.cell.phased and self.plan.ring(self.ring).is_control(node):
                reason = "this node is a control, and it is for the others"
            if reason is None:
                here.append(item)
            else:
                say(f"{item.key} is not measured here: {reason}")
        return here

    def _standings(self, here: Sequence[Item], node: Node) -> dict[str, Standing]:
        """The phase that the node is in, looked at before anything is installed."""
        from compat.run.standing import standings
        from compat.store import Store, is_store

        phased = any(item.cell.phased for item in here)
        there = phased and is_store(self.folder) and not self.options.fresh
        runs = Store(self.folder).runs(digest(self.plan)).each() if there else ()
        evidence = [run for run in runs if run.node == node.id]
        now = datetime.datetime.now(datetime.UTC)
        return standings(self.plan, here, self.plan.ring(self.ring), node, evidence, self.options.phase, now)

    def _measure(
        self,
        node: Node,
        here: Sequence[Item],
        stand: Mapping[str, Standing],
        say: Callable[[str], None],
        report: Callable[[Progress], None],
        held: contextlib.ExitStack,
    ) -> Store:
        from compat.run.measure import Measuring
        from compat.run.prepare import prepare
        from compat.store import Store, is_store
        from compat.store.hold import hold

        there = is_store(self.folder)
        if there:  # who is second is told before anything is installed
            held.enter_context(hold(self.folder, node, say))
        prepared = prepare(
            self.plan,
            here,
            engine=self.options.engine_name(),
            cache=self.options.cache_folder(),
            say=say,
            sites=self.options.content,
            beside=None if self.options.matrix is None else self.options.matrix.parent,
        )
        gone = self.options.fresh and put_aside(self.folder, node, self.plan, say)
        store = Store(self.folder, create=True)
        if not there or gone:
            held.enter_context(hold(self.folder, node, say))
        ring = self.plan.ring(self.ring)
        store.put_node(node, upgraded=any(item.cell.phased for item in self.plan.items))
        take(store, node, self.plan)
        store.put_plan(self.plan)
        self._keep_matrix(store)
        measuring = Measuring(self.plan, here, store, node, prepared, ring.budget, ring.gpus, stand)
        if measuring.found:
            what = "runs" if stand else "pairs"
            say(f"{measuring.found} {what} are in {self.folder} already and are not measured again (--fresh would)")
        if not measuring.run(report):
            say(f"the ring's budget of {ring.budget:.0f} s is spent; what is open stays open")
        return store

    def _keep_matrix(self, store: Store) -> None:
        """Keep the matrix file's text, for whoever asks in years what was compared.

        One that was edited meanwhile is another plan's, and is not kept.
        """
        if self.options.matrix is None:
            return
        try:
            text = self.options.matrix.read_bytes()
        except OSError:
            return
        if digest(text) == self.plan.matrix_digest:
            store.put_blob(text)

    def _check_labels(self, node: Node) -> None:
        other = self.plan.ring(self.ring).other_card(node)
        if other is not None:
            cards = ", ".join(self.plan.ring(self.ring).cards)
            what = f"takes nodes with {cards}, this one has {other}"
            raise UsageError(
                f"ring {self.ring}", what, "measure on such a node, or name the card in nodes: {gpu: [...]}"
            )
        wanted = self.plan.ring(self.ring).labels
        for key, value in wanted.items():
            if node.labels.get(key) != value:
                raise UsageError(
                    f"ring {self.ring}",
                    f"takes nodes labelled {key}={value}, this one has {key}={node.labels.get(key)}",
                    f"measure on such a node, or say --label {key}={value}",
                )
