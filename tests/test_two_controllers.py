"""Two controllers on one folder and one node: the second is told who was first; a killed one holds nothing."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.example import WORKLOAD, write_example
from tests.test_cli import compat

RUN = ("run", "example.yaml", "--content", "site", "--store", "out")
# The first controller's cases wait until somebody lets them go.
WAITING = """    import pathlib, time

    while pathlib.Path("{wait}").exists():
        time.sleep(0.02)
    x = tools.uniform(8)
"""


def start(folder: Path) -> subprocess.Popen[str]:
    """A controller that has begun, and waits."""
    wait = folder / "wait"
    wait.touch()
    write_example(folder)
    workload = folder / "site/workloads/adder.py"
    workload.write_text(WORKLOAD.replace("    x = tools.uniform(8)\n", WAITING.format(wait=wait)))
    words = [sys.executable, "-m", "compat", *RUN]
    first = subprocess.Popen(words, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    until = time.monotonic() + 60
    while not list((folder / "out").glob("plans/*.json")):
        assert first.poll() is None, first.communicate()[0]
        assert time.monotonic() < until
        time.sleep(0.05)
    return first


def test_the_second_controller_is_told_who_is_first(tmp_path: Path) -> None:
    first = start(tmp_path)
    try:
        for more in ((), ("--shard", "1/2"), ("--fresh",)):
            second = compat(*RUN, *more, cwd=tmp_path)
            assert (second.returncode, second.stderr.count("\n")) == (2, 1), second.stderr
            said = f"is measured on node {os.uname().nodename} by another controller: process {first.pid} on "
            assert said in second.stderr
            assert ", since 20" in second.stderr
    finally:
        (tmp_path / "wait").unlink(missing_ok=True)
        output, _ = first.communicate(timeout=60)
    assert first.returncode == 0, output
    assert not list(tmp_path.glob("out.*")), "--fresh has put nothing aside"


def test_a_killed_controller_holds_nothing(tmp_path: Path) -> None:
    first = start(tmp_path)
    first.send_signal(signal.SIGKILL)
    first.communicate()
    assert first.returncode == -signal.SIGKILL
    (tmp_path / "wait").unlink()
    again = compat(*RUN, cwd=tmp_path)
    assert (again.returncode, again.stderr) == (0, "")
    verified = compat("store", "verify", "out", cwd=tmp_path)
    assert (verified.returncode, verified.stderr) == (0, ""), verified.stdout
    shutil.copytree(tmp_path / "out", tmp_path / "copy")  # a lock is not what is copied
    assert compat("gate", "copy", cwd=tmp_path).returncode == 0
