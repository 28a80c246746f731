"""A ring that does not take every cell: it expects the evidence of its own, and of nothing else."""

from __future__ import annotations

from dataclasses import replace

from compat.judge.budget import measured
from compat.model import Arm, Coverage, Decision, Finding, Ring, Tier, canonical, digest

from .build import CELL, MATMUL, POOL, TEXT, World, drop, faulting, item, plan, world
from .upgrades import DRIVER, RUNTIME, WHOLE, with_route

BETWEEN = replace(CELL, id="between", required=False)
FAR = item(TEXT.case, BETWEEN)
TIERS = (Tier.STATIC, Tier.AOT, Tier.CPU)


def rings(*cells: str) -> World:
    """The ring ``canary`` with every cell, and ``early`` with those."""
    early = Ring("early", TIERS, coverage=Coverage("changed", cells, 1, 2))
    refused = Finding(BETWEEN.id, Arm.CANDIDATE, "driver", "fail", "the driver is too old", "table")
    made = plan(POOL, TEXT, MATMUL, FAR, rings=(Ring("canary", TIERS), early))
    return world(replace(made, findings=(*made.findings, refused)))


def test_cells_of_other_rings_are_not_judged() -> None:
    w = rings(CELL.id)
    assert {c.cell for c in w.verdict("canary").comparisons} == {CELL.id, BETWEEN.id}
    early = w.verdict("early")
    assert early.decision is Decision.GO, early.reasons
    assert {c.cell for c in early.comparisons} == {CELL.id}
    assert w.plan.for_ring("early") == (POOL, TEXT, MATMUL)


def test_their_evidence_is_no_stranger_and_their_faults_are_not_the_rings() -> None:
    w = rings(CELL.id).edit(faulting(), of=FAR)
    assert w.verdict("early").decision is Decision.GO


def test_what_is_missing_of_its_own_cells_is_hold_as_ever() -> None:
    w = rings(CELL.id).edit(drop, of=POOL)
    assert w.verdict("early").decision is Decision.HOLD


def test_a_ring_without_the_candidates_cells_is_never_go() -> None:
    for cells in ((), (BETWEEN.id,)):
        verdict = rings(*cells).verdict("early")
        assert verdict.decision is Decision.HOLD
        assert "no required case was executed cleanly" in verdict.reasons


def test_a_route_is_judged_where_its_cell_belongs_to_the_ring() -> None:
    w = with_route()
    ring = w.plan.rings[0]
    parts = (DRIVER.id, RUNTIME.id)
    both, whole = (replace(ring, coverage=Coverage("changed", ids, 1, 2)) for ids in (parts, (*parts, WHOLE.id)))
    counts = []
    for one in (both, whole, ring):
        made = replace(w.plan, rings=(one,))
        named = digest(made)
        again = replace(w, plan=made, evidence=[replace(record, plan=named) for record in w.evidence])
        verdict = again.verdict()
        assert verdict.decision is Decision.GO, verdict.reasons
        counts.append((WHOLE.id in {c.cell for c in verdict.comparisons}, measured(made, one)))
    assert [judged for judged, _ in counts] == [False, True, True]
    assert counts[0][1] < counts[1][1] == counts[2][1]


def test_plans_of_before_are_written_as_they_were() -> None:
    """The documents of stores that are there have no coverage, and their names are their digests."""
    assert "coverage" not in canonical(plan())
    assert digest(plan()) == "b96ae2cfa653555dd604e86e14d02134ca2dc9dae1ee52065a6f4d07adff4ff9"
    assert '"coverage":{"cells":["candidate"],"covered":0,' in canonical(rings(CELL.id).plan)
