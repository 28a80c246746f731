"""Harms after which a world must not be GO. None undoes another, so any set of them is harmful."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

import numpy as np
from hypothesis import strategies as st

from compat.model import (
    LOCKED_CLOCKS,
    STANDARD,
    Conditions,
    Direction,
    EventKind,
    Evidence,
    FaultKind,
    HealthEvent,
    Identity,
    Item,
    Kind,
    Rejection,
    Tier,
    digest,
)

from .build import LATENCY, MATMUL, SPILLS, STACKS, THROUGHPUT, World, drop, faulting, item, scaled
from .spoiling import (
    GOOD,
    INF,
    LEAK,
    NAN,
    NEW,
    Harm,
    array,
    asking,
    asking_case,
    asking_ring,
    blob,
    candidate,
    every,
    first,
    found,
    identity,
    known_good,
    lacking,
    leaks,
    measuring,
    needed,
    node,
    reading,
    returning,
    returns,
    ring,
    runs,
    sample,
    sampled,
    saying,
    slow,
    static,
    untried,
    worse,
)
from .worlds import FAMILY, METRICS

__all__ = ["HARMS", "HOT", "LOCAL", "OTHER", "Chosen", "harms", "spoil", "unsound"]

Chosen = list[tuple[str, int]]  # names of harms, each with a number that picks its target


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


def unsound(record: Evidence) -> Evidence:
    """Its GPU fell off the bus meanwhile."""
    return replace(record, conditions=replace(record.conditions, events=(HealthEvent(EventKind.LOST, "GPU-1"),)))


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
    "a pair too hot": runs(
        lambda e: replace(e, conditions=replace(e.conditions, throttle=HOT.throttle)),
        "item",
        "node",
        "pair",
        where=every(sampled, needed),
    ),
    "a GPU that was not sound": runs(unsound, where=needed),
    # Faults. A fault of the known-good arm alone that is tried again may be FIXED.
    "a fault": runs(faulting(), where=candidate),
    "a fault each time": runs(faulting(), "arm", "item", "node", where=candidate),
    "a fault in both arms": runs(faulting(), "item", "node"),
    "a fault that nobody tried again": runs(faulting(), where=every(known_good, untried)),
    "a fault of the node": runs(faulting(FaultKind.INFRASTRUCTURE)),
    # Worse.
    "twice as slow": runs(slow, "arm", "item", "node", where=every(candidate, sampled)),
    "twice as much": measuring(worse, Kind.BOUNDED, gated=True, but=LEAK.name, where=candidate),
    "a leak in every process": runs(scaled(LEAK.name, 2.0), "arm", "item", "node", where=every(candidate, leaks)),
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


def harms(of: Iterable[str], fewest: int = 1, most: int = 3) -> st.SearchStrategy[Chosen]:
    return st.lists(st.tuples(st.sampled_from(sorted(of)), st.integers(0, 2**16)), min_size=fewest, max_size=most)


def spoil(w: World, chosen: Chosen, of: Mapping[str, Harm] | None = None) -> bool:
    """Do these harms, ``of`` ours if not of others; False if none of them found a target."""
    planned = {one.key for one in w.plan.items}
    found = False
    for name, pick in chosen:
        harm = (of or HARMS)[name]
        if targets := [record for record in w.evidence if record.item in planned and harm.where(w, record)]:
            harm.do(w, targets[pick % len(targets)], pick // len(targets))
            found = True
    return found
