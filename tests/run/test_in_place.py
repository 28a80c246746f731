from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from compat.errors import RuntimeSetupError
from compat.model import Runtime
from compat.run.in_place import InPlaceRuntime
from tests.rig import Rig, make_folders


def _bench(folder: Path, **changes: object) -> Rig:
    folders = make_folders(folder)
    return Rig(InPlaceRuntime(Runtime("here", **changes), folders), folders)  # type: ignore[arg-type]  # see callers


def test_our_own_interpreter_is_the_default(in_place: Rig) -> None:
    assert in_place.value("sys.executable") == sys.executable


def test_another_interpreter_may_be_named_by_path_or_by_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    named = tmp_path / "bin" / "some-python"
    named.parent.mkdir()
    named.write_text(f'#!/bin/sh\nSEEN=$0 exec {sys.executable} "$@"\n', encoding="utf-8")
    named.chmod(0o755)
    monkeypatch.setenv("PATH", f"{named.parent}:{os.environ['PATH']}")
    monkeypatch.chdir(tmp_path)
    for python in (str(named), "some-python", "bin/some-python"):
        rig = _bench(tmp_path, python=python)
        assert rig.value("os.environ['SEEN']") == str(named)
        rig.close()


@pytest.mark.parametrize("python", ["no-such-python", "/none/python3"])
def test_an_interpreter_that_is_not_there_is_refused(tmp_path: Path, python: str) -> None:
    with pytest.raises(RuntimeSetupError) as refused:
        _bench(tmp_path, python=python)
    assert str(refused.value).startswith(f"runtime here: there is no interpreter {python!r}; give python")


def test_the_environment_is_shared_but_for_pinned_threads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHARED", "yes")
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.setenv("REPLACED", "ours")
    rig = _bench(tmp_path, env={"REPLACED": "the matrix's"})
    names = "SHARED", "OMP_NUM_THREADS", "REPLACED"
    assert rig.value(f"[os.environ[name] for name in {names}]") == "['yes', '1', \"the matrix's\"]"
    rig.close()


def test_a_matrix_may_ask_for_other_thread_counts(tmp_path: Path) -> None:
    rig = _bench(tmp_path, env={"OMP_NUM_THREADS": "2"})
    assert rig.value("os.environ['OMP_NUM_THREADS']") == "2"
    rig.close()


def test_the_probe_changes_no_import_of_a_case(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "numpy.py").write_text("raise ImportError('a file of the current folder')", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    rig = _bench(tmp_path)
    assert rig.value("'' in sys.path") == "False"
    assert rig.value("__import__('numpy').__name__") == "numpy"
    assert rig.session.ready.notes == ()
    rig.close()


def test_paths_are_the_same_inside(tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(tmp_path)
    assert _bench(tmp_path).runtime.inside(link / "file.py") == str(tmp_path.resolve() / "file.py")
