"""What a no-op case costs through the zygote: ``Session.run`` and the evidence, on disk."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

import compat
from compat.run.runtime import PINNED_THREADS
from compat.run.venv import VenvRuntime

from .conftest import Record
from .work import Upgrade, tree_cpu_seconds

ROUNDS = 300

# A process with what the zygote has, which then forks and does nothing else. Prints CPU seconds per fork.
BARE = """
import gc, os, resource, sys
sys.path.insert(0, {root!r})
import compat.probe.server
for name in {imports!r}:
    __import__(name)
gc.collect()
gc.freeze()
def used():
    spent = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in spent)
def fork():
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
for _ in range(10):
    fork()
before = used()
for _ in range({rounds}):
    fork()
print((used() - before) / {rounds})
"""


def _cost(benchmark: BenchmarkFixture, upgrade: Upgrade) -> tuple[float, float]:
    """Milliseconds and CPU milliseconds of a case, all processes of this machine that are ours together."""
    session = upgrade.start()
    try:
        for _ in range(10):
            upgrade.run(session)
        before = tree_cpu_seconds()
        benchmark.pedantic(upgrade.run, (session,), rounds=ROUNDS)
        cpu = tree_cpu_seconds() - before
    finally:
        session.close()
    return benchmark.stats.stats.mean * 1e3, cpu * 1e3 / ROUNDS


def _bare_fork_cpu_ms(upgrade: Upgrade) -> float:
    runtime = upgrade.prepared.runtimes["before"]
    assert isinstance(runtime, VenvRuntime)
    root = str(Path(compat.__file__).resolve().parents[1])
    code = BARE.format(root=root, imports=upgrade.item.case.imports, rounds=ROUNDS)
    command = [str(runtime.python), "-c", code]
    done = subprocess.run(command, env=PINNED_THREADS, capture_output=True, text=True, check=True)
    return float(json.loads(done.stdout)) * 1e3


@pytest.mark.network
@pytest.mark.figures("probe.case_ms.venv", "probe.over_fork_cpu_ms")
def test_a_case_in_a_virtual_environment(
    benchmark: BenchmarkFixture, in_venv: Upgrade, record: Record, note: Callable[[str], None]
) -> None:
    bare = [_bare_fork_cpu_ms(in_venv)]
    ms, cpu_ms = _cost(benchmark, in_venv)
    bare.append(_bare_fork_cpu_ms(in_venv))
    over = cpu_ms - sum(bare) / 2
    record("probe.case_ms.venv", ms)
    record("probe.over_fork_cpu_ms", over)
    note(
        f"venv: a case {ms:.1f} ms and {cpu_ms:.1f} CPU-ms in all processes; a bare fork of a process with the same"
        f" imports {bare[0]:.1f} CPU-ms before and {bare[1]:.1f} after"
    )


@pytest.mark.docker
@pytest.mark.network
@pytest.mark.figures("probe.case_ms.container")
def test_a_case_in_a_container(benchmark: BenchmarkFixture, in_container: Upgrade, record: Record) -> None:
    ms, _ = _cost(benchmark, in_container)
    record("probe.case_ms.container", ms)


@pytest.mark.network
@pytest.mark.figures("probe.generation_s")
def test_the_start_of_a_generation(benchmark: BenchmarkFixture, in_venv: Upgrade, record: Record) -> None:
    sessions = []

    def start() -> None:
        sessions.extend(in_venv.start(arm) for arm in ("before", "after"))

    def close() -> None:
        while sessions:
            sessions.pop().close()

    benchmark.pedantic(start, setup=close, rounds=5, warmup_rounds=1)
    close()
    record("probe.generation_s", benchmark.stats.stats.mean)
