"""Whether a verdict can be trusted: synthetic rings in which nothing changed, and rings with planted changes."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from .conftest import Record
from .noise import SHAPES
from .rings import Outcomes, measure_rings, upper_bound

RINGS, EACH = 1_000, 2_000  # rings, and sampled measurements in each
FEWER = 100  # rings of each further shape of noise
PLANTED = 20  # measurements of a ring that are slower: 1 % of them
GPUS = 8  # of a cell, each with a measurement of its own
DEVIATIONS = (0.02, 0.04, 0.06)
WHOLE = dict(zip(DEVIATIONS, (100, 50, 20), strict=True))  # rings with all their measurements, by deviation
TAILS = (0.05, 0.1, 0.2)  # of the candidate's processes
SLOWER = {5: "slow5", 3: "slow3", 1: "slow1"}  # percent
CHANGES = (5, 3, 1, -5, -3, -1)  # percent slower; below 0 it is faster by as much: the known-good arm is the slower one


def _log(percent: int) -> float:
    return math.copysign(math.log1p(abs(percent) / 100), percent)


def _words(percent: int) -> str:
    return f"{abs(percent)} % {'slower' if percent > 0 else 'faster'}"


def _unchanged(found: Outcomes) -> str:
    rings = len(found.pairs)
    return (
        f"false NO-GO {found.no_go} of {rings} (upper bound {upper_bound(found.no_go, rings):.2%}),"
        f" GO {found.go / rings:.1%}, {found.pairs.mean():.1f} pairs a measurement"
    )


def _planted(found: Outcomes) -> str:
    return f"REGRESS {found.regressed.mean():.2%}, PASS {found.passed.mean():.2%}, {found.pairs.mean():.0f} pairs"


def _check_faster(found: Outcomes, deviation: float) -> None:
    """What is faster never regresses, and passes where the noise leaves no doubt."""
    assert not found.regressed.any()
    assert deviation > DEVIATIONS[0] or found.passed.all()


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
def test_planted_changes(record: Record, note: Callable[[str], None]) -> None:
    """Each by itself, in the budget of a whole ring: what the ring's other measurements do, does not touch them."""
    for deviation in DEVIATIONS:
        said = []
        for percent in CHANGES:
            found = measure_rings(SHAPES["plain"], deviation, RINGS, PLANTED, EACH, slower=_log(percent))
            said.append(f"{_words(percent)}: {_planted(found)}")
            if percent < 0:
                _check_faster(found, deviation)
            elif deviation == DEVIATIONS[0]:
                passed, regressed, name = float(found.passed.mean()), float(found.regressed.mean()), SLOWER[percent]
                if percent == 5:
                    record(f"judge.{name}_regress", regressed)
                elif percent == 3:
                    record(f"judge.{name}_not_pass", 1.0 - passed)
                    record(f"judge.{name}_regress", regressed)
                else:
                    record(f"judge.{name}_pass", passed)
        note(f"planted at a pair deviation of {deviation:.0%}: {'; '.join(said)}")


@pytest.mark.parametrize("cells", [1, PLANTED])
def test_rings_with_planted_cells(cells: int, note: Callable[[str], None]) -> None:
    """Whole rings: what becomes of the ring, and of the measurements in it that did not change."""
    where = "one cell" if cells == 1 else f"{cells / EACH:.0%} of the cells"
    for deviation, rings in WHOLE.items():
        said = []
        for percent in CHANGES:
            slower = np.zeros(EACH)
            slower[:cells] = _log(percent)
            found = measure_rings(SHAPES["plain"], deviation, rings, EACH, EACH, slower=slower)
            changed, others = found.of(np.arange(EACH) < cells), found.of(np.arange(EACH) >= cells)
            if percent < 0:
                _check_faster(changed, deviation)
            said.append(
                f"{_words(percent)}: NO-GO {found.no_go / rings:.0%}, GO {found.go / rings:.0%},"
                f" of the others {others.regressed.sum()} REGRESS, {(~others.passed).sum()} not PASS"
            )
        note(f"{where} in each of {rings} rings at a pair deviation of {deviation:.0%}: {'; '.join(said)}")


def test_one_gpu_of_eight(note: Callable[[str], None]) -> None:
    """Each GPU has a measurement of its own for every cell, so a ring has eight times as many to share the budget."""
    slow = np.tile(np.arange(GPUS) == 0, PLANTED)
    for deviation in DEVIATIONS:
        said = []
        for percent in CHANGES:
            planted = np.where(slow, _log(percent), 0.0)
            found = measure_rings(SHAPES["plain"], deviation, FEWER, len(slow), GPUS * EACH, slower=planted)
            changed, others = found.of(slow), found.of(~slow)
            if percent < 0:
                _check_faster(changed, deviation)
            said.append(f"{_words(percent)}: {_planted(changed)} (the other GPUs: {_planted(others)})")
        note(f"one GPU of {GPUS} at a pair deviation of {deviation:.0%}: {'; '.join(said)}")
    # The mean of eight GPUs has an eighth of the variance, and an eighth of the change.
    pooled = measure_rings(
        SHAPES["plain"], DEVIATIONS[0] / math.sqrt(GPUS), FEWER, PLANTED, EACH, slower=_log(6) / GPUS
    )
    note(f"the same {GPUS} GPUs pooled, one of them 6 % slower: {_planted(pooled)}")


def test_slow_processes(note: Callable[[str], None]) -> None:
    """Most of the candidate's processes are as fast as before, and some of them are 40 % slower."""
    for share in TAILS:
        shape = replace(SHAPES["plain"], tail=share)
        said = []
        for deviation in DEVIATIONS:
            found = measure_rings(shape, deviation, FEWER, PLANTED, EACH)
            said.append(f"at {deviation:.0%} {_planted(found)}")
        note(f"{share:.0%} of the candidate's processes 40 % slower: {'; '.join(said)}")


@pytest.mark.parametrize("name", [name for name in SHAPES if name != "plain"])
def test_other_shapes_of_noise(name: str, note: Callable[[str], None]) -> None:
    found = measure_rings(SHAPES[name], DEVIATIONS[0], FEWER, EACH, EACH)
    said = [_unchanged(found)]
    for percent in CHANGES:
        found = measure_rings(SHAPES[name], DEVIATIONS[0], FEWER, PLANTED, EACH, slower=_log(percent))
        said.append(f"{_words(percent)}: {_planted(found)}")
    note(f"{name}: {'; '.join(said)}")
