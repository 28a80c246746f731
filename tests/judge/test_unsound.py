"""A run during which something hard happened to its GPU shows nothing: not that a case passes, nor that it does not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from compat.judge import Wanted, wanted
from compat.model import (
    APPLICATION_XIDS,
    Arm,
    Comparison,
    Conditions,
    Decision,
    EventKind,
    Evidence,
    HealthEvent,
    Status,
    Verdict,
)

from .build import MEMORY, POOL, faulting, plan, scaled, world

SOFT = (EventKind.ECC_CORRECTED, EventKind.ROW_CORRECTED, EventKind.NVLINK_ERRORS)
HARD = [kind for kind in EventKind if kind not in SOFT and kind is not EventKind.XID]


def happened(*events: HealthEvent) -> Callable[[Evidence], Evidence]:
    return lambda record: replace(record, conditions=Conditions(events=events))


def execution_of(verdict: Verdict) -> Comparison:
    (found,) = (c for c in verdict.comparisons if (c.item, c.metric) == (POOL.key, "execution"))
    return found


def xid(number: int) -> HealthEvent:
    return HealthEvent(EventKind.XID, "GPU-1", number=number)


@pytest.mark.parametrize("arm", Arm)
@pytest.mark.parametrize("event", [xid(79), xid(119), xid(8), *(HealthEvent(kind, "GPU-1") for kind in HARD)], ids=str)
def test_one_such_run_of_either_arm_is_hold(arm: Arm, event: HealthEvent) -> None:
    verdict = world(pairs=10).edit(happened(event), POOL, arm, (4,)).verdict()
    assert verdict.decision is Decision.HOLD
    execution = execution_of(verdict)
    assert execution.status is Status.INVALID
    assert f"a GPU was not sound: {event}, during 1 run of the {arm.value} arm" in execution.reason


@pytest.mark.parametrize(
    "event", [*map(xid, sorted(APPLICATION_XIDS)), *(HealthEvent(kind, "GPU-1", 3, 2) for kind in SOFT)], ids=str
)
def test_what_an_application_causes_or_was_repaired_is_shown(event: HealthEvent) -> None:
    verdict = world(pairs=10).edit(happened(event), POOL, Arm.CANDIDATE, (4, 5)).verdict()
    assert verdict.decision is Decision.GO
    execution = execution_of(verdict)
    assert execution.reason.endswith(f"; {event}, during 2 runs of the candidate arm")


def test_what_was_measured_meanwhile_is_no_regression() -> None:
    worse = world(pairs=10).edit(scaled(MEMORY.name, 5.0), POOL, Arm.CANDIDATE)
    assert worse.verdict().decision is Decision.NO_GO
    assert worse.edit(happened(xid(79)), POOL).verdict().decision is Decision.HOLD


def test_what_sound_runs_show_still_counts() -> None:
    worse = world(pairs=10).edit(scaled(MEMORY.name, 5.0), POOL, Arm.CANDIDATE)
    assert worse.edit(happened(xid(79)), POOL, pairs=(4,)).verdict().decision is Decision.NO_GO


def test_a_candidate_that_faults_each_time_is_worse_all_the_same() -> None:
    w = world(pairs=10).edit(faulting(), POOL, Arm.CANDIDATE).edit(happened(xid(119)), POOL, Arm.CANDIDATE)
    verdict = w.verdict()
    assert verdict.decision is Decision.NO_GO
    assert "a GPU was not sound: Xid 119 on GPU-1, during 10 runs of the candidate arm" in verdict.reasons[0]


def test_several_events_are_counted_and_the_first_are_named() -> None:
    events = [xid(number) for number in (48, 63, 64, 79, 95)]
    w = world(pairs=10).edit(happened(*events), POOL, pairs=(1,)).edit(happened(xid(79)), POOL, pairs=(2,))
    said = "Xid 79 on GPU-1; Xid 48 on GPU-1; Xid 63 on GPU-1; and 2 more, during 2 runs of the candidate arm"
    assert f"{said} and 2 runs of the known_good arm" in execution_of(w.verdict()).reason


def test_nothing_more_is_measured_on_it() -> None:
    w = world(plan(POOL), pairs=3)
    assert wanted(w.plan, POOL, w.evidence).pairs > 3
    w.edit(happened(xid(79)), arm=Arm.CANDIDATE, pairs=(2,))
    assert wanted(w.plan, POOL, w.evidence) == Wanted(3, 1)
