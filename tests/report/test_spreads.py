"""How samples lie within the processes."""

from __future__ import annotations

import dataclasses
import math

from compat.report.measured import measured
from compat.report.spreads import QUANTILES, spreads
from compat.report.text import NOTHING
from tests.report import build

SOFTMAX = [entry for entry in build.evidence() if "softmax" in entry.item]


def sampled(*samples: float) -> list:
    return [
        dataclasses.replace(entry, measurements=(build.measured(build.LATENCY, *samples),)) for entry in SOFTMAX[:2]
    ]


def test_the_quantiles_of_both_arms_are_samples_of_theirs() -> None:
    good, new = spreads(measured(sampled(*(float(value) for value in range(101)))))
    assert (good.arm, new.arm, good.metric) == ("known-good", "candidate", "latency")
    assert (good.processes, good.samples) == (1, 101)
    assert dict(zip(QUANTILES, good.quantiles, strict=True)) == {
        "least": "0 s", "p10": "10 s", "p50": "50 s", "p90": "90 s", "p99": "99 s", "greatest": "100 s",
    }  # fmt: skip


def test_few_samples_have_no_hundredth() -> None:
    good, _ = spreads(measured(sampled(1.0, 2.0, 3.0)))
    assert good.quantiles == ("1 s", "1 s", "2 s", "3 s", NOTHING, "3 s")


def test_processes_with_samples_that_are_not_finite_are_counted_and_never_among_the_others() -> None:
    spoilt = dataclasses.replace(SOFTMAX[2], measurements=(build.measured(build.LATENCY, 9.0, math.nan),))
    assert spoilt.arm is SOFTMAX[0].arm
    by_arm = {row.arm: row for row in spreads(measured([*sampled(1.0, 2.0), spoilt]))}
    good, new = by_arm["known-good"], by_arm["candidate"]
    assert (good.processes, good.omitted, good.samples, good.quantiles[-1]) == (1, 1, 2, "2 s")
    assert (new.processes, new.omitted) == (1, 0)
    (alone,) = spreads(measured([spoilt]))
    assert (alone.processes, alone.omitted, alone.samples, set(alone.quantiles)) == (0, 1, 0, {NOTHING})


def test_a_tail_that_no_median_shows_is_there() -> None:
    tailed = [*(1.0,) * 95, *(9.0,) * 6]
    _, new = spreads(measured(sampled(*tailed)))
    assert new.quantiles[2:] == ("1 s", "1 s", "9 s", "9 s")


def test_one_sample_a_process_is_no_spread_and_neither_is_what_is_not_sampled() -> None:
    assert spreads(measured(sampled(1.0))) == ()
    kept = [dataclasses.replace(entry, measurements=(build.measured(build.MEMORY, 1.0, 2.0),)) for entry in SOFTMAX]
    assert spreads(measured(kept)) == ()


def test_a_page_has_the_samples_of_what_is_judged() -> None:
    items = {item.title: item for item in build.demo().items}
    rows = items["operator:softmax[rows-4096]"].spreads
    assert [(row.metric, row.arm, row.processes, row.samples) for row in rows] == [
        ("latency", "known-good", 30, 270),
        ("latency", "candidate", 30, 270),
    ]
