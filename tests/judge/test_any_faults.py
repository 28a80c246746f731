"""Faults of any kind, and the runs that are made because of them."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from compat.judge import wanted
from compat.judge.faults import judge_faults
from compat.model import Arm, Conditions, Evidence, FaultKind, Policy, Status

from .build import POOL, TEXT, faulting, plan, scaled, world
from .harms import HOT
from .worlds import SEEDS, examples, of_item

CRASH, INFRASTRUCTURE = FaultKind.CRASH, FaultKind.INFRASTRUCTURE


@pytest.mark.parametrize(
    ("pairs", "ends"), [*((n, (None, CRASH)) for n in range(1, 6)), (2, (None, CRASH, INFRASTRUCTURE))]
)
def test_a_fault_never_passes(pairs: int, ends: tuple[FaultKind | None, ...]) -> None:
    """Of everything that may happen in so many pairs."""
    first = world(plan(TEXT), pairs=1).evidence[:2]
    runs = [[replace(record, pair=n, generation=n) for n in range(pairs)] for record in first]
    seen = set()
    for kinds in itertools.product(ends, repeat=2 * pairs):
        ended = zip((*runs[0], *runs[1]), kinds, strict=True)
        status = judge_faults([faulting(kind)(run) if kind else run for run, kind in ended], Policy()).status
        good, new = ([kind for kind in arm if kind] for arm in (kinds[:pairs], kinds[pairs:]))
        assert (status is Status.PASS) is (not good and not new)
        assert status is not Status.FIXED or (not new and len(good) >= 2)
        assert status is not Status.REGRESS or (not good and len(new) >= 2)
        assert status is Status.INVALID or INFRASTRUCTURE not in kinds
        seen.add(status)
    assert pairs < 3 or seen >= {Status.PASS, Status.FIXED, Status.FLAKY, Status.PREEXISTING, Status.REGRESS}


@examples(60)
@given(SEEDS, st.sampled_from([0.0, 0.02, 0.3]), st.sampled_from([0.0, 0.05, 1.0]), st.sampled_from([1.0, 1.02, 1.2]))
def test_a_run_that_obeys_ends_and_leaves_nothing_open(seed: int, faults: float, heat: float, factor: float) -> None:
    """Whatever becomes of its runs: they fault, or both arms throttle."""
    w = world(plan(POOL, policy=Policy(rounds=(8, 8, 12))), 60, noise=0.01, seed=seed)
    pool = w.edit(scaled("latency", factor), arm=Arm.CANDIDATE).evidence
    rng = np.random.default_rng(seed)
    have: list[Evidence] = []
    while (answer := wanted(w.plan, POOL, have)).pairs > (count := len(have) // 2):
        assert count < 2 * 28 + 3
        hot = HOT if rng.random() < heat else Conditions()
        for record in (e for e in pool if e.pair == count):
            run = replace(record, round=answer.round, conditions=hot)
            have.append(faulting()(run) if rng.random() < faults else run)
    w.evidence = have
    found = of_item(w.verdict(), POOL.key)
    assert all(c.status is not Status.MISSING for c in found)
    assert heat or not any("more pairs are needed" in c.reason for c in found)
