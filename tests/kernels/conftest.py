"""Runtimes with a Triton and torch, made as the product makes them, and the releases that the tests run."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from compat.model import Runtime
from compat.run.runtime import Folders
from compat.run.venv import VenvRuntime

ROOT = Path(__file__).parents[2]
# make test runs one release, make kernels every one that is supported.
RELEASES = os.environ.get("COMPAT_TRITONS", "3.5.1").split()


@pytest.fixture(scope="session", params=RELEASES)
def triton_runtime(
    request: pytest.FixtureRequest, runtime_cache: Path, tmp_path_factory: pytest.TempPathFactory
) -> VenvRuntime:
    """A virtual environment with torch for a CPU, and a release of Triton."""
    requirements = (f"triton=={request.param}", "torch==2.13.0", "numpy==2.3.5")
    own = tmp_path_factory.mktemp("content")
    folders = Folders((ROOT / "kernels", own), tmp_path_factory.mktemp("artifacts"))
    runtime = VenvRuntime(Runtime(f"triton-{request.param}", requirements=requirements), folders, runtime_cache)
    runtime.build()
    return runtime
