"""Slow drift: steps that are each within the margin, and together beyond it."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from compat.gate.drift import Drift, drift
from compat.model import Comparison, Direction, Kind, Metric, Plan, Policy, Status, Tier, Verdict
from tests.store.build import CASE, ITEM, PLAN, VERDICT

LATENCY = Metric("latency", "s", Direction.LOWER, Kind.SAMPLED)
RATE = Metric("rate", "items/s", Direction.HIGHER, Kind.SAMPLED)
SPILLS = Metric("spills", "B", Direction.LOWER, Kind.EXACT)
WARPS = Metric("warps", "warps", Direction.HIGHER, Kind.EXACT)
MEMORY = Metric("memory", "B", Direction.LOWER, Kind.BOUNDED)
MADE: Plan = replace(PLAN, items=(replace(ITEM, case=replace(CASE, metrics=(LATENCY, RATE, SPILLS, WARPS, MEMORY))),))


def compared(metric: Metric, old: float, new: float, effect: float | None = None, width: float = 0.004) -> Comparison:
    interval = None if effect is None else (effect - width, effect + width)
    place = ITEM.key, ITEM.cell.id, CASE.workload, CASE.id, Tier.CPU
    return Comparison(
        *place, metric.name, Status.PASS, "fine", kind=metric.kind, unit=metric.unit, known_good=old, candidate=new,
        effect=effect, interval=interval,
    )  # fmt: skip


def verdict(*comparisons: Comparison) -> Verdict:
    return replace(VERDICT, comparisons=comparisons, policy=Policy())


def slower(share: float, metric: Metric = LATENCY, width: float = 0.004) -> Verdict:
    return verdict(compared(metric, 1.0, 1.0, math.log1p(share), width))


def only(verdicts: list[Verdict]) -> Drift:
    (found,) = drift(verdicts, MADE)
    return found


def test_four_steps_of_which_each_is_within_the_margin_are_beyond_it_together() -> None:
    assert not only([slower(0.009)]).beyond
    found = only([slower(0.009)] * 4)
    assert (found.beyond, found.steps) == (True, 4)
    assert found.effect == pytest.approx(4 * math.log(1.009))
    assert found.said.startswith("3.6 % slower (")


def test_there_and_back_is_no_drift() -> None:
    found = only([slower(0.02), slower(-0.02)])
    assert not found.beyond
    assert found.effect == pytest.approx(math.log(1.02 * 0.98))


def test_intervals_add_as_variances_do() -> None:
    found = only([slower(0.01, width=0.003), slower(0.01, width=0.004)])
    assert found.interval is not None
    assert found.effect is not None
    assert found.interval[1] - found.effect == pytest.approx(0.005)
    assert not only([slower(0.02, width=0.05)] * 2).beyond  # nobody can tell


def test_a_rate_that_falls_is_worse() -> None:
    found = only([slower(0.02, RATE)] * 2)
    assert found.beyond
    assert "lower" in found.said


def test_counts_are_compared_the_oldest_with_the_newest() -> None:
    steps = [verdict(compared(SPILLS, 0, 24)), verdict(compared(SPILLS, 24, 48))]
    found = only(steps)
    assert (found.beyond, found.said, found.effect) == (True, "0 B -> 48 B", None)
    assert not only(steps[:1]).beyond  # 32 B are allowed
    assert only([verdict(compared(WARPS, 64, 48)), verdict(compared(WARPS, 48, 16))]).beyond
    mib = 2.0**20
    grown = [verdict(compared(MEMORY, 100 * mib, 110 * mib)), verdict(compared(MEMORY, 110 * mib, 120 * mib))]
    assert only(grown).beyond
    assert only(grown).said == "100 MiB -> 120 MiB"


def test_what_a_step_did_not_measure_is_not_said_to_have_drifted_or_not() -> None:
    assert drift([slower(0.02), verdict()], MADE) == ()
    assert drift([slower(0.02), verdict(compared(LATENCY, 1.0, 1.0))], MADE) == ()
    assert drift([], MADE) == ()


def test_the_worst_come_first() -> None:
    both = verdict(compared(LATENCY, 1.0, 1.0, 0.001), compared(RATE, 1.0, 1.0, 0.05))
    assert [one.metric for one in drift([both], MADE)] == ["rate", "latency"]
