"""A case that faults is tried again in fresh generations, however many pairs each of them has."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from compat.model import Decision, Policy
from compat.way import conclude

from .small_plan import CONTENT, Small, check


@pytest.mark.parametrize("pairs", [1, 10])
def test_a_fault_is_tried_again_in_fresh_generations(tmp_path: Path, pairs: int) -> None:
    small = Small(tmp_path / "small", {"crash": CONTENT["crash"]})
    small.plan = replace(small.plan, policy=Policy(rounds=(4, 4), pairs_per_generation=pairs))
    small.store.put_plan(small.plan)
    assert small.measure()
    check(small)
    faults = [record for record in small.evidence() if record.fault is not None]
    assert {record.generation for record in faults} == {1, 2, 3}
    verdict = conclude(small.store).verdict
    assert verdict.decision is Decision.HOLD  # both arms fault alike
    assert [c.status.value for c in verdict.comparisons if c.metric == "execution"] == ["preexisting"]
