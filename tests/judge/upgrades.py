"""Rings whose driver is upgraded: nodes with their phases, and all that the judge is given of them."""

from __future__ import annotations

import datetime
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from compat.model import (
    SCHEMA_VERSION,
    Arm,
    Cell,
    Comparison,
    Evidence,
    Gpu,
    Identity,
    Item,
    Kind,
    Measurement,
    Metric,
    Node,
    Phase,
    Place,
    Ring,
    Route,
    Runtime,
    Tier,
    digest,
)

from .build import LATENCY, MEMORY, OLD, World, case, item, outputs_of, plan

__all__ = [
    "AFTER",
    "BEFORE",
    "CONTROLS",
    "DRIVER",
    "ITEM",
    "RUNTIME",
    "UPGRADED",
    "Shift",
    "among",
    "of",
    "stored",
    "upgraded",
    "with_route",
]

BEFORE, AFTER = "570.172.08", "580.95.05"
START = {"driver": BEFORE, "runtime": "old"}
MIDDLE = {"driver": AFTER, "runtime": "old"}
END = {"driver": AFTER, "runtime": "new"}
DRIVER = Cell("driver", MIDDLE, START, None)
RUNTIME = Cell("runtime", END, MIDDLE, None)
WHOLE = Cell("whole", END, START, None)
UPGRADED = ("u1", "u2", "u3", "u4", "u5", "u6")
CONTROLS = ("c1", "c2", "c3", "c4", "c5", "c6")
GENERATIONS = 5
BEGIN = datetime.datetime(2026, 11, 1, tzinfo=datetime.UTC)
_DAYS = {Phase.BEFORE: 0, Phase.AFTER: 2, Phase.BACK: 4, None: 3}

# The log ratio that one run of an item is slower by, and whether the run exists at all (None).
Shift = Callable[[str, Phase, str], float]


def matmul(cell: Cell = DRIVER, tier: Tier = Tier.CPU, name: str = "square") -> Item:
    return item(case("operator:matmul", name, LATENCY, MEMORY, tier=tier), cell)


ITEM = matmul()


def of(world: World, metric: str = "latency", key: str = ITEM.key) -> Comparison:
    """The one comparison of a metric of an item."""
    (found,) = [c for c in world.verdict().comparisons if c.item == key and c.metric == metric]
    return found


def ring(control: bool = True, nodes: int = 3, tier: Tier = Tier.CPU) -> Ring:
    made = Ring("canary", (tier,), minimum_nodes=nodes, labels={"group": "upgraded"})
    return replace(made, controls={"group": "control"}, minimum_controls=nodes) if control else made


def upgraded(
    items: Sequence[Item] = (),
    shift: Shift = lambda *_: 0.0,
    nodes: Sequence[str] = UPGRADED,
    controls: Sequence[str] = CONTROLS,
    deviation: float = 0.004,
    gpus: int = 0,
    seed: int = 1,
    **changes: object,
) -> World:
    """A ring with every run of its phases: with ``controls`` before and after, without them back again too.

    ``deviation`` is that of a node between its phases.
    """
    items = items or (matmul(tier=Tier.GPU if gpus else Tier.CPU),)
    tier = items[0].case.tier
    made = plan(*items, known_good=START, candidate=END, rings=(ring(bool(controls), 3 if controls else 1, tier),))
    made = replace(
        made, runtimes={n: Runtime(n, values={"runtime": n}) for n in ("old", "new")}, findings=(), **changes
    )
    made = replace(made, policy=replace(made.policy, rounds=(GENERATIONS, 20)))
    world = World(made, {})
    rng = np.random.default_rng(seed)
    for name in (*nodes, *controls):
        group = "control" if name in controls else "upgraded"
        labels = {"group": group}
        cards = tuple(Gpu(f"GPU-{name}-{n}", "NVIDIA H100") for n in range(gpus))
        world.nodes[name] = Node(name, name, None, 2, None, "6.1", driver=BEFORE, gpus=cards, labels=labels)
        for one in made.items:
            if one.cell.phased:
                for place in [Place(name, (card.uuid,)) for card in cards] or [Place(name)]:
                    _phases(world, one, place, group == "control", bool(controls), shift, deviation, rng)
    return world


def _phases(
    world: World, one: Item, place: Place, control: bool, groups: bool, shift: Shift, deviation: float, rng: object
) -> None:
    assert isinstance(rng, np.random.Generator)
    number = 100 * len([e for e in world.evidence if e.item == one.key and e.node == place.node])
    for phase in (Phase.BEFORE, Phase.AFTER) if groups else tuple(Phase):
        arm = Arm.CANDIDATE if phase is Phase.AFTER and not control else Arm.KNOWN_GOOD
        session = rng.normal(0.0, deviation / math.sqrt(2.0))
        for _ in range(GENERATIONS):
            number += 1
            level = session + rng.normal(0.0, 0.002) + shift(str(place), phase, one.key)
            world.evidence.append(run(world, one, place, arm, number, level, phase))


def run(world: World, one: Item, place: Place, arm: Arm, number: int, level: float, phase: Phase | None) -> Evidence:
    """One run, slower than usual by the log ratio ``level``."""
    stack = one.cell.known_good if arm is Arm.KNOWN_GOOD else one.cell.stack
    return Evidence(
        schema_version=SCHEMA_VERSION,
        plan=digest(world.plan),
        item=one.key,
        content=one.case.content,
        arm=arm,
        stack=stack,
        runtime=stack["runtime"],
        node=place.node,
        identity=identity(world, stack["driver"]),
        tier=one.case.tier,
        round=1,
        generation=number,
        pair=number,
        started=(BEGIN + datetime.timedelta(days=_DAYS[phase], seconds=number)).isoformat(),
        seconds=1.0,
        inputs="inputs",
        measurements=tuple(_measured(metric, level, number) for metric in one.case.metrics),
        outputs=tuple(world.store(name, value) for name, value in outputs_of(one).items()),
        devices=place.devices,
        phase=phase,
    )


def identity(world: World, driver: str) -> str:
    made: Identity = replace(OLD, driver={"kernel_module": driver, "libcuda": "libcuda.so.1"})
    world.identities[digest(made)] = made
    return digest(made)


def _measured(metric: Metric, level: float, number: int) -> Measurement:
    if metric.kind is Kind.SAMPLED:
        jitter = np.random.default_rng(number).normal(0.0, 1e-4, 9)
        samples = tuple(0.0121 * math.exp(level + float(each)) for each in jitter)
    else:
        samples = (float(64 << 20),)
    return Measurement(metric.name, metric.unit, metric.direction, metric.kind, samples)


def among(names: Sequence[str], phase: Phase, by: float) -> Shift:
    """A shift of some nodes (or places) in one phase."""
    return lambda place, now, _: by if now is phase and (place in names or place.split()[0] in names) else 0.0


def with_route(
    world_of: Mapping[str, object] | None = None, runtime_slower: float = 0.0, shift: Shift = lambda *_: 0.0
) -> World:
    """A driver and a runtime that change together: the driver by its design, then the runtime in pairs."""
    route = Route(WHOLE, (DRIVER.id, RUNTIME.id))
    items = (matmul(), matmul(RUNTIME))
    world = upgraded(items, shift, routes=(route,), **(world_of or {}))  # type: ignore[arg-type]
    rng = np.random.default_rng(5)
    for name in (n for n in world.nodes if world.nodes[n].labels["group"] == "upgraded"):
        for pair in range(1, 11):
            drift = rng.normal(0.0, 0.02)
            for arm in Arm:
                level = drift + rng.normal(0.0, 0.002) + (runtime_slower if arm is Arm.CANDIDATE else 0.0)
                world.evidence.append(run(world, items[1], Place(name), arm, pair, level, None))
    return world


def stored(
    before: int = 14,
    after: int = 3,
    shift: Callable[[str, Phase, int], float] = lambda *_: 0.0,
    hours: float = 24.0,
    sentinels: int = 4,
    **changes: object,
) -> World:
    """Sessions of one node, so many hours apart. ``shift`` of an item's key, a phase and the session's number."""
    still = tuple(
        replace(item(case("operator:still", f"n{n}", replace(LATENCY, gated=False)), DRIVER), sentinel=True)
        for n in range(sentinels)
    )
    one = replace(ring(control=False, nodes=1), stored=True)
    made = plan(matmul(), *still, known_good=START, candidate=MIDDLE, rings=(one,), findings=())
    made = replace(made, runtimes={"old": Runtime("old", values={"runtime": "old"})}, **changes)
    made = replace(made, policy=replace(made.policy, rounds=(GENERATIONS, 20)))
    world = World(made, {"n1": Node("n1", "n1", None, 2, None, "6.1", driver=BEFORE, labels={"group": "upgraded"})})
    rng = np.random.default_rng(3)
    begin = datetime.datetime(2026, 10, 1, tzinfo=datetime.UTC)
    for number in range(before + after):
        phase = Phase.BEFORE if number < before else Phase.AFTER
        arm = Arm.KNOWN_GOOD if phase is Phase.BEFORE else Arm.CANDIDATE
        began = begin + datetime.timedelta(hours=hours * number)
        common = rng.normal(0.0, 0.005)
        for each in made.items:
            own = common + rng.normal(0.0, 0.003) + shift(each.key, phase, number)
            for place in range(GENERATIONS):
                pair = number * GENERATIONS + place + 1
                record = run(world, each, Place("n1"), arm, pair, own + rng.normal(0.0, 0.001), phase)
                started = (began + datetime.timedelta(seconds=place)).isoformat()
                world.evidence.append(replace(record, started=started, session=began.isoformat()))
    return world
