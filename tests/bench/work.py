"""What is measured: upgrades of nothing, planned and realised by the product itself, and the CPU time they take."""

from __future__ import annotations

import os
import resource
import subprocess
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from compat.model import SCHEMA_VERSION, Arm, Evidence, Item, digest
from compat.probe.protocol import CaseResult
from compat.run.prepare import Prepared, prepare
from compat.run.session import Session
from compat.store import Store
from compat.way import Job, Options, make_plan

__all__ = ["TORCH", "Upgrade", "command_cpu_seconds", "make_job", "quiet", "tree_cpu_seconds", "write_noop"]

# The exact version is a CPU build (it brings no triton): a release asked for by a range may be a CUDA build.
TORCH = ("torch==2.13.0", "numpy==2.3.5")

NOOP = '''"""Does nothing: what is left is what a case costs."""

KIND = "operator"
COMPONENTS = ("numpy",)
IMPORTS = {imports}
TIERS = ("cpu",)
TOLERANCE = 1e-6
TIMED = False
CASES = {cases}


def prepare(params, tools):
    return lambda: {{"nothing": 0}}
'''

MATRIX = """name: bench
axes:
  runtime: [before, after]
known_good: {{runtime: before}}
candidate: {{runtime: after}}
runtimes:
  before: {runtime}
  after: {runtime}
workloads:
  - {{select: "{select}"}}
rings:
  - {{name: canary, tiers: [cpu], budget: {budget}}}
policy:
  pairs_per_generation: 1
"""


def quiet(sentence: str) -> None:
    """Say nothing of what is being done."""


def write_noop(folder: Path, cases: int, imports: Sequence[str] = ()) -> Path:
    """A content folder with so many cases, in workloads of at most a hundred; ``folder`` itself.

    A case's process compiles the file that it is in, and ten thousand cases in one file would be a cost of that file.
    """
    workloads = folder / "workloads"
    workloads.mkdir(parents=True)
    for start in range(0, cases, 100):
        names = {f"n{number}": {} for number in range(start, min(cases, start + 100))}
        text = NOOP.format(imports=tuple(imports), cases=names)
        (workloads / f"noop{start}.py").write_text(text, encoding="utf-8")
    for place in (folder, workloads):
        place.chmod(0o755)
    return folder


def make_job(
    folder: Path,
    options: Options,
    select: str = "operator:noop*",
    requirements: Sequence[str] | None = None,
    budget: str = "10m",
) -> Job:
    """Plan an upgrade from a runtime to itself: of ``requirements``, or of our own interpreter in place."""
    runtime = "{in_place: true}"
    if requirements is not None:
        pins = ", ".join(f'"{pin}"' for pin in requirements)
        runtime = f'{{base: "debian:bookworm", requirements: [{pins}]}}'
    matrix = folder / "bench.yaml"
    matrix.write_text(MATRIX.format(runtime=runtime, select=select, budget=budget), encoding="utf-8")
    return Job(make_plan(matrix, options), options)


@dataclass(frozen=True)
class Upgrade:
    """A realised plan, and a store for its evidence."""

    job: Job
    prepared: Prepared
    store: Store

    @classmethod
    def realise(cls, folder: Path, job: Job) -> Upgrade:
        """Build or fetch what the job's plan needs."""
        prepared = prepare(
            job.plan,
            job.items,
            engine=job.options.engine_name(),
            cache=job.options.cache_folder(),
            say=quiet,
            sites=job.options.content,
        )
        return cls(job, prepared, Store(folder / "store", create=True))

    def start(self, arm: str = "before") -> Session:
        """A warm zygote of one arm."""
        return Session(self.prepared.runtimes[arm], self.item.case.imports)

    @property
    def item(self) -> Item:
        """The first case of the plan."""
        return self.job.items[0]

    def run(self, session: Session, item: Item | None = None) -> CaseResult:
        """Run one case and keep its evidence, as ``compat.run.measure`` does."""
        item = item or self.item
        content = self.prepared.content[item.case.workload]
        result, _ = session.run(
            item.case, content, self.prepared.artifact(item.case, item.cell.stack["runtime"]), item.timeout
        )
        assert result.fault is None, result.fault
        self.store.put_evidence(
            Evidence(
                schema_version=SCHEMA_VERSION,
                plan=digest("bench"),
                item=item.key,
                content=item.case.content,
                arm=Arm.CANDIDATE,
                stack=item.cell.stack,
                runtime=session.ready.identity.python,
                node="bench",
                identity=self.store.put_identity(session.ready.identity),
                tier=item.case.tier,
                round=1,
                generation=1,
                pair=1,
                started="",
                seconds=result.seconds,
                inputs=result.inputs,
                measurements=result.measurements,
                notes=session.ready.notes + result.notes,
            )
        )
        return result


def tree_cpu_seconds() -> float:
    """CPU time of this process and of all that came of it, those that have ended included.

    Of a process that runs: its own and that of the children it has collected, from /proc, in ticks of the clock
    (10 ms, so measure over a second or more).
    """
    own = resource.getrusage(resource.RUSAGE_SELF)
    total = own.ru_utime + own.ru_stime + _collected()
    children: dict[str, list[str]] = defaultdict(list)
    ticks: dict[str, int] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            words = path.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        except OSError:  # it has ended meanwhile
            continue
        children[words[1]].append(path.parent.name)
        ticks[path.parent.name] = sum(map(int, words[11:15]))
    waiting = list(children[str(os.getpid())])
    while waiting:
        pid = waiting.pop()
        total += ticks[pid] / os.sysconf("SC_CLK_TCK")
        waiting += children[pid]
    return total


def command_cpu_seconds(command: Sequence[str], env: Mapping[str, str], cwd: Path) -> float:
    """CPU time of a command and of all that it collected; it must end well."""
    before = _collected()
    done = subprocess.run(command, env=dict(env), cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return _collected() - before


def _collected() -> float:
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime
