"""The probe in every interpreter of this machine, from Python 3.9 on, older and newer than ours."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from compat.model import Kind, Runtime
from compat.run.in_place import InPlaceRuntime
from compat.run.session import Session
from tests.pythons import PYTHONS
from tests.rig import FAULTY, make_case, make_folders

PLAIN = """
import sys

def prepare(params, tools):
    return lambda: {"text": f"{sys.version_info[0]}.{sys.version_info[1]}", "sum": 1.5}
"""


@pytest.fixture(params=PYTHONS)
def old(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, Session, Path]]:
    """A version, a probe in an interpreter of it, and a folder for content."""
    folders = make_folders(tmp_path)
    session = Session(InPlaceRuntime(Runtime("old", python=PYTHONS[request.param]), folders), ("json",))
    yield request.param, session, folders.content[0]
    session.close()


def test_a_case_runs_in_any_python(old: tuple[str, Session, Path]) -> None:
    version, session, folder = old
    assert session.ready.identity.python.startswith(f"{version}.")
    assert not any(note.startswith(("import ", "cases are started")) for note in session.notes)
    (folder / "plain.py").write_text(PLAIN, encoding="utf-8")
    result, frames = session.run(make_case(), folder / "plain.py", None, 20.0)
    assert result.fault is None, result.fault
    assert frames[0] == version.encode()
    assert [m.metric for m in result.measurements if m.kind is Kind.BOUNDED]  # its memory was measured


def test_faults_are_the_cases_own_in_any_python(old: tuple[str, Session, Path]) -> None:
    _, session, folder = old
    (folder / "plain.py").write_text(PLAIN, encoding="utf-8")
    for name, (statement, kind) in FAULTY.items():
        source = (
            f"import os, time\n\ndef prepare(params, tools):\n    def work():\n        {statement}\n    return work\n"
        )
        (folder / "faulty.py").write_text(source, encoding="utf-8")
        result, _ = session.run(make_case(), folder / "faulty.py", None, 3.0)
        assert result.fault is not None, name
        assert result.fault.kind is kind, (name, result.fault)
        result, _ = session.run(make_case(), folder / "plain.py", None, 20.0)
        assert result.fault is None, (name, result.fault)


def test_a_case_is_spawned_in_any_python(old: tuple[str, Session, Path]) -> None:
    version, session, folder = old
    (folder / "threaded.py").write_text(
        "import threading, time\nthreading.Thread(target=time.sleep, args=(600,), daemon=True).start()\n", "utf-8"
    )
    (folder / "plain.py").write_text(PLAIN, encoding="utf-8")
    spec = Runtime("old", python=PYTHONS[version], env={"PYTHONPATH": str(folder)})
    spawning = Session(InPlaceRuntime(spec, session._runtime._folders), ("threaded",))  # type: ignore[attr-defined]
    try:
        assert any("started 1 thread" in note for note in spawning.notes)
        result, frames = spawning.run(make_case(), folder / "plain.py", None, 20.0)
        assert result.fault is None, result.fault
        assert frames[0] == version.encode()
    finally:
        spawning.close()
