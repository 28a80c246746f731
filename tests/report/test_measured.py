"""The measurements of an item's evidence, read once."""

from __future__ import annotations

import dataclasses
import math
import statistics

import pytest

from compat.report.measured import measured, median, median_of
from tests.report import build

SOFTMAX = [entry for entry in build.evidence() if "softmax" in entry.item]


@pytest.mark.parametrize(
    "samples", [(3.0,), (1.0, 4.0), (5.0, 1.0, 9.0), (1e308, 1e308, 1e308), (-1.0, -0.0, 7.5, 2.0)]
)
def test_the_median_is_that_of_the_standard_library(samples: tuple[float, ...]) -> None:
    assert median_of(build.measured(build.LATENCY, *samples)) == statistics.median(samples)
    assert median(samples) == statistics.median(samples)


def test_a_median_is_finite_where_the_sum_of_the_middle_two_is_none() -> None:
    assert median((1.5e308, 1.7e308)) == pytest.approx(1.6e308)


@pytest.mark.parametrize("samples", [(), (math.nan,), (1.0, math.inf), (math.nan, 1.0, 2.0), (math.inf, -math.inf)])
def test_what_is_not_all_finite_has_no_median(samples: tuple[float, ...]) -> None:
    assert math.isnan(median_of(build.measured(build.LATENCY, *samples)))
    spoiled = [dataclasses.replace(SOFTMAX[0], measurements=(build.measured(build.LATENCY, *samples),))]
    (pair,) = measured(spoiled)["latency"].pairs()
    assert pair.known_good is not None
    assert math.isnan(pair.known_good)
    assert measured(spoiled)["latency"].samples(0) == (0, [])


def test_the_later_attempt_stands_and_both_were_observed() -> None:
    first = dataclasses.replace(SOFTMAX[0], measurements=(build.measured(build.LATENCY, 1.0),))
    again = dataclasses.replace(
        first, started="2025-11-21T00:00:00Z", measurements=(build.measured(build.LATENCY, 2.0),)
    )
    found = measured([again, first])["latency"]
    assert [pair.known_good for pair in found.pairs()] == [2.0]
    assert found.every == ([1.0, 2.0], [])


def test_samples_are_those_of_all_processes_of_an_arm() -> None:
    found = measured(SOFTMAX)["latency"]
    own = [sample for entry in SOFTMAX if entry.arm.value == "candidate" for sample in entry.measurements[0].samples]
    assert found.samples(1) == (30, sorted(own))
