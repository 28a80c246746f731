"""Tier static: findings of the tables."""

from __future__ import annotations

from dataclasses import replace

import pytest

from compat.judge.tables import judge_tables
from compat.model import Arm, Comparison, Decision, Finding, Ring, Status, Tier

from .build import CELL, TEXT, item, plan, world

STATIC = Ring("canary", (Tier.STATIC, Tier.CPU))
DYNAMIC = Ring("canary", (Tier.CPU,))


def finding(arm: Arm, status: str, cell: str = CELL.id) -> Finding:
    return Finding(cell, arm, "driver", status, "CUDA 13 needs driver 580", "release notes, 2026-11-01")


def judged(good: str, new: str, ring: Ring = STATIC) -> Comparison:
    given = [finding(arm, s) for arm, s in ((Arm.KNOWN_GOOD, good), (Arm.CANDIDATE, new)) if s]
    (found,) = judge_tables(plan(TEXT, findings=tuple(given)), ring)
    return found


@pytest.mark.parametrize(
    ("good", "new", "status", "gates"),
    [
        ("ok", "ok", Status.PASS, True),
        ("ok", "fail", Status.REGRESS, True),
        ("unknown", "fail", Status.REGRESS, True),
        ("", "fail", Status.REGRESS, True),
        ("fail", "fail", Status.PREEXISTING, False),
        ("fail", "ok", Status.FIXED, True),
        ("ok", "unknown", Status.INCONCLUSIVE, False),
        ("fail", "unknown", Status.INCONCLUSIVE, False),
        ("ok", "", Status.INCONCLUSIVE, False),
        ("ok", "fine", Status.INCONCLUSIVE, False),
    ],
)
def test_findings(good: str, new: str, status: Status, gates: bool) -> None:
    asked, not_asked = judged(good, new), judged(good, new, DYNAMIC)
    assert (asked.status, asked.required, asked.metric) == (status, True, "static:driver")
    assert (not_asked.status, not_asked.required) == (status, gates)


def test_unknown_says_that_it_is_not_ok() -> None:
    assert "not taken for ok" in judged("ok", "unknown").reason


def test_no_finding_at_all_is_missing_where_static_is_asked_for() -> None:
    (found,) = judge_tables(plan(TEXT, findings=()), STATIC)
    assert (found.status, found.required) == (Status.MISSING, True)
    assert judge_tables(plan(TEXT, findings=()), DYNAMIC) == []


def test_cells_on_the_way_do_not_gate() -> None:
    between = replace(CELL, id="between", required=False)
    findings = (
        *plan().findings,
        finding(Arm.CANDIDATE, "fail", "between"),
        finding(Arm.CANDIDATE, "fail", "elsewhere"),
    )
    found = judge_tables(plan(TEXT, item(TEXT.case, between), findings=findings), STATIC)
    assert [(c.cell, c.required) for c in found] == [("between", False), ("candidate", True), ("elsewhere", False)]


@pytest.mark.parametrize(("status", "decision"), [("fail", Decision.NO_GO), ("unknown", Decision.HOLD)])
def test_findings_decide(status: str, decision: Decision) -> None:
    assert world(plan(findings=(finding(Arm.CANDIDATE, status),))).verdict().decision is decision
