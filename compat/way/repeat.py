"""One case of a stored plan, again and again: a stage of its own, which judges nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from compat.errors import ContentError, UsageError
from compat.model import Arm
from compat.way.clocks import clocks
from compat.way.options import Options

if TYPE_CHECKING:
    from compat.run.measure import Progress
    from compat.run.repeated import Repeated
    from compat.store import Store

__all__ = ["repeat_case"]


def repeat_case(
    store: Store,
    pattern: str,
    options: Options,
    say: Callable[[str], None],
    report: Callable[[Progress], None],
    *,
    count: int,
    arms: Sequence[Arm] = tuple(Arm),
    plan: str | None = None,
) -> Repeated:
    """Run the one case of a stored plan that ``pattern`` names ``count`` times in each of ``arms``.

    ``store`` is only read; the evidence is kept in ``options.store`` if that is given, and it must be new.
    """
    from compat.node import this_node
    from compat.plan.cells import unplaced
    from compat.run.prepare import prepare
    from compat.run.repeat import only_item, repeat, with_arms
    from compat.store import is_store
    from compat.store.place import local_folder

    chosen = store.plan(plan)
    item = with_arms(only_item(chosen, pattern), arms)
    keep = None if options.store is None else local_folder(options.store)
    if keep is not None and is_store(keep):
        raise UsageError(str(keep), "is a store already", "name a new folder: runs on demand are no round")
    node = this_node(options.node_labels())
    if item.cell.phased:
        problem = f"its stacks cannot share a node, and this one has driver {node.driver}"
        raise UsageError(item.key, problem, "say --arm known_good or --arm candidate")
    reason = unplaced(item.cell, node)
    if reason is not None:
        raise UsageError(item.key, f"cannot run here: {reason}", "repeat it on a node that has it")
    with clocks(options, node, [item], 1, say):
        try:
            prepared = prepare(
                chosen,
                [item],
                engine=options.engine_name(),
                cache=options.cache_folder(),
                say=say,
                sites=options.content,
            )
        except ContentError as problem:
            remedy = "restore it, or name its folder with --content; what was changed needs a run of its own"
            raise ContentError(problem.where, problem.problem, remedy) from problem
        return repeat(chosen, item, node, prepared, count=count, arms=arms, keep=keep, report=report)
