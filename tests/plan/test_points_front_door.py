"""``compat plan MATRIX --points``: the number of points, the first of them, and why others are none."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

from .conftest import AXES
from .hostile import LARGE

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Write


def plan(path: Path, *words: str) -> subprocess.CompletedProcess[str]:
    words = (sys.executable, "-m", "compat", "plan", str(path), *words)
    return subprocess.run(words, capture_output=True, text=True, check=False, timeout=120)


def test_the_points_and_what_is_left_out(write: Write) -> None:
    path = write(AXES.replace("runtimes:\n", 'exclude: [{driver: "570.172.08", runtime: new}]\nruntimes:\n'))
    done = plan(path, "--points", "--first", "2")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "skew: 3 points; its axes make 8",
        "  driver=570.172.08, cuda=12.8, runtime=old",
        "  driver=580.95.05, cuda=12.8, runtime=old",
        "  and 1 more",
        "",
        "Left out",
        f"  exclude[0]: driver=570.172.08, runtime=new: 2 points are excluded by {path}:8",
        "  runtime=new, cuda=12.8: 1 points drop out: the runtime new has cuda 13.0",
        "  runtime=old, cuda=13.0: 2 points drop out: the runtime old has cuda 12.8",
    ]


def test_nothing_is_left_out(write: Write) -> None:
    text = AXES.replace('  cuda: ["12.8", "13.0"]\n', "")
    done = plan(write(text), "--points")
    assert done.stdout.splitlines()[0] == "skew: 4 points; its axes make 4"
    assert done.stdout.splitlines()[-1] == "  nothing: every point of the product is a point of the matrix"


def test_a_million_points_are_counted_and_the_first_twenty_shown(tmp_path: Path) -> None:
    path = tmp_path / "matrix.yaml"
    path.write_bytes(LARGE["million-full"])
    lines = plan(path, "--points").stdout.splitlines()
    assert lines[0] == "wide: 1000000 points; its axes make 1000000"
    assert lines[1] == "  driver=0, firmware=f0, runtime=r0"
    assert lines[21] == "  and 999980 more"


def test_the_plan_says_what_each_ring_covers(tmp_path: Path) -> None:
    path = tmp_path / "matrix.yaml"
    text = LARGE["million-full"].decode().replace("coverage: full", "coverage: changed")
    text = text.replace("operator:*", "operator:numpy_linalg")
    path.write_text(text + "  - {name: b, tiers: [cpu], coverage: changed}\n", encoding="utf-8")
    done = plan(path)
    assert (done.returncode, done.stderr) == (10, "")  # firmware is not read: the ring cannot reach GO
    assert "  coverage: changed, 3 of the plan's 3 cells, 4 of 1000000 points, 8 of 30000 pairs" in done.stdout
    assert "ring b: coverage changed: it takes 4 of 1000000 points" in done.stdout
