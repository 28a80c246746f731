"""What a killed run leaves is found by its mark and removed; what belongs to anybody else is not touched."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from compat.run.bounds import cgroup_folder
from compat.run.leftovers import OWNER_VARIABLE, has_ended, remove_leftovers, this_owner
from tests.conftest import BASE
from tests.example import write_example
from tests.rig import gone

if TYPE_CHECKING:
    from docker import DockerClient

ROOT = Path(__file__).parents[2]

# Starts a probe in place, says its owner and process ids, and waits to be killed.
LOCAL = """
import os, sys, time
from compat.run.connection import LocalConnection
from compat.run.leftovers import this_owner
from pathlib import Path
code = "import os, time\\nif os.fork() == 0: os.setsid()\\nprint(os.getpid(), flush=True)\\ntime.sleep(600)"
connection = LocalConnection([sys.executable, "-c", code], dict(os.environ))
pids = b""
while pids.count(b"\\n") < 2:
    pids += os.read(connection.stdout, 64)
print(this_owner(), connection._keeper.pid, *map(int, pids.split()), flush=True)
time.sleep(600)
"""

BOXED = """
import sys, time
from pathlib import Path
from compat.model import Runtime
from compat.run.container import ContainerRuntime
from compat.run.engine import connect
from compat.run.leftovers import this_owner
from compat.run.runtime import Folders
folder = Path(sys.argv[1])
spec = Runtime("left", image="debian:bookworm")
runtime = ContainerRuntime(spec, Folders((folder,), folder), connect(), this_owner())
print(this_owner(), runtime.start().id, flush=True)
time.sleep(600)
"""


def _start(code: str, *arguments: str) -> tuple[subprocess.Popen[str], list[str]]:
    process = subprocess.Popen(
        [sys.executable, "-c", code, *arguments], cwd=ROOT, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    assert process.stdout is not None
    words = process.stdout.readline().split()
    assert words, "it did not start"
    return process, words


def _kill(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.wait()
    assert process.stdout is not None
    process.stdout.close()


def _marked(owner: str) -> list[Path]:
    """Folders and cgroups with the mark of ``owner``."""
    roots = [Path(tempfile.gettempdir()), *filter(None, [cgroup_folder()])]
    return [path for root in roots for path in root.glob(f"gpu-compat-{owner}-*")]


def test_a_controller_that_lives_has_not_ended() -> None:
    assert not has_ended(this_owner())


@pytest.mark.parametrize(
    ("place", "value", "ended"),
    [
        (0, "00000000", False),  # another node may share the engine: who knows
        (1, "00000000", True),  # an earlier boot of this one
        (2, "1", False),  # a process id means nothing in another namespace
        (3, "4194304", True),  # no such process: the largest number that Linux gives is one less
        (4, "1", True),  # the number was given to another process
    ],
    ids=["node", "boot", "namespace", "process", "start"],
)
def test_an_owner_has_ended_only_when_that_is_certain(place: int, value: str, ended: bool) -> None:
    words = this_owner().split(".")
    words[place] = value
    assert has_ended(".".join(words)) is ended


@pytest.mark.parametrize("owner", ["", "x", "tests-1", "a.b.c.d.e", "../../etc"])
def test_what_is_no_mark_is_nobody_s_to_remove(owner: str) -> None:
    assert not has_ended(owner)


def test_a_fork_of_the_controller_is_another_owner() -> None:
    read, write = os.pipe()
    if os.fork() == 0:
        os.write(write, this_owner().encode())
        os._exit(0)
    os.wait()
    assert os.read(read, 200).decode() != this_owner()
    os.close(read)
    os.close(write)


def test_a_controller_that_is_killed_leaves_nothing(tmp_path: Path) -> None:
    process, (owner, *pids) = _start(LOCAL)
    assert _marked(owner)
    _kill(process)
    assert all(gone(int(pid)) for pid in pids)
    until = time.monotonic() + 5
    while _marked(owner) and time.monotonic() < until:
        time.sleep(0.02)
    assert _marked(owner) == []


def test_what_a_killed_keeper_leaves_is_removed_at_the_next_start() -> None:
    process, (owner, keeper, *pids) = _start(LOCAL)
    other, (lives, *others) = _start(LOCAL)
    stranger = subprocess.Popen(["sleep", "600"], env={**os.environ, OWNER_VARIABLE: "somebody-else"})
    try:
        os.kill(process.pid, signal.SIGSTOP)  # so that it cannot clear up after its keeper
        os.kill(int(keeper), signal.SIGKILL)
        _kill(process)
        assert not gone(int(pids[1]), 0.3)  # a grandchild with a session of its own lives on
        assert _marked(owner)
        said = remove_leftovers()
        assert any("processes" in sentence for sentence in said)
        assert any("folders" in sentence for sentence in said)
        assert all(gone(int(pid)) for pid in pids)
        until = time.monotonic() + 5
        while _marked(owner) and time.monotonic() < until:
            remove_leftovers()  # a cgroup can go when its last process has
        assert _marked(owner) == []
        assert not any(gone(int(pid), 0.1) for pid in others)
        assert _marked(lives)
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()
        _kill(other)


# Starts processes that go on to start others, each for 40 s and 4,000 together, and waits to be killed.
BOMB = '''
import os, sys, time
from compat.run.connection import LocalConnection
from compat.run.leftovers import this_owner
code = """
import os, time
os.write(1, b"it goes on")
count = os.open("count", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
end = time.monotonic() + 40
while time.monotonic() < end:
    try:
        if os.fstat(count).st_size < 4000 and os.fork() == 0:
            os.write(count, b".")
            os.setsid()
    except OSError: pass
"""
connection = LocalConnection([sys.executable, "-c", code], dict(os.environ))
os.read(connection.stdout, 64)
print(this_owner(), connection._keeper.pid, flush=True)
time.sleep(600)
'''


def test_a_fork_bomb_that_a_killed_keeper_leaves_is_ended() -> None:
    process, (owner, keeper) = _start(BOMB)
    time.sleep(1.0)
    os.kill(process.pid, signal.SIGSTOP)
    os.kill(int(keeper), signal.SIGKILL)
    _kill(process)
    begin = time.monotonic()
    said = remove_leftovers()
    assert time.monotonic() - begin < 20
    assert any("processes" in sentence for sentence in said)
    assert _marked(owner) == []
    assert remove_leftovers() == []


@pytest.mark.docker
def test_containers_of_a_killed_controller_are_removed_and_no_others(
    docker_client: DockerClient, tmp_path: Path
) -> None:
    tmp_path.chmod(0o755)
    remove_leftovers(docker_client)  # what is there before
    process, (_, left) = _start(BOXED, str(tmp_path))
    other, (_, kept) = _start(BOXED, str(tmp_path))
    stranger = docker_client.containers.run(
        BASE, ["sleep", "600"], detach=True, labels={"gpu-compat.owner": "x"}, network_mode="none"
    )
    try:
        assert remove_leftovers(docker_client) == []
        _kill(process)
        assert "removed 1 containers that a killed run had left" in remove_leftovers(docker_client)
        found = {container.id for container in docker_client.containers.list(all=True)}
        assert left not in found
        assert {kept, stranger.id} <= found
    finally:
        stranger.remove(force=True)
        _kill(other)
        remove_leftovers(docker_client)


@pytest.mark.docker
def test_containers_that_were_left_are_removed_by_a_run_without_containers(
    docker_client: DockerClient, tmp_path: Path
) -> None:
    tmp_path.chmod(0o755)
    process, (_, left) = _start(BOXED, str(tmp_path))
    _kill(process)
    write_example(tmp_path)
    command = [sys.executable, "-m", "compat", "run", "example.yaml", "--content", "site", "--engine", "venv"]
    env = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "200"}
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert "containers that a killed run had left" in done.stdout
    assert left not in {container.id for container in docker_client.containers.list(all=True)}


def test_an_engine_that_does_not_answer_keeps_no_run(tmp_path: Path) -> None:
    """It listens and says nothing."""
    with socket.socket(socket.AF_UNIX) as server:
        place = Path(tempfile.gettempdir()) / f"compat-mute-{os.getpid()}.sock"
        server.bind(str(place))
        server.listen()
        write_example(tmp_path)
        command = [sys.executable, "-m", "compat", "run", "example.yaml", "--content", "site"]
        env = {**os.environ, "PYTHONPATH": str(ROOT), "DOCKER_HOST": f"unix://{place}"}
        begin = time.monotonic()
        done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
        place.unlink()
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert time.monotonic() - begin < 40
