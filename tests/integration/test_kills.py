"""A hundred kills at random moments. Evidence is never lost, doubled or torn, nothing is left, the verdict is the same.

What is struck is ``compat run`` itself, its zygotes, and its containers. COMPAT_TEST_SEED repeats a choice of moments.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from compat.model import Evidence, Verdict, digest
from compat.store import Store
from compat.way import conclude
from tests.conftest import BASE
from tests.rig import NUMPY, gone
from tests.run.small_plan import check

if TYPE_CHECKING:
    from docker import DockerClient
    from docker.models.containers import Container

ROOT = Path(__file__).parents[2]
SEED = int(os.environ.get("COMPAT_TEST_SEED") or random.SystemRandom().randrange(10**6))

KILLS = {"in place": 34, "venv": 33, "container": 33}
VICTIMS = {
    "in place": ("controller", "zygote", "zygote"),
    "venv": ("controller", "zygote", "zygote"),
    "container": ("controller", "zygote", "container"),
}

WORKLOAD = '''"""Takes a moment; one case differs in the candidate arm, and one crashes there."""

import os
import time

KIND = "operator"
COMPONENTS = ("numpy",)
TIERS = ("cpu",)
TOLERANCE = 1e-6
TIMED = False
CASES = {"a": {}, "b": {}, "c": {}, "d": {}, "differs": {}, "crashes": {"crash": 1}}


def prepare(params, tools):
    new = os.environ["ARM"] == "new"
    values = tools.uniform(1000, "float64")
    open("left", "w").close()

    def work():
        if os.fork() == 0:  # somebody who would outlive a case that nobody ends
            os.setsid()
            time.sleep(600)
        time.sleep(0.03)
        if new and params.get("crash"):
            os.abort()
        return {"y": values + (params.get("differs", 0) if new else 0)}

    return work
'''.replace('"differs": {}', '"differs": {"differs": 1}')

MATRIX = """name: kills
axes:
  runtime: [old, new]
known_good: {{runtime: old}}
candidate: {{runtime: new}}
runtimes:
  old: {{{how}, env: {{ARM: old, MARK: "{mark}"}}}}
  new: {{{how}, env: {{ARM: new, MARK: "{mark}"}}}}
workloads:
  - {{select: "operator:moment"}}
rings:
  - {{name: canary, tiers: [cpu]}}
"""

HOW = {
    "in place": "in_place: true",
    "venv": f'requirements: ["{NUMPY[0]}"]',
    "container": f'base: "{BASE}", requirements: ["{NUMPY[0]}"]',
}


@dataclass
class Place:
    """One kind of runtime: the upgrade, and everything of its runs that can be found on this machine."""

    kind: str
    folder: Path
    mark: str  # in the environment of whatever comes of a run
    client: DockerClient | None
    cache: Path

    def write(self) -> None:
        """Write the matrix file and its workload; folder that a container's user can read."""
        workloads = self.folder / "site" / "workloads"
        workloads.mkdir(parents=True)
        (workloads / "moment.py").write_text(WORKLOAD, encoding="utf-8")
        (self.folder / "kills.yaml").write_text(MATRIX.format(how=HOW[self.kind], mark=self.mark), encoding="utf-8")
        self.temporary.mkdir()
        for folder in (self.folder, workloads.parent, workloads):
            folder.chmod(0o755)

    @property
    def temporary(self) -> Path:
        """Where temporary files of the runs go."""
        return self.folder / "tmp"

    def start(self, store: Path) -> subprocess.Popen[str]:
        """``compat run`` on the upgrade, into ``store``."""
        command = [sys.executable, "-m", "compat", "run", str(self.folder / "kills.yaml"), "--store", str(store)]
        command += ["--content", str(self.folder / "site"), "--cache", str(self.cache)]
        command += ["--engine", "docker" if self.kind == "container" else "venv"]
        env = {**os.environ, "MARK": self.mark, "TMPDIR": str(self.temporary)}
        return subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def processes(self) -> list[int]:
        """Everything that carries the mark, whoever its parents are, in containers too."""
        return [pid for pid in _pids() if f"MARK={self.mark}".encode() in _read(pid, "environ")]

    def zygotes(self) -> list[int]:
        """The processes that a runtime was started with, not those of cases."""
        probes = [pid for pid in self.processes() if b"compat.probe" in _read(pid, "cmdline")]
        return [pid for pid in probes if _parent(pid) not in probes]

    def containers(self) -> list[Container]:
        """Containers that carry the mark."""
        if self.client is None:
            return []
        found = self.client.containers.list(all=True, filters={"label": "gpu-compat"}, ignore_removed=True)
        return [one for one in found if f"MARK={self.mark}" in one.attrs["Config"]["Env"]]


def _pids() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]  # noqa: PTH208 - names are all we need


def _read(pid: int, name: str) -> bytes:
    try:
        return Path(f"/proc/{pid}/{name}").read_bytes()
    except OSError:  # it is over, or not ours
        return b""


def _parent(pid: int) -> int:
    words = _read(pid, "stat").rpartition(b")")[2].split()
    return int(words[1]) if words else 0


class Kept:
    """A store, as ``check`` wants it."""

    def __init__(self, folder: Path) -> None:
        self.store = Store(folder)
        self.plan = self.store.plan()

    def evidence(self) -> list[Evidence]:
        return self.store.evidence(digest(self.plan))


def _files(store: Path) -> dict[Path, bytes]:
    """Everything that was kept by now, without what is only being written."""
    return {path: path.read_bytes() for path in store.rglob("*") if path.is_file() and not path.name.startswith(".")}


def _documents(store: Path) -> dict[Path, bytes]:
    """What is never written again: evidence, plans, nodes, identities and blobs, but no report."""
    return {path: data for path, data in _files(store).items() if path.parent != store or path.name == "store.json"}


def _written(store: Path) -> int:
    """How many runs of cases are evidence by now."""
    return sum(1 for _ in (store / "evidence").rglob("*.json"))


def _found(verdict: Verdict) -> dict[str, str]:
    return {f"{c.item} {c.metric}": c.status.value for c in verdict.comparisons}


def _wait(condition: Callable[[], Any], seconds: float) -> bool:
    until = time.monotonic() + seconds
    while not condition():
        if not time.monotonic() < until:
            return False
        time.sleep(0.005)
    return True


class Campaign:
    """Runs of one upgrade into one store after the other, struck until there were enough kills."""

    def __init__(self, place: Place, kills: int, choice: random.Random) -> None:
        self._place = place
        self._choice = choice
        self._left = kills
        self.kills: dict[str, int] = dict.fromkeys(VICTIMS[place.kind], 0)

    def run(self) -> None:
        """Strike, resume, and compare what comes out with a run that nobody struck."""
        place = self._place
        assert self._finish(place.start(place.folder / "reference")) == 1, "the candidate is worse"
        reference = conclude(Store(place.folder / "reference")).verdict
        pairs = check(Kept(place.folder / "reference"))
        number = 0
        while self._left > 0:
            store = place.folder / f"store-{number}"
            number += 1
            cuts = self._strike(store)
            verdict = conclude(Store(store)).verdict
            assert (verdict.decision, _found(verdict)) == (reference.decision, _found(reference)), verdict.reasons
            counts = check(Kept(store), cuts)
            assert all(pairs[item] <= counts[item] + cuts for item in pairs)
            assert all(counts[item] <= pairs[item] + cuts for item in pairs), "a completed case was run again"
            self._nothing_is_left()

    def _strike(self, store: Path) -> int:
        """Measure into ``store``, struck some times on the way; how many runs were cut."""
        cuts = 0
        strikes = self._choice.randint(3, 6)
        while strikes > 0 and self._left > 0:
            kept = _documents(store) if store.exists() else {}
            controller = self._place.start(store)
            while strikes > 0 and self._left > 0 and controller.poll() is None:
                victim = self._choice.choice(VICTIMS[self._place.kind])
                if not self._kill(victim, controller, store):
                    continue
                strikes, self._left = strikes - 1, self._left - 1
                self.kills[victim] += 1
            code = self._finish(controller)
            cuts += code != 1
            after = _documents(store) if store.exists() else {}
            assert all(after.get(path) == data for path, data in kept.items()), "what was kept is lost or changed"
            if code == 1:
                return cuts
            if self._place.kind != "container":
                self._no_process_is_left()  # without anybody's help
        assert self._finish(self._place.start(store)) == 1
        return cuts

    def _kill(self, victim: str, controller: subprocess.Popen[str], store: Path) -> bool:
        """Kill ``victim`` at a random moment; False if it was over before that."""
        place = self._place
        before = _written(store)
        phase = self._choice.choice(("start", "zygotes", "cases", "cases", "cases"))
        if phase == "start" and victim == "controller":
            time.sleep(self._choice.uniform(0.0, 2.0))
        else:
            begun = place.zygotes if phase == "zygotes" else lambda: _written(store) > before
            assert _wait(lambda: controller.poll() is not None or begun(), 60), "nothing was started"
            time.sleep(self._choice.uniform(0.0, 0.3))
        if controller.poll() is not None:
            return False
        if victim == "controller":
            controller.kill()
            return controller.wait(10) == -signal.SIGKILL
        if victim == "container":
            running = [one for one in place.containers() if one.status == "running"]
            if not running:
                return False
            try:
                self._choice.choice(running).kill("SIGKILL")
            except Exception as problem:  # noqa: BLE001 - of any docker release: it was over meanwhile
                print(f"not killed: {problem}")  # noqa: T201
                return False
        else:
            zygotes = place.zygotes()
            if not zygotes:
                return False
            try:
                os.kill(self._choice.choice(zygotes), signal.SIGKILL)
            except ProcessLookupError:
                return False
        # A second attempt at the same case must get its chance: two strikes at one case are a fault of the runtime.
        # The arm that was struck may be the one whose turn comes last: after the other's of this pair and of the next.
        struck = _written(store)
        _wait(lambda: controller.poll() is not None or _written(store) >= struck + 3, 60)
        return True

    def _finish(self, controller: subprocess.Popen[str]) -> int:
        """Let a run come to its end; its exit code."""
        output, _ = controller.communicate(timeout=120)
        code = controller.returncode
        assert code in (1, -signal.SIGKILL), output  # a runtime that is killed before it is ready is started again
        return code

    def _no_process_is_left(self) -> None:
        left = [pid for pid in self._place.processes() if not gone(pid)]
        assert left == [], [_read(pid, "cmdline") for pid in left]

    def _nothing_is_left(self) -> None:
        """What a killed run left is gone at the latest when the one after it has ended."""
        assert self._place.containers() == []
        self._no_process_is_left()
        assert sorted(path.name for path in self._place.temporary.iterdir()) == []


@pytest.fixture(
    params=[
        "in place",
        pytest.param("venv", marks=pytest.mark.network),
        pytest.param("container", marks=[pytest.mark.docker, pytest.mark.network]),
    ]
)
def place(request: pytest.FixtureRequest, tmp_path: Path, runtime_cache: Path) -> Iterator[Place]:
    """Each kind of runtime in turn; what its runs leave if a test fails is removed."""
    kind = request.param
    client = request.getfixturevalue("docker_client") if kind == "container" else None
    made = Place(kind, tmp_path, f"kills-{os.getpid()}-{kind.replace(' ', '-')}", client, runtime_cache)
    made.write()
    yield made
    for container in made.containers():
        container.remove(force=True)
    for pid in made.processes():
        os.kill(pid, signal.SIGKILL)


def test_a_hundred_kills(place: Place) -> None:
    print(f"COMPAT_TEST_SEED={SEED}")  # noqa: T201
    campaign = Campaign(place, KILLS[place.kind], random.Random(f"{SEED} {place.kind}"))  # noqa: S311
    begin = time.monotonic()
    campaign.run()
    print(f"{place.kind}: {campaign.kills} in {time.monotonic() - begin:.0f} s")  # noqa: T201
    assert sum(campaign.kills.values()) == KILLS[place.kind]
    assert all(campaign.kills.values()), "something was never killed"
