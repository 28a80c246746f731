"""A verdict as it comes from a real run, for the tests to render: an ordinary one, and the awkward ones."""

from __future__ import annotations

import dataclasses
import math
import random

from compat.model import (
    SCHEMA_VERSION,
    Arm,
    Case,
    Comparison,
    Decision,
    Evidence,
    Fault,
    FaultKind,
    Finding,
    Identity,
    Item,
    Kind,
    Measurement,
    Metric,
    MetricPolicy,
    Node,
    Plan,
    Policy,
    Rejection,
    Ring,
    Runtime,
    Status,
    Tier,
    Verdict,
    digest,
)
from compat.report.view import View, view
from tests.report.compared import (
    CANDIDATE,
    KNOWN_GOOD,
    LATENCY,
    MATRIX_INSTRUCTIONS,
    MEMORY,
    MIB,
    NUMPY,
    ONNXRUNTIME,
    OPERATORS,
    POINTS,
    TRITON,
    comparison,
    comparisons,
    of_cell,
)
from tests.report.walk import walked

POLICY = Policy(
    rounds=(10, 20), metrics={"latency": MetricPolicy(), "memory": MetricPolicy(relative=0.02, absolute=16 * MIB)}
)
TRACEBACK = """Traceback (most recent call last):
  File "numpy_promotion.py", line 31, in work
    return {"sum": numpy.uint8(200) + 300}
OverflowError: Python integer 300 out of bounds for uint8"""

NODE = Node("canary-01", "canary-01", "AMD EPYC 7763", 2, 8 * 2**30, "6.1.0-28-amd64", labels={"ring": "canary"})


def identity(arm: Arm) -> Identity:
    """What an arm was: the versions differ, and one package nobody declared."""
    side = 1 if arm is Arm.KNOWN_GOOD else 2
    versions = {component[0]: component[side] for component in (ONNXRUNTIME, NUMPY, TRITON)}
    return Identity("3.11.2", "cpython", "x86_64", {**versions, "protobuf": ("5.29.2", "6.33.0")[side - 1]})


IDENTITIES = {digest(identity(arm)): identity(arm) for arm in Arm}


def evidence(between: bool = False) -> tuple[Evidence, ...]:
    """Pairs of every sampled comparison, the exact values, and the fault in three attempts."""
    stream = random.Random(2025)  # noqa: S311 - the figures only have to be the same each time
    records = []
    for found in comparisons(between):
        if found.kind is Kind.SAMPLED:
            for pair in range(found.pairs):
                drift = stream.gauss(0, 0.012)
                for arm in Arm:
                    shift = (found.effect if arm is Arm.CANDIDATE else 0.0) + drift + stream.gauss(0, 0.012)
                    middle = found.known_good * math.exp(shift)
                    samples = tuple(middle * math.exp(stream.gauss(0, 0.01)) for _ in range(9))
                    memory = (187.0 if arm is Arm.KNOWN_GOOD else 191.5) * MIB - stream.random() * MIB
                    records.append(record(found, arm, pair, (measured(LATENCY, *samples), measured(MEMORY, memory))))
        elif found.metric == "matrix_instructions":
            for arm, value in ((Arm.KNOWN_GOOD, found.known_good), (Arm.CANDIDATE, found.candidate)):
                records.append(record(found, arm, 0, (measured(MATRIX_INSTRUCTIONS, value),)))
        elif found.metric == "execution" and found.status is Status.REGRESS:
            detail = "OverflowError: Python integer 300 out of bounds for uint8"
            fault = Fault("run", FaultKind.EXCEPTION, detail, output=TRACEBACK)
            for attempt in range(3):
                records.append(record(found, Arm.KNOWN_GOOD, attempt, (measured(MEMORY, 1.0 * MIB),)))
                records.append(dataclasses.replace(record(found, Arm.CANDIDATE, attempt, ()), fault=fault))
    return tuple(records)


def measured(metric: Metric, *samples: float) -> Measurement:
    """A measurement of ``metric``."""
    return Measurement(metric.name, metric.unit, metric.direction, metric.kind, samples)


def record(found: Comparison, arm: Arm, pair: int, measurements: tuple[Measurement, ...]) -> Evidence:
    """The evidence of one run of the item of ``found``."""
    cell = POINTS[found.cell]
    stack = cell.stack if arm is Arm.CANDIDATE else cell.known_good
    return Evidence(
        SCHEMA_VERSION, digest("plan"), found.item, digest(found.workload), arm, stack, stack["runtime"], NODE.id,
        digest(identity(arm)), found.tier, 1 if pair < 10 else 2, pair // 2, pair,
        f"2025-11-20T08:{pair:02}:{0 if arm is Arm.KNOWN_GOOD else 30:02}Z", 0.4, digest("inputs"),
        measurements, notes=("memory is not bounded here",) if found.tier is Tier.AOT else (),
        took={"attention": "math" if arm is Arm.CANDIDATE else "flash", "transport": "shm"}
        if found.workload == "model:magika" else {},
    )  # fmt: skip


def plan(between: bool = False) -> Plan:
    """The plan of the demonstration: its items, what the tables say, and what it leaves out."""
    found = [entry for entry in comparisons(between) if entry.item != entry.cell]
    metrics = (LATENCY, MEMORY, MATRIX_INSTRUCTIONS)
    items = {
        entry.item: Item(entry.item, POINTS[entry.cell], case(entry, metrics), 60.0, entry.required) for entry in found
    }
    runtimes = {
        name: Runtime(name, base="debian:bookworm", requirements=("numpy",), values={"runtime": name})
        for name in ("stack-2024", "stack-2025", "stack-2024-numpy-2")
    }
    ring = Ring("canary", (Tier.STATIC, Tier.AOT, Tier.CPU), labels={"ring": "canary"})
    source = "package metadata, 2025-11-01"
    return Plan(
        SCHEMA_VERSION, "stack-2024-to-2025", digest("matrix"), "0.1.0", KNOWN_GOOD, CANDIDATE, runtimes, (ring,),
        POLICY,
        tuple(items.values()),
        (
            Finding(OPERATORS, Arm.CANDIDATE, "requires-python", "ok", "every wheel accepts Python 3.11", source),
            Finding(OPERATORS, Arm.CANDIDATE, "numpy-abi", "unknown", "triton 3.5.1 does not state its numpy", source),
        ),
        (
            Rejection("kernel:matmul[fp8-sm_90]", "triton 3.2.0 cannot compile fp8 for sm_90: nothing to compare with"),
            Rejection("operator:attention", "it runs in the tiers gpu, and the rings ask for aot, cpu, static"),
        ),
        {entry.workload: digest(entry.workload) for entry in found},
    )  # fmt: skip


def case(entry: Comparison, metrics: tuple[Metric, ...]) -> Case:
    """The case that ``entry`` compares."""
    content = digest(entry.workload)
    return Case(entry.workload, entry.case, entry.tier, {}, metrics, ("numpy",), 1e-5, 1, None, content)


def said(entry: Comparison) -> str:
    """A reason, as the judge words it."""
    changed = ", ".join(f"{name} {good} -> {new}" for name, good, new in entry.versions)
    return f"{entry.workload}[{entry.case}] of {entry.cell} {entry.reason}" + (f" ({changed})" if changed else "")


def verdict(between: bool = False) -> Verdict:
    """NO-GO: three regressions in the candidate's cells, and what keeps the ring from GO besides."""
    found = comparisons(between)
    failed = [entry for entry in found if entry.required and entry.status not in (Status.PASS, Status.FIXED)]
    failed.sort(key=lambda entry: entry.status is not Status.REGRESS)
    return Verdict(
        SCHEMA_VERSION, Decision.NO_GO, "stack-2024-to-2025", "canary", digest("plan"), digest("matrix"),
        digest("evidence"),
        "0.1.0", "2025-11-20T08:41:07Z", KNOWN_GOOD, CANDIDATE, tuple(map(said, failed)), found,
        {tier: sum(entry.tier.value == tier for entry in found) for tier in ("aot", "cpu", "static")},
        (NODE.id,),
        (
            "operator:attention: it runs in the tiers gpu, and the rings ask for aot, cpu, static",
            "node canary-07: it does not have the ring's labels, its evidence is left aside",
        ),
        (
            ("numpy", "1.26.4", "2.2.6", True),
            ("onnxruntime", "1.20.1", "1.23.2", True),
            ("protobuf", "5.29.2", "6.33.0", False),
            ("triton", "3.2.0", "3.5.1", True),
        ),
        POLICY,
    )  # fmt: skip


def demo() -> View:
    """The demonstration, as every format gets it."""
    return view(verdict(), plan(), (NODE,), IDENTITIES, evidence())


def path() -> View:
    """The demonstration with a stack between known-good and candidate: more columns, none of them judged."""
    return view(verdict(between=True), plan(between=True), (NODE,), IDENTITIES, evidence(between=True))


def go() -> View:
    """GO: only what passed."""
    found = tuple(entry for entry in comparisons() if entry.status is Status.PASS)
    reasons = (f"all {len(found)} comparisons of 9 cases on 1 node are fine",)
    settled = dataclasses.replace(verdict(), decision=Decision.GO, comparisons=found, reasons=reasons)
    return view(settled, plan(), (NODE,), IDENTITIES, evidence())


ASIDE = "static: triton 3.5.1 does not know sm_75"


def beside() -> View:
    """GO: what the ring rests on passed, and a finding of the stack as a whole, which it does not rest on, is worse."""
    found = [entry for entry in comparisons() if entry.status is Status.PASS]
    worse = of_cell(OPERATORS, "static", "triton-arch", Tier.STATIC, ASIDE)
    found.append(dataclasses.replace(worse, status=Status.REGRESS, required=False))
    settled = dataclasses.replace(verdict(), decision=Decision.GO, comparisons=tuple(found), reasons=("all is fine",))
    return view(settled, plan(), (NODE,), IDENTITIES, evidence())


def hold() -> View:
    """HOLD: evidence is missing, the node and the identities are unknown."""
    missing = comparison(
        "operator:gemm", "1024x1024", OPERATORS, "latency", Status.MISSING,
        "latency: 6 of the 10 pairs of round 1",
    )  # fmt: skip
    unplaced = Rejection("driver 580.95.05", "no node of ring canary has it", blocking=True)
    waiting = dataclasses.replace(
        verdict(), decision=Decision.HOLD, comparisons=(missing,), tiers={}, nodes=("canary-02",),
        differences=(),
        reasons=(said(missing), "no evidence of tier aot, static, which the ring asks for"),
    )  # fmt: skip
    return view(waiting, dataclasses.replace(plan(), rejections=(unplaced,)), (), {}, ())


def empty() -> View:
    """HOLD with nothing at all."""
    nothing = dataclasses.replace(
        verdict(), decision=Decision.HOLD, comparisons=(), tiers={}, nodes=(), differences=(), not_covered=(),
        reasons=("no required case was executed cleanly",),
    )  # fmt: skip
    bare = dataclasses.replace(plan(), items=(), findings=(), rejections=(), content={})
    return view(nothing, bare, (), {}, ())


HOSTILE = (
    "</script></style><script>document.title='ran'</script><img src=x onerror=\"document.title='ran'\">"
    "' onload=\"document.title='ran'\" {{ 7*7 }} {% x %} | `tick` **bold** [link](javascript:alert(1)) "
    "https://evil.example "
    "@someone \x1b[31mred\x1b]8;;http://evil.example\x07 \u202etxt.exe \ud800 \x00 [bold]markup[/bold] "
    "&lt;b&gt;\n\n# heading\n- list"
)


def hostile() -> View:
    """The demonstration with a hostile string in every field that is text; enumerations and digests' shape stay."""
    names = {name: spoiled(value) for name, value in IDENTITIES.items()}
    records = tuple(dataclasses.replace(spoiled(entry), identity=entry.identity) for entry in evidence())
    return view(spoiled(verdict()), spoiled(plan()), (spoiled(NODE),), names, records)


def spoiled(value: object) -> object:
    """``value`` with ``HOSTILE`` put behind every string in it, so that different strings stay different."""
    return walked(value, "", lambda _, text: text + HOSTILE)
