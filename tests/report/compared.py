"""What the demonstration compares: its stacks, its cells, and a comparison of every kind that a report tells apart."""

from __future__ import annotations

import dataclasses
import math

from compat.model import (
    Arm,
    Cell,
    Closeness,
    Comparison,
    Direction,
    Kind,
    Metric,
    Status,
    Tier,
)

__all__ = [
    "BETWEEN",
    "CANDIDATE",
    "CLOSENESS",
    "KNOWN_GOOD",
    "LATENCY",
    "MATRIX_INSTRUCTIONS",
    "MEMORY",
    "MIB",
    "MODELS",
    "NUMPY",
    "NUMPY_ONLY",
    "ONNXRUNTIME",
    "OPERATORS",
    "POINTS",
    "TRITON",
    "comparison",
    "comparisons",
    "item_key",
    "latency",
    "of_cell",
]

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
