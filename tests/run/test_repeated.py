"""What is said of repeated runs, for evidence that is made up."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from compat.model import STANDARD, Arm, Evidence, Fault, FaultKind, Measurement, Output, digest
from compat.run.repeated import Change, MetricRow, Repeated, summary
from tests.store.build import ITEM, evidence

BLOBS: dict[str, bytes] = {}


def _array(name: str, value: object, seed: int = 0, reference: bool = False) -> Output:
    """An output, with its bytes in BLOBS."""
    if isinstance(value, str):
        data, dtype, shape = value.encode(), "utf-8", ()
    else:
        array = np.asarray(value)
        data, dtype, shape = array.tobytes(), array.dtype.str, array.shape
    BLOBS[digest(data)] = data
    return Output(name, dtype, shape, digest(data), seed, reference)


def _run(
    arm: Arm, pair: int, values: dict[str, Sequence[float]] | None = None, *outputs: Output, fault: Fault | None = None
) -> Evidence:
    measurements = tuple(
        Measurement(name, STANDARD[name].unit, STANDARD[name].direction, STANDARD[name].kind, tuple(samples))
        for name, samples in (values or {}).items()
    )
    return replace(
        evidence(),
        arm=arm,
        pair=pair,
        generation=(pair + 1) // 2,
        measurements=measurements,
        outputs=outputs,
        fault=fault,
        notes=(),
    )


def _sum(runs: Sequence[Evidence], arms: Sequence[Arm] = tuple(Arm)) -> Repeated:
    return summary(ITEM, arms, list(reversed(runs)), BLOBS.__getitem__)


def _metric(name: str, known_good: Sequence[float], candidate: Sequence[float]) -> MetricRow:
    """The row of a metric with one value a run."""
    sides = ((Arm.KNOWN_GOOD, known_good), (Arm.CANDIDATE, candidate))
    runs = [_run(arm, pair, {name: [value]}) for arm, values in sides for pair, value in enumerate(values, 1)]
    (row,) = _sum(runs).metrics
    return row


def test_each_run_counts_with_its_median() -> None:
    samples = {1: [9.0, 1.0, 2.0], 2: [4.0], 3: [3.0, 3.0], 4: [8.0], 5: [6.0]}
    (row,) = _sum([_run(Arm.CANDIDATE, pair, {"latency": values}) for pair, values in samples.items()]).metrics
    spread = row.arms[Arm.CANDIDATE]
    assert (spread.runs, spread.median, spread.quartiles, spread.least, spread.most) == (5, 4.0, 3.0, 2.0, 8.0)
    assert (row.metric, row.unit, row.effect, row.interval) == ("latency", "s", None, None)


@pytest.mark.parametrize(("metric", "sign"), [("latency", 1), ("throughput", -1)])
def test_an_effect_is_worse_when_it_is_positive(metric: str, sign: int) -> None:
    known_good = [1.0, 2.0, 4.0, 2.0, 1.0, 8.0]
    row = _metric(metric, known_good, [1.1 * value for value in known_good])
    assert row.effect == pytest.approx(sign * math.log(1.1))
    assert row.interval == pytest.approx((row.effect, row.effect), abs=1e-6)  # drift that a pair shares is no noise


def test_an_effect_is_finite_where_the_quotient_is_none() -> None:
    assert _metric("latency", [1e200] * 6, [1e-200] * 6).effect == pytest.approx(-400 * math.log(10))
    assert _metric("latency", [1e-200] * 6, [1e200] * 6).effect == pytest.approx(400 * math.log(10))
    assert _metric("latency", [0.0] * 6, [1.0] * 6).effect is None


def test_an_interval_needs_three_generations() -> None:
    assert _metric("latency", [1.0] * 4, [1.1, 1.2] * 2).interval is None
    row = _metric("latency", [1.0] * 6, [1.1, 1.2, 1.3, 1.1, 1.0, 1.2])
    assert row.effect is not None
    assert row.interval is not None
    assert row.interval[0] < row.effect < row.interval[1]


def test_a_half_pair_has_no_part_in_the_effect() -> None:
    assert _metric("latency", [1.0, 1.0], [1.5, 1.5, 99.0]).effect == pytest.approx(math.log(1.5))
    assert _metric("latency", [1.0], []).effect is None


def test_what_is_not_sampled_has_no_effect_in_logs() -> None:
    row = _metric("memory", [100.0, 100.0], [200.0, 200.0])
    assert (row.effect, row.interval) == (None, None)
    assert row.arms[Arm.CANDIDATE].median == 200


def test_arms_are_in_order_and_only_those_that_were_asked_for() -> None:
    runs = [_run(Arm.CANDIDATE, 1), _run(Arm.KNOWN_GOOD, 1), _run(Arm.CANDIDATE, 2)]
    found = _sum(runs)
    assert list(found.runs.items()) == [(Arm.KNOWN_GOOD, 1), (Arm.CANDIDATE, 2)]
    assert (found.generations, found.metrics, found.outputs, found.changes) == (1, (), 0, ())
    assert list(_sum(runs, [Arm.CANDIDATE]).runs) == [Arm.CANDIDATE]


# -- outputs -----------------------------------------------------------------------------------------------------------


def _changes(known_good: Sequence[object], candidate: Sequence[object]) -> tuple[Change, ...]:
    sides = ((Arm.KNOWN_GOOD, known_good), (Arm.CANDIDATE, candidate))
    runs = [
        _run(arm, pair, None, _array("y", value), _array("same", "a"))
        for arm, values in sides
        for pair, value in enumerate(values, 1)
    ]
    found = _sum(runs)
    assert found.outputs == 2
    return found.changes


A, B = np.array([1.0, 2.0], "<f4"), np.array([1.0, 3.0], "<f4")


def test_the_same_in_every_run_is_no_change() -> None:
    assert _changes([A, A], [A, A]) == ()


def test_a_difference_between_the_arms() -> None:
    (change,) = _changes([A, A], [B, B])
    assert (change.output, change.seed, change.between) == ("y", 0, True)
    assert change.values == {Arm.KNOWN_GOOD: 1, Arm.CANDIDATE: 1}
    assert change.detail == "relative L2 difference 0.447; y[1]: 2 -> 3"


def test_one_arm_that_varies() -> None:
    (change,) = _changes([A, A, A], [A, B, A])
    assert (change.between, change.values) == (False, {Arm.KNOWN_GOOD: 1, Arm.CANDIDATE: 2})
    assert change.detail.endswith("y[1]: 2 -> 3")
    (change,) = _changes([A, B], [])
    assert (change.between, change.values) == (False, {Arm.KNOWN_GOOD: 2})


@pytest.mark.parametrize(
    ("one", "other", "detail"),
    [
        (np.array([1, 2, 3]), np.array([1, 5, 6]), "2 of 3 elements differ; y[1]: 2 -> 5"),
        (np.array([1.0, 2.0]), np.array([1.0, math.nan]),
         "relative L2 difference 0, 1 element not finite alike; y[1]: 2 -> nan"),
        (A, np.array([1.0, 2.0, 3.0], "<f4"), "float32 [2] 1, 2 -> float32 [3] 1, 2, 3"),
        (A, A.astype("<f8"), "float32 [2] 1, 2 -> float64 [2] 1, 2"),
        ("yes", "no", "text 'yes' -> text 'no'"),
    ],
)  # fmt: skip
def test_how_far_two_values_are_apart(one: object, other: object, detail: str) -> None:
    (change,) = _changes([one], [other])
    assert change.detail == detail


def test_references_are_no_outputs_and_seeds_are_apart() -> None:
    runs = [
        _run(arm, 1, None, _array("y", A), _array("y", value, seed=1), _array("y", value, reference=True))
        for arm, value in ((Arm.KNOWN_GOOD, A), (Arm.CANDIDATE, B))
    ]
    found = _sum(runs)
    assert (found.outputs, [(change.output, change.seed) for change in found.changes]) == (2, [("y", 1)])


def test_bytes_that_are_gone_are_said() -> None:
    lost = replace(_array("y", A), digest="0" * 64)
    (change,) = _sum([_run(Arm.KNOWN_GOOD, 1, None, _array("y", A)), _run(Arm.CANDIDATE, 1, None, lost)]).changes
    assert change.detail.startswith("the bytes of y cannot be read")


# -- faults ------------------------------------------------------------------------------------------------------------


def test_like_faults_of_an_arm_are_counted_together() -> None:
    crash = Fault("run", FaultKind.CRASH, "ended by SIGSEGV", "SIGSEGV", "first words")
    hang = Fault("run", FaultKind.HANG, "no answer")
    runs = [
        _run(Arm.CANDIDATE, 1, fault=crash),
        _run(Arm.CANDIDATE, 2, fault=replace(crash, output="other words")),
        _run(Arm.CANDIDATE, 3, fault=hang),
        _run(Arm.CANDIDATE, 4),
        _run(Arm.KNOWN_GOOD, 1, fault=crash),
    ]
    found = {(failure.arm, failure.fault): failure.runs for failure in _sum(runs).failures}
    assert found == {(Arm.CANDIDATE, crash): 2, (Arm.CANDIDATE, hang): 1, (Arm.KNOWN_GOOD, crash): 1}
