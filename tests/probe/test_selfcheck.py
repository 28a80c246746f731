"""A zygote that could not fork safely starts fresh processes, and its cases do not notice."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from compat.model import FaultKind, Runtime
from compat.probe.selfcheck import why_not_fork
from compat.run.in_place import InPlaceRuntime
from compat.run.session import Session, Work
from tests.rig import FAULTY, GOOD, make_case, make_folders

THREADS = (
    "import threading, time\nfor _ in range(2): threading.Thread(target=time.sleep, args=(600,), daemon=True).start()\n"
)
# What a parallel operation leaves behind: a lock that a thread holds for ever. A forked child would wait for it.
LOCKED = (
    "import threading, time\nLOCK = threading.Lock()\n"
    "def hold():\n    LOCK.acquire()\n    time.sleep(600)\n"
    "threading.Thread(target=hold, daemon=True).start()\n"
    "while not LOCK.locked(): time.sleep(0.001)\n"
)

LARGE = "BLOCK = b'x' * (96 << 20)\n"  # a library takes memory of its own
MIB = 2**20

Start = Callable[..., Session]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    folders = make_folders(tmp_path)
    modules = tmp_path / "modules"
    modules.mkdir()
    sessions = []

    def started(source: str = "", imports: tuple[str, ...] = ("imported",)) -> Session:
        (modules / "imported.py").write_text(source, encoding="utf-8")
        runtime = InPlaceRuntime(Runtime("here", env={"PYTHONPATH": str(modules)}), folders)
        sessions.append(Session(runtime, imports))
        return sessions[-1]

    yield started
    for session in sessions:
        session.close()


def content(folder: Path, source: str) -> Path:
    path = folder / "content" / f"content_{abs(hash(source))}.py"
    path.write_text(source, encoding="utf-8")
    return path


def test_this_process_may_fork_until_it_has_threads() -> None:
    import subprocess

    code = (
        "import threading, time\nfrom compat.probe.selfcheck import why_not_fork\nprint(repr(why_not_fork(True)))\n"
        "threading.Thread(target=time.sleep, args=(9,), daemon=True).start()\nprint(repr(why_not_fork()))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["''", "'importing its libraries started 1 thread'"]
    assert threading.active_count() == 1 or why_not_fork()


@pytest.mark.parametrize(("source", "number"), [(THREADS, "2 threads"), (LOCKED, "1 thread")], ids=["idle", "locked"])
def test_a_zygote_with_threads_starts_fresh_processes(start: Start, tmp_path: Path, source: str, number: str) -> None:
    session = start(source)
    assert (
        f"cases are started as fresh processes, not forked: importing its libraries started {number}" in session.notes
    )
    asks = (
        "import os, sys, threading\n\ndef prepare(params, tools):\n"
        "    return lambda: {'threads': threading.active_count(), 'warm': 'imported' in sys.modules}\n"
    )
    result, frames = session.run(make_case(), content(tmp_path, asks), None, 20.0)
    assert result.fault is None, result.fault
    assert frames == ((1 + int(number[0])).to_bytes(8, "little"), b"\x01")  # it has imported what a fork would have
    result, _ = session.run(make_case(), content(tmp_path, GOOD), None, 20.0)
    assert result.fault is None


def test_a_fork_keeps_a_lock_that_its_parent_held(start: Start, tmp_path: Path) -> None:
    """Why there is a check: nobody is left in a fork who could release the lock."""
    takes = "import imported\n\ndef prepare(params, tools):\n"
    takes += "    return lambda: {'got': imported.LOCK.acquire(timeout=0.2)}\n"
    forked = start("import threading\nLOCK = threading.Lock()\nLOCK.acquire()\n")  # held, and no thread to tell
    assert not any("fresh processes" in note for note in forked.notes)
    _, frames = forked.run(make_case(), content(tmp_path, takes), None, 20.0)
    assert frames == (b"\x00",)


def _memory(session: Session, path: Path, *imports: str) -> float:
    result, _ = session.run(make_case(imports=imports), path, None, 20.0)
    assert result.fault is None, result.fault
    return next(one.samples[0] for one in result.measurements if one.metric == "memory")


@pytest.mark.parametrize("declared", [True, False], ids=["declared", "another case's"])
def test_memory_of_a_case_is_alike_however_it_was_started(start: Start, tmp_path: Path, declared: bool) -> None:
    """What a library takes is no case's own, whoever imported it: else an arm that cannot fork would look worse."""
    uses = "def prepare(params, tools):\n    import imported\n    return lambda: {'size': len(imported.BLOCK)}\n"
    path, imports = content(tmp_path, uses), ("imported",) if declared else ()
    forked = _memory(start(LARGE), path, *imports)
    assert forked < 16 * MIB
    spawned = start(LARGE + THREADS)
    assert any("fresh processes" in note for note in spawned.notes)
    assert _memory(spawned, path, *imports) == pytest.approx(forked, abs=16 * MIB)
    if declared:  # a zygote that must not import it
        assert _memory(start(LARGE, imports=()), path, *imports) == pytest.approx(forked, abs=16 * MIB)


def test_an_import_that_fails_in_a_fresh_process_is_the_case_s_that_needs_it(start: Start, tmp_path: Path) -> None:
    session = start(THREADS, imports=("imported", "no_such_module"))
    result, _ = session.run(make_case(imports=("no_such_module",)), content(tmp_path, GOOD), None, 20.0)
    assert result.fault is None, result.fault
    needs = "def prepare(params, tools):\n    import no_such_module\n"
    result, _ = session.run(make_case(imports=("no_such_module",)), content(tmp_path, needs), None, 20.0)
    assert result.fault is not None
    assert (result.fault.kind, result.fault.stage) == (FaultKind.IMPORT, "prepare")


@pytest.mark.parametrize("body", FAULTY.values(), ids=FAULTY.keys())
def test_a_fresh_process_faults_as_a_fork_does(start: Start, tmp_path: Path, body: tuple[str, FaultKind]) -> None:
    session = start(THREADS)
    source, kind = body
    work = (
        "import os, signal, time\n\ndef prepare(params, tools):\n    def work():\n        "
        + source
        + "\n    return work\n"
    )
    result, _ = session.run(make_case(), content(tmp_path, work), None, 2.0)
    assert result.fault is not None
    assert result.fault.kind is kind
    result, _ = session.run(make_case(), content(tmp_path, GOOD), None, 20.0)
    assert result.fault is None


@pytest.mark.parametrize("stage", ["import", "prepare", "run", "reference"])
def test_a_fresh_process_that_ends_has_the_stage_in_which_it_was(start: Start, tmp_path: Path, stage: str) -> None:
    session = start(THREADS)
    for end, kind in {"os.abort()": FaultKind.CRASH, "time.sleep(60)": FaultKind.HANG}.items():
        source = "import os, time\n" + {
            "import": "END\n",
            "prepare": "def prepare(params, tools): END\n",
            "run": "def prepare(params, tools):\n    def work(): END\n    return work\n",
            "reference": "def prepare(params, tools): return lambda: {'x': 1}\ndef reference(params, tools): END\n",
        }[stage].replace("END", end)
        result, _ = session.run(make_case(), content(tmp_path, source), None, 1.0)
        assert result.fault is not None
        assert (result.fault.kind, result.fault.stage) == (kind, stage)


def test_what_a_fresh_process_imports_first_is_not_in_the_time_of_its_case(start: Start, tmp_path: Path) -> None:
    """A fork has it imported already: an arm that cannot fork would seem to hang."""
    session = start(THREADS + "time.sleep(2.5)\n")
    works = [Work(make_case(imports=("imported",)), content(tmp_path, GOOD), None, 2.0)] * 2
    assert [answer.result.fault for answer in session.run_group(works)] == [None] * 2
    hangs = "import time\n\ndef prepare(params, tools):\n    time.sleep(60)\n"
    answers = session.run_group([*works, Work(make_case(), content(tmp_path, hangs), None, 2.0)])
    assert answers[-1].result.fault is not None
    assert answers[-1].result.fault.kind is FaultKind.HANG
    assert 2.0 <= answers[-1].result.seconds < 4.0


def test_a_group_in_a_fresh_process(start: Start, tmp_path: Path) -> None:
    session = start(THREADS)
    pid = "import os\n\ndef prepare(params, tools):\n    return lambda: {'pid': os.getpid()}\n"
    work = Work(make_case(), content(tmp_path, pid), None, 20.0)
    answers = session.run_group([work, work, work])
    assert [answer.result.fault for answer in answers] == [None] * 3
    assert len({answer.frames for answer in answers}) == 1
