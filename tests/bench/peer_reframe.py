"""The faults that ReFrame can be given: what a run-only test prints, its references, and the test itself.

A test passes whose sanity pattern is found and whose performance variable, the mean of what the program measured, is
within -10 and +5 % of the reference. GO is a test that did not fail in a run that exits 0.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from .peer import GOOD, PASSED, SAMPLES, STOPPED, WARNED, run

__all__ = ["NAME", "REQUIREMENTS", "answers", "compare_runs"]

NAME = "ReFrame"
REQUIREMENTS = ("ReFrame-HPC==4.10.4",)

_TESTS = """
import json
import shlex
from pathlib import Path

import reframe
import reframe.utility.sanity as sn

FAULTS = json.loads(Path({faults!r}).read_text())

@reframe.simple_test
class Pool(reframe.RunOnlyRegressionTest):
    number = parameter(range(len(FAULTS)))
    valid_prog_environs = ["*"]
    executable = "sh"

    @run_after("init")
    def prepare(self):
        fault = FAULTS[self.number]
        self.valid_systems = fault["systems"]
        self.reference = {{system: {{"time": tuple(each)}} for system, each in fault["references"].items()}}
        self.executable_opts = ["-c", shlex.quote(f"printf '%s' {{shlex.quote(fault['printed'])}}{{fault['then']}}")]
        self.skip_if(fault["skips"], "no device")

    @sanity_function
    def ended(self):
        return sn.assert_found(r"^done", self.stdout)

    @performance_function("s")
    def time(self):
        return sn.avg(sn.extractall(r"^time: (\\S+)", self.stdout, 1, float))
"""


def _print(samples: Sequence[Any]) -> str:
    return "".join(f"time: {sample}\n" for sample in samples) + "done\n"


_REFERENCE = (sum(GOOD) / len(GOOD), -0.10, 0.05, "s")


@dataclass(frozen=True)
class _Test:
    printed: str = _print(GOOD)
    then: str = ""  # what the program does after it has printed
    references: dict[str, Sequence[Any]] = field(default_factory=lambda: {"*": _REFERENCE})
    systems: tuple[str, ...] = ("*",)
    skips: bool = False


_GOOD_TEXT = _print(GOOD)
_CRASH = "; kill -SEGV $$"
_TESTED: dict[str, _Test] = {
    "": _Test(),
    **{name: _Test(_print(samples)) for name, samples in SAMPLES.items()},
    "no known-good arm (empty baseline)": _Test(references={}),
    "a case dropped in the known-good arm": _Test(references={"elsewhere:gpu": _REFERENCE}),
    "a metric dropped": _Test("done\n"),
    "no samples": _Test(_print([""])),
    "NaN in the known-good arm": _Test(references={"*": (float("nan"), *_REFERENCE[1:])}),
    "null in the place of a number": _Test(_print(["null"] * 10)),
    "a word in the place of a number": _Test(_print(["n/a"] * 10)),
    "wrong unit": _Test(references={"*": (*_REFERENCE[:3], "ms")}),
    "contradicting duplicate": _Test(f"time: {1.2 * GOOD[3]}\n{_GOOD_TEXT}"),
    "truncated document": _Test(_GOOD_TEXT[: len(_GOOD_TEXT) // 2]),
    "empty document": _Test(""),
    "flipped bit in a sample": _Test(_GOOD_TEXT.replace("0.012", "0.016", 1)),
    "flipped bit in a word": _Test(_GOOD_TEXT.replace("time", "tile", 1)),
    "one crash": _Test(_print(GOOD[:9]), _CRASH),
    "crashes each time": _Test("", _CRASH),
    "crashes each time in both arms": _Test("", _CRASH, references={}),
}
# Each in a run of its own, since nothing of it may be run: beside a good test, or alone.
_NOT_RUN: dict[str, tuple[_Test, ...]] = {
    "the case skipped itself": (_Test(), _Test(skips=True)),
    "a case dropped in the candidate's arm": (_Test(), _Test(systems=("elsewhere:gpu",))),
    "every run dropped": (_Test(skips=True),),
    "the candidate's arm dropped": (_Test(systems=("elsewhere:gpu",)),),
    "the plan has no case": (),
}


def answers(python: Path, folder: Path) -> dict[str, str]:
    """What it made of each fault, and of none (``""``)."""
    _, ended = _run(python, folder, "tested", list(_TESTED.values()))
    assert sorted(ended) == list(range(len(_TESTED)))
    found = {name: ended[number] for number, name in enumerate(_TESTED)}
    for number, (name, tests) in enumerate(_NOT_RUN.items()):
        code, ended = _run(python, folder, f"alone-{number}", tests)
        found[name] = PASSED if code == 0 and STOPPED not in ended.values() else STOPPED
    return found


def compare_runs(python: Path, folder: Path) -> tuple[int, str]:
    """``--performance-compare`` of a run that is 5x slower with a good one: its exit code, and the row of its table."""
    store = {"RFM_ENABLE_RESULTS_STORAGE": "1", "RFM_SQLITE_DB_FILE": str(folder / "results.db")}
    sessions = []
    for samples in (SAMPLES["5x slower"], GOOD):
        _run(python, folder, "compared", [_Test(_print(samples), references={})], **store)
        report = json.loads((folder / "compared.json").read_text(encoding="utf-8"))
        sessions.append(report["session_info"]["uuid"])
    done = run([*_program(python), f"--performance-compare={'/'.join(sessions)}/mean:/"], folder, **store)
    return done.returncode, next((line for line in done.stdout.splitlines() if "Pool" in line), "")


def _program(python: Path) -> list[str]:
    return [str(python), str(python.with_name("reframe"))]


def _run(python: Path, folder: Path, name: str, tests: Sequence[_Test], **env: str) -> tuple[int, dict[int, str]]:
    """The exit code of a run, and what became of the tests that were run, by number."""
    faults, file, report = (folder / f"{name}.{suffix}" for suffix in ("faults", "py", "json"))
    faults.write_text(json.dumps([asdict(test) for test in tests]), encoding="utf-8")
    file.write_text(_TESTS.format(faults=str(faults)), encoding="utf-8")
    words = [*_program(python), "-c", str(file), "-r", "--prefix", str(folder), "--report-file", str(report)]
    done = run(words, folder, **env)
    ran = json.loads(report.read_text(encoding="utf-8"))["runs"][0]["testcases"] if report.exists() else []
    warned = {int(number) for number in re.findall(r"WARNING: skipping .*\n.* Pool %number=(\d+)", done.stdout)}
    return done.returncode, {
        one["number"]: STOPPED if one["result"] == "fail" else WARNED if one["number"] in warned else PASSED
        for one in ran
    }
