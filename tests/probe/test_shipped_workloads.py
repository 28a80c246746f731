"""The shipped workloads in two real onnxruntimes: the one operator that changed, and the others that did not."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]

# Runs inside a runtime: the output y of every case of a workload file, as [type, shape, values], and where the file has
# an oracle the relative error against it in place of the values.
RUN = """
import importlib.util, json, sys
import numpy as np
from compat.probe.tools import Tools
spec = importlib.util.spec_from_file_location("content", sys.argv[1])
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
result = {}
for name, params in module.CASES.items():
    params = json.loads(json.dumps(params))
    tools = Tools(0)
    y = module.prepare(params, tools)()["y"]
    values = y.ravel().tolist()
    if hasattr(module, "reference"):
        tools.restart()
        oracle = module.reference(params, tools)["y"]
        assert oracle.shape == y.shape
        values = float(np.linalg.norm(y - oracle) / np.linalg.norm(oracle))
    result[name] = [str(y.dtype), list(y.shape), values]
print(json.dumps(result))
"""


def run_in(python: Path, name: str) -> dict[str, Any]:
    done = subprocess.run(
        [str(python), "-c", RUN, str(ROOT / "workloads" / f"{name}.py")],
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def relative(found: list[float], expected: list[float]) -> float:
    difference = sum((a - b) ** 2 for a, b in zip(found, expected, strict=True)) ** 0.5
    return float(difference / sum(b * b for b in expected) ** 0.5)


@pytest.mark.network
def test_only_the_average_pool_that_was_redefined_changes(runtimes: dict[str, Path]) -> None:
    before = run_in(runtimes["known-good"], "average_pool")
    after = run_in(runtimes["candidate"], "average_pool")
    changed = set()
    for case, (dtype, shape, values) in before.items():
        assert [dtype, shape] == after[case][:2]
        if not relative(after[case][2], values) <= 1e-6:
            changed.add(case)
    assert changed == {"ceil-include-pad"}


@pytest.mark.network
def test_dense_layers_agree_with_their_oracles_in_both(runtimes: dict[str, Path]) -> None:
    for python in runtimes.values():
        found = run_in(python, "matmul_onnx")
        assert len(found) == 5
        for case, (dtype, _, error) in found.items():
            assert dtype == "float32"
            assert 0.0 < error < 1e-6, case
