"""Strategies: worlds of many shapes, and harms after which a world must not be GO.

What is drawn is a recipe, small enough to print: ``build.world`` makes the world of it. No harm undoes another, so any
set of them is harmful.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from compat.judge.items import MEASURED_TIERS
from compat.model import (
    LOCKED_CLOCKS,
    STANDARD,
    Arm,
    Conditions,
    Direction,
    Evidence,
    FaultKind,
    Gpu,
    GroupPolicy,
    Identity,
    Item,
    Kind,
    Measurement,
    Output,
    Plan,
    Policy,
    Rejection,
    Ring,
    Tier,
    digest,
)

from .build import (
    LATENCY,
    MATMUL,
    POOL,
    SPILLS,
    STACKS,
    TEXT,
    THROUGHPUT,
    World,
    case,
    drop,
    faulting,
    item,
    plan,
    scaled,
    world,
)

__all__ = ["FAMILY", "HARMS", "LOCAL", "SMALL", "Recipe", "examples", "harms", "recipes", "replan", "spoil"]

# COMPAT_SEARCH=10 tries ten times as many examples, others each time; without it every run tries the same ones.
_SEARCH = int(os.environ.get("COMPAT_SEARCH", "0"))

NAN, INF = float("nan"), float("inf")
GOOD, NEW = Arm.KNOWN_GOOD, Arm.CANDIDATE

MENU = (
    POOL,
    TEXT,
    MATMUL,
    item(case("model:serve", "batch-1", LATENCY, tier=Tier.GPU)),
    item(case("kernel:softmax", "f16", tier=Tier.INTERPRETED)),
    item(case("operator:sort", "counted", SPILLS, THROUGHPUT, STANDARD["leak"], STANDARD["first_call"])),
)
METRICS = tuple({metric.name: metric for one in MENU for metric in one.case.metrics}.values())
FAMILY = tuple(item(case("kernel:sum", str(n), LATENCY)) for n in range(GroupPolicy().members))


def examples(count: int) -> settings:
    """The settings of a property that is tried on ``count`` examples."""
    return settings(
        max_examples=count * max(1, _SEARCH),
        derandomize=not _SEARCH,
        database=None,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
    )


@dataclass(frozen=True)
class Recipe:
    """A world in which nothing is wrong."""

    items: tuple[int, ...]  # of the menu
    nodes: int
    asked: int  # nodes that the ring asks for
    rounds: tuple[int, ...]
    complete: int  # rounds whose pairs are all there
    per_generation: int
    static: bool  # whether the ring asks for that tier too
    family: bool  # whether there are enough of a kind to be judged together too
    seed: int

    def world(self) -> World:
        items = [*(MENU[n] for n in self.items), *(FAMILY if self.family else ())]
        asked = {one.case.tier for one in items} | ({Tier.STATIC} if self.static else set())
        labels = {"ring": "canary"}
        ring = Ring("canary", tuple(t for t in Tier if t in asked), minimum_nodes=self.asked, labels=labels)
        policy = Policy(rounds=self.rounds, pairs_per_generation=self.per_generation)
        names = [f"n{n}" for n in range(self.nodes)]
        pairs = sum(self.rounds[: self.complete])
        made = world(plan(*items, policy=policy, rings=(ring,)), pairs, names, seed=self.seed)
        made.nodes = {n: replace(one, labels=labels, gpus=(Gpu(f"GPU-{n}"),)) for n, one in made.nodes.items()}
        rng = np.random.default_rng(self.seed)
        made.evidence = [_calm(e, rng) for e in made.evidence]
        return made


def _calm(record: Evidence, rng: np.random.Generator) -> Evidence:
    """On a GPU if it should be; without drift, which may bring one arm alone over the limit for slow processes."""
    taken = tuple(
        replace(m, samples=tuple(float(s) for s in 0.0121 * np.exp(rng.normal(0.0, 0.001, len(m.samples)))))
        if m.kind is Kind.SAMPLED
        else m
        for m in record.measurements
    )
    return replace(record, measurements=taken, devices=(f"GPU-{record.node}",) if record.tier is Tier.GPU else ())


# A world of each item, and one of the family: together they have a target for every harm.
SMALL = tuple(Recipe((n,), 1, 1, (8, 12), 1, 1, static=True, family=False, seed=n) for n in range(len(MENU)))
SMALL += (Recipe((), 1, 1, (8, 12), 1, 1, static=True, family=True, seed=7),)


@st.composite
def recipes(draw: st.DrawFn, fewest_items: int = 1) -> Recipe:
    rounds = draw(st.sampled_from([(8,), (8, 12), (10, 12, 20)]))
    nodes = draw(st.integers(1, 2))
    return Recipe(
        items=tuple(draw(st.lists(st.sampled_from(range(len(MENU))), min_size=fewest_items, max_size=3, unique=True))),
        nodes=nodes,
        asked=nodes,
        rounds=rounds,
        complete=draw(st.integers(1, min(2, len(rounds)))),
        per_generation=draw(st.integers(1, 2)),
        static=draw(st.booleans()),
        family=draw(st.sampled_from([False, False, True])),
        seed=draw(st.integers(0, 2**32 - 1)),
    )


Where = Callable[[World, Evidence], bool]


@dataclass(frozen=True)
class Harm:
    """What is done to a record, or to what belongs to it, and to which records it can be done.

    ``do`` gets a number too, which picks one of the record's measurements or outputs.
    """

    do: Callable[[World, Evidence, int], object]
    where: Where


def harms(of: Iterable[str], fewest: int = 1, most: int = 3) -> st.SearchStrategy[list[tuple[str, int]]]:
    """Names of harms, each with a number that picks its target."""
    return st.lists(st.tuples(st.sampled_from(sorted(of)), st.integers(0, 2**16)), min_size=fewest, max_size=most)


def spoil(w: World, chosen: Iterable[tuple[str, int]]) -> bool:
    """Do these harms; False if none of them found a target."""
    planned = {one.key for one in w.plan.items}
    found = False
    for name, pick in chosen:
        harm = HARMS[name]
        if targets := [record for record in w.evidence if record.item in planned and harm.where(w, record)]:
            harm.do(w, targets[pick % len(targets)], pick // len(targets))
            found = True
    return found


# Where a harm can be done.


def _item(w: World, record: Evidence) -> Item:
    return next(one for one in w.plan.items if one.key == record.item)


def anywhere(w: World, record: Evidence) -> bool:
    return True


def candidate(w: World, record: Evidence) -> bool:
    return record.arm is NEW


def known_good(w: World, record: Evidence) -> bool:
    return record.arm is GOOD


def sampled(w: World, record: Evidence) -> bool:
    return any(m.gated and m.kind is Kind.SAMPLED for m in _item(w, record).case.metrics)


def needed(w: World, record: Evidence) -> bool:
    """Without this run something is missing.

    Pairs of a later round may be surplus. What does not depend on the machine needs one node only: there the known-good
    arm is never lost, or a node with half of the evidence could become one with none.
    """
    counts = not sampled(w, record) or 0 <= record.pair < w.plan.policy.rounds[0]
    return counts and (_item(w, record).case.tier in MEASURED_TIERS or record.arm is NEW)


def returns(w: World, record: Evidence) -> bool:
    return bool(record.outputs)


def untried(w: World, record: Evidence) -> bool:
    """There is no pair after this one."""
    return all(e.pair <= record.pair for e in w.evidence if (e.item, e.node) == (record.item, record.node))


def static(w: World, record: Evidence) -> bool:
    return Tier.STATIC in w.plan.rings[0].tiers


def lacking(w: World, record: Evidence) -> bool:
    """There is a tier of which there is no evidence."""
    return bool(set(Tier) - {Tier.STATIC} - set(w.plan.rings[0].tiers))


def every(*conditions: Where) -> Where:
    return lambda w, record: all(condition(w, record) for condition in conditions)


# What is done.


def runs(change: Callable[[Evidence], Evidence | None], *alike: str, where: Where = anywhere) -> Harm:
    """To the record and to all that are like it in these fields; to that record alone if none is named."""

    def hit(e: Evidence, record: Evidence) -> bool:
        return all(getattr(e, name) == getattr(record, name) for name in alike) if alike else e is record

    def do(w: World, record: Evidence, _: int) -> None:
        changed = [change(e) if hit(e, record) else e for e in w.evidence]
        w.evidence = [e for e in changed if e is not None]

    return Harm(do, where)


def saying(where: Where = anywhere, **fields: Any) -> Harm:
    return runs(lambda e: replace(e, **fields), where=where)


Measuring = Callable[[Measurement], Sequence[Measurement]]


def measuring(change: Measuring, *kinds: Kind, gated: bool = False, name: str = "", where: Where = anywhere) -> Harm:
    """To one measurement, of these kinds, or of this name."""

    def among(w: World, record: Evidence) -> list[Measurement]:
        names = {m.name for m in _item(w, record).case.metrics if (m.gated or not gated) and name in ("", m.name)}
        return [m for m in record.measurements if (m.kind in kinds or not kinds) and m.metric in names]

    def do(w: World, record: Evidence, pick: int) -> None:
        victim = among(w, record)[pick % len(among(w, record))]
        kept = tuple(x for m in record.measurements for x in (change(m) if m is victim else (m,)))
        runs(lambda e: replace(e, measurements=kept)).do(w, record, 0)

    return Harm(do, every(where, lambda w, record: bool(among(w, record))))


def sample(value: float, name: str) -> Harm:
    """To one of its samples."""
    return measuring(lambda m: [replace(m, samples=(*m.samples[1:], value))], name=name)


def reading(name: str, direction: Direction) -> Harm:
    """A metric that is said to be better where it is worse."""
    return measuring(lambda m: [replace(m, direction=direction)], name=name)


def worse(m: Measurement) -> list[Measurement]:
    factor = 2.0 if m.direction is Direction.LOWER else 0.5
    return [replace(m, samples=tuple(factor * s for s in m.samples))]


def slow(record: Evidence) -> Evidence:
    return replace(record, measurements=tuple(x for m in record.measurements for x in worse(m)))


def returning(change: Callable[[World, Output], Sequence[Output]], where: Where = anywhere) -> Harm:
    """To one output, an array whose bytes are there."""

    def among(w: World, record: Evidence) -> list[Output]:
        size = {o: np.dtype(o.dtype).itemsize * math.prod(o.shape) for o in record.outputs if o.dtype != "utf-8"}
        return [o for o, bytes_ in size.items() if len(w.blobs.get(o.digest, b"")) == bytes_]

    def do(w: World, record: Evidence, pick: int) -> None:
        victim = among(w, record)[pick % len(among(w, record))]
        kept = tuple(x for o in record.outputs for x in (change(w, o) if o is victim else (o,)))
        runs(lambda e: replace(e, outputs=kept)).do(w, record, 0)

    return Harm(do, every(where, lambda w, record: bool(among(w, record))))


def array(change: Callable[[Any], Any]) -> Harm:
    """To the values of one of the candidate's outputs; its digest says so."""

    def changed(w: World, o: Output) -> list[Output]:
        value = np.frombuffer(w.blobs[o.digest], o.dtype).reshape(o.shape).copy()
        return [replace(w.store(o.name, change(value), o.seed), reference=o.reference)]

    return returning(changed, candidate)


def first(element: float) -> Callable[[Any], Any]:
    def change(value: Any) -> Any:
        value = value.astype("f4") if value.dtype.kind == "i" else value
        value.flat[0] = element
        return value

    return change


def blob(change: Callable[[bytes], bytes | None]) -> Harm:
    """To the bytes of one output, wherever they are used."""

    def do(w: World, record: Evidence, pick: int) -> None:
        name = record.outputs[pick % len(record.outputs)].digest
        data = change(w.blobs.pop(name, b""))
        if data is not None:
            w.blobs[name] = data

    return Harm(do, returns)


def ring(change: Callable[[World, Evidence], object], where: Where = anywhere) -> Harm:
    """To what all evidence shares."""
    return Harm(lambda w, record, _: change(w, record), where)


def identity(*alike: str, where: Where = anywhere, **fields: Any) -> Harm:
    """What these runs were found to be; the digest says so."""

    def do(w: World, record: Evidence, _: int) -> None:
        if record.identity in w.identities:
            new = replace(w.identities[record.identity], **fields)
            w.identities[digest(new)] = new
            runs(lambda e: replace(e, identity=digest(new)), *alike).do(w, record, 0)

    return Harm(do, where)


def node(**fields: Any) -> Harm:
    def do(w: World, record: Evidence) -> None:
        if record.node in w.nodes:
            w.nodes[record.node] = replace(w.nodes[record.node], **fields)

    return ring(do)


def replan(w: World, made: Plan) -> None:
    """Another plan, for which all that was measured for the old one is the evidence."""
    old, new = digest(w.plan), digest(made)
    w.plan = made
    w.evidence = [replace(e, plan=new) if e.plan == old else e for e in w.evidence]


def asking(change: Callable[[Plan, Item], Plan], where: Where = anywhere) -> Harm:
    return ring(lambda w, record: replan(w, change(w.plan, _item(w, record))), where)


def asking_ring(where: Where = anywhere, **fields: Any) -> Harm:
    return asking(lambda p, _: replace(p, rings=(replace(p.rings[0], **fields),)), where)


def asking_case(where: Where = anywhere, **fields: Any) -> Harm:
    """More of one case; its metrics are added."""

    def changed(one: Item) -> Item:
        more = {"metrics": (*one.case.metrics, *fields.get("metrics", ()))}
        return replace(one, case=replace(one.case, **{**fields, **more}))

    return asking(lambda p, i: replace(p, items=tuple(changed(x) if x.key == i.key else x for x in p.items)), where)


def found(status: str) -> Harm:
    """What the tables say of the candidate."""

    def change(p: Plan, _: Item) -> Plan:
        return replace(p, findings=tuple(replace(f, status=status) if f.arm is NEW else f for f in p.findings))

    return asking(change, static)


def one_more(one: Item) -> Item:
    """Like that one, and nobody has measured it."""
    return item(replace(one.case, id="unmeasured"))


def pair_of(w: World, record: Evidence) -> list[Evidence]:
    return [e for e in w.evidence if (e.item, e.node, e.pair) == (record.item, record.node, record.pair)]


def timed(w: World, record: Evidence) -> bool:
    """Both arms of the pair have measured seconds."""
    found = [any(m.metric == LATENCY.name and m.samples for m in e.measurements) for e in pair_of(w, record)]
    return found == [True, True]


def copy(w: World, record: Evidence, _: int) -> None:
    (other,) = (e for e in pair_of(w, record) if e is not record)
    runs(lambda e: replace(e, measurements=other.measurements)).do(w, record, 0)


def akin(record: Evidence) -> bool:
    return record.item in {one.key for one in FAMILY}


OTHER = digest("other")
gentle = scaled("latency", 1.008)  # what nobody cares about in one case
HOT = Conditions(throttle=("hw_thermal",))
UNMEASURED = STANDARD["batch_mismatches"]
FORGED = Identity("3.9.1", "PyPy", "riscv64", {})

# To the evidence of one item.
LOCAL: dict[str, Harm] = {
    # A record that is not what was asked for.
    "another schema": saying(schema_version=0),
    "another plan": saying(plan=OTHER),
    "another content": saying(content=OTHER),
    "no stack": saying(stack={}),
    "the other arm's stack": saying(candidate, stack=STACKS[GOOD]),
    "another tier": saying(tier=Tier.STATIC),
    "an unknown runtime": saying(runtime="other"),
    "the other arm's runtime": saying(known_good, runtime="new"),
    "an unknown node": saying(node="n9"),
    "the other node": runs(lambda e: replace(e, node="n1"), where=every(needed, lambda _, e: e.node == "n0")),
    "an unknown identity": saying(identity=OTHER),
    "no round": saying(round=0),
    "another round": saying(every(candidate, needed), round=7),
    "another generation": saying(candidate, generation=1000),
    "a generation before the first": saying(generation=-1),
    "a pair before the first": saying(pair=-1),
    "seconds that are NaN": saying(seconds=NAN),
    "seconds without end": saying(seconds=INF),
    "seconds before the start": saying(seconds=-1.0),
    "no moment": saying(started="once"),
    "a clock set back": saying(lambda _, e: e.pair > 0, started="2019-11-23T12:00:00Z"),
    "no inputs": saying(returns, inputs=""),
    "other inputs": saying(candidate, inputs="other"),
    "no device": saying(lambda _, e: e.tier is Tier.GPU, devices=()),
    "a device of another node": saying(lambda _, e: e.tier is Tier.GPU, devices=("GPU-n9",)),
    "a contradiction": ring(lambda w, e: w.evidence.append(replace(e, seconds=e.seconds + 1.0))),
    # A measurement that cannot be.
    **{f"{metric.name} {value}": sample(value, metric.name) for metric in METRICS for value in (NAN, INF, -INF, -1.0)},
    **{f"no {metric.name}": sample(0.0, metric.name) for metric in METRICS if metric.kind is Kind.SAMPLED},
    "no samples": measuring(lambda m: [replace(m, samples=())]),
    "another unit": measuring(lambda m: [replace(m, unit="furlong")]),
    "another kind": measuring(lambda m: [replace(m, kind=Kind.BOUNDED)], Kind.SAMPLED, Kind.EXACT),
    "a long time is good": reading(LATENCY.name, Direction.HIGHER),
    "a low rate is good": reading(THROUGHPUT.name, Direction.LOWER),
    "many spills are good": reading(SPILLS.name, Direction.HIGHER),
    "a measurement twice": measuring(lambda m: [m, m]),
    "a measurement that nobody declared": measuring(lambda m: [m, replace(m, metric="speed")]),
    "a measurement lost": measuring(lambda _: [], gated=True),
    "samples of the other arm": Harm(copy, timed),
    "less time than its samples": saying(timed, seconds=1e-9),
    "samples lost": measuring(lambda m: [replace(m, samples=m.samples[:1])], Kind.SAMPLED, gated=True),
    # Outputs that are lost, or wrong.
    "outputs lost": saying(returns, outputs=()),
    "an output lost": returning(lambda *_: []),
    "an output twice": returning(lambda _, o: [o, o]),
    "an output of another seed": returning(lambda _, o: [replace(o, seed=1)]),
    "an output of another name": returning(lambda _, o: [replace(o, name="z")]),
    "an output without bytes": returning(lambda _, o: [replace(o, digest=OTHER)]),
    "an output of another shape": returning(lambda _, o: [replace(o, shape=(*o.shape, 2))]),
    "an output of another type": returning(lambda _, o: [replace(o, dtype="|u1")]),
    "an output that is NaN": array(first(NAN)),
    "an output that is infinite": array(first(INF)),
    "an output that is wrong": array(np.zeros_like),
    "an output of another precision": array(lambda value: value.astype("f2")),
    # Runs and pairs that are not there.
    "a run lost": runs(drop, "arm", "item", "node", "pair", where=needed),
    "an arm lost": runs(drop, "arm", "item", "node", where=needed),
    "a case lost": runs(drop, "item"),
    "pairs that do not meet": runs(
        lambda e: replace(e, pair=e.pair + 99), "arm", "item", "node", where=every(candidate, needed)
    ),
    "one generation": runs(lambda e: replace(e, generation=0), "item", "node", where=sampled),
    "a pair too hot": runs(lambda e: replace(e, conditions=HOT), "item", "node", "pair", where=every(sampled, needed)),
    # Faults. A fault of the known-good arm alone that is tried again may be FIXED.
    "a fault": runs(faulting(), where=candidate),
    "a fault each time": runs(faulting(), "arm", "item", "node", where=candidate),
    "a fault in both arms": runs(faulting(), "item", "node"),
    "a fault that nobody tried again": runs(faulting(), where=every(known_good, untried)),
    "a fault of the node": runs(faulting(FaultKind.INFRASTRUCTURE)),
    # Worse.
    "twice as slow": runs(slow, "arm", "item", "node", where=every(candidate, sampled)),
    "twice as much": measuring(worse, Kind.BOUNDED, gated=True, where=candidate),
    "half as many": runs(slow, where=every(candidate, lambda _, e: e.item == MATMUL.key)),
}

HARMS: dict[str, Harm] = {
    **LOCAL,
    "bytes lost": blob(lambda _: None),
    "bytes truncated": blob(lambda data: data[:-1]),
    "bytes changed": blob(lambda data: bytes((b + 1) % 256 for b in data)),
    "a node lost": runs(drop, "node", where=lambda w, e: e.node in w.nodes),
    "everything lost": ring(lambda w, _: w.evidence.clear()),
    "a family a little slower": runs(
        lambda e: gentle(e) if akin(e) else e, "arm", where=lambda _, e: e.arm is NEW and akin(e)
    ),
    # What the arms and the nodes really were.
    "an identity lost": ring(lambda w, e: w.identities.pop(e.identity, None)),
    "an identity forged": ring(lambda w, e: w.identities.update({e.identity: FORGED})),
    "an undeclared difference": identity("identity", where=candidate, machine="riscv64"),
    "a version that was not asked for": identity("identity", distributions={"numpy": "0.1"}),
    "an arm that is not the same each time": identity(environment={"OMP_NUM_THREADS": "1"}),
    "a node that nobody knows": ring(lambda w, e: w.nodes.pop(e.node, None)),
    "a node of another name": node(id="n8"),
    "a node of another ring": node(labels={}),
    "locked clocks": node(labels={"ring": "canary", LOCKED_CLOCKS: "1410 MHz"}),
    "a case that nobody planned": ring(lambda w, e: w.evidence.append(replace(e, item="operator:unknown[a]"))),
    # A plan that asks for more than there is.
    "another matrix": ring(lambda w, _: setattr(w, "plan", replace(w.plan, name="x"))),
    "one more case": asking(lambda p, i: replace(p, items=(*p.items, one_more(i)))),
    "a case planned twice": asking(lambda p, i: replace(p, items=(*p.items, i))),
    "nothing required": asking(lambda p, _: replace(p, items=tuple(replace(i, required=False) for i in p.items))),
    "one more metric": asking_case(metrics=(UNMEASURED,)),
    "one more seed": asking_case(returns, seeds=2),
    "a tolerance that cannot be": asking_case(returns, tolerance=-1.0),
    "longer rounds": asking(lambda p, _: replace(p, policy=replace(p.policy, rounds=(99, *p.policy.rounds))), sampled),
    "one more node": asking_ring(minimum_nodes=3),
    "one more tier": asking_ring(lacking, tiers=tuple(Tier)),
    "a ring before it": asking_ring(after="lab"),
    "something that is not measured": asking(lambda p, _: replace(p, rejections=(Rejection("model:x", "no", True),))),
    "no findings": asking(lambda p, _: replace(p, findings=()), static),
    "an unknown finding": found("unknown"),
    "a finding against it": found("fail"),
}
