"""Memory is bounded: it grows with the items of a plan, and not with their runs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from .many import Many

ITEMS, PAIRS, TIMES = 60, 30, 4
MOST = 8.0  # MiB more for four times the runs; held as records they would be 40

STAGES = {
    "merge": "merge([first], folder / 'all')",
    "judge": "conclude(Store(first))",
    "report": "write_reports(conclude(Store(first)), folder)",
}
CODE = r"""
import re, sys
from pathlib import Path
from compat.store import Store, merge
from compat.way import conclude, write_reports

first, folder = map(Path, sys.argv[1:])
{stage}
# Not what getrusage says: that begins with what the parent had.
print(int(re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())[1]) / 1024)
"""


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """A store, and another one with four times the runs of the same items."""
    made = (Many(ITEMS, PAIRS * times, 1) for times in (1, TIMES))
    return [many.write(tmp_path_factory.mktemp("many"))[0] for many in made]


@pytest.mark.parametrize("stage", STAGES)
def test_more_runs_take_no_more_memory(stage: str, stores: list[Path], tmp_path: Path) -> None:
    peaks = []
    for number, store in enumerate(stores):
        folder = tmp_path / str(number)
        folder.mkdir()
        words = [sys.executable, "-c", CODE.format(stage=STAGES[stage]), str(store), str(folder)]
        done = subprocess.run(words, capture_output=True, text=True, check=True)
        peaks.append(float(done.stdout.splitlines()[-1]))
    assert peaks[1] - peaks[0] < MOST, peaks
