"""An engine that goes away under a case and comes back: the case is run again, and the evidence says so."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import docker
import pytest
from docker.errors import DockerException

from compat.errors import EngineError
from compat.model import Arm, Evidence, Runtime, digest
from compat.run.arms import Arms
from compat.run.container import ContainerRuntime
from compat.run.session import Session, Work
from compat.store import Store
from tests.conftest import BASE, OWNER
from tests.rig import Rig, make_case, make_folders

if TYPE_CHECKING:
    from docker import DockerClient

pytestmark = pytest.mark.docker

ROOT = Path(__file__).parents[2]

QUICK = "def prepare(params, tools):\n    return lambda: {'x': 1}\n"
SLOW = "import time\n\ndef prepare(params, tools):\n    time.sleep(3)\n    return lambda: {'x': 1}\n"


class Engine:
    """A daemon of our own, which may be stopped."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.host = f"unix://{folder}/docker.sock"
        self._daemon: subprocess.Popen[bytes] | None = None

    def start(self) -> DockerClient:
        (self._folder / "pid").unlink(missing_ok=True)
        folders = [f"--{name}-root={self._folder / name}" for name in ("data", "exec")]
        with (self._folder / "log").open("ab") as log:
            self._daemon = subprocess.Popen(
                [
                    "unshare",
                    "--net",  # a daemon without a bridge removes the bridge of every other daemon that it can see
                    "dockerd",
                    f"--host={self.host}",
                    *folders,
                    f"--pidfile={self._folder / 'pid'}",
                    "--bridge=none",
                    "--iptables=false",
                ],
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        until = time.monotonic() + 60
        while time.monotonic() < until:
            with contextlib.suppress(DockerException, OSError):
                return docker.DockerClient(self.host, timeout=60)  # asks for its version
            time.sleep(0.1)
        raise AssertionError((self._folder / "log").read_text(errors="replace")[-2000:])

    def stop(self) -> None:
        """As an upgrade of its package would: it ends its containers, and then itself."""
        assert self._daemon is not None
        self._daemon.terminate()
        self._daemon.wait(60)

    def end(self) -> None:
        """End the daemon, if it runs, and what it had mounted."""
        if self._daemon is not None and self._daemon.poll() is None:
            self.stop()
        for mounted in sorted(Path("/proc/mounts").read_text().splitlines(), reverse=True):
            place = mounted.split(" ")[1]
            if place.startswith(f"{self._folder}/"):
                subprocess.run(["umount", place], check=False)


@pytest.fixture(scope="module")
def engine(docker_client: DockerClient) -> Iterator[Engine]:
    """An engine with the base image in it."""
    folder = Path(tempfile.mkdtemp(prefix="compat-engine-", dir="/tmp"))  # a socket's path must be short
    made = Engine(folder)
    try:
        client = made.start()
        archive = folder / "base.tar"
        with archive.open("wb") as file:
            for part in docker_client.images.get(BASE).save(named=True):
                file.write(part)
        with archive.open("rb") as file:
            client.images.load(file)
        archive.unlink()
        yield made
    finally:
        made.end()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def runtime(engine: Engine, tmp_path: Path) -> Iterator[Rig]:
    folders = make_folders(tmp_path)
    client = docker.DockerClient(engine.host, timeout=60)
    rig = Rig(ContainerRuntime(Runtime("boxed", image=BASE), folders, client, OWNER), folders)
    yield rig
    rig.close()
    left = client.containers.list(all=True, filters={"label": f"gpu-compat.owner={OWNER}"})
    assert left == []
    client.close()


def test_an_engine_that_comes_back_costs_a_note(engine: Engine, runtime: Rig) -> None:
    arms = Arms(dict.fromkeys(Arm, runtime.runtime), (), ())
    work = Work(make_case(), runtime.write(SLOW), None, 60.0)
    try:
        arms.session(Arm.CANDIDATE)

        def restart() -> None:
            engine.stop()
            time.sleep(1.0)
            engine.start()

        timer = threading.Timer(1.0, restart)
        timer.start()
        answer = arms.run(Arm.CANDIDATE, [work])[0]
        timer.join()
        assert answer.result.fault is None, answer.result.fault
        assert [note for note in answer.result.notes if note.startswith("tried again in a new probe: ")]
        assert arms.run(Arm.CANDIDATE, [Work(make_case(), runtime.write(QUICK), None, 60.0)])[0].result.fault is None
    finally:
        arms.close()


def test_an_engine_that_stays_away_is_one_line(engine: Engine, runtime: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("compat.run.arms._AWAY", 1.0)
    arms = Arms(dict.fromkeys(Arm, runtime.runtime), (), ())
    arms.session(Arm.CANDIDATE)
    try:
        engine.stop()
        with pytest.raises(EngineError) as refused:
            arms.run(Arm.CANDIDATE, [Work(make_case(), runtime.write(QUICK), None, 60.0)])
        assert "the engine does not answer" in str(refused.value)
        assert "\n" not in str(refused.value)
    finally:
        engine.start()
        arms.close()
        Session(runtime.runtime, ()).close()  # which removes what could not be removed meanwhile


# -- through the command -----------------------------------------------------------------------------------------------

WORKLOAD = '''"""Takes a moment, and is the same in both arms."""

import time

KIND = "operator"
COMPONENTS = ("numpy",)
TIERS = ("cpu",)
TOLERANCE = 1e-6
TIMED = False
CASES = {"a": {}, "b": {}, "c": {}}


def prepare(params, tools):
    time.sleep(0.3)
    return lambda: {"text": "same"}
'''

MATRIX = f"""name: away
axes:
  runtime: [before, after]
known_good: {{runtime: before}}
candidate: {{runtime: after}}
runtimes:
  before: {{image: "{BASE}"}}
  after: {{image: "{BASE}"}}
workloads:
  - {{select: "operator:same"}}
rings:
  - {{name: canary, tiers: [cpu]}}
"""

# The command, with so much patience.
COMMAND = "import compat.run.arms as arms\narms._AWAY = {patience}\nfrom compat.cli import main\nmain()"


def _run(engine: Engine, folder: Path, patience: float) -> subprocess.Popen[str]:
    if not (folder / "site").exists():
        (folder / "site" / "workloads").mkdir(parents=True)
        (folder / "site" / "workloads" / "same.py").write_text(WORKLOAD, encoding="utf-8")
        (folder / "away.yaml").write_text(MATRIX, encoding="utf-8")
        for place in (folder, folder / "site", folder / "site" / "workloads"):
            place.chmod(0o755)
    command = [sys.executable, "-c", COMMAND.format(patience=patience), "run", "away.yaml", "--content", "site"]
    command += ["--cache", str(folder / "cache"), "--engine", "docker"]
    env = {**os.environ, "DOCKER_HOST": engine.host, "PYTHONPATH": str(ROOT), "COLUMNS": "80"}
    return subprocess.Popen(
        command, cwd=folder, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace"
    )


def _evidence(folder: Path) -> list[Evidence]:
    store = Store(folder / "out" / "away")
    return store.evidence(digest(store.plan()))


def _wait_for_evidence(folder: Path, process: subprocess.Popen[str]) -> None:
    until = time.monotonic() + 60
    while not list((folder / "out").rglob("evidence/**/*.json")):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < until, "nothing was measured"
        time.sleep(0.02)


def _ours(engine: Engine) -> list[str]:
    client = docker.DockerClient(engine.host, timeout=60)
    found = client.containers.list(all=True, filters={"label": "gpu-compat.owner"})
    client.close()
    return [str(container.id) for container in found]


def test_a_run_waits_for_its_engine(engine: Engine, tmp_path: Path) -> None:
    process = _run(engine, tmp_path, 60.0)
    try:
        _wait_for_evidence(tmp_path, process)
        engine.stop()
        time.sleep(1.0)
        engine.start()
        out, err = process.communicate(timeout=120)
    finally:
        process.kill()
        process.wait()
    assert (process.returncode, err) == (0, ""), out
    evidence = _evidence(tmp_path)
    assert not any(record.fault for record in evidence)
    assert [n for record in evidence for n in record.notes if n.startswith("tried again in a new probe: ")]
    assert _ours(engine) == []


def test_a_run_whose_engine_stays_away_goes_on_later(engine: Engine, tmp_path: Path) -> None:
    process = _run(engine, tmp_path, 1.0)
    try:
        _wait_for_evidence(tmp_path, process)
        engine.stop()
        try:
            _, err = process.communicate(timeout=120)
        finally:
            engine.start()
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 2
    assert len(err.strip().splitlines()) == 1
    assert "the engine does not answer" in err
    assert "start it, and run this again" in err
    kept = _evidence(tmp_path)
    assert kept
    again = _run(engine, tmp_path, 60.0)
    out, err = again.communicate(timeout=120)
    assert (again.returncode, err) == (0, ""), out
    assert all(record in _evidence(tmp_path) for record in kept)
    assert _ours(engine) == []  # also what could not be removed when the engine was away
