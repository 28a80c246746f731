"""Runs the cases that stand for a plan on this node, and says what of them is not as its evidence has it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from compat.errors import ContentError, RuntimeSetupError, StoreError
from compat.model import Arm, Evidence, Identity, Item, Phase, Plan, digest
from compat.way.clocks import clocks
from compat.way.here import Here
from compat.way.options import Options

if TYPE_CHECKING:
    from compat.run.measure import Progress
    from compat.run.prepare import Prepared
    from compat.run.standing import Standing
    from compat.store import Store

__all__ = ["Asked", "Looked", "look", "prepare_sentinels"]

Asked = tuple[Item, tuple[Arm, ...]]  # an item, and the arms that it is run in

_PHASES = {Arm.KNOWN_GOOD: Phase.BACK, Arm.CANDIDATE: Phase.AFTER}


@dataclass(frozen=True)
class Looked:
    """What a look came to: sentences of what is not as it was, and the names of the items that ran."""

    findings: tuple[str, ...]
    ran: tuple[str, ...] = ()


def prepare_sentinels(
    here: Here, asked: Sequence[Asked], options: Options, say: Callable[[str], None], *, fresh: bool = False
) -> tuple[Plan, Prepared]:
    """The narrowed plan of the items, each with the arms that it is run in, and its runtimes.

    RuntimeSetupError where a runtime cannot be had, ContentError where a file is not what was planned.
    """
    from compat.plan.sentinels import narrowed
    from compat.run.prepare import prepare
    from compat.run.sentinels import alone

    items = tuple(item if len(arms) > 1 else alone(item, arms[0]) for item, arms in asked)
    plan = narrowed(here.plan, here.ring.name, items)
    try:
        prepared = prepare(
            plan,
            items,
            engine=options.engine_name(),
            cache=options.cache_folder(),
            say=say,
            sites=options.content,
            fresh=fresh,
        )
    except ContentError as problem:
        remedy = "restore it, or name its folder with --content"
        raise ContentError(problem.where, problem.problem, remedy) from problem
    return plan, prepared


def look(
    store: Store,
    here: Here,
    asked: Sequence[Asked],
    made: tuple[Plan, Prepared],
    options: Options,
    until: float,
    say: Callable[[str], None],
    report: Callable[[Progress], None],
    known: Mapping[tuple[str, str], float] | None = None,
) -> Looked:
    """Run the items of ``asked`` once more, and compare each arm with what it did before, on this node.

    ``made`` is of ``prepare_sentinels``; no case is begun after ``until`` (``time.monotonic``). ``known``: how
    much slower (relative) the candidate is known to be, by item and metric. What is measured is thrown away.
    """
    from compat.run.scratch import scratch_store
    from compat.run.sentinels import Sentinels
    from compat.run.standing import Standing

    plan, prepared = made
    standings: dict[str, Standing] = {
        item.cell.id: Standing(_PHASES[arms[0]], arms[0]) for item, arms in asked if len(arms) == 1
    }
    with scratch_store() as scratch, clocks(options, here.node, plan.items, here.ring.gpus, say):
        measuring = Sentinels(plan, scratch, here.node, prepared, until, standings)
        problems = []
        try:
            now = measuring.look(report)
        except RuntimeSetupError as problem:
            now = scratch.evidence(digest(plan))
            problems.append(f"its cases could not be run: {problem}")
        lacking = {item.key for item in measuring.not_run()}
        identities = {**store.identities(), **scratch.identities()}

        def blob(name: str) -> bytes:
            for one in (scratch, store):
                try:
                    return one.blob(name)
                except StoreError:  # it is the other's, or lost: what is compared with nothing is refused
                    continue
            return b""

        found = [*problems, *_compared(here, asked, plan, now, identities, blob, known)]
    if time.monotonic() >= until:
        found += [f"{key} was not looked at: there was no time for it" for key in sorted(lacking)]
    return Looked(tuple(dict.fromkeys(found)), tuple(item.key for item, _ in asked if item.key not in lacking))


def _compared(
    here: Here,
    asked: Sequence[Asked],
    plan: Plan,
    now: Sequence[Evidence],
    identities: Mapping[str, Identity],
    blob: Callable[[str], bytes],
    known: Mapping[tuple[str, str], float] | None,
) -> Iterator[str]:
    from compat.judge.as_before import not_as_before, not_what_it_was, slower_beside, slower_than_before
    from compat.judge.budget import sampled

    places = {run.place for run in now}
    tests = max(1, len(places)) * sum(len(sampled(item)) for item, _ in asked)
    drifted: dict[tuple[Arm, str, str], str] = {}
    for item, arms in asked:
        for arm in arms:
            before = here.runs(item, arm)
            ours = [run for run in now if (run.item, run.arm) == (item.key, arm)]
            for place in sorted({run.place for run in ours}):
                then, own = ([run for run in runs if run.place == place] for runs in (before, ours))
                yield from not_as_before(item, arm, then, own, plan, blob)
                if len(arms) == 1:
                    yield from slower_than_before(item, arm, then, own, plan, tests)
                for what, said in not_what_it_was(item, arm, then, own, identities):
                    drifted.setdefault((arm, item.cell.id, what), said)
    yield from drifted.values()
    both = {item.key: item for item, arms in asked if len(arms) > 1}
    yield from slower_beside(both, [run for run in now if run.item in both], plan, tests, known).values()
