from __future__ import annotations

import subprocess
import sys

import compat.plan


def test_naming_the_package_costs_nothing() -> None:
    code = "import compat.plan, sys; print(sorted({'pydantic', 'yaml', 'packaging', 'numpy'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "[]\n"


def test_planning_imports_nothing_that_is_under_test() -> None:
    code = (
        "import compat.plan.plan, compat.plan.load, sys\n"
        "print(sorted({'torch', 'triton', 'onnxruntime', 'numpy', 'compat.judge', 'compat.run'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "[]\n"


def test_public_names() -> None:
    assert compat.plan.__all__ == ["build_plan", "load_matrix", "load_waivers"]
