"""The faults that pytest-benchmark can be given: in the stored known-good run, or in the tests that are run now.

Its gate is ``--benchmark-compare --benchmark-compare-fail=mean:5%``; GO is exit code 0.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .peer import CLOCK, GOOD, PASSED, SAMPLES, STOPPED, WARNED, run

__all__ = ["NAME", "REQUIREMENTS", "answers"]

NAME = "pytest-benchmark"
REQUIREMENTS = ("pytest-benchmark==5.3.1", "pytest==9.2.0")

# SAMPLES: what the clock shows. FAULT: what else is wrong with the test.
_TESTS = f"""
import json, os
import pytest
{CLOCK}
fault = os.environ["FAULT"]
clocks = [Clock(json.loads(text)) for text in (os.environ["SAMPLES"], os.environ["GOOD"])]
rounds = len(json.loads(os.environ["SAMPLES"]))

def test_other(benchmark):
    benchmark._timer = clocks[1]
    benchmark.pedantic(lambda: None, rounds=10)

def test_pool(benchmark):
    if fault == "skip":
        pytest.skip("no device")
    if fault == "unused":
        return
    if fault == "raise":
        raise RuntimeError("no kernel image is available")
    benchmark._timer = clocks[0]
    benchmark.pedantic(lambda: 1 if fault == "content" else None, rounds=rounds)

if fault == "gone":
    del test_pool
if fault == "more":
    def test_more(benchmark):
        benchmark._timer = Clock(json.loads(os.environ["GOOD"]))
        benchmark.pedantic(lambda: None, rounds=10)
"""

Change = Callable[[dict[str, Any]], object]


def _pool(stored: dict[str, Any]) -> dict[str, Any]:
    return next(one for one in stored["benchmarks"] if one["name"] == "test_pool")


def _without_pool(stored: dict[str, Any]) -> None:
    stored["benchmarks"].remove(_pool(stored))


def _stats(**fields: Any) -> Change:
    return lambda stored: _pool(stored)["stats"].update(fields)


def _in_milliseconds(stored: dict[str, Any]) -> None:
    stats = _pool(stored)["stats"]
    stats.update({name: stats[name] * 1e3 for name in ("min", "max", "mean", "median", "stddev", "iqr", "q1", "q3")})


def _twice(stored: dict[str, Any]) -> None:
    """The contradicting entry comes first."""
    slow = json.loads(json.dumps(_pool(stored)))
    slow["stats"]["mean"] /= 1.2
    stored["benchmarks"].insert(0, slow)


def _one_bit(text: str) -> str:
    """Of a digit of the mean: 0.0121 becomes 0.0161."""
    name = text.index('"test_pool"')
    at = text.index('"mean": 0.01', name) + len('"mean": 0.01')
    return text[:at] + chr(ord(text[at]) ^ 4) + text[at + 1 :]


# The test of the candidate: its fault, and more options.
_NOW = {
    "every run dropped": ("", "--benchmark-disable"),  # what the plugin does by itself under pytest-xdist
    "the plan has no case": ("", "-k", "nothing"),
    "a case dropped in the candidate's arm": ("gone",),
    "the case skipped itself": ("skip",),
    "no samples": ("unused",),
    "a case that nobody planned": ("more",),
    "wrong content": ("content",),
    "crashes each time": ("raise",),
}

_STORED: dict[str, Change] = {
    "a case dropped in the known-good arm": _without_pool,
    "a metric dropped": lambda stored: _pool(stored)["stats"].pop("mean"),
    "NaN in the known-good arm": _stats(mean=float("nan")),
    "null in the place of a number": _stats(mean=None),
    "a word in the place of a number": _stats(mean="n/a"),
    "wrong unit": _in_milliseconds,
    "contradicting duplicate": _twice,
    "a newer schema version": lambda stored: stored.update(version="99.0.0"),
    "a field that the schema does not have": lambda stored: _pool(stored).update(aborted=True),
    "a node that nobody knows": lambda stored: stored["machine_info"].update(node="n7"),
    "other architecture in one arm": lambda stored: stored["machine_info"].update(machine="aarch64"),
    "other Python in one arm": lambda stored: stored["machine_info"].update(python_version="3.12.1"),
    "clock set back: started in 1970": lambda stored: stored.update(datetime="1970-01-01T00:00:03+00:00"),
}

_FILES: dict[str, Callable[[str], str | None]] = {
    "no known-good arm (empty baseline)": lambda _: None,
    "truncated document": lambda text: text[: len(text) // 2],
    "empty document": lambda _: "",
    "flipped bit in a sample": _one_bit,
    "flipped bit in a word": lambda text: text.replace("::test_pool", "::test_pooL"),
    "another kind of document": lambda _: '{"matrix": "upgrade", "decision": "GO"}',
}

# In both arms.
_BOTH = {
    "a case dropped": ("gone", _without_pool),
    "the case skipped itself in both arms": ("skip", _without_pool),
    "crashes each time in both arms": ("raise", _without_pool),
}


def answers(python: Path, folder: Path) -> dict[str, str]:
    """What it made of each fault, and of none (``""``)."""
    (folder / "test_work.py").write_text(_TESTS, encoding="utf-8")
    _run(python, folder, "--benchmark-save=good")
    (good,) = folder.rglob("0001_good.json")
    kept = folder / "good.json"
    shutil.copy(good, kept)
    text = kept.read_text(encoding="utf-8")

    def compared(stored: str | None, *options: str, fault: str = "", samples: tuple[float, ...] = GOOD) -> str:
        good.unlink(missing_ok=True)
        if stored is not None:
            good.write_text(stored, encoding="utf-8")
        gate = ("--benchmark-compare=0001", "--benchmark-compare-fail=mean:5%")
        return _run(python, folder, *gate, *options, fault=fault, samples=samples)

    def changed(change: Change) -> str:
        stored = json.loads(text)
        change(stored)
        return json.dumps(stored)

    found = {"": compared(text)}
    found |= {name: compared(text, samples=samples) for name, samples in SAMPLES.items()}
    found |= {name: compared(text, *options, fault=fault) for name, (fault, *options) in _NOW.items()}
    found |= {name: compared(changed(change)) for name, change in _STORED.items()}
    found |= {name: compared(edit(text)) for name, edit in _FILES.items()}
    return found | {name: compared(changed(change), fault=fault) for name, (fault, change) in _BOTH.items()}


def _run(python: Path, folder: Path, *options: str, fault: str = "", samples: tuple[float, ...] = GOOD) -> str:
    words = [str(python), "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--rootdir={folder}", *options, "."]
    done = run(words, folder, FAULT=fault, SAMPLES=json.dumps(samples), GOOD=json.dumps(GOOD))
    if done.returncode != 0:
        return STOPPED
    return WARNED if "WARNING" in done.stderr or "Warning" in done.stdout + done.stderr else PASSED
