"""What a harm is, where one can be done, and how: the parts of which harms are made."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from compat.judge.items import MEASURED_TIERS
from compat.model import STANDARD, Arm, Direction, Evidence, Item, Kind, Measurement, Output, Plan, Tier, digest

from .build import World

__all__ = [
    "GOOD",
    "INF",
    "LEAK",
    "NAN",
    "NEW",
    "Harm",
    "Measuring",
    "Where",
    "anywhere",
    "array",
    "asking",
    "asking_case",
    "asking_ring",
    "blob",
    "candidate",
    "every",
    "first",
    "found",
    "identity",
    "item_of",
    "known_good",
    "lacking",
    "leaks",
    "measuring",
    "needed",
    "node",
    "reading",
    "replan",
    "returning",
    "returns",
    "ring",
    "runs",
    "sample",
    "sampled",
    "saying",
    "slow",
    "static",
    "untried",
    "worse",
]

NAN, INF = float("nan"), float("inf")
LEAK = STANDARD["leak"]
GOOD, NEW = Arm.KNOWN_GOOD, Arm.CANDIDATE

Where = Callable[[World, Evidence], bool]


@dataclass(frozen=True)
class Harm:
    """What is done to a record, or to what belongs to it, and to which records it can be done.

    ``do`` gets a number too, which picks one of the record's measurements or outputs.
    """

    do: Callable[[World, Evidence, int], object]
    where: Where


# Where a harm can be done.


def item_of(w: World, record: Evidence) -> Item:
    return next(one for one in w.plan.items if one.key == record.item)


def anywhere(w: World, record: Evidence) -> bool:
    return True


def candidate(w: World, record: Evidence) -> bool:
    return record.arm is NEW


def known_good(w: World, record: Evidence) -> bool:
    return record.arm is GOOD


def sampled(w: World, record: Evidence) -> bool:
    return any(m.gated and m.kind is Kind.SAMPLED for m in item_of(w, record).case.metrics)


def needed(w: World, record: Evidence) -> bool:
    """Without this run something is missing.

    Pairs of a later round may be surplus. What does not depend on the machine needs one node only: there the known-good
    arm is never lost, or a node with half of the evidence could become one with none.
    """
    counts = not sampled(w, record) or 0 <= record.pair < w.plan.policy.rounds[0]
    return counts and (item_of(w, record).case.tier in MEASURED_TIERS or record.arm is NEW)


def returns(w: World, record: Evidence) -> bool:
    return bool(record.outputs)


def untried(w: World, record: Evidence) -> bool:
    """There is no pair after this one."""
    return all(e.pair <= record.pair for e in w.evidence if (e.item, e.node) == (record.item, record.node))


def static(w: World, record: Evidence) -> bool:
    return Tier.STATIC in w.plan.rings[0].tiers


def leaks(w: World, record: Evidence) -> bool:
    """Whether it leaves memory behind is measured."""
    return any(m.metric == LEAK.name for m in record.measurements)


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


def measuring(
    change: Measuring, *kinds: Kind, gated: bool = False, name: str = "", but: str = "", where: Where = anywhere
) -> Harm:
    """To one measurement, of these kinds, or of this name, but not of that one."""

    def among(w: World, record: Evidence) -> list[Measurement]:
        metrics = [m for m in item_of(w, record).case.metrics if m.gated or not gated]
        names = {m.name for m in metrics if name in ("", m.name)} - {but}
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
    return ring(lambda w, record: replan(w, change(w.plan, item_of(w, record))), where)


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
