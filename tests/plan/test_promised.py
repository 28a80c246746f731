from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from compat.model import AOT_METRICS, STANDARD, Artifact, Direction, Kind, Metric, Tier
from compat.plan.content import Workload
from compat.plan.promised import promised

PLAIN = Workload("operator:x", Path("x.py"), "", (), {}, (), ("numpy",), (), 0.0, 1, None, None)
MODEL = replace(PLAIN, name="model:x")
OWN = Metric("rate", "items/s", Direction.HIGHER, Kind.SAMPLED)
ARTIFACT = Artifact("m==1", "m.onnx", "0" * 64)

EVERYWHERE = frozenset(Tier)
ALWAYS = {"nondeterministic"}
HOST = ALWAYS | {"memory", "memory_virtual", "memory_cgroup"}
TIMED = HOST | {"latency", "first_call", "leak", "memory_private"}
GPU = {"memory_context", "memory_device", "sm_clock", "temperature", "power", "throttled"}
TORCH = {"memory_allocated", "memory_reserved"}


@pytest.mark.parametrize(
    ("tier", "declared", "expected"),
    [
        (Tier.CPU, {}, HOST),
        (Tier.CPU, {"timed": EVERYWHERE}, TIMED),
        (Tier.CPU, {"timed": frozenset({Tier.GPU})}, HOST),
        (Tier.CPU, {"timed": EVERYWHERE, "items": "batch"}, TIMED | {"throughput"}),
        (Tier.CPU, {"imports": ("numpy",)}, HOST | {"import_time"}),
        (Tier.CPU, {"artifact": ARTIFACT}, HOST | {"load_time"}),
        (Tier.CPU, {"splits": True}, HOST | {"batch_mismatches"}),
        (Tier.CPU, {"components": ("torch",)}, HOST),
        (Tier.CPU, {"own_metrics": (OWN,)}, HOST | {"rate"}),
        (Tier.GPU, {}, HOST | GPU),
        (Tier.GPU, {"timed": EVERYWHERE, "components": ("numpy", "torch")}, TIMED | GPU | TORCH),
        (Tier.INTERPRETED, {}, ALWAYS),
        (
            Tier.INTERPRETED,
            {"timed": EVERYWHERE, "items": 1.0, "imports": ("triton",), "artifact": ARTIFACT, "splits": True},
            ALWAYS | {"batch_mismatches"},
        ),
    ],
)
def test_the_declarations_and_the_tier_decide(tier: Tier, declared: dict[str, Any], expected: set[str]) -> None:
    found = promised(replace(PLAIN, **declared), tier, {})
    assert {metric.name for metric in found} == expected
    assert len(found) == len(expected)
    assert all(metric == STANDARD.get(metric.name, OWN) for metric in found)


def test_a_kernel_has_what_its_compiler_tells() -> None:
    assert promised(replace(PLAIN, timed=EVERYWHERE), Tier.AOT, {"target": "sm_90"}) == AOT_METRICS
    other = promised(PLAIN, Tier.AOT, {"target": "gfx942"})
    assert {metric.name for metric in AOT_METRICS} - {metric.name for metric in other} == {"occupancy"}


def test_every_metric_of_the_catalogue_is_promised_to_some_case() -> None:
    everything = replace(
        MODEL, timed=EVERYWHERE, items=1.0, splits=True, imports=("torch",), components=("torch",), artifact=ARTIFACT
    )
    assert {metric.name for metric in promised(everything, Tier.GPU, {"backend": "inductor"})} == STANDARD.keys()


@pytest.mark.parametrize(
    ("params", "more", "less"),
    [
        ({}, set(), set()),
        ({"backend": "eager"}, set(), set()),
        ({"backend": "exported"}, {"compile_time"}, set()),
        ({"backend": "inductor"}, {"compile_time", "graph_breaks"}, set()),
        ({"backend": "inductor", "cold": False}, {"compile_time", "graph_breaks"}, set()),
        ({"backend": "inductor", "cold": True}, {"compile_time", "graph_breaks"}, TIMED - HOST),
        ({"backend": "aot_inductor", "cold": True}, {"compile_time"}, TIMED - HOST),
    ],
)
def test_a_model_has_what_compiling_it_takes(params: dict[str, Any], more: set[str], less: set[str]) -> None:
    found = {metric.name for metric in promised(replace(MODEL, timed=EVERYWHERE), Tier.CPU, params)}
    assert found == (TIMED | more) - less


def test_what_an_operator_calls_its_backend_is_its_own() -> None:
    found = promised(replace(PLAIN, timed=EVERYWHERE), Tier.CPU, {"backend": "flash", "cold": True})
    assert {metric.name for metric in found} == TIMED


def test_a_graph_break_more_is_judged_and_the_time_is_shown() -> None:
    breaks, seconds = STANDARD["graph_breaks"], STANDARD["compile_time"]
    assert (breaks.unit, breaks.direction, breaks.kind, breaks.gated) == ("breaks", Direction.LOWER, Kind.EXACT, True)
    assert (seconds.kind, seconds.gated) == (Kind.SAMPLED, False)
