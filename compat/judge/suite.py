"""The tests of a suite, one by one: what became of each in the known-good arm and in the candidate.

A test that passes in every known-good run and fails in every candidate run is a regression. One that fails in both is
pre-existing, one that only the candidate lacks, or skips, is missing, and one that does not do the same in each run is
flaky. What fails in the known-good arm only is fixed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

from compat.judge.admit import Pair
from compat.judge.arrays import Arrays, UnreadableOutputError
from compat.judge.outcome import Outcome
from compat.judge.text import clip, plural
from compat.model import Case, Evidence, Status

__all__ = ["METRIC", "is_suite", "judge_suite", "judge_suite_alone"]

METRIC = "tests"
_OUTPUT = "test outcomes"
_LONGEST = 200  # characters of a test's name
_BAD = frozenset({"failed", "error"})
_OUTCOMES = _BAD | {"passed", "skipped"}
_Runs = list[dict[str, tuple[str, str]]]  # of each run: what became of each test, and why


def is_suite(case: Case) -> bool:
    """Whether it is a file of a test suite."""
    return case.workload.startswith("pytest:")


def judge_suite(pairs: Sequence[Pair], blob: Callable[[str], bytes]) -> list[Outcome]:
    """An outcome for each test that is not alike and fine in both arms, and one for all the others."""
    arrays = Arrays(blob)
    try:
        good = [_read(pair.known_good, arrays) for pair in pairs]
        new = [_read(pair.candidate, arrays) for pair in pairs]
    except (UnreadableOutputError, TypeError, ValueError) as problem:
        return [Outcome(METRIC, Status.INVALID, f"{METRIC}: {problem}", pairs=len(pairs))]
    names = sorted({name for run in good + new for name in run})
    found = [outcome for name in names if (outcome := _judge(name, good, new)) is not None]
    skipped = sum(all(run.get(name, ("",))[0] == "skipped" for run in good + new) for name in names)
    fine = len(names) - len(found)
    if fine == skipped:  # not one test passed in both arms
        said = f"{METRIC}: no test of {len(names)} passes in both arms"
        return [*found, Outcome(METRIC, Status.MISSING, said, pairs=len(pairs))]
    said = f"{METRIC}: {plural(fine, 'test')} alike in both arms" + (f", {skipped} of them skipped" if skipped else "")
    return [*found, Outcome(METRIC, Status.PASS, said, pairs=len(pairs))]


def judge_suite_alone(runs: Sequence[Evidence], blob: Callable[[str], bytes]) -> list[Outcome]:
    """The tests that the candidate fails where the known-good arm runs none."""
    arrays = Arrays(blob)
    try:
        failing = {name for run in runs for name, (outcome, _) in _read(run, arrays).items() if outcome in _BAD}
    except (UnreadableOutputError, TypeError, ValueError) as problem:
        return [Outcome(METRIC, Status.INVALID, f"{METRIC}: {problem}")]
    if not failing:
        return []
    said = f"{plural(len(failing), 'failed test')} in the candidate, and the known-good arm ran none: {min(failing)}"
    return [Outcome(METRIC, Status.PREEXISTING, f"{METRIC}: {clip(said)}")]


def _read(run: Evidence, arrays: Arrays) -> dict[str, tuple[str, str]]:
    outputs = [output for output in run.outputs if output.name == _OUTPUT]
    if len(outputs) != 1:
        raise ValueError(f"a run of the {run.arm.value} arm says nothing of its tests")
    text = arrays.value(outputs[0])
    if not isinstance(text, str):
        raise TypeError("what became of the tests is no text")
    found: dict[str, tuple[str, str]] = {}
    for line in text.splitlines():
        name, outcome, why = json.loads(line)
        if outcome not in _OUTCOMES:
            raise ValueError(f"{clip(repr(outcome))} is nothing that becomes of a test")
        if str(name) in found:
            raise ValueError(f"a run says two things of {clip(str(name))}")
        found[str(name)] = outcome, str(why)
    return found


def _judge(name: str, good: _Runs, new: _Runs) -> Outcome | None:
    """One test; None if it passed, or was skipped, in every run of both arms."""
    before = {run.get(name, ("absent", ""))[0] for run in good}
    after = {run.get(name, ("absent", ""))[0] for run in new}
    if before == after and before in ({"passed"}, {"skipped"}):
        return None
    why = next((run[name][1] for run in new if run.get(name, ("", ""))[1]), "")
    metric = "".join(letter if letter.isprintable() else "?" for letter in clip(name, _LONGEST))
    said = f"{_said(before)} -> {_said(after)}" + (f": {clip(why)}" if why else "")
    status = _status(before, after)
    return Outcome(
        metric, status, f"{metric}: {said}", known_good=_said(before), candidate=_said(after), pairs=len(good)
    )


def _status(before: set[str], after: set[str]) -> Status:
    failed_before, failed_after = before <= _BAD, after <= _BAD
    if failed_before and failed_after:
        return Status.PREEXISTING
    if before == {"passed"} and failed_after:
        return Status.REGRESS
    if len(before) > 1 or len(after) > 1:
        return Status.FLAKY
    if failed_before:
        return Status.FIXED if after == {"passed"} else Status.MISSING
    if failed_after:  # a test that the known-good arm does not have, or skips
        return Status.INVALID
    if after == {"passed"}:  # it is new, or no longer skipped
        return Status.PASS
    return Status.MISSING


def _said(outcomes: set[str]) -> str:
    return " or ".join(sorted(outcomes))
