"""A store with an upgrade of two rings, whose verdicts a test writes as it likes: nothing is measured."""

from __future__ import annotations

import datetime
from dataclasses import replace
from pathlib import Path

from compat.model import SCHEMA_VERSION, Decision, Plan, Ring, Status, Tier, Verdict, Watch, digest
from compat.store import Store
from tests.store.build import COMPARISON, NODE, PLAN, VERDICT

__all__ = ["MATRIX", "minutes_ago", "upgrade", "verdict_of", "write_verdict"]

MATRIX = "torch-upgrade"
_WORDS = {Status.PASS: "no worse", Status.REGRESS: "relative L2 difference of y is 0.5", Status.MISSING: "was not run"}
_STATUS = {Decision.GO: Status.PASS, Decision.NO_GO: Status.REGRESS, Decision.HOLD: Status.MISSING}


def minutes_ago(minutes: float) -> str:
    now = datetime.datetime.now(datetime.UTC)
    return (now - datetime.timedelta(minutes=minutes)).isoformat(timespec="seconds")


def upgrade(place: str | Path, *, name: str = MATRIX, soak: float = 0.0, hostname: str = "gpu-1") -> tuple[Store, Plan]:
    """A store with a plan of the rings canary and early, and one node."""
    rings = (Ring("canary", (Tier.CPU,), soak=soak), Ring("early", (Tier.CPU,), after="canary"))
    plan = replace(PLAN, name=name, rings=rings)
    store = Store(place, create=True)
    store.put_plan(plan)
    store.put_node(replace(NODE, hostname=hostname))
    return store, plan


def verdict_of(
    plan: Plan, decision: Decision, ring: str = "canary", ago: float = 1.0, reasons: tuple[str, ...] | None = None
) -> Verdict:
    """A verdict that its comparisons bear out."""
    status = _STATUS[decision]
    said = (f"model:digits[batch-1] latency: {_WORDS[status]}",) if reasons is None else reasons
    comparisons = tuple(
        replace(COMPARISON, required=True, status=status, reason=reason, waived=None) for reason in said
    )
    return replace(
        VERDICT,
        schema_version=SCHEMA_VERSION,
        decision=decision,
        matrix=plan.name,
        ring=ring,
        plan=digest(plan),
        matrix_digest=plan.matrix_digest,
        evidence=digest(f"evidence of {ring} {decision.value} {ago}"),
        judged_at=minutes_ago(ago),
        reasons=said,
        comparisons=comparisons,
        nodes=(NODE.id,),
        judge=digest("judge"),
    )


def write_verdict(store: Store, plan: Plan, decision: Decision, ring: str = "canary", ago: float = 1.0) -> str:
    """Keep such a verdict; its digest."""
    return store.put_verdict(verdict_of(plan, decision, ring, ago))


def watch_of(plan: Plan, finding: str = "") -> Watch:
    """A look at the node while canary soaks."""
    findings = (finding,) if finding else ()
    return Watch(SCHEMA_VERSION, digest(plan), "canary", NODE.id, minutes_ago(0), 1.0, (), findings)
