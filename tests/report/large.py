"""A verdict over as many cells as one likes, of a matrix with three axes, with the evidence of each.

Of a hundred cells one regresses in latency, one faults, one is undecided, one gives other outputs; the rest passes.
"""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Iterator
from dataclasses import dataclass, replace

from compat.model import (
    SCHEMA_VERSION,
    Arm,
    Case,
    Cell,
    Closeness,
    Comparison,
    Decision,
    Direction,
    Evidence,
    Fault,
    FaultKind,
    Item,
    Kind,
    Measurement,
    Metric,
    Plan,
    Policy,
    Ring,
    Runtime,
    Stack,
    Status,
    Tier,
    Verdict,
    digest,
)
from compat.report.view import View, view
from tests.report import build

__all__ = ["Large"]

METRICS = (
    Metric("latency", "s", Direction.LOWER, Kind.SAMPLED),
    Metric("throughput", "items/s", Direction.HIGHER, Kind.SAMPLED),
    Metric("load_time", "s", Direction.LOWER, Kind.SAMPLED),
    Metric("memory", "B", Direction.LOWER, Kind.BOUNDED),
)
PAIRS = 10
_SAMPLES = 9
_SETS = 97  # different ones of a run's measurements: making up millions of numbers is not what is timed
_WORKLOADS = ("model:minilm", "model:decoder_tiny", "kernel:matmul", "kernel:softmax", "operator:conv")
_OUTPUT = "Traceback (most recent call last):\n" + "".join(
    f'  File "site-packages/torch/part_{n}.py", line {n * 31}, in call_{n}\n    return step_{n}(value)\n'
    for n in range(8)
)


@dataclass(frozen=True)
class Large:
    """So many cells: drivers by toolkits by runtimes by workloads."""

    cells: int

    def stacks(self) -> Iterator[tuple[str, Stack]]:
        """A workload with each of the stacks."""
        per = max(1, math.ceil((self.cells / len(_WORKLOADS)) ** (1 / 3)))
        made = itertools.product(range(per), range(per), range(per), _WORKLOADS)
        for driver, cuda, runtime, workload in itertools.islice(made, self.cells):
            yield workload, {"driver": f"58{driver}.95.05", "cuda": f"13.{cuda}", "runtime": f"torch-2.{runtime + 10}"}

    def items(self) -> list[Item]:
        """One item of each cell."""
        found = []
        for number, (workload, stack) in enumerate(self.stacks()):
            name = f"{stack['runtime']}-{digest([number])[:6]}"
            cell = Cell(name, stack, {"driver": "570.172.08", "cuda": "12.8", "runtime": "torch-2.9"}, None)
            shape = f"fp16-batch-{8 << number % 4}-length-{128 << number % 3}"
            case = Case(workload, shape, Tier.GPU, {}, METRICS, ("torch",), 1e-5, 1, None, digest(workload))
            found.append(Item(f"{name}/{workload}[{shape}]", cell, case, 60.0, required=True))
        return found

    def view(self) -> View:
        """The view of all of it."""
        return view(*self.parts())

    def parts(self) -> tuple[Verdict, Plan, tuple[()], dict[str, object], dict[str, list[Evidence]]]:
        """What a view is made of."""
        items = self.items()
        rng = random.Random(9)  # noqa: S311 - the same numbers each time
        sets = [[_measurements(rng, arm) for arm in Arm] for _ in range(_SETS)]
        evidence, comparisons = {}, []
        for number, item in enumerate(items):
            evidence[item.key] = list(_runs(number, item, sets))
            comparisons += _comparisons(number, item, rng)
        failed = [c for c in comparisons if c.status is not Status.PASS]
        candidate = {"driver": "580.95.05", "cuda": "13.0", "runtime": "torch-2.10"}
        names = sorted({item.cell.stack["runtime"] for item in items})
        runtimes = {name: Runtime(name, base="debian:bookworm", requirements=("torch",)) for name in names}
        plan = Plan(
            SCHEMA_VERSION, "fleet", digest("matrix"), "0.1.0", items[0].cell.known_good, candidate, runtimes,
            (Ring("canary", (Tier.GPU,)),), Policy(), tuple(items), (), (),
            {name: digest(name) for name in _WORKLOADS},
        )  # fmt: skip
        verdict = replace(
            build.verdict(),
            decision=Decision.NO_GO, matrix="fleet", known_good=plan.known_good, candidate=candidate,
            reasons=tuple(f"{c.workload}[{c.case}] of {c.cell} {c.reason}" for c in failed[:50]),
            comparisons=tuple(comparisons), tiers={"gpu": len(comparisons)}, not_covered=(), differences=(),
        )  # fmt: skip
        return verdict, plan, (), {}, evidence


def _measurements(rng: random.Random, arm: Arm) -> tuple[Measurement, ...]:
    found = []
    for metric in METRICS[:3]:
        middle = 0.0123 * math.exp(rng.gauss(0.004 * (arm is Arm.CANDIDATE), 0.01))
        samples = tuple(middle * math.exp(rng.gauss(0, 0.004)) for _ in range(_SAMPLES))
        found.append(Measurement(metric.name, metric.unit, metric.direction, metric.kind, samples))
    memory = float(round((187 + rng.random() * 6) * 2**20))
    return (*found, Measurement("memory", "B", Direction.LOWER, Kind.BOUNDED, (memory,)))


def _runs(number: int, item: Item, sets: list[list[tuple[Measurement, ...]]]) -> Iterator[Evidence]:
    faulty = number % 100 == 13
    for pair in range(PAIRS):
        for arm, measured in zip(Arm, sets[(number * 31 + pair * 7) % _SETS], strict=True):
            stack = item.cell.stack if arm is Arm.CANDIDATE else item.cell.known_good
            broken = faulty and arm is Arm.CANDIDATE
            fault = Fault("run", FaultKind.CRASH, "ended by a signal", "SIGSEGV", _OUTPUT) if broken else None
            yield Evidence(
                SCHEMA_VERSION, digest("plan"), item.key, item.case.content, arm, stack, stack["runtime"],
                build.NODE.id, arm.value, Tier.GPU, 1, pair // 2, pair,
                f"2026-11-20T{8 + pair:02}:{number % 60:02}:0{pair % 2}Z", 0.4,
                "inputs", () if broken else measured, fault=fault,
            )  # fmt: skip


def _comparisons(number: int, item: Item, rng: random.Random) -> Iterator[Comparison]:
    base = Comparison(
        item.key, item.cell.id, item.case.workload, item.case.id, Tier.GPU, "execution", Status.PASS,
        "execution: no fault in 20 runs", pairs=PAIRS, versions=(("torch", "2.9.1", "2.10.0"),),
    )  # fmt: skip
    kind = {7: Status.REGRESS, 29: Status.INCONCLUSIVE}.get(number % 100, Status.PASS)
    if number % 100 == 13:
        yield replace(
            base, status=Status.REGRESS, reason="execution: the candidate faulted in 10 of 10 attempts (known-good 0 "
            "of 10) at stage run: ended by a signal, SIGSEGV", known_good="ran", candidate="crash at stage run",
        )  # fmt: skip
        return
    yield base
    error = 2.1e-7 * (1 + rng.random())
    other = number % 100 == 51
    yield replace(
        base, metric="outputs", known_good=0.0, candidate=0.031 if other else error, limit=1e-5,
        status=Status.REGRESS if other else Status.PASS,
        reason="outputs: relative L2 difference of y is 0.031, tolerance 1e-05; largest at y[0, 2, 9, 1]: -0.2338 -> "
        "-0.3507" if other else f"outputs: relative L2 difference of y is {error:.3g}, tolerance 1e-05",
        closeness=tuple(Closeness("y", arm, 1284, error, error, 2, 0.99999999996) for arm in Arm),
    )  # fmt: skip
    for index, metric in enumerate(METRICS[:3]):
        status = kind if index == 0 else Status.PASS
        effect = {Status.REGRESS: 0.081, Status.INCONCLUSIVE: 0.021}.get(status, rng.gauss(0.002, 0.004))
        spread = 0.006 + rng.random() * 0.004
        sign = "slower" if effect > 0 else "faster"
        yield replace(
            base, metric=metric.name, status=status, kind=metric.kind, unit=metric.unit, known_good=0.0123,
            candidate=0.0123 * math.exp(effect), effect=effect, interval=(effect - spread, effect + spread),
            limit=math.log1p(0.03),
            reason=f"{metric.name} {abs(100 * effect):.1f} % {sign} (95 % interval {100 * (effect - spread):.1f} to "
            f"{100 * (effect + spread):.1f} %, {PAIRS} pairs), margin 3 %: 12.3 ms -> "
            f"{12.3 * math.exp(effect):.4g} ms",
        )  # fmt: skip
