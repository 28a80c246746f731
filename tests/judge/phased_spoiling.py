"""Where harm can be done to a world whose driver is upgraded, and how."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from compat.model import LOCKED_CLOCKS, Design, Evidence, Item, Phase

from .build import World
from .spoiling import GOOD, Harm, Where, every, item_of, ring, runs, sampled
from .upgrades import identity as driver

__all__ = [
    "MORE",
    "all_needed",
    "another_run",
    "beside_others",
    "by",
    "clocked",
    "control",
    "crowded",
    "forged",
    "forth",
    "in_phase",
    "late",
    "locked",
    "one_more",
    "only",
    "paired",
    "phased",
    "planned",
    "running",
    "upgrading",
]


MORE = 5000  # the pair and the generation of a run that a harm adds


# Where a harm can be done.


def phased(w: World, e: Evidence) -> bool:
    return e.phase is not None


def paired(w: World, e: Evidence) -> bool:
    return not item_of(w, e).cell.phased


def control(w: World, e: Evidence) -> bool:
    return e.node in w.nodes and w.plan.rings[0].is_control(w.nodes[e.node])


def upgrading(w: World, e: Evidence) -> bool:
    """A run in a phase of a node that is upgraded."""
    return phased(w, e) and not control(w, e)


def by(*designs: Design) -> Where:
    return lambda w, _: w.plan.rings[0].design in designs


def in_phase(phase: Phase) -> Where:
    return lambda _, e: e.phase is phase


def beside_others(w: World, e: Evidence) -> bool:
    """Its node has another GPU."""
    return e.node in w.nodes and len(w.nodes[e.node].gpus) > 1 and bool(e.devices)


def all_needed(w: World, e: Evidence) -> bool:
    """Without this run something is missing: of stored sessions there may be more than are needed."""
    if not phased(w, e) or w.plan.rings[0].design is not Design.STORED:
        return phased(w, e)
    sessions = {phase: {x.session for x in w.evidence if x.phase is phase} for phase in Phase}
    return len(sessions[Phase.BEFORE]) <= w.plan.policy.stored.passes and len(sessions[Phase.AFTER]) <= 1


def planned(w: World, e: Evidence) -> bool:
    """It is none of those that a harm added."""
    return e.pair < MORE


def forth(w: World, e: Evidence) -> bool:
    """What has no speed is judged without the way back."""
    return e.phase is not Phase.BACK or clocked(w, e)


def clocked(w: World, e: Evidence) -> bool:
    return sampled(w, e) or item_of(w, e).sentinel


# What is done.


def only(where: Where, harm: Harm) -> Harm:
    return Harm(harm.do, every(harm.where, where))


def running(version: str | None, where: Where, *alike: str) -> Harm:
    """With another driver than its stack has, or one that nobody read."""

    def do(w: World, e: Evidence, _: int) -> None:
        name = driver(w, version or "")
        runs(lambda x: replace(x, identity=name), *alike).do(w, e, 0)

    return Harm(do, where)


def forged(w: World, e: Evidence, _: int) -> None:
    """As the known-good arm would have run it, in every respect but the phase."""
    stack = item_of(w, e).cell.known_good
    name = driver(w, stack["driver"])
    runs(lambda x: replace(x, arm=GOOD, stack=stack, runtime=stack["runtime"], identity=name)).do(w, e, 0)


def another_run(change: Callable[[Evidence], Evidence], where: Where) -> Harm:
    """One more record, which is like it but for this, and for its number."""
    return ring(lambda w, e: w.evidence.append(change(replace(e, pair=MORE, generation=MORE))), where)


def one_more(one: Item) -> Item:
    return replace(one, key=f"unmeasured {one.key}", case=replace(one.case, id="unmeasured"))


def late(w: World, e: Evidence, _: int) -> None:
    """One phase of a case, there: after everything else."""

    def hit(x: Evidence) -> bool:
        return (x.item, x.place, x.phase) == (e.item, e.place, e.phase)

    runs(lambda x: replace(x, pair=x.pair + MORE // 2, started=f"2026-12{x.started[7:]}") if hit(x) else x, "item").do(
        w, e, 0
    )


def locked(w: World, e: Evidence) -> None:
    if e.node in w.nodes:
        one = w.nodes[e.node]
        w.nodes[e.node] = replace(one, labels={**one.labels, LOCKED_CLOCKS: "1410 MHz"})


def crowded(w: World, e: Evidence, _: int) -> None:
    """All sessions began in the hour of this one."""
    began = sorted({x.session for x in w.evidence})
    w.evidence = [replace(x, session=f"{e.session[:13]}:{began.index(x.session):02}:00+00:00") for x in w.evidence]
