"""What the other tools are given: the candidate's samples with faults in them, and how a tool is run.

A case is measured ten times; its known-good result are ``GOOD`` seconds. A clock that hands out these seconds is given
to tools that measure by themselves, so what they say does not depend on the machine.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

__all__ = ["CLOCK", "GOOD", "PASSED", "SAMPLES", "SIX", "STOPPED", "WARNED", "run"]

PASSED, WARNED, STOPPED = "GO", "GO, with a warning", "stopped"  # what a tool made of a fault

NAN, INF = float("nan"), float("inf")
GOOD = tuple(0.0121 * (1 + 0.0005 * (n % 5)) for n in range(10))
SIX = "5x slower at six pairs"  # here the known-good arm has six, too


def _slow(which: Sequence[int], samples: Sequence[float] = GOOD) -> tuple[float, ...]:
    return tuple(5 * sample if n in which else sample for n, sample in enumerate(samples))


# Faults of ``planted.FAULTS`` that are in the candidate's samples.
SAMPLES: dict[str, tuple[float, ...]] = {
    "one run dropped": GOOD[:9],
    "the last four pairs dropped": GOOD[:6],
    "NaN in one sample": (*GOOD[:4], NAN, *GOOD[5:]),
    "NaN": (NAN,) * 10,
    "infinite": (INF,) * 10,
    "zero": (0.0,) * 10,
    "negative": tuple(-sample for sample in GOOD),
    "one sample only": GOOD[:1],
    "one pair written under all numbers": GOOD[:1] * 10,
    "clock set back: negative duration": (*GOOD[:4], -3600.0, *GOOD[5:]),
    "5x slower": _slow(range(10)),
    SIX: _slow(range(6), GOOD[:6]),
    "5x slower at thirty pairs": _slow(range(30), GOOD * 3),
    "5x slower in three processes of ten": _slow((1, 4, 7)),
}

CLOCK = """
class Clock:
    def __init__(self, seconds):
        self.seconds, self.running = iter(seconds), False

    def __call__(self):
        self.running = not self.running
        return 0.0 if self.running else next(self.seconds)
"""


def run(words: Sequence[str], cwd: Path, **env: str) -> subprocess.CompletedProcess[str]:
    """Run a tool in a folder, with variables and a home of its own."""
    own = {"HOME": str(cwd), "TMPDIR": str(cwd), "PATH": os.environ["PATH"], "LANG": "C.UTF-8", "NO_COLOR": "1"}
    return subprocess.run(words, cwd=cwd, env={**own, **env}, capture_output=True, text=True, check=False, timeout=120)
