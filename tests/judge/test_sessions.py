"""Rings that compare sessions of the candidate with sessions that were stored, through the front door."""

from __future__ import annotations

from dataclasses import replace

import pytest

from compat.model import Decision, Evidence, Phase, Status, StoredPolicy

from .build import Policy, World, faulting
from .upgrades import ITEM, of, stored


def slower(by: float, of_all: bool = False) -> World:
    return stored(shift=lambda key, now, _: by if now is Phase.AFTER and (of_all or key == ITEM.key) else 0.0)


def test_sessions_that_are_alike_are_go() -> None:
    w = stored()
    verdict = w.verdict()
    assert verdict.decision is Decision.GO, verdict.reasons
    assert "3 sessions against 14 stored" in of(w).reason
    assert not [c for c in verdict.comparisons if "still" in c.item and c.metric == "latency"]  # sentinels are no proof


def test_a_slower_candidate_is_no_go() -> None:
    w = slower(0.1)
    assert of(w).status is Status.REGRESS
    assert w.verdict().decision is Decision.NO_GO


def test_a_session_that_is_slow_as_a_whole_is_not_the_upgrades_doing() -> None:
    assert slower(0.015, of_all=True).verdict().decision is Decision.GO
    w = slower(0.1, of_all=True)  # so much is another machine
    assert of(w).status is Status.INVALID
    assert "the sentinels of session after 2026-10-15" in of(w).reason


def test_one_session_of_the_candidate_is_no_proof_of_a_regression() -> None:
    w = stored(after=1, shift=lambda key, now, _: 0.1 if now is Phase.AFTER and key == ITEM.key else 0.0)
    assert of(w).status is Status.INCONCLUSIVE


@pytest.mark.parametrize(("before", "status"), [(7, Status.INCONCLUSIVE), (11, Status.INCONCLUSIVE), (12, Status.PASS)])
def test_how_many_sessions_there_have_to_be(before: int, status: Status) -> None:
    assert of(stored(before)).status is status


def test_sessions_of_one_hour_are_one() -> None:
    """Twenty calls in a row are not twenty sessions: one every hour counts."""
    crowded = stored(before=20, hours=0.5)
    assert "2 sessions against 10 stored" in of(crowded).reason
    assert crowded.verdict().decision is Decision.HOLD
    close = StoredPolicy(apart=60.0)
    assert "3 sessions against 20 stored" in of(stored(before=20, hours=0.5, policy=Policy(stored=close))).reason


def test_no_session_after_the_upgrade() -> None:
    w = stored(after=0)
    assert w.verdict().decision is Decision.HOLD
    assert of(w, "execution").status is Status.MISSING


def test_sessions_without_sentinels_do_not_count() -> None:
    w = stored(sentinels=2)
    assert of(w).status is Status.MISSING
    assert "2 sentinels a session, 3 are needed" in of(w).reason
    w = stored().edit(lambda e: None if "still" in e.item and e.phase is Phase.AFTER else e)
    assert w.verdict().decision is Decision.HOLD


def test_a_session_in_which_a_sentinel_lacks_its_generations_is_left_aside() -> None:
    def lacking(e: Evidence) -> Evidence | None:
        return None if "still[n0]" in e.item and e.session.startswith("2026-10-03") and e.pair % 5 > 1 else e

    assert "3 sessions against 13 stored" in of(stored().edit(lacking)).reason


def test_a_crash_is_a_crash() -> None:
    w = stored().edit(lambda e: faulting()(e) if e.item == ITEM.key and e.phase is Phase.AFTER else e)
    assert w.verdict().decision is Decision.NO_GO


@pytest.mark.parametrize("session", ["", "yesterday", "2026-10-03T00:00:00"])
def test_a_session_is_a_moment(session: str) -> None:
    w = stored().edit(lambda e: replace(e, session=session) if e.session.startswith("2026-10-03") else e)
    assert "its session began at" in of(w, "execution").reason
    assert w.verdict().decision is Decision.HOLD


def test_nobody_goes_back_in_this_design() -> None:
    w = stored().edit(lambda e: replace(e, phase=Phase.BACK) if e.session.startswith("2026-10-03") else e)
    assert "in the phase back, which a node in the stored design does not" in of(w, "execution").reason
