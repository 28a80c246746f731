"""Small slowdowns are confirmed on a second installation of both runtimes before they are final."""

from __future__ import annotations

from dataclasses import replace

import pytest

from compat.judge import Wanted, wanted
from compat.judge.confirm import can_be_confirmed
from compat.model import Arm, Comparison, Decision, Policy, Ring, Runtime, Status, Tier

from .build import LATENCY, World, case, item, plan, scaled, world

SLOW = item(case("operator:slow", "a", LATENCY))
PLAN = plan(SLOW, rings=(Ring("canary", (Tier.STATIC, Tier.CPU)),))
ROUND = PLAN.policy.confirm_round


def slower(factor: float, pairs: int = 30) -> World:
    """Rounds 1 and 2 on the first installation."""
    return world(PLAN, pairs=pairs).edit(scaled("latency", factor), arm=Arm.CANDIDATE)


def again(factor: float, pairs: int, first: float = 1.06) -> World:
    """The same, and pairs on second installations on which the candidate is slower by ``factor``."""
    w = slower(first)
    more = world(PLAN, pairs=30 + pairs, seed=2).edit(scaled("latency", factor), arm=Arm.CANDIDATE)
    w.evidence += [replace(e, round=ROUND, installation=2) for e in more.evidence if e.pair >= 30]
    return w


def latency(w: World) -> Comparison:
    (found,) = [c for c in w.verdict().comparisons if c.metric == "latency"]
    return found


def test_a_small_slowdown_waits_for_its_confirmation() -> None:
    found = latency(slower(1.06))
    assert found.status is Status.INCONCLUSIVE
    assert found.reason.endswith("; 0 of 20 pairs that are to confirm it on second installations")
    assert wanted(PLAN, SLOW, slower(1.06).evidence) == Wanted(50, ROUND)
    assert wanted(PLAN, SLOW, again(1.06, 5).evidence) == Wanted(50, ROUND)
    assert wanted(PLAN, SLOW, again(1.06, 20).evidence).pairs <= 50


def test_what_both_installations_show_is_no_go() -> None:
    found = latency(again(1.06, 20))
    assert found.status is Status.REGRESS
    assert "; confirmed on second installations of both runtimes: 6" in found.reason
    assert again(1.06, 20).verdict().decision is Decision.NO_GO


def test_what_one_installation_shows_is_no_fault_of_the_release() -> None:
    found = latency(again(1.0, 20))
    assert found.status is Status.INCONCLUSIVE
    assert "it is an installation that is slower, not shown of the release" in found.reason
    assert again(1.0, 20).verdict().decision is Decision.HOLD


def test_a_large_slowdown_needs_none() -> None:
    assert latency(slower(1.3)).status is Status.REGRESS
    assert wanted(PLAN, SLOW, slower(1.3).evidence).pairs <= 30
    strict = replace(PLAN, policy=Policy(confirm=0.5))
    w = world(strict, pairs=30).edit(scaled("latency", 1.3), arm=Arm.CANDIDATE)
    assert latency(w).status is Status.INCONCLUSIVE


@pytest.mark.parametrize(
    "given", [Runtime("new", image="torch:2.11"), Runtime("new", python="")], ids=["an image", "in place"]
)
def test_what_cannot_be_installed_again_is_final(given: Runtime) -> None:
    made = replace(PLAN, runtimes={**PLAN.runtimes, "new": replace(given, values={"runtime": "new"})})
    assert not can_be_confirmed(made, SLOW)
    w = world(made, pairs=30).edit(scaled("latency", 1.06), arm=Arm.CANDIDATE)
    assert "second installations" not in latency(w).reason
    assert latency(w).status in (Status.REGRESS, Status.INVALID)  # these arms ran in no image
    assert wanted(made, SLOW, w.evidence).pairs <= 30


def test_a_pass_asks_for_nothing() -> None:
    assert latency(slower(1.0, 10)).status is Status.PASS
    assert wanted(PLAN, SLOW, slower(1.0, 10).evidence).pairs <= 10


@pytest.mark.parametrize(("round_", "installation"), [(2, 2), (ROUND, 1)])
def test_a_second_installation_belongs_to_its_round(round_: int, installation: int) -> None:
    w = again(1.06, 20).edit(
        lambda e: replace(e, round=round_, installation=installation), arm=Arm.CANDIDATE, pairs=[29]
    )
    verdict = w.verdict()
    assert verdict.decision is Decision.HOLD
    said = f"it ran on installation {installation} of its runtime in round {round_}"
    assert any(said in reason for reason in verdict.reasons)
