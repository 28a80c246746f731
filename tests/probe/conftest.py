"""Real stacks, for the tests marked ``network``: the two of the demo's upgrade, and torch."""

from __future__ import annotations

from pathlib import Path

import pytest

from compat.model import Runtime
from compat.plan import load_matrix
from compat.run.venv import VenvRuntime
from tests.bench.work import TORCH
from tests.rig import make_folders

DEMO = Path(__file__).parents[2] / "matrices" / "demo.yaml"


@pytest.fixture(scope="session")
def torch_python(runtime_cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of the benchmarks' environment with torch, of whatever build pip takes here."""
    spec = Runtime("torch", requirements=TORCH)
    runtime = VenvRuntime(spec, make_folders(tmp_path_factory.mktemp("torch")), runtime_cache)
    runtime.build()
    return runtime.python


@pytest.fixture(scope="session")
def runtimes(runtime_cache: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The interpreters of the demo's known-good and candidate runtime, built once and shared with the demo itself."""
    from compat.plan.plan import build_plan

    plan = build_plan(load_matrix(DEMO), compat_version="0")
    folders = make_folders(tmp_path_factory.mktemp("demo"))
    found = {}
    for name, stack in (("known-good", plan.known_good), ("candidate", plan.candidate)):
        runtime = VenvRuntime(plan.runtimes[stack["runtime"]], folders, runtime_cache)
        runtime.build()
        found[name] = runtime.python
    return found
