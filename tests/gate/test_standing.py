"""Where an upgrade stands, from documents and the time: order of rings, soak, watches, age, rehearsals, signatures."""

from __future__ import annotations

import datetime
from dataclasses import replace
from typing import Any

import pytest

from compat.gate.standing import Stand, Stored, standing
from compat.model import SCHEMA_VERSION, Decision, Plan, Rehearsal, Ring, Tier, Verdict, Watch, digest
from tests.store.build import PLAN, VERDICT

START = datetime.datetime(2026, 11, 20, 12, tzinfo=datetime.UTC)
HOUR = 3600.0
GO, NO_GO, HOLD = Decision.GO, Decision.NO_GO, Decision.HOLD


def at(hours: float) -> str:
    return (START + datetime.timedelta(hours=hours)).isoformat()


def plan(**canary: Any) -> Plan:
    rings = Ring("canary", (Tier.CPU,), **canary), Ring("early", (Tier.CPU,), after="canary")
    return replace(PLAN, rings=(*rings, Ring("broad", (Tier.CPU,), after="early")))


def verdict(ring: str, hours: float, decision: Decision = GO, evidence: str = "a", **fields: Any) -> Verdict:
    reasons = ("all is fine",) if decision is GO else ("it is slower",)
    records = {f"n-{ring}": 10 * (1 + ord(evidence) - ord("a"))}
    own = {"evidence": evidence * 64, "nodes": (f"n-{ring}",), "reasons": reasons, "judge": "j", "records": records}
    changes = {**own, **fields}
    return replace(VERDICT, ring=ring, decision=decision, judged_at=at(hours), **changes)


def watch(hours: float, *findings: str, node: str = "n-canary", ring: str = "canary", **fields: Any) -> Watch:
    return Watch(SCHEMA_VERSION, "p", ring, node, at(hours), 1.0, ("one",), findings, **{"records": 10, **fields})


def rehearsal(
    hours: float, good: bool = True, node: str = "n-canary", real: bool = False, pattern: str = "*"
) -> Rehearsal:
    findings = () if good else ("it does not start",)
    made = Rehearsal(SCHEMA_VERSION, "p", "canary", node, at(hours), "me", real, good, {"all": 1.0}, findings=findings)
    return replace(made, pattern=pattern)


def ask(made: Plan, hours: float, *verdicts: Verdict, **stored: Any) -> dict[str, Stand]:
    found = Stored([(digest(one), one) for one in verdicts], **stored)
    now = START + datetime.timedelta(hours=hours)
    return {stand.ring: stand for stand in standing(made, found, now)}


def test_without_verdicts_only_the_first_ring_may_take_the_upgrade() -> None:
    found = ask(plan(), 0)
    assert [stand.decision for stand in found.values()] == [HOLD] * 3
    assert [stand.entered for stand in found.values()] == [GO, HOLD, HOLD]
    assert found["early"].before == ("ring canary, which comes before it, was not judged yet",)


@pytest.mark.parametrize("decision", [NO_GO, HOLD])
def test_a_ring_whose_predecessor_is_not_go_is_hold_whatever_its_own_verdict(decision: Decision) -> None:
    found = ask(plan(), 3, verdict("canary", 1, decision), verdict("early", 2))
    assert found["canary"].decision is decision
    assert found["early"].decision is HOLD
    assert found["early"].reasons[0] == f"ring canary, which comes before it, is {decision.value}: it is slower"
    assert found["broad"].entered is HOLD


def test_its_own_no_go_is_no_go_whatever_comes_before() -> None:
    assert ask(plan(), 3, verdict("early", 2, NO_GO))["early"].decision is NO_GO


def test_the_newest_verdict_counts_and_not_the_latest_date() -> None:
    found = ask(plan(), 9, verdict("canary", 8), verdict("canary", 3, NO_GO))  # the clock was set back
    assert found["canary"].decision is NO_GO


def test_a_verdict_from_the_future_is_hold() -> None:
    found = ask(plan(), 1, verdict("canary", 2))
    assert found["canary"].decision is HOLD
    assert "is still to come: the clock of this machine, or of that one, is wrong" in found["canary"].reasons[0]
    assert found["early"].entered is HOLD


SOAKING = plan(soak=24 * HOUR)


@pytest.mark.parametrize(
    ("now", "watches", "why"),
    [
        (10, (), "ring canary soaks for 1 d since 2026-11-20T13:00:00+00:00: 15 h are left"),
        (25, (), "nobody has looked at node n-canary since the soak of ring canary ended: run compat soak there"),
        (26, (watch(24.9),), "nobody has looked at"),
        (26, (watch(25.5, node="n-other"),), "nobody has looked at"),
        (26, (watch(25.5, ring="early"),), "nobody has looked at"),
        (26, (watch(5, "Xid 79 on GPU-1"), watch(25.5)), "node n-canary at 2026-11-20T17:00:00+00:00, while ring"),
        (26, (watch(25.5),), None),
        (26, (watch(0.5, "before it was measured", records=4), watch(25.5)), None),
        (26, (watch(0.5, "by a clock that is slow"), watch(25.5)), "by a clock that is slow"),
        (26, (watch(25.5), watch(40)), "is of 2026-11-22T04:00:00+00:00, which is still to come: a clock is wrong"),
        (26, (watch(25.5, pattern="*cheap*"),), "nobody has looked at"),
    ],
)
def test_a_soak_is_over_when_its_time_is_and_every_node_was_looked_at_then(
    now: float, watches: tuple[Watch, ...], why: str | None
) -> None:
    early = ask(SOAKING, now, verdict("canary", 1), watches=watches)["early"]
    assert early.entered is (GO if why is None else HOLD)
    if why is not None:
        assert why in early.before[0]


def test_judging_the_same_again_does_not_restart_a_soak_and_not_being_go_does() -> None:
    looked = {"watches": (watch(26),)}
    again = ask(SOAKING, 27, verdict("canary", 1), verdict("canary", 20), **looked)
    assert (again["canary"].since, again["early"].entered) == (at(1), GO)
    broken = ask(SOAKING, 27, verdict("canary", 1), verdict("canary", 10, HOLD), verdict("canary", 20), **looked)
    assert (broken["canary"].since, broken["early"].entered) == (at(20), HOLD)


def test_another_judge_begins_anew() -> None:
    found = ask(SOAKING, 27, verdict("canary", 1), verdict("canary", 20, judge="k"), watches=(watch(26),))
    assert found["canary"].since == at(20)


def test_rings_are_passed_by_one_judge() -> None:
    found = ask(plan(), 3, verdict("canary", 1), verdict("early", 2, judge="k"))
    assert (found["canary"].decision, found["early"].decision) == (GO, HOLD)
    assert found["early"].reasons == ("ring canary was judged by another judge than ring early: ask its gate again",)
    worse = ask(plan(), 3, verdict("canary", 1), verdict("early", 2, NO_GO, judge="k"))
    assert worse["early"].decision is NO_GO


def test_after_a_finding_only_other_evidence_begins_a_soak() -> None:
    looked = {"watches": (watch(5, "a sentinel crashed"), watch(40))}
    same = ask(SOAKING, 41, verdict("canary", 1), verdict("canary", 6), **looked)
    assert "a sentinel crashed" in same["early"].before[0]
    other = ask(SOAKING, 41, verdict("canary", 1), verdict("canary", 6, evidence="b"), **looked)
    assert (other["canary"].since, other["early"].entered) == (at(6), GO)
    held = ask(SOAKING, 41, verdict("canary", 1), verdict("canary", 6, HOLD), verdict("canary", 7), **looked)
    assert "a sentinel crashed" in held["early"].before[0]  # a HOLD in between closes nothing
    judged = ask(SOAKING, 41, verdict("canary", 1), verdict("canary", 7, judge="k"), **looked)
    assert "a sentinel crashed" in judged["early"].before[0]  # nor does another judge
    elsewhere = {"n-canary": 10, "n-other": 99}
    merged = ask(SOAKING, 41, verdict("canary", 1), verdict("canary", 7, evidence="b", records=elsewhere), **looked)
    assert "a sentinel crashed" in merged["early"].before[0]  # nor what another node measured


def test_a_clock_that_was_set_back_shortens_no_soak() -> None:
    found = ask(SOAKING, 27, verdict("canary", 20, HOLD), verdict("canary", -5), watches=(watch(26),))
    assert (found["canary"].since, found["early"].entered) == (at(20), HOLD)


def test_nodes_that_went_back_in_earnest_hold_the_ring_until_it_is_measured_again() -> None:
    gone = {"rehearsals": (rehearsal(3, real=True),)}
    found = ask(plan(), 4, verdict("canary", 1), **gone)
    assert (found["canary"].decision, found["early"].entered) == (HOLD, HOLD)
    assert "node n-canary was rolled back at" in found["canary"].reasons[0]
    again = ask(plan(), 6, verdict("canary", 1), verdict("canary", 5, evidence="b"), **gone)
    assert (again["canary"].decision, again["early"].entered) == (GO, GO)


def test_a_go_grows_old() -> None:
    made = plan(valid=48 * HOUR)
    assert ask(made, 48, verdict("canary", 1))["early"].entered is GO
    late = ask(made, 50, verdict("canary", 1), verdict("early", 3))
    assert "is valid for 2 d: measure again" in late["early"].reasons[0]
    assert late["canary"].decision is GO  # of itself; it is the next ring that asks for its age
    judged = ask(made, 50, verdict("canary", 1), verdict("canary", 49))
    assert judged["early"].entered is HOLD  # the same evidence, judged again
    assert ask(made, 50, verdict("canary", 1), verdict("canary", 49, evidence="b"))["early"].entered is GO


@pytest.mark.parametrize(
    ("rehearsals", "why"),
    [
        ((), "none was made"),
        ((rehearsal(0.5),), None),
        ((rehearsal(-40),), "the last one, at 2026-11-18T20:00:00+00:00, was good"),
        ((rehearsal(3, good=False),), "was not good: it does not start"),
        ((rehearsal(3, node="elsewhere"),), "none was made"),
        ((rehearsal(9),), "was good"),  # still to come
        ((rehearsal(0.5, pattern="*cheap*"),), "none was made"),
        ((rehearsal(0.5), rehearsal(0.8, good=False)), "was not good"),  # the newest of a node counts
    ],
)
def test_a_rehearsal_is_asked_for(rehearsals: tuple[Rehearsal, ...], why: str | None) -> None:
    early = ask(plan(rehearsal=24 * HOUR), 4, verdict("canary", 1), rehearsals=rehearsals)["early"]
    assert early.entered is (GO if why is None else HOLD)
    assert why is None or why in early.before[0]


def test_a_signature_is_asked_for() -> None:
    made, own = plan(attested=True), verdict("canary", 1)
    for signed, entered in (({}, HOLD), ({digest(own): ("it has expired",)}, HOLD), ({digest(own): ()}, GO)):
        assert ask(made, 4, own, signed=signed)["early"].entered is entered
    assert ask(made, 4, own)["early"].entered is HOLD


def test_each_ring_needs_all_before_it() -> None:
    judged = [verdict(ring, hours) for ring, hours in (("canary", 1), ("early", 2), ("broad", 3))]
    assert [stand.decision for stand in ask(plan(), 4, *judged).values()] == [GO] * 3
    found = ask(plan(), 5, *judged, verdict("canary", 4, NO_GO))
    assert [stand.decision for stand in found.values()] == [NO_GO, HOLD, HOLD]
