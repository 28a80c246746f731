"""Runs small content files in a real runtime, through a real zygote, as the product does."""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from compat.model import Case, FaultKind, Metric, Tier
from compat.probe.protocol import CaseResult
from compat.probe.tools import Tools
from compat.run.runtime import Folders, RealisedRuntime
from compat.run.session import Session

__all__ = ["FAULTY", "GOOD", "NUMPY", "Rig", "gone", "make_case", "make_folders"]

NUMPY = ("numpy==2.2.6",)  # what the built runtimes of the tests hold

GOOD = """
import os

def prepare(params, tools):
    values = tools.uniform((4, 5))
    return lambda: {"doubled": values * 2, "three": 3, "text": "fine", "folder": sorted(os.listdir("."))[0:0] == []}
"""

# A statement for each way to end that needs nothing but the standard library, and the fault it is.
FAULTY = {
    "exception": ("raise ValueError", FaultKind.EXCEPTION),
    "exit": ("os._exit(3)", FaultKind.EXIT),
    "abort": ("os.abort()", FaultKind.CRASH),
    "hang": ("time.sleep(60)", FaultKind.HANG),
    "flood": ("[os.write(1, b'.' * 100000) for _ in range(1000)]", FaultKind.OUTPUT),
    "child left behind": (
        "[os.setsid() or time.sleep(60) for _ in '.' if os.fork() == 0]; raise OSError",
        FaultKind.EXCEPTION,
    ),
}


def make_folders(root: Path) -> Folders:
    """Folders of one session of tests, which a container's user may read too."""
    folders = Folders((root / "content",), root / "artifacts")
    root.chmod(0o755)
    for folder in (root / "content", root / "artifacts"):
        folder.mkdir(exist_ok=True)
    return folders


def make_case(**changes: Any) -> Case:
    """A case that promises nothing, changed by ``changes``."""
    fields: dict[str, Any] = {
        "workload": "operator:rig",
        "id": "case",
        "tier": Tier.CPU,
        "params": {},
        "metrics": (),
        "components": ("numpy",),
        "tolerance": 1e-6,
        "seeds": 1,
        "artifact": None,
        "content": "",
    }
    return Case(**{**fields, **changes})


class Rig:
    """One runtime with a probe in it; the probe is started again only where a test has ended it on purpose."""

    def __init__(self, runtime: RealisedRuntime, folders: Folders) -> None:
        self.runtime = runtime
        self.folders = folders
        self._session: Session | None = None
        self._numbers = itertools.count()

    @property
    def kind(self) -> str:
        """``in place``, ``virtual environment`` or ``container``."""
        return self.runtime.how

    @property
    def session(self) -> Session:
        """The probe."""
        if self._session is None or not self._session.alive:
            self._session = Session(self.runtime, ("numpy",))
        return self._session

    def write(self, source: str) -> Path:
        """A content file with that source."""
        path = self.folders.content[0] / f"bench_{next(self._numbers)}.py"
        path.write_text(source, encoding="utf-8")
        path.chmod(0o644)
        return path

    def run(
        self, source: str, timeout: float = 20.0, metrics: Sequence[Metric] = (), **changes: Any
    ) -> tuple[CaseResult, tuple[bytes, ...]]:
        """Run a content file as a case."""
        case = make_case(metrics=tuple(metrics), **changes)
        return self.session.run(case, self.write(source), None, timeout)

    def work(self, body: str, **changes: Any) -> CaseResult:
        """Run the statements ``body`` as the work of a case."""
        lines = "\n".join("        " + line for line in body.strip().splitlines())
        source = (
            f"import os, signal, sys, time\n\ndef prepare(params, tools):\n    def work():\n{lines}\n    return work\n"
        )
        return self.run(source, **changes)[0]

    def value(self, expression: str) -> str:
        """What a Python expression is in a case's process, as text."""
        imports = "import os, pathlib, socket, sys\n\n"
        result, frames = self.run(
            f"{imports}def prepare(params, tools):\n    return lambda: {{'v': str({expression})}}\n"
        )
        assert result.fault is None, result.fault
        return frames[0].decode()

    def is_as_new(self) -> None:
        """Assert that the probe lives and that a good case runs as if nothing had happened."""
        assert self.session.alive
        result, frames = self.run(GOOD)
        assert result.fault is None, result.fault
        tools = Tools(0)
        assert frames == ((tools.uniform((4, 5)) * 2).tobytes(), (3).to_bytes(8, "little"), b"fine", b"\x01")
        assert result.inputs == tools.inputs_digest()

    def faults(self, result: CaseResult, kind: FaultKind, stage: str = "run") -> None:
        """Assert that a case faulted like that, has no results beside it, and did no harm."""
        assert result.fault is not None
        assert (result.fault.kind, result.fault.stage) == (kind, stage), result.fault
        assert result.measurements == ()
        assert result.outputs == ()
        self.is_as_new()

    def close(self) -> None:
        """End the probe."""
        if self._session is not None:
            self._session.close()


def gone(pid: int, within: float = 5.0) -> bool:
    """Whether the process is over (or a zombie that its parent has yet to collect), or is over ``within`` seconds."""
    until = time.monotonic() + within
    while time.monotonic() < until:
        try:
            os.kill(pid, 0)
            state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
        except (ProcessLookupError, FileNotFoundError):
            return True
        if state == "Z":
            return True
        time.sleep(0.02)
    return False
