"""Documents of every kind with every field set, so that a field that is lost on the way is seen."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from compat.errors import StoreError
from compat.model import (
    SCHEMA_VERSION,
    Arm,
    Artifact,
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
    Gpu,
    Identity,
    Item,
    Kind,
    Measurement,
    Metric,
    MetricPolicy,
    Node,
    NumericsPolicy,
    Output,
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
from compat.store import Store

OLD, NEW = {"runtime": "old", "torch": "12.10"}, {"runtime": "new", "torch": "12.1"}
LATENCY = Metric("latency", "s", Direction.LOWER, Kind.SAMPLED)
REGISTERS = Metric("registers", "registers", Direction.HIGHER, Kind.EXACT, gated=False)
CASE = Case(
    "model:digits",
    "batch-1",
    Tier.CPU,
    {"shape": [1, 2], "deep": {"a": None, "b": [True, 1e-5, "1.0", -0.0, 2**53]}},
    (LATENCY, REGISTERS),
    ("numpy",),
    1e-5,
    3,
    Artifact("digits==1.0", "digits/model.onnx", "a" * 64),
    digest("content"),
    ("numpy",),
    (Output("y", "<f4", (2, 3), "9" * 64, 1),),
)
CELL = Cell("new-1a2b", NEW, OLD, "digits", required=False)
ITEM = Item("model:digits[batch-1]@new-1a2b", CELL, CASE, 60.5, required=False)
POLICY = Policy(
    metrics={"latency": MetricPolicy(0.1, 0.02, 0.3, 4.0)},
    numerics=NumericsPolicy(3.0, 8, "fail"),
    rounds=(4, 8),
    pairs_per_generation=4,
    pass_alpha=0.01,
    regress_alpha=0.02,
    fault_attempts=5,
    fault_needed=3,
    undeclared="warn",
    settings="warn",
)
PLAN = Plan(
    SCHEMA_VERSION,
    "näme",
    digest("matrix"),
    "0.1.0",
    OLD,
    NEW,
    {
        "old": Runtime("old", base="debian:bookworm", requirements=("numpy==2.2.6",), values={"runtime": "old"}),
        "new": Runtime("new", image="image@sha256:0", env={"A": "b"}),
        "here": Runtime("here", python="python3"),
    },
    (Ring("canary", (Tier.STATIC, Tier.CPU), 2, 60.0, {"rack": "7"}, after="lab"),),
    POLICY,
    (ITEM,),
    (Finding("new-1a2b", Arm.CANDIDATE, "driver", "unknown", "who knows", "table, 2026-11-01"),),
    (Rejection("point", "cannot be", blocking=True),),
    {"model:digits": digest("content")},
)
IDENTITY = Identity(
    "3.11.9", "CPython", "x86_64", {"numpy": "2.2.6"}, {"OMP_NUM_THREADS": "1"}, {"libc.so.6": "b" * 64},
    {"kernel_module": "570.1"}, {"GPU-1 power limit": "350 W"}, "sha256:" + "c" * 64, ("sha256:" + "d" * 64,),
)  # fmt: skip
NODE = Node(
    "n1", "höst", "CPU @ 2 GHz", 2, 2**34, "6.1", "570.1",
    (Gpu("GPU-1", "H100", 80 << 30, "9.0"), Gpu("GPU-2")), {"rack": "7"},
)  # fmt: skip
EVIDENCE = Evidence(
    schema_version=SCHEMA_VERSION,
    plan=digest(PLAN),
    item=ITEM.key,
    content=CASE.content,
    arm=Arm.CANDIDATE,
    stack=NEW,
    runtime="new",
    node="n1",
    identity=digest(IDENTITY),
    tier=Tier.CPU,
    round=2,
    generation=3,
    pair=4,
    started="2026-11-23T12:00:00.000+00:00",
    seconds=0.1,
    inputs="c" * 64,
    measurements=(
        Measurement("latency", "s", Direction.LOWER, Kind.SAMPLED, (1e-9, 0.1, 1 / 3, 5e-324, 1.7e308, 2.0)),
    ),
    outputs=(Output("y", "<f4", (2, 0, 3), "d" * 64, 1, True), Output("text", "utf-8", (), "e" * 64)),
    fault=Fault("run", FaultKind.CRASH, "ended by SIGSEGV", "SIGSEGV", "last\x00words\n\x1b[31m\ufffd"),
    notes=("a note",),
)
COMPARISON = Comparison(
    ITEM.key, CELL.id, CASE.workload, CASE.id, Tier.CPU, "latency", Status.REGRESS, "slower", False, Kind.SAMPLED, "s",
    0.1, "1.5", 0.2, (0.1, 0.3), 0.03, 10, (("numpy", "1.26.4", "2.2.6"),),
    (
        Closeness("y", Arm.KNOWN_GOOD, 64, 1e-7, 2e-8, 3, 0.25, 4, 5),
        Closeness("text", Arm.CANDIDATE, 1),
    ),
)  # fmt: skip
VERDICT = Verdict(
    SCHEMA_VERSION, Decision.NO_GO, "matrix", "canary", digest(PLAN), digest("matrix"), "f" * 64, "0.1.0",
    "2026-11-23T12:00:00Z", OLD, NEW, ("it is slower",), (COMPARISON, replace(COMPARISON, known_good=None, kind=None)),
    {"cpu": 1}, ("n1",), ("gpu",), (("numpy", "1.26.4", "2.2.6", True),), POLICY,
)  # fmt: skip


def evidence(**changes: Any) -> Evidence:
    """The record, changed by ``changes``."""
    return replace(EVIDENCE, **changes)


def one_line(refused: pytest.ExceptionInfo[StoreError]) -> str:
    said = str(refused.value)
    assert "\n" not in said
    assert refused.value.where
    return said


def every_file(store: Store) -> list[str]:
    return sorted(str(path.relative_to(store.root)) for path in store.root.rglob("*") if path.is_file())
