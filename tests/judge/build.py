"""A small ring with its evidence, as a good run would have left it; tests change one thing and judge it again."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from compat.judge import judge
from compat.judge.admit import Pair
from compat.judge.outcome import Outcome
from compat.judge.sampled import Sample, judge_samples
from compat.model import (
    SCHEMA_VERSION,
    Arm,
    Case,
    Cell,
    Direction,
    Evidence,
    Fault,
    FaultKind,
    Finding,
    Identity,
    Item,
    Kind,
    Measurement,
    Metric,
    Node,
    Output,
    Plan,
    Policy,
    Ring,
    Runtime,
    Tier,
    Verdict,
    Waiver,
    digest,
)

NOW = "2026-11-23T12:00:00Z"

LATENCY = Metric("latency", "s", Direction.LOWER, Kind.SAMPLED)
THROUGHPUT = Metric("throughput", "items/s", Direction.HIGHER, Kind.SAMPLED)
MEMORY = Metric("memory", "B", Direction.LOWER, Kind.BOUNDED)
INSTRUCTIONS = Metric("matrix_instructions", "instructions", Direction.HIGHER, Kind.EXACT)
SPILLS = Metric("spills", "B", Direction.LOWER, Kind.EXACT)
REGISTERS = Metric("registers", "registers", Direction.LOWER, Kind.EXACT, gated=False)

OLD = Identity("3.11.9", "CPython", "x86_64", {"numpy": "1.26.4", "onnxruntime": "1.20.1", "pip": "24.0"})
NEW = replace(OLD, distributions={**OLD.distributions, "numpy": "2.2.6", "onnxruntime": "1.23.2"})
STACKS = {
    Arm.KNOWN_GOOD: {"runtime": "old", "onnxruntime": "1.20.1"},
    Arm.CANDIDATE: {"runtime": "new", "onnxruntime": "1.23.2"},
}
CELL = Cell("candidate", STACKS[Arm.CANDIDATE], STACKS[Arm.KNOWN_GOOD], None)


def case(workload: str, name: str, *metrics: Metric, tier: Tier = Tier.CPU, **changes: Any) -> Case:
    made = Case(workload, name, tier, {}, metrics, ("onnxruntime", "numpy"), 1e-5, 1, None, digest(workload))
    return replace(made, **changes)


def item(made: Case, cell: Cell = CELL, **changes: Any) -> Item:
    return replace(Item(f"{made.workload}[{made.id}]@{cell.id}", cell, made, 60.0), **changes)


POOL = item(case("operator:average_pool", "ceil", LATENCY, THROUGHPUT, MEMORY))
TEXT = item(case("operator:tokenize", "plain"))
MATMUL = item(case("kernel:matmul", "fp16-sm_75", INSTRUCTIONS, SPILLS, REGISTERS, tier=Tier.AOT))


def plan(*items: Item, **changes: Any) -> Plan:
    made = Plan(
        schema_version=SCHEMA_VERSION,
        name="upgrade",
        matrix_digest=digest("matrix"),
        compat_version="0.1.0",
        known_good=STACKS[Arm.KNOWN_GOOD],
        candidate=STACKS[Arm.CANDIDATE],
        runtimes={
            "old": Runtime("old", requirements=("onnxruntime==1.20.1", "numpy==1.26.4"), values={"runtime": "old"}),
            "new": Runtime("new", requirements=("onnxruntime==1.23.2", "numpy==2.2.6"), values={"runtime": "new"}),
        },
        rings=(Ring("canary", (Tier.STATIC, Tier.AOT, Tier.CPU)),),
        policy=Policy(),
        items=items or (POOL, TEXT, MATMUL),
        findings=tuple(Finding(CELL.id, arm, "driver", "ok", "the driver is new enough", "table") for arm in Arm),
        rejections=(),
        content={},
    )
    return replace(made, **changes)


def outputs_of(made: Item) -> dict[str, Any]:
    """What the case returns when nothing changed; ``name*`` is the oracle of ``name``."""
    if made.case.tier is Tier.AOT:
        return {}
    exact = np.linspace(-1.0, 1.0, 96).reshape(8, 12)
    if made.case.workload == "operator:tokenize":
        return {"text": "a b c", "ids": np.arange(12).reshape(3, 4), "plain": exact.astype("f4")}
    return {"y": exact.astype("f4"), "y*": exact}


@dataclass
class World:
    """A plan and all that the judge is given."""

    plan: Plan
    nodes: dict[str, Node]
    identities: dict[str, Identity] = field(default_factory=dict)
    blobs: dict[str, bytes] = field(default_factory=dict)
    evidence: list[Evidence] = field(default_factory=list)
    waivers: Sequence[Waiver] = ()

    def verdict(self, ring: str = "canary") -> Verdict:
        return judge(
            self.plan, ring, self.evidence, self.identities, self.nodes, self.blobs.__getitem__, NOW, self.waivers
        )

    def edit(
        self,
        change: Callable[[Evidence], Evidence | None],
        of: Item | None = None,
        arm: Arm | None = None,
        pairs: Sequence[int] | None = None,
        node: str | None = None,
    ) -> World:
        """Change matching records; None drops one. It must match something."""
        kept, matched = [], 0
        for record in self.evidence:
            hit = (
                (of is None or record.item == of.key)
                and (arm is None or record.arm is arm)
                and (pairs is None or record.pair in pairs)
                and (node is None or record.node == node)
            )
            matched += hit
            changed = change(record) if hit else record
            if changed is not None:
                kept.append(changed)
        assert matched
        self.evidence = kept
        return self

    def store(self, name: str, value: Any, seed: int = 0) -> Output:
        reference, name = name.endswith("*"), name.rstrip("*")
        data = value.encode() if isinstance(value, str) else value.tobytes()
        self.blobs[digest(data)] = data
        dtype, shape = ("utf-8", ()) if isinstance(value, str) else (value.dtype.str, value.shape)
        return Output(name, dtype, shape, digest(data), seed, reference)

    def wrong(self, of: Item) -> Callable[[Evidence], Evidence]:
        """Replace the outputs of records by what ``of`` returns, but for one value that is wrong."""
        values = outputs_of(of)
        name = next(key for key in values if not key.endswith("*"))
        values[name] = "wrong" if isinstance(values[name], str) else np.zeros_like(values[name])
        outputs = tuple(self.store(key, value) for key, value in values.items())
        return lambda record: replace(record, outputs=outputs)

    def returns(self, **values: Any) -> Callable[[Evidence], Evidence]:
        """Replace the outputs of records (``y_ref`` is the oracle of ``y``)."""
        outputs = tuple(self.store(name.replace("_ref", "*"), value) for name, value in values.items())
        return lambda record: replace(record, outputs=outputs)


def drop(record: Evidence) -> None:
    """A change that leaves nothing of a record."""


def samples(metric: str, *values: float) -> Callable[[Evidence], Evidence]:
    return lambda record: replace(
        record,
        measurements=tuple(replace(m, samples=values) if m.metric == metric else m for m in record.measurements),
    )


def scaled(metric: str, factor: float) -> Callable[[Evidence], Evidence]:
    return lambda record: replace(
        record,
        measurements=tuple(
            replace(m, samples=tuple(s * factor for s in m.samples)) if m.metric == metric else m
            for m in record.measurements
        ),
    )


def faulting(kind: FaultKind = FaultKind.CRASH, **changes: Any) -> Callable[[Evidence], Evidence]:
    fault = replace(Fault("run", kind, "ended by SIGSEGV", "SIGSEGV", "loading\nSegmentation fault\n"), **changes)
    return lambda record: replace(record, fault=fault, measurements=(), outputs=(), inputs="")


def round_of(pair: int, rounds: Sequence[int]) -> int:
    """The round of the pair with this number (from 0)."""
    for number, size in enumerate(rounds, 1):
        if pair < size:
            return number
        pair -= size
    return len(rounds)


def world(
    made: Plan | None = None, pairs: int = 10, nodes: Sequence[str] = ("n1",), noise: float = 0.003, seed: int = 1
) -> World:
    """Evidence of every item, ``pairs`` pairs on each node; both arms alike but for noise."""
    made = made or plan()
    rng = np.random.default_rng(seed)
    result = World(made, {n: Node(n, n, None, 2, None, "6.1") for n in nodes})
    result.identities = {digest(OLD): OLD, digest(NEW): NEW}
    name = digest(made)
    for one in made.items:
        count = pairs if any(m.kind is Kind.SAMPLED for m in one.case.metrics) else 2
        values = outputs_of(one)
        outputs = tuple(result.store(key, value) for key, value in values.items())
        for node in nodes:
            for pair in range(count):
                drift = rng.normal(0.0, 0.05)
                for arm in Arm:
                    result.evidence.append(
                        Evidence(
                            schema_version=SCHEMA_VERSION,
                            plan=name,
                            item=one.key,
                            content=one.case.content,
                            arm=arm,
                            stack=one.cell.known_good if arm is Arm.KNOWN_GOOD else one.cell.stack,
                            runtime="old" if arm is Arm.KNOWN_GOOD else "new",
                            node=node,
                            identity=digest(OLD if arm is Arm.KNOWN_GOOD else NEW),
                            tier=one.case.tier,
                            round=round_of(pair, made.policy.rounds),
                            generation=pair // made.policy.pairs_per_generation,
                            pair=pair,
                            started=NOW,
                            seconds=1.0,
                            inputs="inputs",
                            measurements=tuple(_measure(m, rng, drift, noise) for m in one.case.metrics),
                            outputs=outputs,
                        )
                    )
    return result


def _measure(metric: Metric, rng: np.random.Generator, drift: float, noise: float) -> Measurement:
    if metric.kind is Kind.SAMPLED:
        centre = drift + rng.normal(0.0, noise)
        centre = centre if metric.direction is Direction.LOWER else -centre
        values = tuple(0.0121 * math.exp(centre + rng.normal(0.0, noise / 10)) for _ in range(9))
    elif metric.kind is Kind.BOUNDED:
        values = (float(64 * 2**20 + rng.integers(0, 2**14)),)
    else:
        values = ({"matrix_instructions": 32.0, "spills": 0.0}.get(metric.name, 40.0),)
    return Measurement(metric.name, metric.unit, metric.direction, metric.kind, values)


def pairs_with(metric: Metric, known_good: Sequence[Any], candidate: Sequence[Any]) -> list[Pair]:
    """Bare pairs of one metric, a process each; a value may be a tuple of samples."""
    found = []
    template = world(plan(MATMUL)).evidence[0]
    for number, values in enumerate(zip(known_good, candidate, strict=True)):
        runs = [
            replace(template, arm=arm, pair=number, measurements=_bare(metric, value))
            for arm, value in zip(Arm, values, strict=True)
        ]
        found.append(Pair(number, 1, number // 2, runs[0], runs[1]))
    return found


def _bare(metric: Metric, value: Any) -> tuple[Measurement, ...]:
    values = value if isinstance(value, tuple) else (float(value),)
    return (Measurement(metric.name, metric.unit, metric.direction, metric.kind, values),)


def judge_sampled(metric: Metric, pairs: Sequence[Pair], policy: Policy, measured: int) -> Outcome:
    """One sampled metric of one item on one node."""
    return judge_samples([Sample.of(metric, policy.metric(metric.name), pairs)], policy, measured)[0]
