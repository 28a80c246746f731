from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import pytest

from compat.model import Node
from compat.plan import build_plan, load_matrix

if TYPE_CHECKING:
    from pathlib import Path

    from compat.model import Plan

MATRIX = """\
name: demo
axes:
  runtime: [old, new]
  model: [tiny]
known_good: {runtime: old}
candidate: {runtime: new}
runtimes:
  old: {base: "debian:bookworm", requirements: ["onnxruntime==1.20.1", "numpy==1.26.4", "triton==3.2.0"]}
  new: {base: "debian:bookworm", requirements: ["onnxruntime==1.23.2", "numpy==2.2.6", "triton==3.5.1"]}
workloads:
  - {select: "kernel:*", targets: [sm_75, sm_80]}
  - {select: "operator:*"}
  - {select: "model:*", timeout: 5m}
rings:
  - {name: canary, tiers: [static, aot, cpu], budget: 20m}
policy:
  latency: {margin: 10%}
  memory: {relative: 5%, absolute: 16MiB}
"""

# Two of each kind of axis: the driver is the node's, cuda and flavour are the runtime's.
AXES = """\
name: skew
axes:
  driver: ["570.172.08", "580.95.05"]
  cuda: ["12.8", "13.0"]
  runtime: [old, new]
known_good: {driver: "570.172.08", runtime: old}
candidate: {driver: "580.95.05", runtime: new}
runtimes:
  old: {image: "example/torch:2.10", cuda: "12.8"}
  new: {image: "example/torch:2.11", values: {cuda: "13.0"}}
workloads:
  - {select: "operator:*"}
rings:
  - {name: canary, tiers: [cpu]}
policy:
  latency: {margin: 10%}
"""

KERNEL = '''\
"""Adds."""

COMPONENTS = ("triton",)
IMPORTS = ("triton",)
AOT = {"fp16": {"signature": {"x": "*fp16", "n": "i32"}, "constexprs": {"BLOCK": 64}, "divisible": ("x",)}}
'''

OPERATOR = '''\
"""Sums."""

COMPONENTS = ("numpy",)
KIND = "operator"
TIERS = ("cpu",)
TOLERANCE = 1e-6
CASES = {"small": {"n": 3}, "large": {"n": 300, "tolerance": 1e-3}}
'''

PER_TARGET = OPERATOR.replace('"large": {', '"code": {"per_target": True, "tiers": ("cpu",), ')

MODEL = '''\
"""A tiny model."""

COMPONENTS = ("onnxruntime", "numpy")
KIND = "model"
TIERS = ("cpu", "gpu")
TOLERANCE = 1e-4
ONNX_IR = 8
CASES = {"batch-1": {"batch": 1}}
'''


class Write(Protocol):
    def __call__(self, text: str, name: str = "matrix.yaml") -> Path: ...


class PlanText(Protocol):
    def __call__(self, text: str, node: Node | None = None) -> Plan: ...


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def _write(text: str, name: str = "matrix.yaml") -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    return _write


@pytest.fixture
def shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write: Write) -> Path:
    """A kernel, an operator and a model instead of the content we ship."""
    root = tmp_path / "shipped"
    monkeypatch.setattr("compat.plan.content.content_folder", lambda name: root / name)
    write(KERNEL, "shipped/kernels/add.py")
    write(OPERATOR, "shipped/workloads/total.py")
    write(MODEL, "shipped/workloads/tiny.py")
    return root


@pytest.fixture
def plan_text(write: Write, shipped: Path) -> PlanText:
    def _plan(text: str, node: Node | None = None) -> Plan:
        return build_plan(load_matrix(write(text)), node=node, compat_version="0")

    return _plan


@pytest.fixture
def node() -> Node:
    return Node(id="n1", hostname="gpu-1", cpu="x", cores=8, memory_bytes=1 << 33, kernel="6.1", driver="580.95.05")
