"""The options that lock clocks, through the command and the plugin, on a made-up GPU."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.example import write_example
from tests.node.fake import uuid
from tests.rig import gone
from tests.test_cli import compat

RUN = ("run", "example.yaml", "--content", "site", "--cache", "cache")
LOCKED = f"lock {uuid(0)} 1200 1200"
RESET = f"reset {uuid(0)}"


@pytest.fixture
def example(tmp_path: Path, library: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The example as work for one GPU, which there is: its cases fault, since the GPU is NVML's alone."""
    matrix = write_example(tmp_path, ring=", gpus: 1")
    matrix.write_text(matrix.read_text().replace("tiers: [cpu]", "tiers: [gpu]"))
    workload = tmp_path / "site/workloads/adder.py"
    workload.write_text(workload.read_text().replace('("cpu",)', '("gpu",)'))
    monkeypatch.setenv("LD_LIBRARY_PATH", str(library))
    monkeypatch.setenv("FAKE_LOG", str(tmp_path / "log"))
    return tmp_path


def _log(folder: Path) -> list[str]:
    path = folder / "log"
    return [line for line in path.read_text().splitlines() if line != "init"] if path.exists() else []


def test_a_run_locks_the_gpu_it_measures_on_and_says_so(example: Path) -> None:
    done = compat(*RUN, "--lock-clocks", "1200", cwd=example)
    assert (done.returncode, done.stderr) == (10, "")
    assert _log(example) == [LOCKED, RESET]
    assert f"the clocks of {uuid(0)} are held at 1200 MHz: this is for diagnosis" in done.stdout
    (node,) = (json.loads(path.read_text()) for path in (example / "out/example/nodes").iterdir())
    assert node["labels"] == {"locked-clocks": "1200 MHz"}


def test_free_and_locked_clocks_are_not_mixed_in_a_store(example: Path) -> None:
    assert compat(*RUN, cwd=example).returncode == 10
    assert _log(example) == []
    done = compat(*RUN, "--lock-clocks", "1200", cwd=example)
    assert done.returncode == 2
    assert "is not as it was when measuring began" in done.stderr
    assert _log(example) == [LOCKED, RESET]


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"FAKE_NO_PERMISSION": "1"}, f"clocks: cannot be locked: {uuid(0)} at 1200 MHz: Insufficient Permissions;"),
        ({"FAKE_INIT": "9"}, "clocks: cannot be locked: no case runs on a GPU of this node;"),
    ],
)
def test_without_the_right_or_a_gpu_it_is_one_line_exit_2(example: Path, variables: dict[str, str], said: str) -> None:
    done = compat(*RUN, "--lock-clocks", "1200", cwd=example, **variables)
    assert done.returncode == 2
    assert done.stderr.startswith(f"compat: {said}")
    assert len(done.stderr.splitlines()) == 1
    assert not (example / "out").exists()
    assert _log(example) == []


@pytest.mark.parametrize("word", ["0", "-5", "fast", "1.5"])
def test_a_frequency_is_a_number_of_mhz(example: Path, word: str) -> None:
    assert compat(*RUN, "--lock-clocks", word, cwd=example).returncode == 2
    command = [
        sys.executable,
        "-m",
        "pytest",
        "example.yaml",
        "--compat-content",
        "site",
        f"--compat-lock-clocks={word}",
    ]
    assert (
        subprocess.run(command, cwd=example, capture_output=True, check=False).returncode == 4
    )  # pytest's usage error
    assert _log(example) == []


def test_the_plugin_has_the_option_too(example: Path) -> None:
    command = [sys.executable, "-m", "pytest", "example.yaml", "--compat-content", "site", "--compat-cache", "cache"]
    done = subprocess.run(
        [*command, "--compat-lock-clocks", "1200"], cwd=example, capture_output=True, text=True, check=False
    )
    assert "VERDICT: HOLD" in done.stdout
    assert _log(example) == [LOCKED, RESET]
    refused = subprocess.run(
        [*command, "--compat-fresh", "--compat-lock-clocks", "1200"],
        cwd=example,
        env={**os.environ, "FAKE_NO_PERMISSION": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert refused.returncode == 2
    assert "clocks: cannot be locked" in refused.stdout
    assert "Traceback" not in refused.stdout


def test_the_next_run_undoes_what_a_killed_one_left(example: Path) -> None:
    guard = (
        "import sys, time; from pathlib import Path; from compat.node.clocks import LockedClocks\n"
        "with LockedClocks(1200, sys.argv[2:], Path(sys.argv[1])):\n    print('measuring', flush=True); time.sleep(60)"
    )
    folder = example / "cache/clocks"
    killed = subprocess.Popen([sys.executable, "-c", guard, str(folder), uuid(0)], stdout=subprocess.PIPE, text=True)
    assert killed.stdout is not None
    assert killed.stdout.readline() == "measuring\n"
    guardian = json.loads((folder / f"locked-clocks-{uuid(0)}.json").read_text())["pid"]
    os.kill(guardian, signal.SIGKILL)
    killed.kill()
    killed.communicate()
    assert gone(guardian)
    done = compat(*RUN, cwd=example)
    assert f"reset the clocks of {uuid(0)}, which a killed run had left locked" in done.stdout
    assert _log(example) == [LOCKED, RESET]
