"""A report of what is wrong in ways that the demonstration is not: elements, memory, code, a node that was busy."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from compat.model import Arm, Conditions, Direction, EventKind, Evidence, HealthEvent, Kind, Metric, Tier
from compat.report.view import View, view
from tests.judge.build import INSTRUCTIONS, LATENCY, MEMORY, case, item, plan, scaled, world

__all__ = ["wrong"]

LEAK = Metric("leak", "B/call", Direction.LOWER, Kind.BOUNDED)
SHARED = Metric("shared_memory", "B", Direction.LOWER, Kind.EXACT)
POOL = item(case("operator:average_pool", "ceil", LATENCY, MEMORY, LEAK))
TOKENS = item(case("operator:tokenize", "plain"))
CODE = [
    item(case("kernel:matmul", f"fp16-{target}", INSTRUCTIONS, SHARED, tier=Tier.AOT))
    for target in ("sm_75", "sm_80", "sm_90", "sm_100")
]
NAME = 'y <b>"&'  # of an output: a runtime chose it
BUSY = Conditions(7.5, "powersave", ("hw_thermal",), (HealthEvent(EventKind.XID, "GPU-1", 2, 79),))


def wrong() -> View:
    """Two nodes, a candidate that computes, leaks and compiles something else."""
    made = world(plan(POOL, TOKENS, *CODE), nodes=("canary-01", "canary-02"))
    good = np.linspace(-1.0, 1.0, 96).reshape(8, 12)
    bad = good.astype("f4")
    bad[2, 3], bad[7, 11], bad[0, 0] = 5.0, np.nan, -1.001
    made.edit(made.returns(**{NAME: good.astype("f4"), f"{NAME}_ref": good}), POOL)
    made.edit(made.returns(**{NAME: bad, f"{NAME}_ref": good}), POOL, Arm.CANDIDATE)
    made.edit(made.wrong(TOKENS), TOKENS, Arm.CANDIDATE)
    made.edit(scaled("memory", 1.3), POOL, Arm.CANDIDATE)
    made.edit(scaled("leak", 400.0), POOL, Arm.CANDIDATE)
    made.edit(scaled("matrix_instructions", 0.0), CODE[0], Arm.CANDIDATE)
    made.edit(lambda record: replace(record, conditions=BUSY), POOL, Arm.CANDIDATE, range(3), "canary-02")
    made.edit(_later)
    nodes = list(made.nodes.values())
    read = made.blobs.__getitem__
    return view(made.verdict(), made.plan, nodes, made.identities, made.evidence, blob=read, store="out/an upgrade")


def _later(record: Evidence) -> Evidence:
    """Each pair a minute after the one before it, the candidate half a minute after the known-good arm."""
    return replace(record, started=f"2026-11-23T11:{record.pair:02}:{30 * (record.arm is Arm.CANDIDATE):02}Z")
