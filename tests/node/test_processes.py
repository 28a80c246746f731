"""Whose a process is, with real processes and a real container."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest
from docker import DockerClient

from compat.node.processes import belongs
from tests.conftest import BASE

# A child that leaves its group and session, and names the process that it left behind in turn.
TREE = "import subprocess, time; print(subprocess.Popen(['sleep', '60']).pid, flush=True); time.sleep(60)"


@pytest.fixture
def tree() -> Iterator[tuple[int, int]]:
    """A child of ours and its child."""
    child = subprocess.Popen([sys.executable, "-c", TREE], stdout=subprocess.PIPE, text=True, start_new_session=True)
    assert child.stdout is not None
    grandchild = int(child.stdout.readline())
    yield child.pid, grandchild
    os.kill(grandchild, 9)
    child.kill()
    child.wait()
    child.stdout.close()


def test_a_descendant_belongs_and_an_ancestor_does_not(tree: tuple[int, int]) -> None:
    child, grandchild = tree
    assert belongs(grandchild, child)
    assert belongs(grandchild, grandchild)
    assert belongs(grandchild, os.getpid())
    assert not belongs(os.getpid(), child)
    assert not belongs(child, grandchild)
    assert not belongs(os.getppid(), os.getpid())


def test_a_process_that_is_over_belongs_to_nobody() -> None:
    child = subprocess.Popen(["true"])
    child.wait()
    assert not belongs(child.pid, os.getpid())
    assert not belongs(os.getpid(), child.pid)


def test_sharing_our_own_namespace_is_no_container(tree: tuple[int, int]) -> None:
    other = subprocess.Popen(["sleep", "60"])
    assert not belongs(other.pid, tree[0])
    other.kill()
    other.wait()


@pytest.mark.docker
def test_all_of_a_container_belongs_to_its_first_process(docker_client: DockerClient) -> None:
    labels = {"gpu-compat": "", "gpu-compat.owner": f"tests-{os.getpid()}"}
    first, second = (
        docker_client.containers.run(BASE, ["sleep", "120"], detach=True, init=True, network_mode="none", labels=labels)
        for _ in range(2)
    )
    try:
        first.exec_run(["sleep", "119"], detach=True)  # a child of the engine's, not of the container's first process
        until = time.monotonic() + 20
        while len(inside := _processes(first)) < 3:
            assert time.monotonic() < until
            time.sleep(0.05)
        root = _first(first)
        assert all(belongs(pid, root) for pid in inside)
        assert not any(belongs(pid, _first(second)) for pid in inside)
        assert not belongs(os.getpid(), root)
    finally:
        first.remove(force=True)
        second.remove(force=True)


def _first(container: object) -> int:
    container.reload()  # type: ignore[attr-defined]
    return int(container.attrs["State"]["Pid"])  # type: ignore[attr-defined]


def _processes(container: object) -> list[int]:
    table = container.top()  # type: ignore[attr-defined]
    return [int(row[table["Titles"].index("PID")]) for row in table["Processes"]]
