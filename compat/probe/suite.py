"""Runs a file of somebody's test suite by the runtime's own pytest, and says what became of each test.

The suite needs nothing of ours and is not changed: pytest runs in a process of its own, in an empty folder, and writes
its JUnit report, which is read here. Benchmarks are those of pytest-benchmark, where the runtime has it.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

__all__ = ["OUTCOMES", "SuiteError", "run_suite"]

OUTCOMES = "test outcomes"  # the output: a line of JSON for each test, [id, outcome, message]
_RAN = (0, 1)  # pytest's exit codes: all passed, some failed
_MEANING = {2: "was interrupted", 3: "had an internal error", 4: "was used wrongly", 5: "found no test"}
_ROUNDS = 1000  # of a benchmark that are handed on: a message holds no more than 4096 samples
_MESSAGE = 300  # characters of a failure's first line


class SuiteError(RuntimeError):
    """A suite that pytest did not run to its end, or that is not the one that was planned."""


def run_suite(content: str, params: dict[str, Any], benchmarks: bool) -> tuple[str, dict[str, list[float]]]:
    """The outcomes of one file's tests, and the seconds of each round of its benchmarks by name.

    ``content`` is the declaring file, ``params`` a case's: ``module`` or ``path``, ``files``, ``options``. SuiteError
    where pytest did not run them.
    """
    module = params.get("module", "")
    target = module or str(_unchanged(Path(content).parent / params["path"], params["files"]))
    report, timings = Path("junit.xml").absolute(), Path("benchmarks.json").absolute()
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", f"--junitxml={report}", "-q"]
    command += ["--pyargs", "--rootdir=."] if module else [f"--rootdir={Path(target).parent}"]
    command += [f"--benchmark-json={timings}"] if benchmarks else []
    command += [*params.get("options", ()), target]
    done = subprocess.run(command, env=_environment(), stdin=subprocess.DEVNULL, check=False)
    if done.returncode not in _RAN:
        raise SuiteError(f"pytest {_MEANING.get(done.returncode, f'ended with {done.returncode}')}")
    return "\n".join(_outcomes(report, module)), _rounds(timings) if benchmarks else {}


def _unchanged(path: Path, files: dict[str, str]) -> Path:
    """The path, whose folder has the files that were planned and no other module. SuiteError if it has not."""
    for name, digest in files.items():
        found = path.parent / name
        if not found.is_file() or hashlib.sha256(found.read_bytes()).hexdigest() != digest:
            raise SuiteError(f"{name} is not the file that was planned")
    for module in path.parent.rglob("*.py"):
        if str(module.relative_to(path.parent)) not in files:
            raise SuiteError(f"{module.relative_to(path.parent)} was not there when it was planned")
    return path


def _environment() -> dict[str, str]:
    """Ours, without what an outer pytest left in it, and without compiled files beside the suite's."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    return {**kept, "PYTHONDONTWRITEBYTECODE": "1"}


def _outcomes(report: Path, module: str) -> list[str]:
    """A line for each test. What a module's place in the runtime adds to the names is left out: arms differ in it."""
    try:
        cases = list(ElementTree.parse(report).iter("testcase"))  # noqa: S314 - of our own child, in its own process
    except (OSError, ElementTree.ParseError) as problem:
        raise SuiteError(f"pytest's report cannot be read: {problem}") from problem
    found: dict[str, tuple[str, str]] = {}
    for case in cases:
        place = case.get("classname", "")
        if module:
            place = ".".join(filter(None, (module, place.rpartition(module)[2].strip("."))))
        name = f"{place}::{case.get('name', '')}"
        outcome = _outcome(case)
        if found.setdefault(name, outcome)[0] in ("passed", "skipped"):  # a test that also fails in its teardown
            found[name] = outcome
    if not found:
        raise SuiteError("pytest reported no test")
    return [json.dumps([name, *outcome], ensure_ascii=True) for name, outcome in sorted(found.items())]


def _outcome(case: ElementTree.Element) -> tuple[str, str]:
    """``passed``, ``failed``, ``error`` or ``skipped`` (an expected failure too), and the first line of why."""
    for tag, outcome in (("error", "error"), ("failure", "failed"), ("skipped", "skipped")):
        element = case.find(tag)
        if element is not None:
            lines = (element.get("message") or element.text or "").strip().splitlines() or [""]
            return outcome, lines[0][:_MESSAGE]
    return "passed", ""


def _rounds(timings: Path) -> dict[str, list[float]]:
    try:
        found = json.loads(timings.read_text(encoding="utf-8"))
        return {each["name"]: _thinned(each["stats"]["data"]) for each in found["benchmarks"]}
    except (OSError, ValueError, KeyError, TypeError) as problem:
        raise SuiteError(f"pytest-benchmark's report cannot be read: {problem}") from problem


def _thinned(rounds: list[float]) -> list[float]:
    """Rounds at even distances, so many as are handed on."""
    return [float(value) for value in rounds[:: -(-len(rounds) // _ROUNDS) or 1]]
