"""Sixteen writers and promoters at once, on a folder and on S3: one winner for each number, none lost, nothing torn."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


def run_race(place: str, count: int) -> dict[str, Any]:
    """What ``tests.store.races`` has counted."""
    words = [sys.executable, "-m", "tests.store.races", place, str(count)]
    done = subprocess.run(words, cwd=ROOT, env=os.environ, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_sixteen_writers_and_promoters(place: str) -> None:
    found = run_race(place, 16)
    assert (found["written"], found["lost"], found["doubled"], found["problems"]) == (80, 0, 0, 0)
    assert found["promotions"] == found["won"] == found["rounds"] == 3
