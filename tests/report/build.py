"""A verdict as it comes from a real run, for the tests to render: an ordinary one, and the awkward ones."""

from __future__ import annotations

import dataclasses
import math
import random

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

KNOWN_GOOD = {"driver": "none", "runtime": "stack-2024"}
CANDIDATE = {"driver": "none", "runtime": "stack-2025"}
BETWEEN = {"driver": "none", "runtime": "stack-2024-numpy-2"}
ONNXRUNTIME = ("onnxruntime", "1.20.1", "1.23.2")
NUMPY = ("numpy", "1.26.4", "2.2.6")
TRITON = ("triton", "3.2.0", "3.5.1")
LATENCY = Metric("latency", "s", Direction.LOWER, Kind.SAMPLED)
MEMORY = Metric("memory", "B", Direction.LOWER, Kind.BOUNDED)
MATRIX_INSTRUCTIONS = Metric("matrix_instructions", "instructions", Direction.HIGHER, Kind.EXACT)
MIB = 2**20
POLICY = Policy(
    rounds=(10, 20), metrics={"latency": MetricPolicy(), "memory": MetricPolicy(relative=0.02, absolute=16 * MIB)}
)
TRACEBACK = """Traceback (most recent call last):
  File "numpy_promotion.py", line 31, in work
    return {"sum": numpy.uint8(200) + 300}
OverflowError: Python integer 300 out of bounds for uint8"""

CLOSENESS = (
    Closeness("probabilities", Arm.KNOWN_GOOD, 1284, 1.2e-7, 1.91e-7, 2, 0.99999999996, None, 0),
    Closeness("probabilities", Arm.CANDIDATE, 1284, 2.5e-7, 2.1e-7, 5, 0.99999999995, None, 1),
    Closeness("tokens", Arm.CANDIDATE, 12, mismatches=3),
)

POINTS = {
    "stack-2025-5e1c4a": Cell("stack-2025-5e1c4a", CANDIDATE, KNOWN_GOOD, None),
    "stack-2025-magika-77d0b1": Cell("stack-2025-magika-77d0b1", CANDIDATE, KNOWN_GOOD, "magika"),
    "stack-2024-numpy-2-c0a4e9": Cell("stack-2024-numpy-2-c0a4e9", BETWEEN, KNOWN_GOOD, None, required=False),
}
OPERATORS, MODELS, NUMPY_ONLY = POINTS

NODE = Node("canary-01", "canary-01", "AMD EPYC 7763", 2, 8 * 2**30, "6.1.0-28-amd64", labels={"ring": "canary"})


def identity(arm: Arm) -> Identity:
    """What an arm was: the versions differ, and one package nobody declared."""
    side = 1 if arm is Arm.KNOWN_GOOD else 2
    versions = {component[0]: component[side] for component in (ONNXRUNTIME, NUMPY, TRITON)}
    return Identity("3.11.2", "cpython", "x86_64", {**versions, "protobuf": ("5.29.2", "6.33.0")[side - 1]})


IDENTITIES = {digest(identity(arm)): identity(arm) for arm in Arm}


def comparison(
    workload: str, case: str, cell: str, metric: str, status: Status, reason: str, **more: object
) -> Comparison:
    """A comparison of an item, required where its cell is."""
    tier = more.pop("tier", Tier.CPU)
    base = Comparison(item_key(workload, case, cell), cell, workload, case, tier, metric, status, reason)
    return dataclasses.replace(base, required=POINTS[cell].required, **more)


def item_key(workload: str, case: str, cell: str) -> str:
    """The readable name of an item, as the plan makes it."""
    return f"{cell}/{workload}[{case}]"


def latency(
    workload: str, case: str, cell: str, status: Status, reason: str, good: float, effect: float, **more: object
) -> Comparison:
    """A comparison of latency: ``good`` seconds, and ``effect`` as a log ratio."""
    spread = more.pop("spread", 0.006)
    return comparison(
        workload, case, cell, "latency", status, reason,
        kind=Kind.SAMPLED, unit="s", known_good=good, candidate=good * math.exp(effect), effect=effect,
        interval=(effect - spread, effect + spread), limit=math.log1p(0.03), **more,
    )  # fmt: skip


def comparisons(between: bool = False) -> tuple[Comparison, ...]:
    """Three regressions, an open question, a fix, what passed; and with ``between`` a stack on the way."""
    pool, promotion, matmul, magika = (
        "operator:average_pool",
        "operator:numpy_promotion",
        "kernel:matmul",
        "model:magika",
    )
    ort, triton, both = {"versions": (ONNXRUNTIME,)}, {"versions": (TRITON,)}, {"versions": (ONNXRUNTIME, NUMPY)}
    code = {"tier": Tier.AOT, "kind": Kind.EXACT, "pairs": 2, **triton}
    count = {**code, "unit": "instructions", "known_good": 32.0, "limit": 0.0}
    ran = "execution: no fault in 20 runs"
    passed = "latency {} (95 % interval {}, 10 pairs), margin 3 %: {}"
    found = [
        comparison(
            pool, "ceil-include-pad", OPERATORS, "outputs", Status.REGRESS,
            "outputs: y differs by a relative L2 of 0.165, the tolerance is 1e-05; the sum is 9.38 -> 10.93",
            known_good=0.0, candidate=0.165, limit=1e-5, pairs=2, **ort,
        ),
        comparison(pool, "ceil-include-pad", OPERATORS, "execution", Status.PASS, ran, **ort),
        comparison(
            matmul, "fp16-sm_75", OPERATORS, "matrix_instructions", Status.REGRESS,
            "matrix_instructions 32 -> 0 instructions; at most 0 instructions fewer would pass", candidate=0.0, **count,
        ),
        comparison(
            matmul, "fp16-sm_75", OPERATORS, "spills", Status.PASS, "spills unchanged: 0 B",
            unit="B", known_good=0.0, candidate=0.0, limit=0.0, **code,
        ),
        comparison(matmul, "fp16-sm_75", OPERATORS, "execution", Status.PASS, ran, tier=Tier.AOT, **triton),
        comparison(
            matmul, "fp16-sm_90", OPERATORS, "matrix_instructions", Status.PASS,
            "matrix_instructions unchanged: 32 instructions", candidate=32.0, **count,
        ),
        comparison(
            promotion, "uint8-overflow", OPERATORS, "execution", Status.REGRESS,
            "execution: the candidate faulted in 3 of 3 attempts, the known-good arm in none of 3: exception at "
            "stage run: "
            "OverflowError: Python integer 300 out of bounds for uint8",
            known_good="ran", candidate="exception at stage run", versions=(NUMPY,),
        ),
        comparison(
            promotion, "float32-scalar", OPERATORS, "outputs", Status.PASS, "outputs: equal in dtype, shape and value",
            pairs=2, versions=(NUMPY,),
        ),
        latency(
            pool, "no-pad", OPERATORS, Status.PASS, passed.format("2.1 % faster", "1.5 to 2.7 %", "310 us -> 303.6 us"),
            3.1e-4, -0.021, pairs=10, **ort,
        ),
        latency(
            "operator:gemm", "1024x1024", OPERATORS, Status.PASS,
            passed.format("0.4 % slower", "-0.2 to 1 %", "12.3 ms -> 12.35 ms"), 0.0123, 0.004, pairs=10, **ort,
        ),
        latency(
            "operator:softmax", "rows-4096", OPERATORS, Status.INCONCLUSIVE,
            "latency 1.9 % slower (95 % interval -0.8 to 4.7 %, 30 pairs), margin 3 %: 840 us -> 856.1 us; "
            "open after all 2 rounds; would have found 4.1 %",
            8.4e-4, 0.019, spread=0.027, pairs=30, **ort,
        ),
        latency(
            magika, "batch-32", MODELS, Status.PASS, passed.format("3.3 % faster", "2.8 to 3.9 %",
            "58.7 ms -> 56.74 ms"),
            0.0587, -0.034, pairs=10, **both,
        ),
        comparison(
            magika, "batch-32", MODELS, "memory", Status.PASS, "memory 187 MiB -> 191.5 MiB, within the 16 MiB allowed",
            kind=Kind.BOUNDED, unit="B", known_good=187.0 * MIB, candidate=191.5 * MIB, limit=16.0 * MIB, pairs=10,
            **both,
        ),
        comparison(
            magika, "batch-32", MODELS, "outputs", Status.PASS, "outputs: a relative L2 of 2.1e-07, the tolerance "
            "is 1e-05",
            known_good=0.0, candidate=2.1e-7, limit=1e-5, pairs=2, closeness=CLOSENESS, **both,
        ),
        comparison(
            magika, "legacy-opset", MODELS, "execution", Status.FIXED,
            "execution: the known-good arm faulted in 3 of 3 attempts and the candidate in none: load at stage prepare",
            known_good="load at stage prepare", candidate="ran", **both,
        ),
        of_cell(MODELS, "environment", MODELS, Tier.CPU, "environment: 3 differences between the arms, all declared"),
        of_cell(OPERATORS, "static", "requires-python", Tier.STATIC,
        "static:requires-python: every wheel accepts Python 3.11"),
        dataclasses.replace(
            of_cell(OPERATORS, "environment", OPERATORS, Tier.CPU,
            "environment: 1 difference not declared: protobuf 5.29.2 -> 6.33.0"),
            status=Status.INVALID,
        ),
    ]  # fmt: skip
    if between:
        found += [
            comparison(
                promotion, "uint8-overflow", NUMPY_ONLY, "execution", Status.REGRESS,
                "execution: the candidate faulted in 3 of 3 attempts, the known-good arm in none of 3: exception at "
                "stage run",
                known_good="ran", candidate="exception at stage run", versions=(NUMPY,),
            ),
            comparison(
                pool, "ceil-include-pad", NUMPY_ONLY, "outputs", Status.PASS, "outputs: equal in every bit",
                known_good=0.0, candidate=0.0, limit=1e-5, pairs=2,
            ),
        ]  # fmt: skip
    return tuple(found)


def of_cell(cell: str, workload: str, case: str, tier: Tier, reason: str) -> Comparison:
    """What is said of a cell as a whole, and of no item of the plan."""
    metric = workload if workload == "environment" else f"{workload}:{case}"
    return Comparison(cell, cell, workload, case, tier, metric, Status.PASS, reason)


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
    if type(value) is str:
        return value + HOSTILE
    if isinstance(value, tuple):
        return tuple(spoiled(entry) for entry in value)
    if isinstance(value, dict):
        return {spoiled(name): spoiled(entry) for name, entry in value.items()}
    if dataclasses.is_dataclass(value):
        fields = {field.name: spoiled(getattr(value, field.name)) for field in dataclasses.fields(value)}
        return dataclasses.replace(value, **fields)
    return value
