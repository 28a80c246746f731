"""A store with a story: an upgrade that was judged day by day, over two plans and two rings, soaked and went back."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

from compat.model import (
    SCHEMA_VERSION,
    Comparison,
    Decision,
    Kind,
    Lease,
    Plan,
    Rehearsal,
    Status,
    Tier,
    Verdict,
    Watch,
    digest,
)
from compat.store import Store
from tests.report import build, compared

__all__ = ["DAYS", "GEMM", "POOL", "plan", "story", "verdict"]

GEMM = compared.item_key("operator:gemm", "1024x1024", build.OPERATORS)
POOL = compared.item_key("operator:average_pool", "no-pad", build.OPERATORS)

# Day by day: how much slower the candidate was in gemm (None: it was not measured), and whether an item failed.
DAYS: tuple[tuple[float | None, bool], ...] = (
    (0.012, False),
    (0.018, True),
    (None, False),
    (0.041, True),
    (0.009, False),
    (0.004, True),
)


def plan(later: bool = True) -> Plan:
    """The upgrade's plan, or the one before it, of the same matrix and the same stacks."""
    made = build.plan()
    rings = (
        dataclasses.replace(made.rings[0], soak=86400.0),
        dataclasses.replace(made.rings[0], name="early", after="canary", labels={"ring": "early"}),
    )
    return dataclasses.replace(made, rings=rings, matrix_digest=digest("later" if later else "matrix"))


def verdict(of: Plan, day: int, slower: float | None, failed: bool, ring: str = "canary") -> Verdict:
    """What was said on a day of November 2025, by comparisons that pass, and one that regresses if it ``failed``."""
    found: list[Comparison] = []
    for one in build.comparisons():
        status = one.status
        if one.item == GEMM and one.kind is Kind.SAMPLED:
            if slower is None:
                continue
            interval = (slower - 0.008, slower + 0.006)
            status = Status.REGRESS if slower > 0.03 else Status.PASS
            one = dataclasses.replace(one, effect=slower, interval=interval, candidate=0.0123 * math.exp(slower))
        elif one.item == POOL and failed:
            status = Status.REGRESS
        elif one.required and status is not Status.PASS:
            status = Status.PASS
        found.append(dataclasses.replace(one, status=status))
    worse = [one for one in found if one.status is Status.REGRESS and one.required]
    decision = Decision.NO_GO if worse else Decision.GO
    return dataclasses.replace(
        build.verdict(),
        plan=digest(of),
        matrix_digest=of.matrix_digest,
        ring=ring,
        decision=decision,
        judged_at=f"2025-11-{day:02}T08:00:00+00:00",
        reasons=tuple(map(build.said, worse)) or ("all comparisons are fine",),
        comparisons=tuple(found),
        judge=digest("judge"),
        differences=(),
    )


def story(folder: Path) -> tuple[Store, Plan, Verdict]:
    """The store, the plan of the upgrade, and its newest verdict of canary."""
    store = Store(folder, create=True)
    store.put_node(build.NODE)
    old, new = plan(later=False), plan()
    for one in (old, new):
        store.put_plan(one)
    for day, (slower, failed) in enumerate(DAYS, 10):
        last = verdict(old if day < 13 else new, day, slower, failed)
        store.put_verdict(last)
    store.put_verdict(verdict(new, 14, 0.002, failed=False, ring="early"))
    name = digest(new)
    common = {"plan": name, "ring": "canary", "node": build.NODE.id}
    for hour, findings in ((9, ()), (15, ("latency of operator:gemm[1024x1024] is 9 % slower than it was",))):
        at = f"2025-11-14T{hour:02}:00:00+00:00"
        store.put_watch(Watch(SCHEMA_VERSION, **common, at=at, seconds=61.5, cases=(GEMM,), findings=findings))
    for day, good in ((13, False), (14, True)):
        store.put_rehearsal(
            Rehearsal(
                SCHEMA_VERSION, **common, at=f"2025-11-{day}T12:00:00+00:00", by="ada", real=False, good=good,
                phases={"command": 33.0, "first start": 0.9, "sentinels": 8.4}, cases=(GEMM,),
                findings=() if good else ("driver 580.95.05 is there still",),
            )
        )  # fmt: skip
    upgrade = f"{new.name}: driver none, runtime stack-2024 -> driver none, runtime stack-2025"
    store.lease(build.NODE.id).append(
        lambda number, before: Lease(
            SCHEMA_VERSION, build.NODE.id, number, before, "take", upgrade, "ada", "2025-11-13T07:00:00+00:00"
        )
    )
    assert Tier.CPU.value in last.tiers
    return store, new, last
