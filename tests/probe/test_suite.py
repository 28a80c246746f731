"""Benchmarks of somebody's suite, by a runtime that has pytest and pytest-benchmark and nothing of ours."""

from __future__ import annotations

from pathlib import Path

import pytest

from compat.model import FaultKind, Metric, Runtime, Tier
from compat.model.words import Direction, Kind
from compat.plan.cases import cases_of
from compat.plan.content import read_file
from compat.run.session import Session
from compat.run.venv import VenvRuntime
from tests.rig import make_folders

WORKLOAD = '''"""Speed that somebody measures."""

KIND = "pytest"
COMPONENTS = ("numpy",)
TIERS = ("cpu",)
METRICS = ({"name": "test_speed", "unit": "s", "direction": "lower", "kind": "sampled"},)
CASES = {"mine": {"path": "suite/test_mine.py", "options": ("--benchmark-min-rounds=7", "--benchmark-max-time=0.1")}}
'''
SUITE = "def test_speed(benchmark):\n    benchmark(sum, range(1000))\n\ndef test_fine():\n    pass\n"


@pytest.fixture(scope="module")
def runtime(tmp_path_factory: pytest.TempPathFactory, runtime_cache: Path) -> VenvRuntime:
    requirements = ("pytest==8.4.2", "pytest-benchmark==5.1.0", "numpy==2.2.6")
    folders = make_folders(tmp_path_factory.mktemp("suites"))
    made = VenvRuntime(Runtime("suites", requirements=requirements), folders, runtime_cache)
    made.build()
    return made


@pytest.mark.network
def test_a_benchmark_s_rounds_are_samples_and_one_that_is_not_there_is_a_fault(runtime: VenvRuntime) -> None:
    folder = runtime._folders.content[0]
    (folder / "suite").mkdir()
    (folder / "mine.py").write_text(WORKLOAD)
    (folder / "suite/test_mine.py").write_text(SUITE)
    (case,) = cases_of(read_file(folder / "mine.py", kernel=False), {Tier.CPU})
    assert case.metrics == (Metric("test_speed", "s", Direction.LOWER, Kind.SAMPLED),)
    session = Session(runtime, ())
    try:
        result, frames = session.run(case, folder / "mine.py", None, 60.0)
        assert result.fault is None
        (measurement,) = result.measurements
        assert (measurement.metric, measurement.unit, 7 <= len(measurement.samples) <= 1000) == (
            "test_speed",
            "s",
            True,
        )
        assert all(0 < sample < 0.1 for sample in measurement.samples)
        assert frames[0].decode().splitlines() == [
            f'["test_mine::test_{each}", "passed", ""]' for each in ("fine", "speed")
        ]

        (folder / "suite/test_mine.py").write_text(SUITE + "\n")
        changed, _ = session.run(case, folder / "mine.py", None, 60.0)
        assert changed.fault is not None
        assert (changed.fault.kind, changed.fault.detail) == (
            FaultKind.EXCEPTION, "SuiteError: test_mine.py is not the file that was planned"
        )  # fmt: skip

        (folder / "suite/test_mine.py").write_text("def test_fine():\n    pass\n")
        (other,) = cases_of(read_file(folder / "mine.py", kernel=False), {Tier.CPU})
        lacks, _ = session.run(other, folder / "mine.py", None, 60.0)
        assert lacks.fault is not None
        assert lacks.fault.detail.startswith("SuiteError: pytest-benchmark's report cannot be read")
    finally:
        session.close()
