"""Rule 14: what the cases return."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from compat.judge.admit import in_pairs
from compat.judge.arrays import Array, largest, relative_l2
from compat.judge.numerics import judge_outputs
from compat.judge.outcome import Outcome
from compat.model import Arm, NumericsPolicy, Status, Tier

from .build import POOL, World, plan, world

ORACLE = np.linspace(-1.0, 1.0, 96).reshape(8, 12)
EXACT = ORACLE.astype("f4")


def judged(good: dict[str, Any], new: dict[str, Any], **case: Any) -> Outcome:
    """Two pairs whose arms return this."""
    made = replace(POOL, case=replace(POOL.case, **case))
    w = world(plan(POOL), pairs=2)
    w.edit(w.returns(**good), arm=Arm.KNOWN_GOOD).edit(w.returns(**new), arm=Arm.CANDIDATE)
    return found(w, made.case)


def found(w: World, case: Any = POOL.case) -> Outcome:
    outcome = judge_outputs(in_pairs(w.evidence)[0], case, NumericsPolicy(), w.blobs.__getitem__)
    assert outcome is not None
    return outcome


def off(error: float) -> Array:
    """EXACT with a relative L2 error of ``error``, spread over all elements."""
    noise = np.random.default_rng(0).standard_normal(ORACLE.shape)
    wrong: Array = (ORACLE + noise * error * np.linalg.norm(ORACLE) / np.linalg.norm(noise)).astype("f4")
    return wrong


def test_equal_is_equal() -> None:
    outcome = judged({"y": EXACT}, {"y": EXACT})
    assert (outcome.status, outcome.reason) == (Status.PASS, "outputs: y is bitwise equal")


def test_a_change_within_the_tolerance_is_said() -> None:
    outcome = judged({"y": EXACT}, {"y": off(3e-6)})
    assert outcome.status is Status.PASS
    assert "changed within tolerance" in outcome.reason


def test_a_change_beyond_the_tolerance_names_the_element() -> None:
    new = EXACT.copy()
    new[2, 7] += 1.5
    outcome = judged({"y": EXACT}, {"y": new})
    assert outcome.status is Status.REGRESS
    assert f"largest at y[2, 7]: {EXACT[2, 7]:.9g} -> {new[2, 7]:.9g}" in outcome.reason
    assert outcome.limit == POOL.case.tolerance


def test_one_bad_process_is_enough() -> None:
    w = world(plan(POOL), pairs=6)
    w.edit(w.returns(y=EXACT)).edit(w.returns(y=EXACT + np.float32(1)), arm=Arm.CANDIDATE, pairs=[3])
    outcome = found(w)
    assert outcome.status is Status.REGRESS
    assert "candidate differs from run to run in y" in outcome.reason


def test_an_unsteady_known_good_arm_is_not_the_candidates_fault() -> None:
    for values in ((EXACT, EXACT + np.float32(1)), (np.arange(3), np.arange(3) + 1), ("a", "b")):
        w = world(plan(POOL), pairs=4)
        w.edit(w.returns(y=values[0])).edit(w.returns(y=values[1]), arm=Arm.KNOWN_GOOD, pairs=[2])
        assert found(w).status is Status.PREEXISTING


@pytest.mark.parametrize(
    ("good", "new", "said"),
    [
        (EXACT, EXACT.astype("f2"), "type: float32 [8, 12] -1, -0.978947341, -0.957894742, ... -> float16 [8, 12] -1,"),
        (EXACT, EXACT.reshape(12, 8), "-0.957894742, ... -> float32 [12, 8] -1, -0.978947341,"),
        (EXACT, EXACT[:4], "shape: float32 [8, 12] -1, -0.978947341, -0.957894742, ... -> float32 [4, 12] -1,"),
        (np.arange(4), np.arange(4).astype("i4"), "type: int64 [4] 0, 1, 2, ... -> int32 [4] 0, 1, 2, ..."),
        (np.arange(4), "text", "type: int64 [4] 0, 1, 2, ... -> text 'text'"),
        ("some text", "other text", "'some text' -> 'other text'"),
        (np.arange(4), np.array([0, 1, 7, 3]), "y differs in 1 of 4 elements: y[2]: 2 -> 7"),
        (np.array([True, False]), np.array([True, True]), "y[1]: False -> True"),
        (np.array(3), np.array(4), "y: 3 -> 4"),
    ],
)
def test_what_is_exact_must_be_equal(good: Any, new: Any, said: str) -> None:
    outcome = judged({"y": good}, {"y": new})
    assert outcome.status is Status.REGRESS
    assert said in outcome.reason


def test_new_and_lost_nan_regress_and_old_nan_is_not_fine() -> None:
    bad = EXACT.copy()
    bad[0, 1] = np.nan
    assert judged({"y": EXACT}, {"y": bad}).status is Status.REGRESS
    assert judged({"y": bad}, {"y": EXACT}).status is Status.REGRESS
    assert judged({"y": bad}, {"y": bad}).status is Status.PREEXISTING
    infinite = EXACT.copy()
    infinite[0, 1] = np.inf
    assert judged({"y": infinite}, {"y": -infinite}).status is Status.REGRESS


def test_nan_that_the_oracle_asks_for_is_right() -> None:
    bad, oracle = EXACT.copy(), ORACLE.copy()
    bad[0, 1] = oracle[0, 1] = np.nan
    assert judged({"y": bad, "y_ref": oracle}, {"y": bad, "y_ref": oracle}).status is Status.PASS
    assert judged({"y": bad, "y_ref": oracle}, {"y": EXACT, "y_ref": oracle}).status is Status.REGRESS
    assert judged({"y": EXACT, "y_ref": oracle}, {"y": bad, "y_ref": oracle}).status is Status.FIXED
    assert judged({"y": bad, "y_ref": ORACLE}, {"y": bad, "y_ref": ORACLE}).status is Status.PREEXISTING
    assert judged({"y": EXACT, "y_ref": ORACLE}, {"y": bad, "y_ref": ORACLE}).status is Status.REGRESS


@pytest.mark.parametrize(
    ("good", "new", "status"),
    [
        (1e-7, 1e-7, Status.PASS),
        (1e-7, 1.9e-6, Status.PASS),  # below ratio x tolerance / 10
        (1e-7, 3e-6, Status.REGRESS),  # within the tolerance, and it grew
        (4e-6, 7e-6, Status.PASS),
        (1e-7, 2e-5, Status.REGRESS),
        (2e-5, 2.2e-5, Status.PREEXISTING),
        (2e-5, 9e-5, Status.REGRESS),  # wrong before, and now far worse
        (2e-5, 1e-6, Status.FIXED),
    ],
)
def test_errors_against_the_oracle(good: float, new: float, status: Status) -> None:
    outcome = judged({"y": off(good), "y_ref": ORACLE}, {"y": off(new), "y_ref": ORACLE})
    assert outcome.status is status


def test_the_ratio_needs_enough_outputs_pooled_over_seeds() -> None:
    w = world(plan(POOL), pairs=2)

    def few(error: float, seeds: int) -> Any:
        full = [("y", off(error)[:4]), ("y*", ORACLE[:4])]  # 48 elements
        outputs = tuple(w.store(name, value, seed) for seed in range(seeds) for name, value in full)
        return lambda record: replace(record, outputs=outputs)

    for seeds, status in ((1, Status.PASS), (2, Status.REGRESS)):
        w.edit(few(1e-7, seeds), arm=Arm.KNOWN_GOOD).edit(few(4e-6, seeds), arm=Arm.CANDIDATE)
        assert found(w, replace(POOL.case, seeds=seeds)).status is status


def test_an_upgrade_that_moves_the_oracle_is_not_excused() -> None:
    moved = ORACLE * 1.5
    outcome = judged({"y": EXACT, "y_ref": ORACLE}, {"y": moved.astype("f4"), "y_ref": moved})
    assert outcome.status is Status.INVALID
    assert "the reference of y differs between the arms" in outcome.reason


@pytest.mark.parametrize("oracle", [ORACLE.astype("f4"), ORACLE[:2], "text", ORACLE.astype("c8")])
def test_a_reference_that_is_none_is_invalid(oracle: Any) -> None:
    assert judged({"y": EXACT, "y_ref": oracle}, {"y": EXACT, "y_ref": oracle}).status is Status.INVALID


@pytest.mark.parametrize(
    ("good", "new", "status"),
    [
        ({"y": EXACT}, {}, Status.MISSING),
        ({}, {"y": EXACT}, Status.MISSING),
        ({}, {}, Status.MISSING),
        ({"y": EXACT, "z": EXACT}, {"y": EXACT}, Status.MISSING),
        ({"y": EXACT, "y_ref": ORACLE}, {"y": EXACT}, Status.MISSING),
        ({"y_ref": ORACLE}, {"y_ref": ORACLE}, Status.INVALID),
    ],
)
def test_missing_outputs_fail_closed(good: dict[str, Any], new: dict[str, Any], status: Status) -> None:
    assert judged(good, new).status is status


def test_missing_seeds_fail_closed() -> None:
    assert judged({"y": EXACT}, {"y": EXACT}, seeds=2).status is Status.MISSING


@pytest.mark.parametrize("tolerance", [float("nan"), -1.0])
def test_a_tolerance_that_is_none_is_invalid(tolerance: float) -> None:
    assert judged({"y": EXACT}, {"y": EXACT}, tolerance=tolerance).status is Status.INVALID


def test_compiled_cases_return_nothing() -> None:
    w = world(plan(POOL), pairs=2).edit(lambda record: replace(record, outputs=()))
    assert (
        judge_outputs(in_pairs(w.evidence)[0], replace(POOL.case, tier=Tier.AOT), NumericsPolicy(), w.blobs.__getitem__)
        is None
    )


@pytest.mark.parametrize("dtype", ["bfloat16", "O", "|V2", "nonsense"])
def test_a_dtype_that_cannot_be_compared_is_invalid(dtype: str) -> None:
    w = world(plan(POOL), pairs=2)
    w.edit(lambda r: replace(r, outputs=tuple(replace(o, dtype=dtype) for o in r.outputs)))
    assert found(w).status is Status.INVALID


def test_relative_l2_at_the_edges() -> None:
    zero, one = np.zeros(3), np.ones(3)
    assert relative_l2(zero, zero) == 0.0
    assert relative_l2(one, zero) == float("inf")
    assert relative_l2(one * 1e300, one * 2e300) == pytest.approx(0.5)
    assert relative_l2(one * 1e-300, one * 2e-300) == pytest.approx(0.5)
    assert relative_l2(np.array([1 + 1j]), np.array([1 + 0j])) == pytest.approx(1.0)
    assert relative_l2(np.array([]), np.array([])) == 0.0
    assert largest("y", np.array([]), np.array([])) == "y: empty"


@pytest.mark.parametrize(
    ("good", "new", "said"),
    [
        ("a b c", "a b d", "t changed: 'a b c' -> 'a b d'"),
        ("a\nb\nc", "a\nB\nc", "t changed: 1 of 3 lines and 1 of 3 are others: 'b' -> 'B'"),
        ("a\nb", "a\nb\nc\nd", "t changed: 0 of 2 lines and 2 of 4 are others: nothing -> 'c'"),
        ("a\nb", "b\na", "t changed: its 2 lines are in another order"),
        ("a\nb", "", "t changed: 2 of 2 lines and 1 of 1 are others: 'a' -> ''"),
    ],
)
def test_a_text_that_changed_names_the_first_line_that_did(good: str, new: str, said: str) -> None:
    outcome = judged({"t": good}, {"t": new})
    assert (outcome.status, outcome.reason) == (Status.REGRESS, f"outputs: {said}")
