"""A million runs: five nodes' stores are merged, verified and judged by the commands, each a process of its own."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.store.many import Many

from .conftest import Record

MILLION = Many(items=10_000, pairs=10, nodes=5)
_ROOM = 25 << 30  # bytes that have to be free: the sources and what they are merged into take 9 GB

CODE = r"""
import re, runpy, sys
from pathlib import Path
try:
    runpy.run_module("compat", run_name="__main__")
finally:
    print(re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())[0], file=sys.stderr)
"""


def _run(*words: str) -> tuple[float, float, str]:
    """Seconds that a command took, its peak memory in MiB, and what it printed."""
    begin = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", CODE, *words], capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - begin
    assert done.returncode == 0, done.stderr
    return seconds, int(re.findall(r"VmHWM:\s+(\d+) kB", done.stderr)[-1]) / 1024, done.stdout


def _remove(folder: Path) -> None:
    """Two million files: several folders at a time, or a disk that discards what is freed takes half an hour."""
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(shutil.rmtree, folder.glob("*/evidence/*/*")))
    for left in folder.iterdir():
        shutil.rmtree(left)


@pytest.mark.figures("store.merge_1m_s", "store.verify_1m_s", "store.judge_1m_s", "store.peak_mib_1m")
def test_a_million_runs(tmp_path: Path, record: Record, note: Callable[[str], None]) -> None:
    free = shutil.disk_usage(tmp_path).free
    if free < _ROOM:
        pytest.skip(f"{free >> 30} GiB are free, and {_ROOM >> 30} are needed")
    try:
        begin = time.perf_counter()
        stores = MILLION.write(tmp_path)
        written = time.perf_counter() - begin
        merged = str(tmp_path / "merged")
        peaks, said = [], []
        for figure, words in (
            ("store.merge_1m_s", ("merge", *map(str, stores), "--output", merged)),
            ("store.verify_1m_s", ("store", "verify", merged)),
            ("store.judge_1m_s", ("judge", merged)),
        ):
            seconds, peak, printed = _run(*words)
            record(figure, seconds)
            peaks.append(peak)
            said.append(f"{words[0]} {seconds:.0f} s, {peak:.0f} MiB: {printed.splitlines()[-1]}")
        record("store.peak_mib_1m", max(peaks))
        note(f"{MILLION.runs:,} runs of {MILLION.items:,} items, written in {written:.0f} s; " + "; ".join(said))
        assert f"{MILLION.runs}" in said[0]
        assert "VERDICT: GO" in said[-1]
    finally:
        _remove(tmp_path)
