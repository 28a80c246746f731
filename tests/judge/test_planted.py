"""Faults planted in evidence: none of them may be GO, whatever else they are. And untouched it is GO."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from compat.model import Arm, Decision, Direction, Evidence, Kind, Measurement, Status, Tier, digest

from .build import (
    MATMUL,
    NEW,
    POOL,
    TEXT,
    World,
    drop,
    faulting,
    plan,
    samples,
    scaled,
    world,
)

NEW_ARM, GOOD_ARM = Arm.CANDIDATE, Arm.KNOWN_GOOD


def on(change: Callable[[Evidence], Evidence | None], **where: Any) -> Callable[[World], object]:
    return lambda w: w.edit(change, **{"of": POOL, "arm": NEW_ARM, "pairs": [3], **where})


def setting(**changes: Any) -> Callable[[Evidence], Evidence]:
    return lambda record: replace(record, **changes)


def measuring(**changes: Any) -> Callable[[Evidence], Evidence]:
    """The first measurement with these fields."""
    return lambda record: replace(
        record, measurements=(replace(record.measurements[0], **changes), *record.measurements[1:])
    )


def without(metric: str) -> Callable[[Evidence], Evidence]:
    return lambda r: replace(r, measurements=tuple(m for m in r.measurements if m.metric != metric))


def also(metric: str) -> Callable[[Evidence], Evidence]:
    def change(record: Evidence) -> Evidence:
        twice = next((m for m in record.measurements if m.metric == metric), None)
        extra = twice or Measurement(metric, "s", Direction.LOWER, Kind.SAMPLED, (1.0,))
        return replace(record, measurements=(*record.measurements, extra))

    return change


def contradict(w: World) -> None:
    first = next(e for e in w.evidence if e.item == POOL.key and e.arm is NEW_ARM)
    w.evidence.append(replace(first, seconds=first.seconds + 1.0))


def lose_blob(w: World) -> None:
    w.blobs = {}


def truncate_blob(w: World) -> None:
    w.blobs = {name: data[:-1] for name, data in w.blobs.items()}


def flip_blob(w: World) -> None:
    w.blobs = {name: bytes([data[0] ^ 1]) + data[1:] for name, data in w.blobs.items()}


def short_blob(w: World) -> None:
    """Bytes that match their digest and are too few for the shape."""
    output = w.store("y", np.zeros(95, "f4"))
    w.edit(
        lambda r: replace(r, outputs=tuple(replace(o, digest=output.digest) for o in r.outputs if not o.reference)),
        of=POOL,
    )


def wrong_identity(w: World) -> None:
    name = digest(NEW)
    w.identities = {
        key: replace(one, environment={"OMP_NUM_THREADS": "1"}) if key == name else one
        for key, one in w.identities.items()
    }


def swap_arms(w: World) -> None:
    w.evidence = [replace(e, arm=GOOD_ARM if e.arm is NEW_ARM else NEW_ARM) for e in w.evidence]


def flip_direction(w: World) -> None:
    """A throughput that fell, said to be one where lower is better."""
    w.edit(scaled("throughput", 0.5), of=POOL, arm=NEW_ARM)
    w.edit(
        lambda r: replace(r, measurements=tuple(replace(m, direction=Direction.LOWER) for m in r.measurements)), of=POOL
    )


def one_generation(w: World) -> None:
    w.edit(setting(generation=0), of=POOL)


NAN, INF = float("nan"), float("inf")

PLANTED: dict[str, Callable[[World], object]] = {
    "everything dropped": lambda w: w.edit(drop),
    "an item dropped": on(drop, arm=None, pairs=None),
    "the exact item dropped": on(drop, of=MATMUL, arm=None, pairs=None),
    "the candidate arm dropped": on(drop, pairs=None),
    "the known-good arm dropped": on(drop, arm=GOOD_ARM, pairs=None),
    "one run dropped": on(drop),
    "one run of an item without statistics dropped": on(drop, of=TEXT, pairs=[1]),
    "the last pairs dropped": on(drop, arm=None, pairs=[8, 9]),
    "pairs that do not meet": on(lambda r: replace(r, pair=r.pair + 100), pairs=None),
    "a measurement dropped": on(without("latency")),
    "a measurement dropped everywhere": on(without("latency"), arm=None, pairs=None),
    "an exact measurement dropped everywhere": on(without("spills"), of=MATMUL, arm=None, pairs=None),
    "all measurements dropped": on(setting(measurements=())),
    "a measurement doubled": on(also("latency")),
    "a measurement that nobody declared": on(also("speed")),
    "no samples": on(samples("latency")),
    "one sample": on(samples("latency", 0.0121)),
    "one sample in every run of an arm": on(samples("latency", 0.0121), pairs=None),
    "NaN": on(samples("latency", 0.0121, NAN, 0.0121)),
    "NaN everywhere": on(samples("latency", NAN), arm=None, pairs=None),
    "infinite": on(samples("throughput", INF)),
    "zero": on(samples("latency", 0.0)),
    "negative": on(samples("latency", -1.0)),
    "error recorded as -1": on(samples("memory", -1.0), pairs=None),
    "memory of nothing": on(samples("memory", 0.0), pairs=None),
    "exact NaN": on(samples("spills", NAN), of=MATMUL, pairs=[1]),
    "exact infinite": on(samples("matrix_instructions", INF), of=MATMUL, pairs=None),
    "infinite everywhere": on(samples("throughput", *[INF] * 9), pairs=None),
    "exact negative": on(samples("spills", -64.0), of=MATMUL, pairs=None),
    "wrong node": on(setting(node="n7")),
    "wrong node everywhere": on(setting(node="n7"), of=None, arm=None, pairs=None),
    "wrong content": on(setting(content=digest("other"))),
    "wrong plan": on(setting(plan=digest("other"))),
    "wrong plan everywhere": on(setting(plan=digest("other")), of=None, arm=None, pairs=None),
    "wrong stack": on(setting(stack=POOL.cell.known_good)),
    "wrong runtime": on(setting(runtime="old")),
    "unknown runtime": on(setting(runtime="other")),
    "wrong tier": on(setting(tier=Tier.GPU)),
    "wrong schema": on(setting(schema_version=2)),
    "wrong round": on(setting(round=2)),
    "no round": on(setting(round=0), arm=None),
    "wrong generation": on(setting(generation=9)),
    "one generation": one_generation,
    "impossible duration": on(setting(seconds=NAN)),
    "different inputs": on(setting(inputs="other")),
    "unknown identity": on(setting(identity=digest("other"))),
    "forged identity": wrong_identity,
    "no identities": lambda w: w.identities.clear(),
    "no inventory": lambda w: w.nodes.clear(),
    "wrong unit": on(measuring(unit="ms"), pairs=None, arm=None),
    "wrong kind": on(measuring(kind=Kind.BOUNDED), pairs=None, arm=None),
    "flipped direction": flip_direction,
    "another metric": on(measuring(metric="memory")),
    "contradicting duplicate": contradict,
    "swapped arms": swap_arms,
    "blobs lost": lose_blob,
    "blobs truncated": truncate_blob,
    "blobs flipped": flip_blob,
    "blobs too short": short_blob,
    "outputs dropped": on(setting(outputs=()), pairs=None),
    "outputs dropped once": on(setting(outputs=())),
    "outputs dropped in both arms": on(setting(outputs=()), arm=None, pairs=None),
    "only references left": on(
        lambda r: replace(r, outputs=tuple(o for o in r.outputs if o.reference)), arm=None, pairs=None
    ),
    "references of one arm dropped": on(lambda r: replace(r, outputs=tuple(o for o in r.outputs if not o.reference))),
    "outputs said to be of another type": on(
        lambda r: replace(r, outputs=tuple(replace(o, dtype="<i4") for o in r.outputs))
    ),
    "a fault once": on(faulting()),
    "a fault in both arms": on(faulting(), arm=None, pairs=None),
    "a fault of the known-good arm once": on(faulting(), arm=GOOD_ARM),
    "a fault each time": on(faulting(), pairs=None),
    "two times slower": on(scaled("latency", 2.0), pairs=None),
    "half the throughput": on(scaled("throughput", 0.5), pairs=None),
    "a third of the processes slow": on(scaled("latency", 1.5), pairs=[1, 4, 7]),
}


def test_untouched_it_is_go() -> None:
    assert world().verdict().decision is Decision.GO


def test_there_are_enough_of_them() -> None:
    assert len(PLANTED) >= 20


@pytest.mark.parametrize("name", PLANTED)
def test_planted_faults_are_never_go(name: str) -> None:
    w = world()
    PLANTED[name](w)
    verdict = w.verdict()
    assert verdict.decision is not Decision.GO
    assert verdict.reasons
    assert not any(reason.isspace() or not reason for reason in verdict.reasons)


NO_GO = {"a fault each time"}


@pytest.mark.parametrize("name", sorted(set(PLANTED) - NO_GO))
def test_what_is_not_shown_to_be_worse_is_hold(name: str) -> None:
    """A pipeline rolls back on NO-GO, so evidence that is only broken must not be that. Round 1 never regresses."""
    w = world()
    PLANTED[name](w)
    assert w.verdict().decision is Decision.HOLD


def test_random_damage_is_never_go() -> None:
    """Damage one random record in one random way: whatever it hits, a required comparison rests on it."""
    rng = np.random.default_rng(7)
    damage: list[Callable[[Evidence], Evidence | None]] = [
        drop,
        setting(plan=""),
        setting(content=""),
        setting(node=""),
        setting(identity=""),
        setting(stack={}),
        setting(inputs="x"),
        setting(round=-1),
        setting(measurements=(), outputs=()),
        lambda r: replace(r, measurements=tuple(replace(m, samples=()) for m in r.measurements), outputs=()),
        lambda r: replace(r, measurements=tuple(replace(m, unit="?") for m in r.measurements), outputs=()),
        lambda r: replace(r, outputs=tuple(replace(o, digest="") for o in r.outputs), inputs="y"),
        faulting(),
    ]
    base = world().evidence
    for _ in range(60):
        w = world()
        victim, change = base[rng.integers(len(base))], damage[rng.integers(len(damage))]
        one = next(i for i in w.plan.items if i.key == victim.item)
        w.edit(change, of=one, arm=victim.arm, pairs=[victim.pair])
        assert w.verdict().decision is not Decision.GO, (victim.item, damage.index(change))


def test_random_worsening_is_never_better_for_the_candidate() -> None:
    """The slower the candidate, the worse the status; in both directions of the metric."""
    order = [Status.PASS, Status.INCONCLUSIVE, Status.REGRESS]
    for metric, sign in (("latency", 1.0), ("throughput", -1.0)):
        seen = []
        for effect in (-0.3, -0.02, 0.0, 0.004, 0.02, 0.04, 0.1, 1.0):
            w = world(plan(POOL), pairs=30).edit(scaled(metric, math.exp(sign * effect)), arm=NEW_ARM)
            seen.append(next(c.status for c in w.verdict().comparisons if c.metric == metric))
        assert [order.index(s) for s in seen] == sorted(order.index(s) for s in seen), seen
        assert (seen[0], seen[2], seen[-1]) == (Status.PASS, Status.PASS, Status.REGRESS)
