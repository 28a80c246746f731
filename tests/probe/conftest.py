"""The two real stacks of the demo's upgrade, for the tests marked ``network``."""

from __future__ import annotations

from pathlib import Path

import pytest

from compat.plan import load_matrix
from compat.run.venv import VenvRuntime
from tests.rig import make_folders

DEMO = Path(__file__).parents[2] / "matrices" / "demo.yaml"


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
