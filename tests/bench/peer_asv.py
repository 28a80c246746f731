"""The faults that asv can be given, in its stored results: what it measured itself with our clock, then edited.

``asv compare`` exits 0 whatever it finds, so GO is that and a row without a mark: + is worse, ! failed, x is not
comparable. With + and ! ``asv continuous``, which prints the same table, exits 1.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .peer import CLOCK, GOOD, PASSED, SAMPLES, SIX, STOPPED, run

__all__ = ["NAME", "REQUIREMENTS", "answers"]

NAME = "asv"
REQUIREMENTS = ("asv==0.6.6",)

_MARKS = ("+", "!", "x")
_CASES = ("work.time_pool", "work.time_other", "work.peakmem_pool")
_SIX_GOOD = "six, good"

_BENCHMARKS = """
import json
from pathlib import Path
{clock}

def made(name, seconds):
    def work():
        pass
    work.__name__ = name
    work.timer, work.number, work.repeat, work.rounds, work.warmup_time = Clock(seconds), 1, len(seconds), 1, 0
    work.version = "1"
    return work

for number, seconds in enumerate(json.loads(Path({samples!r}).read_text())):
    globals()[f"time_{{number}}"] = made(f"time_{{number}}", seconds)

def peakmem_pool():
    pass
"""
_CONFIGURATION = {
    "version": 1,
    "project": "work",
    "repo": ".",
    "branches": ["HEAD"],
    "environment_type": "existing",
    "benchmark_dir": "benchmarks",
    "results_dir": "results",
}

Results = dict[str, Any]
Change = Callable[[Results], object]


def _column(name: str, value: Any, case: str = "time_pool") -> Change:
    def change(results: Results) -> None:
        at = results["result_columns"].index(name)
        row = results["results"][f"work.{case}"]
        row[at] = [value] if isinstance(row[at], list) else value

    return change


def _drop(case: str) -> Change:
    return lambda results: results["results"].pop(f"work.{case}")


def _in_milliseconds(results: Results) -> None:
    row = results["results"]["work.time_pool"]
    for name in ("result", "stats_ci_99_a", "stats_ci_99_b", "stats_q_25", "stats_q_75"):
        at = results["result_columns"].index(name)
        row[at] = [value * 1e3 for value in row[at]]
    at = results["result_columns"].index("samples")
    row[at] = [[sample * 1e3 for sample in samples] for samples in row[at]]


def _more(results: Results) -> None:
    results["results"]["work.time_more"] = results["results"]["work.time_other"]


def _one_bit(text: str) -> str:
    """Of a digit of the result: 0.0121 becomes 0.0161."""
    start = '"work.time_pool": [[0.01'
    at = text.index(start) + len(start)
    return text[:at] + chr(ord(text[at]) ^ 4) + text[at + 1 :]


_NEW: dict[str, Change] = {
    "a case dropped in the candidate's arm": _drop("time_pool"),
    "a metric dropped": _drop("peakmem_pool"),
    "the case skipped itself": _column("result", float("nan")),
    "crashes each time": _column("result", None),
    "no samples": _column("samples", []),
    "a word in the place of a number": _column("result", "n/a"),
    "false in the place of a number": _column("result", False),
    "an error recorded as -1": _column("result", -1, "peakmem_pool"),
    "memory of zero bytes": _column("result", 0, "peakmem_pool"),
    "twice the memory": lambda r: _column("result", 2 * r["results"][_CASES[2]][0][0], "peakmem_pool")(r),
    "a case that nobody planned": _more,
    "wrong content": _column("version", "2"),
    "a newer schema version": lambda results: results.update(version=99),
    "a field that the schema does not have": lambda results: results.update(aborted=True),
    "stale: all runs of another plan": lambda results: results.update(commit_hash="0" * 40),
    "a node that nobody knows": lambda results: results["params"].update(machine="n7"),
    "other architecture in one arm": lambda results: results["params"].update(arch="aarch64"),
    "other Python in one arm": lambda results: results.update(python="3.12", env_name="virtualenv-py3.12"),
    "other identity: another package changed": lambda results: results.update(requirements={"numpy": "2.2.6"}),
    "clock set back: started in 1970": _column("started_at", 3000),
    "duration NaN": _column("duration", float("nan")),
}
_GOOD: dict[str, Change] = {
    "a case dropped in the known-good arm": _drop("time_pool"),
    "NaN in the known-good arm": _column("result", float("nan")),
    "wrong unit": _in_milliseconds,
}
_BOTH: dict[str, Change] = {
    "a case dropped": _drop("time_pool"),
    "a metric dropped in both arms": _drop("peakmem_pool"),
    "NaN in both arms": _column("result", float("nan")),
    "crashes each time in both arms": _column("result", None),
}
_FILES: dict[str, Callable[[str], str | None]] = {
    "the candidate's arm dropped": lambda _: None,
    "truncated document": lambda text: text[: len(text) // 2],
    "empty document": lambda _: "",
    "flipped bit in a sample": _one_bit,
    "flipped bit in a word": lambda text: text.replace("time_pool", "time_pooL"),
    "another kind of document": lambda _: '{"matrix": "upgrade", "decision": "GO"}',
}


class _Project:
    """A repository with two commits, and asv's results of each."""

    def __init__(self, python: Path, folder: Path) -> None:
        self._folder = folder
        self._asv = [str(python), "-m", "asv"]
        measured = {"": GOOD, _SIX_GOOD: GOOD[:6], **SAMPLES}
        self._write(measured)
        self.commits = [self._git("rev-parse", name) for name in ("HEAD~1", "HEAD")]
        self._call("machine", "--yes", "--machine", "n1")
        self._call(
            *("run", "--python=same", "--machine", "n1", "--set-commit-hash", self.commits[0]),
            *("--launch-method", "spawn", "--record-samples"),
        )
        (self._path,) = (folder / "results" / "n1").glob(f"{self.commits[0][:8]}-*.json")
        self._results = json.loads(self._path.read_text(encoding="utf-8"))
        self._rows = {name: self._results["results"][f"work.time_{number}"] for number, name in enumerate(measured)}

    def _write(self, measured: dict[str, tuple[float, ...]]) -> None:
        samples = self._folder / "samples.json"
        samples.write_text(json.dumps(list(measured.values())), encoding="utf-8")
        text = _BENCHMARKS.format(clock=CLOCK, samples=str(samples))
        (self._folder / "benchmarks").mkdir()
        (self._folder / "benchmarks" / "__init__.py").touch()
        (self._folder / "benchmarks" / "work.py").write_text(text, encoding="utf-8")
        (self._folder / "asv.conf.json").write_text(json.dumps(_CONFIGURATION), encoding="utf-8")
        self._git("init", "--quiet")
        for name in ("known-good", "candidate"):
            who = ("-c", "user.name=bench", "-c", "user.email=bench@localhost")
            self._git(*who, "commit", "--quiet", "--allow-empty", "--message", name)

    def _git(self, *words: str) -> str:
        done = run(["git", *words], self._folder)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def _call(self, *words: str) -> None:
        done = run([*self._asv, *words], self._folder)
        assert done.returncode == 0, done.stdout + done.stderr

    def results(self, arm: int, name: str = "") -> Results:
        """What asv would have stored for an arm whose first case had the samples of this name."""
        rows = (self._rows[name], self._rows[""], self._results["results"][_CASES[2]])
        return copy.deepcopy(
            {**self._results, "commit_hash": self.commits[arm], "results": dict(zip(_CASES, rows, strict=True))}
        )

    def put(self, arm: int, text: str | None, suffix: str = "") -> None:
        """Store an arm's results; None takes them away."""
        path = self._path.with_name(self._path.name.replace(self.commits[0][:8], self.commits[arm][:8]))
        path = path.with_stem(path.stem + suffix)
        path.unlink(missing_ok=True)
        if text is not None:
            path.write_text(text, encoding="utf-8")

    def compared(self) -> str:
        """What ``asv compare`` says of the stored results."""
        done = run([*self._asv, "compare", *self.commits], self._folder)
        rows = [line.split("|") for line in done.stdout.splitlines() if line.startswith("|") and "work." in line]
        marked = any(row[1].strip() in _MARKS for row in rows)
        return STOPPED if done.returncode != 0 or marked else PASSED


def answers(python: Path, folder: Path) -> dict[str, str]:
    """What it made of each fault, and of none (``""``)."""
    project = _Project(python, folder)

    def both(good: Results, new: Results | str | None) -> str:
        project.put(0, json.dumps(good))
        project.put(1, json.dumps(new) if isinstance(new, dict) else new)
        return project.compared()

    def changed(arm: int, change: Change) -> Results:
        results = project.results(arm)
        change(results)
        return results

    good, new = project.results(0), project.results(1)
    found = {"": both(good, new)}
    for name in SAMPLES:
        found[name] = both(project.results(0, _SIX_GOOD if name == SIX else ""), project.results(1, name))
    found |= {name: both(good, changed(1, change)) for name, change in _NEW.items()}
    found |= {name: both(changed(0, change), new) for name, change in _GOOD.items()}
    found |= {name: both(changed(0, change), changed(1, change)) for name, change in _BOTH.items()}
    found |= {name: both(good, edit(json.dumps(new))) for name, edit in _FILES.items()}
    project.put(1, json.dumps(project.results(1, "5x slower")), "-0")  # read first, then contradicted
    found["contradicting duplicate"] = both(good, new)
    project.put(1, None, "-0")
    project.put(0, None)
    return found | {"no known-good arm (empty baseline)": project.compared()}
