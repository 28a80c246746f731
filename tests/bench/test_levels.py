"""The noise of a real case, level by level: processes, generations, installs."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from compat.model import Runtime
from compat.run.session import Session
from compat.run.venv import VenvRuntime
from compat.way import Options

from .conftest import Record
from .levels import levels
from .work import Upgrade, make_job

INSTALLS, GENERATIONS, PROCESSES = 4, 10, 3
REQUIREMENTS = ("numpy==2.2.6",)
WORKLOAD, CASE = "operator:numpy_linalg", "matmul-float32"


@pytest.mark.network
@pytest.mark.figures("probe.generation_sd", "probe.process_sd", "probe.pair_generation_sd", "probe.install_sd")
def test_the_noise_of_a_real_case(
    tmp_path: Path, runtime_cache: Path, record: Record, note: Callable[[str], None]
) -> None:
    options = Options(engine="venv", cache=runtime_cache)
    upgrade = Upgrade.realise(tmp_path, make_job(tmp_path, options, WORKLOAD, REQUIREMENTS))
    (item,) = (item for item in upgrade.job.items if item.case.id == CASE)
    folders = upgrade.prepared.folders
    runtimes = [
        VenvRuntime(Runtime(f"install-{n}", requirements=REQUIREMENTS), folders, tmp_path / f"install-{n}")
        for n in range(INSTALLS)
    ]
    for runtime in runtimes:
        runtime.build()
    values = np.empty((INSTALLS, GENERATIONS, PROCESSES))
    order = random.Random()  # noqa: S311 - the order of runs
    for generation in range(GENERATIONS):
        sessions = [Session(runtime, item.case.imports) for runtime in runtimes]
        try:
            for process in range(PROCESSES):
                for install in order.sample(range(INSTALLS), INSTALLS):
                    result = upgrade.run(sessions[install], item)
                    (latency,) = (m.samples for m in result.measurements if m.metric == "latency")
                    values[install, generation, process] = np.median(np.log(latency))
        finally:
            for session in sessions:
                session.close()
    found = levels(values)
    record("probe.process_sd", found.process)
    record("probe.generation_sd", found.generation)
    record("probe.pair_generation_sd", found.pair_generation)
    record("probe.install_sd", found.install)
    note(
        f"noise of {WORKLOAD}[{CASE}], {np.exp(values.mean()) * 1e3:.2f} ms, {INSTALLS} installs x {GENERATIONS}"
        f" generations x {PROCESSES} processes: {found.process:.2%} between processes, {found.generation:.2%} between"
        f" generations ({found.pair_generation:.2%} of a pair's difference), {found.install:.2%} between installs"
    )
