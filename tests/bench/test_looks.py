"""How often a look at an unchanged node is wrong, and what it finds: one arm now beside its own runs of then."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from compat.judge.as_before import slower_than_before
from compat.model import Arm, Evidence, Measurement
from compat.plan.sentinels import narrowed
from tests.judge.build import LATENCY, POOL, plan, world

from .conftest import Record

DRAWS = 2000
THEN, NOW = 10, 4  # processes, each of a generation of its own
PROCESS = 0.01  # deviation of a process, log scale
SHARING = 10  # measurements that share the level
SESSIONS = (0.01, 0.02, 0.03, 0.05)
SLOWER = (0.0, 0.15, 0.20, 0.30)


@pytest.mark.figures("soak.false_alarm_2", "soak.false_alarm_5", "soak.found_20")
def test_large_slowdowns_of_one_arm(record: Record, note: Callable[[str], None]) -> None:
    small = narrowed(plan(), "canary", (POOL,))
    template = next(run for run in world(plan()).evidence if run.item == POOL.key and run.arm is Arm.KNOWN_GOOD)
    rng = np.random.default_rng(8)

    def session(count: int, between: float, slower: float) -> list[Evidence]:
        centre = rng.normal(math.log1p(slower), between)
        return [_run(template, number, math.exp(centre + rng.normal(0.0, PROCESS))) for number in range(count)]

    found: dict[tuple[float, float], float] = {}
    for between in SESSIONS:
        for slower in SLOWER:
            told = 0
            for _ in range(DRAWS):
                then, now = session(THEN, between, 0.0), session(NOW, between, slower)
                told += bool(slower_than_before(POOL, Arm.KNOWN_GOOD, then, now, small, SHARING))
            found[between, slower] = told / DRAWS
        shares = ", ".join(f"{slower:.0%} slower {found[between, slower]:.1%}" for slower in SLOWER)
        note(f"sessions vary by {between:.0%}: told of {shares}")
    record("soak.false_alarm_2", found[0.02, 0.0])
    record("soak.false_alarm_5", found[0.05, 0.0])
    record("soak.found_20", found[0.02, 0.20])


def _run(template: Evidence, number: int, seconds: float) -> Evidence:
    measured = Measurement(LATENCY.name, LATENCY.unit, LATENCY.direction, LATENCY.kind, (seconds,))
    throughput = replace(template.measurements[1], samples=(100.0,))
    return replace(template, generation=number, pair=number, measurements=(measured, throughput))
