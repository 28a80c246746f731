"""Two rings with different coverage, through the front door: each measures its own cells and is judged by them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.example import write_example


def compat(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "compat", *words], cwd=cwd, capture_output=True, text=True, check=False, timeout=300
    )


def write_matrix(folder: Path) -> None:
    """The example with a third runtime, in which a case crashes, and a ring that takes only what changes."""
    path = write_example(folder)
    text = path.read_text().replace("[before, after]", "[before, after, third]")
    text = text.replace("workloads:", '  third: {in_place: true, env: {ADD: "crash"}}\nworkloads:')
    text = text.replace("tiers: [cpu]}", "tiers: [cpu], coverage: changed}\n  - {name: early, tiers: [cpu]}")
    path.write_text(text)


def test_each_ring_measures_its_own_cells(tmp_path: Path) -> None:
    write_matrix(tmp_path)
    planned = compat("plan", "example.yaml", "--content", "site", cwd=tmp_path)
    assert "coverage: changed, 1 of the plan's 2 cells, 2 of 3 points, 2 of 3 values" in planned.stdout
    assert "coverage: full, 2 cells: every point of the matrix" in planned.stdout
    done = compat("run", "example.yaml", "--ring", "canary", "--content", "site", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "VERDICT: GO for ring canary" in done.stdout
    assert "third" not in compat("show", "out/example", cwd=tmp_path).stdout
    # The other ring asks for the cell that was not measured: it is on the way, so that it is missing and nothing more.
    done = compat("judge", "out/example", "--ring", "early", cwd=tmp_path)
    assert "VERDICT: GO for ring early" in done.stdout
    assert "missing" in done.stdout
    done = compat("run", "example.yaml", "--ring", "early", "--content", "site", cwd=tmp_path)
    assert "third" in compat("show", "out/example", cwd=tmp_path).stdout
    # What crashes in the third runtime is nothing to the ring that does not take it.
    done = compat("judge", "out/example", "--ring", "canary", cwd=tmp_path)
    assert "VERDICT: GO for ring canary" in done.stdout
    assert "crash" not in done.stdout
