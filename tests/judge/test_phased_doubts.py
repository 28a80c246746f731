"""What could make a driver's upgrade look better or worse than it is: nodes that changed meanwhile, and the order."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from dataclasses import replace

import pytest

from compat.judge import judge
from compat.judge.calibration import Spread
from compat.model import (
    LOCKED_CLOCKS,
    Arm,
    Conditions,
    Decision,
    Evidence,
    Phase,
    Ring,
    Status,
    Tier,
    digest,
)

from .build import NOW, World, faulting, scaled
from .upgrades import CONTROLS, ITEM, UPGRADED, among, of, stored, upgraded, with_route

SLOW = among(UPGRADED, Phase.AFTER, 0.1)


def on(w: World, names: tuple[str, ...], phase: Phase, change: Callable[[Evidence], Evidence | None]) -> World:
    return w.edit(lambda e: change(e) if e.node in names and e.phase is phase else e)


def setting(w: World, name: str, value: str) -> Callable[[Evidence], Evidence]:
    def change(e: Evidence) -> Evidence:
        made = replace(w.identities[e.identity], settings={name: value})
        w.identities[digest(made)] = made
        return replace(e, identity=digest(made))

    return change


def throttled(e: Evidence) -> Evidence:
    return replace(e, conditions=Conditions(throttle=("hw_thermal",)))


# -- a known-good arm that faults --------------------------------------------------------------------------------------


def test_a_known_good_arm_that_faults_on_one_node_excuses_nobody_s_speed() -> None:
    w = upgraded(shift=SLOW)
    assert w.verdict().decision is Decision.NO_GO
    on(w, ("u1",), Phase.BEFORE, faulting())
    found = of(w, "execution")
    assert found.status is Status.FLAKY
    assert "elsewhere it ran cleanly, and here nothing can be compared" in found.reason
    assert w.verdict().decision is Decision.HOLD


def test_a_known_good_arm_that_faults_everywhere_leaves_the_candidate_to_be_looked_at() -> None:
    def world() -> World:
        return upgraded().edit(lambda e: faulting()(e) if e.node in UPGRADED and e.phase is Phase.BEFORE else e)

    assert of(world(), "execution").status is Status.FIXED
    assert world().verdict().decision is Decision.GO
    bare = on(world(), UPGRADED, Phase.AFTER, lambda e: replace(e, measurements=(), outputs=()))
    assert bare.verdict().decision is Decision.HOLD
    short = on(world(), ("u2",), Phase.AFTER, lambda e: None if e.pair % 5 else e)
    assert of(short, "execution").status is not Status.FIXED
    assert short.verdict().decision is Decision.HOLD


@pytest.mark.parametrize("control", [True, False], ids=["control", "alone"])
def test_a_known_good_arm_that_faults_at_times_excuses_no_speed(control: bool) -> None:
    w = upgraded(shift=among(UPGRADED, Phase.AFTER, 0.7), controls=CONTROLS if control else ())
    for name in UPGRADED:
        first = sorted(e.pair for e in w.evidence if e.node == name and e.phase is Phase.BEFORE)[:2]
        w.edit(faulting(), node=name, arm=Arm.KNOWN_GOOD, pairs=first)
    found = of(w, "execution")
    assert found.status is Status.FLAKY
    assert "at times it ran, and was not compared" in found.reason
    assert w.verdict().decision is Decision.HOLD


def test_one_fault_of_a_control_is_not_ignored() -> None:
    w = upgraded()
    spare = max(e.pair for e in w.evidence if e.node == "c1" and e.phase is Phase.AFTER)
    more = [
        replace(e, pair=e.pair + 1, generation=e.pair + 1) for e in w.evidence if e.node == "c1" and e.pair == spare
    ]
    w.evidence += [faulting()(e) for e in more]
    found = of(w, "execution")
    assert found.status is Status.INVALID
    assert "but on control node c1 too" in found.reason
    assert w.verdict().decision is Decision.HOLD


def test_a_run_is_of_its_session() -> None:
    w = stored()
    moved = w.evidence[0].session
    w.edit(lambda e: replace(e, session="2030-01-01T00:00:00+00:00") if e.session == moved else e)
    assert "and its session began at 2030-01-01T00:00:00+00:00" in of(w, "execution").reason
    w = stored()
    w.edit(lambda e: replace(e, session="2026-01-01T00:00:00+00:00") if e.session == moved else e)
    assert "and its session began at 2026-01-01" in of(w, "execution").reason


def test_a_candidate_that_faulted_once_is_flaky() -> None:
    w = upgraded()
    last = max(e.pair for e in w.evidence if e.node == "u1" and e.phase is Phase.AFTER)
    w.edit(faulting(), node="u1", pairs=[last - 2])
    assert of(w, "execution").status is Status.FLAKY


def test_a_fault_before_anything_ran_after_is_no_fault_of_the_candidate() -> None:
    w = on(upgraded(), UPGRADED, Phase.AFTER, lambda _: None)
    w = on(w, ("u1",), Phase.BEFORE, faulting())
    assert of(w, "execution").status is Status.MISSING
    assert "only one arm has run" in of(w, "execution").reason


# -- controls are evidence too -----------------------------------------------------------------------------------------


def test_a_control_that_was_set_otherwise_meanwhile_proves_nothing() -> None:
    w = upgraded(shift=among((*UPGRADED, *CONTROLS), Phase.AFTER, 0.1))
    assert w.verdict().decision is Decision.GO
    on(w, CONTROLS, Phase.BEFORE, setting(w, "GPU-1 power limit", "700 W"))
    on(w, CONTROLS, Phase.AFTER, setting(w, "GPU-1 power limit", "500 W"))
    verdict = w.verdict()
    assert verdict.decision is Decision.HOLD
    assert ("setting GPU-1 power limit of a control", "700 W", "500 W", False) in verdict.differences


def test_a_control_with_locked_clocks_is_for_diagnosis() -> None:
    w = upgraded()
    w.nodes["c1"] = replace(w.nodes["c1"], labels={**w.nodes["c1"].labels, LOCKED_CLOCKS: "1200 MHz"})
    assert w.verdict().decision is Decision.HOLD
    assert any("node c1 had its clocks locked" in reason for reason in w.verdict().reasons)


@pytest.mark.parametrize(
    ("names", "phase"), [(CONTROLS, Phase.AFTER), (UPGRADED, Phase.BEFORE)], ids=["controls after", "nodes before"]
)
def test_throttling_where_nothing_is_upgraded_hides_nothing(names: tuple[str, ...], phase: Phase) -> None:
    w = on(upgraded(shift=SLOW), names, phase, lambda e: throttled(scaled("latency", 1.1)(e)))
    found = of(w, "execution")
    assert found.status is Status.MISSING
    assert "0 unthrottled runs" in found.reason
    assert w.verdict().decision is Decision.HOLD


def test_throttling_of_the_candidate_may_be_the_regression() -> None:
    w = on(upgraded(shift=SLOW), UPGRADED, Phase.AFTER, throttled)
    assert w.verdict().decision is Decision.NO_GO


@pytest.mark.parametrize("names", [UPGRADED, CONTROLS, ("c2",)])
def test_runs_with_other_inputs_do_not_compare(names: tuple[str, ...]) -> None:
    w = on(upgraded(), names, Phase.AFTER, lambda e: replace(e, inputs="others"))
    assert (of(w, "execution").status, w.verdict().decision) == (Status.INVALID, Decision.HOLD)


@pytest.mark.parametrize("metric", ["memory", "execution"])
def test_what_controls_show_too_is_not_the_upgrades(metric: str) -> None:
    change = scaled("memory", 2.0) if metric == "memory" else faulting()
    w = on(upgraded(), UPGRADED, Phase.AFTER, change)
    assert w.verdict().decision is Decision.NO_GO
    on(w, CONTROLS, Phase.AFTER, change)
    found = of(w, metric)
    assert found.status is Status.INVALID
    assert "but on control node c1 too, between its phases" in found.reason
    assert w.verdict().decision is Decision.HOLD


def test_a_control_whose_outputs_are_unsound_is_none() -> None:
    w = on(upgraded(), ("c3",), Phase.AFTER, lambda e: replace(e, outputs=()))
    assert (of(w, "outputs").status, w.verdict().decision) == (Status.INVALID, Decision.HOLD)


def test_what_changed_on_the_node_is_not_blamed_on_the_upgrade() -> None:
    w = upgraded(shift=SLOW)
    on(w, UPGRADED, Phase.BEFORE, setting(w, "GPU-1 power limit", "700 W"))
    on(w, UPGRADED, Phase.AFTER, setting(w, "GPU-1 power limit", "500 W"))
    found = of(w, "latency")
    assert found.status is Status.INVALID
    assert found.reason.endswith("its phases differ in what nobody declared")
    assert w.verdict().decision is Decision.HOLD


# -- the order of things -----------------------------------------------------------------------------------------------


def shifted(w: World, names: tuple[str, ...], phase: Phase, days: int) -> World:
    def change(e: Evidence) -> Evidence:
        moment = datetime.datetime.fromisoformat(e.started) + datetime.timedelta(days=days)
        return replace(e, started=moment.isoformat())

    return on(w, names, phase, change)


@pytest.mark.parametrize(
    ("names", "phase", "days", "said"),
    [
        (("u2",), Phase.BEFORE, 9, "started before pair"),
        (("c2",), Phase.BEFORE, 1, ""),
        (CONTROLS, Phase.AFTER, 7, ""),
    ],
    ids=["after before before", "a day apart", "a week later"],
)
def test_phases_follow_each_other(names: tuple[str, ...], phase: Phase, days: int, said: str) -> None:
    w = shifted(upgraded(), names, phase, days)
    assert (w.verdict().decision is Decision.GO) is not bool(said)
    assert said in of(w, "execution").reason


def test_a_control_that_was_measured_twice_after_the_upgrade_is_none() -> None:
    w = shifted(shifted(upgraded(), ("c2",), Phase.BEFORE, 7), ("c2",), Phase.AFTER, 7)
    assert "a control was measured before the upgrade when nodes were upgraded already" in of(w, "execution").reason
    assert w.verdict().decision is Decision.HOLD


def test_a_control_that_was_measured_after_too_early_is_none() -> None:
    w = shifted(shifted(upgraded(), ("c2",), Phase.BEFORE, -9), ("c2",), Phase.AFTER, -7)
    assert "a control was measured after the upgrade when nodes were not upgraded yet" in of(w, "execution").reason


def test_phases_of_which_the_pairs_are_numbered_the_other_way() -> None:
    """The numbers of pairs are in the order of time, and the phases are not."""
    w = upgraded(nodes=("u1",), controls=())
    days = {Phase.BEFORE: 3, Phase.AFTER: 0, Phase.BACK: 0}
    for phase, by in days.items():
        shifted(w, ("u1",), phase, by)
    ordered = sorted(w.evidence, key=lambda e: e.started)
    w.evidence = [replace(e, pair=n, generation=n) for n, e in enumerate(ordered, 1)]
    assert "on node u1 the phase after began before before had ended" in of(w, "execution").reason


# -- calibration, sessions, other rings --------------------------------------------------------------------------------


def test_how_pairs_vary_excuses_no_node() -> None:
    w = upgraded(shift=among(("u3",), Phase.AFTER, 0.5))
    spread = {(ITEM.key, "latency"): Spread(0.5, 60, 60)}
    verdict = judge(w.plan, "canary", w.evidence, w.identities, w.nodes, w.blobs.__getitem__, NOW, spreads=spread)
    assert verdict.decision is Decision.HOLD
    assert not [c for c in verdict.comparisons if c.status is Status.UNCOVERED]


def test_a_session_of_the_candidate_that_was_not_finished_is_missed() -> None:
    w = stored(after=6)
    assert w.verdict().decision is Decision.GO
    last = max(e.pair for e in w.evidence if e.item == ITEM.key)
    w.edit(lambda e: None if e.item == ITEM.key and e.pair == last else e)
    found = of(w, "latency")
    assert found.status is Status.MISSING
    assert "after the upgrade, is not a whole round of it" in found.reason
    assert w.verdict().decision is Decision.HOLD


def test_a_session_soon_after_the_upgrade_counts() -> None:
    """The hour is between sessions of one phase; an upgrade takes less."""
    w = stored(hours=1.0)
    assert "3 sessions against 14 stored" in of(w, "latency").reason


def test_one_case_is_one_sentinel() -> None:
    w = stored(sentinels=1)
    assert "1 sentinel a session, 3 are needed" in of(w, "latency").reason


def test_controls_of_one_ring_are_no_nodes_of_another() -> None:
    w = upgraded()
    early = Ring("early", (Tier.CPU,), after="canary")
    w.plan = replace(w.plan, rings=(*w.plan.rings, early))
    w.edit(lambda e: replace(e, plan=digest(w.plan)))
    verdict = w.verdict("early")
    assert not any("which a node in the" in reason for reason in verdict.reasons)
    assert "c1" not in {*verdict.nodes, *verdict.records}
    assert not any("c1" in said for said in verdict.not_covered)  # it is the other ring's, and nothing of this one's


# -- routes, place by place --------------------------------------------------------------------------------------------

WHOLE = "whole/operator:matmul[square]"


@pytest.mark.parametrize("other", ["u2", "c1"])
def test_what_one_node_takes_more_is_not_hidden_by_another(other: str) -> None:
    w = with_route()
    w.edit(lambda e: scaled("memory", 1.6)(e) if e.node == other else e)  # throughout
    assert w.verdict().decision is Decision.GO
    w.edit(scaled("memory", 1.2), node="u1", arm=Arm.CANDIDATE)
    w.edit(lambda e: scaled("memory", 1.2)(e) if e.node == "u1" and e.phase is None else e)
    found = of(w, "memory", WHOLE)
    assert found.status is Status.REGRESS
    assert "on node u1" in found.reason


def test_ends_on_different_nodes_do_not_compare() -> None:
    w = with_route().edit(lambda e: None if (e.phase is None) == (e.node in UPGRADED[:3]) else e)
    assert of(w, "outputs", WHOLE).status is Status.MISSING
    assert w.verdict().decision is Decision.HOLD


def test_a_route_whose_start_does_not_run_has_no_sum() -> None:
    w = with_route().edit(lambda e: faulting()(e) if e.node in UPGRADED and e.phase is Phase.BEFORE else e)
    assert not [c for c in w.verdict().comparisons if c.item == WHOLE]
    assert w.verdict().decision is Decision.GO


def test_a_quarantined_node_is_left_out_of_a_route() -> None:
    w = with_route()
    for arm in Arm:
        w.edit(lambda e: scaled("latency", 1.5)(e) if e.phase is None and e.node == "u3" else e, arm=arm)
    verdict = w.verdict()
    assert any("node u3 is quarantined" in said for said in verdict.not_covered)
    assert of(w, "latency", WHOLE).status is Status.PASS
