"""The same work in other ways: a container for every case, ReFrame, and pytest itself."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from compat.model import Runtime
from compat.run.container import ContainerConnection
from compat.run.runtime import Folders
from compat.run.venv import VenvRuntime

from .conftest import Record
from .work import Upgrade, command_cpu_seconds, tree_cpu_seconds

if TYPE_CHECKING:
    from docker import DockerClient

Note = Callable[[str], None]

REFRAME = ("ReFrame-HPC==4.10.4",)
REFRAME_TESTS = """
import reframe
import reframe.utility.sanity as sanity

@reframe.simple_test
class Nothing(reframe.RunOnlyRegressionTest):
    number = parameter(range({count}))
    valid_systems = ["*"]
    valid_prog_environs = ["*"]
    executable = "true"

    @sanity_function
    def ended(self):
        return sanity.assert_eq(self.job.exitcode, 0)
"""


def _ms(run: Callable[[], object], count: int) -> float:
    """CPU milliseconds of one of ``count`` cases."""
    before = tree_cpu_seconds()
    for _ in range(count):
        run()
    return (tree_cpu_seconds() - before) * 1e3 / count


@pytest.mark.docker
@pytest.mark.network
@pytest.mark.figures("probe.container_per_case_ratio")
def test_a_container_a_case(
    benchmark: BenchmarkFixture, docker_client: DockerClient, in_container: Upgrade, record: Record
) -> None:
    """``docker run`` of the same image with the same limits: it imports torch, does nothing and ends."""
    session = in_container.start()
    try:
        connection = session.connection
        assert isinstance(connection, ContainerConnection)
        found = docker_client.api.inspect_container(connection.id)
        count = 100
        begin = time.perf_counter()
        for _ in range(count):
            in_container.run(session)
        through_zygote = (time.perf_counter() - begin) / count
    finally:
        session.close()
    config = found["Config"]

    def once() -> None:
        made = docker_client.api.create_container(
            config["Image"],
            [config["Cmd"][0], "-c", "import torch"],
            entrypoint=[],
            environment=config["Env"],
            host_config=found["HostConfig"],
            labels=config["Labels"],
            user=config["User"],
            working_dir=config["WorkingDir"],
        )["Id"]
        try:
            docker_client.api.start(made)
            assert docker_client.api.wait(made)["StatusCode"] == 0
        finally:
            docker_client.api.remove_container(made, force=True)

    benchmark.pedantic(once, rounds=10, warmup_rounds=1)
    record("probe.container_per_case_ratio", benchmark.stats.stats.mean / through_zygote)


def _per_test(
    command: Callable[[int], Sequence[str]], counts: tuple[int, int], env: Mapping[str, str], cwd: Path
) -> float:
    """CPU milliseconds of one more test: the start of the program is not counted."""
    few, many = (command_cpu_seconds(command(count), env, cwd) for count in counts)
    return (many - few) * 1e3 / (counts[1] - counts[0])


@pytest.mark.network
@pytest.mark.figures("probe.reframe_cpu_ratio")
def test_reframe(tmp_path: Path, runtime_cache: Path, in_venv: Upgrade, record: Record, note: Note) -> None:
    """Run-only tests of ``true`` on the local scheduler."""
    runtime = VenvRuntime(Runtime("reframe", requirements=REFRAME), Folders((tmp_path,), tmp_path), runtime_cache)
    runtime.build()
    env = {"HOME": str(tmp_path), "TMPDIR": str(tmp_path), "PATH": os.environ["PATH"], "LANG": "C.UTF-8"}

    def command(count: int) -> Sequence[str]:
        tests = tmp_path / f"tests_{count}.py"
        tests.write_text(REFRAME_TESTS.format(count=count), encoding="utf-8")
        program = runtime.python.with_name("reframe")
        return [str(runtime.python), str(program), "-c", str(tests), "-r", "--prefix", str(tmp_path)]

    reframe = _per_test(command, (1, 41), env, tmp_path)
    session = in_venv.start()
    try:
        case = _ms(lambda: in_venv.run(session), 200)
    finally:
        session.close()
    record("probe.reframe_cpu_ratio", reframe / case)
    note(f"ReFrame: {reframe:.1f} CPU-ms for one more test; a case with torch imported {case:.1f} CPU-ms")


def test_pytest_itself(tmp_path: Path, note: Note) -> None:
    """Empty test functions, without a plugin."""
    env = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}

    def command(count: int) -> Sequence[str]:
        tests = tmp_path / f"test_{count}.py"
        tests.write_text("".join(f"def test_{n}(): pass\n" for n in range(count)), encoding="utf-8")
        return [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--rootdir={tmp_path}", str(tests)]

    ms = _per_test(command, (1, 2001), env, tmp_path)
    note(f"pytest itself: {ms:.2f} CPU-ms for one more empty test function")
