"""Whether a verdict can be trusted: synthetic rings in which nothing changed, and rings with planted slowdowns."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest

from .conftest import Record
from .noise import SHAPES
from .rings import Outcomes, measure_rings, upper_bound

RINGS, EACH = 1_000, 2_000  # rings, and sampled measurements in each
FEWER = 100  # rings of each further shape of noise
PLANTED = 20  # measurements of a ring that are slower: 1 % of them
DEVIATIONS = (0.02, 0.04, 0.06)
SLOWER = {5: "slow5", 3: "slow3", 1: "slow1"}  # percent


def _unchanged(found: Outcomes) -> str:
    rings = len(found.pairs)
    return (
        f"false NO-GO {found.no_go} of {rings} (upper bound {upper_bound(found.no_go, rings):.2%}),"
        f" GO {found.go / rings:.1%}, {found.pairs.mean():.1f} pairs a measurement"
    )


@pytest.mark.figures("judge.aa_false_nogo", "judge.aa_false_nogo_upper", "judge.aa_go", "judge.pairs_mean")
def test_rings_in_which_nothing_changed(record: Record, note: Callable[[str], None]) -> None:
    for deviation in DEVIATIONS:
        found = measure_rings(SHAPES["plain"], deviation, RINGS, EACH, EACH)
        note(f"{RINGS:,} A/A rings of {EACH:,} at a pair deviation of {deviation:.0%}: {_unchanged(found)}")
        if deviation == DEVIATIONS[0]:
            record("judge.aa_false_nogo", found.no_go / RINGS)
            record("judge.aa_false_nogo_upper", upper_bound(found.no_go, RINGS))
            record("judge.aa_go", found.go / RINGS)
            record("judge.pairs_mean", float(found.pairs.mean()))


@pytest.mark.figures("judge.slow5_regress", "judge.slow3_not_pass", "judge.slow3_regress", "judge.slow1_pass")
def test_planted_slowdowns(record: Record, note: Callable[[str], None]) -> None:
    for deviation in DEVIATIONS:
        said = []
        for percent, name in SLOWER.items():
            found = measure_rings(SHAPES["plain"], deviation, RINGS, PLANTED, EACH, slower=math.log1p(percent / 100))
            passed, regressed = float(found.passed.mean()), float(found.regressed.mean())
            said.append(
                f"{percent} %: REGRESS {regressed:.2%}, PASS {passed:.2%}, {found.pairs.mean():.0f} pairs a measurement"
            )
            if deviation != DEVIATIONS[0]:
                continue
            if percent == 5:
                record(f"judge.{name}_regress", regressed)
            elif percent == 3:
                record(f"judge.{name}_not_pass", 1.0 - passed)
                record(f"judge.{name}_regress", regressed)
            else:
                record(f"judge.{name}_pass", passed)
        note(f"planted at a pair deviation of {deviation:.0%}: {'; '.join(said)}")


@pytest.mark.parametrize("name", [name for name in SHAPES if name != "plain"])
def test_other_shapes_of_noise(name: str, note: Callable[[str], None]) -> None:
    found = measure_rings(SHAPES[name], DEVIATIONS[0], FEWER, EACH, EACH)
    slow = measure_rings(SHAPES[name], DEVIATIONS[0], FEWER, PLANTED, EACH, slower=math.log(1.05))
    note(f"{name}: {_unchanged(found)}; 5 % slower: REGRESS {slow.regressed.mean():.2%}")
