"""Tests of a suite, judged one by one from what each run says of them."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from compat.judge.admit import Pair
from compat.judge.suite import judge_suite, judge_suite_alone
from compat.model import Arm, Evidence, Output, Status, digest

from .build import world

BLOBS: dict[str, bytes] = {}


def run_of(arm: Arm, text: str) -> Evidence:
    """A run that says ``text`` of its tests."""
    BLOBS[digest(text.encode())] = text.encode()
    record = next(e for e in world().evidence if e.arm is arm)
    return replace(record, outputs=(Output("test outcomes", "utf-8", (), digest(text.encode())),))


def told(**tests: str) -> str:
    return "\n".join(json.dumps([name, outcome, ""]) for name, outcome in tests.items())


def judged(good: list[str], new: list[str]) -> dict[str, Status]:
    pairs = [
        Pair(number, 1, 1, run_of(Arm.KNOWN_GOOD, a), run_of(Arm.CANDIDATE, b))
        for number, (a, b) in enumerate(zip(good, new, strict=True), 1)
    ]
    return {outcome.metric: outcome.status for outcome in judge_suite(pairs, BLOBS.__getitem__)}


@pytest.mark.parametrize(
    ("good", "new", "status"),
    [
        (["passed", "passed"], ["failed", "failed"], Status.REGRESS),
        (["passed", "passed"], ["failed", "error"], Status.REGRESS),
        (["passed", "passed"], ["passed", "failed"], Status.FLAKY),
        (["passed", "failed"], ["failed", "failed"], Status.FLAKY),
        (["passed", "failed"], ["passed", "passed"], Status.FLAKY),
        (["failed", "error"], ["failed", "failed"], Status.PREEXISTING),
        (["failed", "failed"], ["passed", "passed"], Status.FIXED),
        (["failed", "failed"], ["skipped", "skipped"], Status.MISSING),
        (["passed", "passed"], ["skipped", "skipped"], Status.MISSING),
        (["skipped", "skipped"], ["passed", "passed"], Status.PASS),
        (["skipped", "skipped"], ["failed", "failed"], Status.INVALID),
    ],
)
def test_what_became_of_one(good: list[str], new: list[str], status: Status) -> None:
    found = judged([told(a="passed", t=each) for each in good], [told(a="passed", t=each) for each in new])
    assert found == {"t": status, "tests": Status.PASS}


def test_those_alike_are_one_line_and_absent_ones_are_missing() -> None:
    assert judged([told(a="passed", b="skipped")], [told(a="passed", b="skipped")]) == {"tests": Status.PASS}
    assert judged([told(a="passed", b="passed")], [told(a="passed")])["b"] is Status.MISSING
    assert judged([told(a="passed")], [told(a="passed", b="failed")])["b"] is Status.INVALID
    assert judged([told(a="skipped")], [told(a="skipped")]) == {"tests": Status.MISSING}


@pytest.mark.parametrize(
    "text",
    [
        "no json",
        '["a", "passed"]',
        '["a", "fine", ""]',
        "7",
        '["a", [], ""]',
        f"{told(a='failed')}\n{told(a='passed')}",
    ],
)
def test_what_says_nothing_of_tests_is_invalid(text: str) -> None:
    assert judged([told(a="passed")], [text]) == {"tests": Status.INVALID}
    (alone,) = judge_suite_alone([run_of(Arm.CANDIDATE, text)], BLOBS.__getitem__)
    assert alone.status is Status.INVALID


def test_failures_speak_against_a_candidate_that_runs_alone() -> None:
    assert judge_suite_alone([run_of(Arm.CANDIDATE, told(a="passed"))], BLOBS.__getitem__) == []
    (alone,) = judge_suite_alone([run_of(Arm.CANDIDATE, told(a="passed", b="failed"))], BLOBS.__getitem__)
    assert (alone.status, alone.reason) == (
        Status.PREEXISTING, "tests: 1 failed test in the candidate, and the known-good arm ran none: b"
    )  # fmt: skip
