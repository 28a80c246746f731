"""Accepted changes: they act on what was found, until a day, and never on what is missing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from compat.judge.waivers import known_slowdown
from compat.model import Arm, Comparison, Decision, Policy, Status, Verdict, Waiver, WaiverUse

from .build import MATMUL, NOW, POOL, TEXT, World, drop, faulting, plan, samples, scaled, world

TODAY = NOW[:10]


def waiver(case: str = "operator:average_pool[ceil]", metric: str = "latency", **changes: object) -> Waiver:
    made = Waiver(case, metric, "a known trade", "ana@example.org", TODAY)
    return replace(made, **changes)  # type: ignore[arg-type]


def slow(factor: float = 1.3) -> World:
    return world(pairs=30).edit(scaled("latency", factor), of=POOL, arm=Arm.CANDIDATE)


def judged(w: World, *waivers: Waiver) -> Verdict:
    return replace(w, waivers=waivers).verdict()


def use(w: World, given: Waiver) -> WaiverUse:
    (found,) = judged(w, given).waivers
    return found


def latency(verdict: Verdict) -> Comparison:
    (found,) = [c for c in verdict.comparisons if c.metric == "latency"]
    return found


def test_an_accepted_regression_is_go_and_is_shown() -> None:
    assert judged(slow()).decision is Decision.NO_GO
    verdict = judged(slow(), waiver())
    assert verdict.decision is Decision.GO
    found = latency(verdict)
    assert (found.status, found.waived) == (Status.WAIVED, Status.REGRESS)
    assert found.reason.endswith(f"; accepted by ana@example.org until {TODAY}: a known trade")
    assert use(slow(), waiver()) == WaiverUse(waiver(), "in force", 1, "accepts 1 comparison")


@pytest.mark.parametrize(
    "given",
    [
        waiver(case="operator:average_pool[*]"),
        waiver(case="*", metric="lat*"),
        waiver(cell="candidate"),
        waiver(at_most=0.4),
    ],
)
def test_patterns_and_bounds_that_cover(given: Waiver) -> None:
    assert judged(slow(), given).decision is Decision.GO


@pytest.mark.parametrize(
    ("given", "state", "said"),
    [
        (waiver(expires="2020-01-01"), "expired", "expired on 2020-01-01: it accepted 1 comparison"),
        (waiver(case="operator:average_pol[ceil]"), "unmatched", "it may be misspelt"),
        (waiver(cell="elsewhere"), "unmatched", "it may be misspelt"),
        (waiver(metric="throughput"), "not needed", "1 comparison fine without it"),
        (waiver(at_most=0.05), "not covering", "accepts nothing; 1 comparison beyond 5 %"),
    ],
)
def test_what_does_not_act_says_why(given: Waiver, state: str, said: str) -> None:
    verdict = judged(slow(), given)
    assert verdict.decision is Decision.NO_GO
    (found,) = verdict.waivers
    assert (found.state, found.comparisons) == (state, 0)
    assert said in found.said
    assert found.error is (state in ("expired", "unmatched"))


def test_it_is_in_force_through_its_last_day() -> None:
    assert judged(slow(), waiver(expires=TODAY)).decision is Decision.GO
    assert judged(slow(), waiver(expires="2026-11-22")).decision is Decision.NO_GO


def test_what_is_missing_or_not_what_was_asked_for_cannot_be_accepted() -> None:
    everything = waiver(case="*", metric="*")
    lost = world().edit(drop, of=POOL)
    assert judged(lost, everything).decision is Decision.HOLD
    wrong = world().edit(lambda r: replace(r, content="other"), of=POOL)
    assert judged(wrong, everything).decision is Decision.HOLD
    assert use(wrong, waiver(metric="execution")).said == "what is invalid cannot be accepted"


def test_faults_and_outputs_can_be_accepted() -> None:
    both = world().edit(faulting(), of=TEXT)
    known = waiver(case="operator:tokenize[plain]", metric="execution")
    assert judged(both).decision is Decision.HOLD
    assert judged(both, known).decision is Decision.GO
    w = world(plan(POOL, TEXT, MATMUL))
    w.edit(w.wrong(TEXT), of=TEXT, arm=Arm.CANDIDATE)
    assert judged(w, replace(known, metric="outputs")).decision is Decision.GO


def test_bounds_of_exact_and_bounded_metrics() -> None:
    w = world().edit(samples("memory", 96 * 2.0**20), of=POOL, arm=Arm.CANDIDATE)
    accepted = waiver(metric="memory", at_most=0.6)
    assert judged(w).decision is Decision.NO_GO
    assert judged(w, accepted).decision is Decision.GO
    assert judged(w, replace(accepted, at_most=0.4)).decision is Decision.NO_GO
    # From nothing to something has no relative size: only a waiver of any amount accepts it.
    spilled = world().edit(samples("spills", 64.0), of=MATMUL, arm=Arm.CANDIDATE)
    given = waiver(case="kernel:matmul[*]", metric="spills")
    assert judged(spilled, replace(given, at_most=0.9)).decision is Decision.NO_GO
    assert judged(spilled, given).decision is Decision.GO


def test_what_a_waiver_accepts_stays_bounded_whatever_the_interval() -> None:
    """At the edge the upper end of the interval decides, not the effect."""
    found = latency(judged(slow(1.3)))
    assert found.effect is not None
    assert found.interval is not None
    assert judged(slow(1.3), waiver(at_most=0.3)).decision is Decision.NO_GO


def test_too_much_that_is_accepted_is_hold() -> None:
    policy = Policy(accepted_least=0, accepted_share=0.02)
    made = plan(policy=policy)
    w = world(made, pairs=30).edit(scaled("latency", 1.3), of=POOL, arm=Arm.CANDIDATE)
    verdict = judged(w, waiver())
    assert verdict.decision is Decision.HOLD
    assert verdict.reasons[-1] == "1 waived of 12 comparisons: at most 0 (2 %) may be"


def test_the_first_of_several_acts_and_none_hides_another() -> None:
    first, second = waiver(), waiver(metric="*")
    uses = judged(slow(), first, second).waivers
    assert [(u.state, u.comparisons) for u in uses] == [("in force", 1), ("not needed", 0)]


@pytest.mark.parametrize(("given", "low", "high"), [((), 0.3, 0.4), ((waiver(),), 0.3, 0.4)])
def test_a_slowdown_is_known_as_far_as_it_was_shown(given: tuple[Waiver, ...], low: float, high: float) -> None:
    verdict = judged(slow(), *given)
    assert low < known_slowdown(latency(verdict), verdict.waivers) < high


def test_and_as_far_as_somebody_accepted_it() -> None:
    given = (
        waiver(at_most=0.25),
        waiver(case="operator:other[ceil]", at_most=0.9),
        waiver(at_most=0.7),
        waiver(at_most=2),
    )
    verdict = judged(slow(), *given)
    assert known_slowdown(latency(verdict), verdict.waivers) == 0.7, "the first that covers it"


@pytest.mark.parametrize("status", [Status.PASS, Status.INCONCLUSIVE, Status.UNCOVERED, Status.MISSING])
def test_of_what_was_neither_shown_nor_accepted_no_slowdown_is_known(status: Status) -> None:
    found = replace(latency(judged(slow())), status=status)
    assert known_slowdown(found, ()) == 0.0
    assert known_slowdown(replace(found, status=Status.WAIVED, interval=None), ()) == 0.0
