"""An MPS daemon on this node, by its process or by the pipe that processes here would find it through."""

from __future__ import annotations

from pathlib import Path

import pytest

from compat.node.mps import mps_daemon


def host(root: Path, **processes: str) -> Path:
    """A machine with these processes: name by number."""
    for number, name in processes.items():
        folder = root / "proc" / number[1:]
        folder.mkdir(parents=True)
        (folder / "comm").write_text(f"{name[:15]}\n", encoding="utf-8")  # the kernel keeps no more
    return root


def test_a_daemon_is_found_by_its_process(tmp_path: Path) -> None:
    said = mps_daemon(host(tmp_path, _1="systemd", _42="nvidia-cuda-mps-control"))
    assert said == "process 42 is nvidia-cuda-mps"


def test_other_processes_are_none(tmp_path: Path) -> None:
    assert mps_daemon(host(tmp_path, _1="systemd", _7="nvidia-persistenced")) is None
    assert mps_daemon(tmp_path / "nothing") is None


def test_a_daemon_is_found_by_the_pipe_that_a_pod_is_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_MPS_PIPE_DIRECTORY", str(tmp_path))
    assert mps_daemon(tmp_path) is None  # the daemon is gone, or has not started
    (tmp_path / "control").touch()
    assert mps_daemon(tmp_path) == f"{tmp_path}/control is its pipe"
