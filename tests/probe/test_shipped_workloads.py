"""The shipped workloads in real runtimes: the operator that changed, those that did not, and which paths they took."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from compat.model import Runtime
from compat.probe.child import load_content
from compat.run.in_place import InPlaceRuntime
from compat.run.session import Session
from tests.rig import make_case, make_folders

ROOT = Path(__file__).parents[2]

# Runs inside a runtime: the output y of every case of a workload file, as [type, shape, values], and where the file has
# an oracle the relative error against it in place of the values.
RUN = """
import json, sys
import numpy as np
from compat.probe.child import load_content
from compat.probe.tools import Tools
module = load_content(sys.argv[1])
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


# -- which path a case took, through a probe ---------------------------------------------------------------------------


def took(spec: Runtime, folder: Path, name: str, *cases: str) -> list[dict[str, str]]:
    """What cases of a shipped workload say, run by a probe in that runtime; without cases all of them."""
    path = ROOT / "workloads" / f"{name}.py"
    known = load_content(str(path)).CASES
    session = Session(InPlaceRuntime(spec, make_folders(folder)), ("numpy",))
    found = []
    try:
        for case in cases or known:
            result, _ = session.run(make_case(id=case, params=json.loads(json.dumps(known[case]))), path, None, 60.0)
            assert result.fault is None, result.fault
            found.append(result.took)
    finally:
        session.close()
    return found


@pytest.mark.parametrize("processor", ["Nehalem", "Sandybridge"])
def test_a_product_says_which_processor_s_kernels_it_took(tmp_path: Path, processor: str) -> None:
    built: Any = np.show_config(mode="dicts")
    version = built["Build Dependencies"]["blas"]["version"]
    spec = Runtime("here", env={"OPENBLAS_CORETYPE": processor})
    found = took(spec, tmp_path, "numpy_linalg", "matmul-float32", "matmul-batched-float32", "solve-float64")
    assert found == [{"BLAS": f"OpenBLAS {version} {processor}"}] * 3


def test_a_sort_says_how_wide_its_instructions_may_be(tmp_path: Path) -> None:
    built: Any = np.show_config(mode="dicts")
    *fewer, last = built["SIMD Extensions"]["found"]
    cases = ("sort-float32", "reductions-float32")
    assert took(Runtime("all"), tmp_path, "numpy_linalg", *cases) == [{"vector instructions": f"up to {last}"}] * 2
    without = took(Runtime("fewer", env={"NPY_DISABLE_CPU_FEATURES": last}), tmp_path, "numpy_linalg", *cases)
    assert without == [{"vector instructions": f"up to {fewer[-1]}"} if fewer else {}] * 2


@pytest.mark.network
@pytest.mark.parametrize(("arm", "blas"), [("known-good", "OpenBLAS 0.3.23.dev"), ("candidate", "OpenBLAS 0.3.29")])
def test_both_arms_of_the_demo_say_it(runtimes: dict[str, Path], tmp_path: Path, arm: str, blas: str) -> None:
    spec = Runtime(arm, python=str(runtimes[arm]), env={"OPENBLAS_CORETYPE": "Nehalem"})
    product, _, _, transform, sort, _ = took(spec, tmp_path, "numpy_linalg")
    assert (product, transform) == ({"BLAS": f"{blas} Nehalem"}, {})
    assert sort["vector instructions"].startswith("up to ")
    for name in ("average_pool", "matmul_onnx"):
        found = took(spec, tmp_path, name)
        assert found == [{"providers": "CPUExecutionProvider"}] * len(found)
