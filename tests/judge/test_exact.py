"""Rule 13: exact and bounded metrics."""

from __future__ import annotations

import pytest

from compat.judge.exact import judge_values
from compat.judge.outcome import Outcome
from compat.model import STANDARD, Kind, Metric, MetricPolicy, Policy, Status

from .build import INSTRUCTIONS, MEMORY, SPILLS, pairs_with


def judged(metric: Metric, good: list[float], new: list[float], **limits: float) -> Outcome:
    policy = Policy(metrics={metric.name: MetricPolicy(**limits)})
    return judge_values(metric, pairs_with(metric, good, new), policy)


def test_lost_matrix_instructions_regress() -> None:
    outcome = judged(INSTRUCTIONS, [32, 32], [0, 0])
    assert outcome.status is Status.REGRESS
    assert outcome.reason.startswith("matrix_instructions 32 -> 0 instructions")
    assert (outcome.known_good, outcome.candidate) == (32.0, 0.0)


def test_more_matrix_instructions_pass_and_are_said() -> None:
    outcome = judged(INSTRUCTIONS, [16, 16], [32, 32])
    assert (outcome.status, outcome.reason) == (Status.PASS, "matrix_instructions 16 -> 32 instructions, better")


@pytest.mark.parametrize(
    ("new", "absolute", "status"),
    [(0, 0, Status.PASS), (8, 0, Status.REGRESS), (8, 8, Status.PASS), (9, 8, Status.REGRESS)],
)
def test_from_zero_only_the_absolute_limit_counts(new: float, absolute: float, status: Status) -> None:
    assert judged(SPILLS, [0, 0], [new, new], absolute=absolute).status is status


@pytest.mark.parametrize(("new", "status"), [(102, Status.PASS), (103, Status.REGRESS), (50, Status.PASS)])
def test_relative_limit(new: float, status: Status) -> None:
    assert judged(SPILLS, [100, 100], [new, new]).status is status


def test_the_larger_of_both_limits_counts() -> None:
    assert judged(SPILLS, [1000, 1000], [1019, 1019], absolute=1).status is Status.PASS
    assert judged(SPILLS, [10, 10], [14, 14], absolute=5).status is Status.PASS


def test_an_exact_metric_that_varies_is_judged_by_its_worst_value() -> None:
    outcome = judged(SPILLS, [0, 64], [64, 0])
    assert (outcome.status, outcome.kind) == (Status.PASS, Kind.BOUNDED)
    assert "varies inside an arm" in outcome.reason
    higher = judged(INSTRUCTIONS, [32, 32], [32, 0])
    assert (higher.status, higher.candidate) == (Status.REGRESS, 0.0)


def test_the_highest_process_counts_for_bounded() -> None:
    mib = 2.0**20
    outcome = judged(MEMORY, [100 * mib, 100 * mib], [100 * mib, 110 * mib])
    assert outcome.status is Status.REGRESS
    assert outcome.reason == "memory 100 MiB -> 110 MiB; at most 2 MiB more would pass"
    assert judged(MEMORY, [100 * mib, 110 * mib], [100 * mib, 100 * mib]).status is Status.PASS


@pytest.mark.parametrize(
    ("leaking", "processes", "status"),
    [
        (1, 2, Status.PASS),
        (1, 3, Status.PASS),
        (2, 3, Status.REGRESS),
        (1, 10, Status.PASS),
        (2, 10, Status.REGRESS),
        (4, 20, Status.PASS),
        (5, 20, Status.REGRESS),
    ],
)
def test_a_leak_is_in_several_processes(leaking: int, processes: int, status: Status) -> None:
    """6 KiB a call in one of twenty processes was seen of an allocator, on a model that nobody had changed."""
    new = [65536.0] * leaking + [0.0] * (processes - leaking)
    outcome = judged(STANDARD["leak"], [0.0] * processes, new, absolute=4096.0)
    assert outcome.status is status
    if status is Status.PASS:
        said = "leak unchanged: 0 B/call; 64 KiB/call in the worst process, but not in several"
        assert outcome.reason == said
    assert judged(STANDARD["leak"], new, new, absolute=4096.0).status is Status.PASS


def test_a_peak_that_vanished_is_not_an_improvement() -> None:
    assert judged(MEMORY, [2.0**20] * 2, [0.0, 0.0]).status is Status.INVALID
    assert judged(MEMORY, [4096.0] * 2, [0.0, 0.0], absolute=2.0**20).status is Status.PASS
    assert judged(SPILLS, [64, 64], [0, 0]).status is Status.PASS


@pytest.mark.parametrize(
    ("name", "good", "new", "status"),
    [
        ("leak", [65536.0, 65536.0], [0.0, 0.0], Status.PASS),  # mended
        ("leak", [0.0, 0.0], [4096.0, 0.0], Status.PASS),
        ("leak", [0.0, 0.0], [65536.0, 65536.0], Status.REGRESS),
        ("leak", [0.0], [65536.0], Status.REGRESS),
        ("leak", [65536.0, 60000.0], [64000.0, 66000.0], Status.PASS),
        ("throttled", [0.5, 0.5], [0.0, 0.0], Status.PASS),
        ("nondeterministic", [0, 0], [0, 1], Status.REGRESS),
        ("nondeterministic", [100, 90], [150, 80], Status.PASS),  # how many is chance
        ("nondeterministic", [100, 90], [500, 80], Status.REGRESS),
        ("nondeterministic", [5, 0], [0, 0], Status.PASS),
        ("batch_mismatches", [0, 0], [12, 12], Status.REGRESS),
        ("batch_mismatches", [642, 642], [642, 642], Status.PASS),
        ("memory_device", [2.0**30] * 2, [0.0] * 2, Status.INVALID),  # a meter that stopped
    ],
)
def test_the_harness_s_own_metrics_by_default(name: str, good: list[float], new: list[float], status: Status) -> None:
    assert judge_values(STANDARD[name], pairs_with(STANDARD[name], good, new), Policy()).status is status


def test_missing_in_one_process_is_missing() -> None:
    pairs = pairs_with(SPILLS, [0, 0], [0, 0]) + pairs_with(MEMORY, [1, 1], [1, 1])
    assert judge_values(SPILLS, pairs, Policy()).status is Status.MISSING
    assert judge_values(SPILLS, [], Policy()).status is Status.MISSING
