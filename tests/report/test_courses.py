"""Pairs in the order in which they ran, and memory over the time of the run."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING

import pytest

from compat.model import Arm, Direction, Kind, Metric, Status
from compat.report.courses import HEIGHT, course
from compat.report.measured import measured
from compat.report.parts import Series
from compat.report.strokes import LEFT, RIGHT
from tests.report import build
from tests.report.drawn import points, segments

if TYPE_CHECKING:
    from collections.abc import Sequence

    from compat.model import Comparison, Evidence
    from compat.report.case_parts import Course

LEAK = Metric("leak", "B/call", Direction.LOWER, Kind.BOUNDED)
SOFTMAX = [entry for entry in build.evidence() if "softmax" in entry.item]
COMPARED = next(entry for entry in build.comparisons() if "softmax" in entry.workload)


def drawn(
    evidence: Sequence[Evidence], metric: str, comparison: Comparison = COMPARED, phased: bool = False
) -> Course | None:
    runs = measured(evidence)[metric]
    return course(Series(metric, runs.first.unit, runs.pairs()), runs, comparison, phased=phased)


def valued(metric: Metric, good: Sequence[float], new: Sequence[float]) -> list[Evidence]:
    """Evidence of a metric, one value a process."""
    values = {Arm.KNOWN_GOOD: good, Arm.CANDIDATE: new}
    return [
        dataclasses.replace(entry, measurements=(build.measured(metric, values[entry.arm][entry.pair]),))
        for entry in SOFTMAX
        if entry.pair < len(good)
    ]


def test_both_sides_of_a_pair_stand_above_each_other_and_are_joined() -> None:
    found = drawn(SOFTMAX, "latency")
    assert found is not None
    good, new = points(found.known_good), points(found.candidate)
    assert len(good) == len(new) == 30
    assert [x for x, _ in good] == [x for x, _ in new] == sorted({x for x, _ in good})
    assert min(good)[0] >= LEFT
    assert max(good)[0] <= RIGHT
    assert all(0 < y < HEIGHT for _, y in good + new)
    joined = {begin: ends[0] for begin, ends in segments(found.links)}
    assert joined == {a: b for a, b in zip(good, new, strict=True) if a != b}


def test_a_slower_pair_is_drawn_higher_and_a_drift_climbs() -> None:
    found = drawn(valued(build.LATENCY, [1.0, 2.0, 3.0, 4.0], [1.5, 2.5, 3.5, 4.5]), "latency")
    assert found is not None
    good, new = points(found.known_good), points(found.candidate)
    assert [y for _, y in good] == sorted((y for _, y in good), reverse=True)
    assert all(b < a for (_, a), (_, b) in zip(good, new, strict=True))
    assert (found.low, found.high, found.timed) == ("1 s", "4.5 s", False)


def test_generations_are_marked_and_another_node_is_told_from_them() -> None:
    found = drawn(SOFTMAX, "latency")
    assert found is not None
    assert found.over == "30 pairs in the order they ran, 15 generations"
    assert len(points(found.marks)) == 14
    assert found.breaks == ""
    moved = [dataclasses.replace(entry, node="canary-02") if entry.pair >= 10 else entry for entry in SOFTMAX]
    found = drawn(moved, "latency")
    assert found is not None
    assert len(points(found.marks)) == 13
    assert len(points(found.breaks)) == 1
    assert found.over.endswith("in 2 places, one after the other")


def test_a_pair_without_one_arm_has_one_dot() -> None:
    half = [entry for entry in SOFTMAX if not (entry.arm is Arm.CANDIDATE and entry.pair == 4)]
    found = drawn(half, "latency")
    assert found is not None
    assert (len(points(found.known_good)), len(points(found.candidate))) == (30, 29)
    assert len(segments(found.links)) <= 29


@pytest.mark.parametrize("metric", [build.LATENCY, build.MEMORY])
def test_what_is_not_finite_is_counted_and_not_drawn(metric: Metric) -> None:
    found = drawn(valued(metric, [1.0, math.nan, 2.0], [3.0, 4.0, math.inf]), metric.name)
    assert found is not None
    assert found.over.endswith("; 2 not finite: counted, not drawn")
    assert found.label.endswith(found.over)
    whole = drawn(valued(metric, [1.0, 1.0, 2.0], [3.0, 4.0, 5.0]), metric.name)
    assert whole is not None
    assert "not finite" not in whole.over


def test_memory_is_drawn_over_time_with_what_would_just_pass() -> None:
    mib = 2.0**20
    compared = dataclasses.replace(COMPARED, known_good=100 * mib, limit=20 * mib)
    found = drawn(valued(build.MEMORY, [90 * mib, 100 * mib], [130 * mib, 140 * mib]), "memory", compared)
    assert found is not None
    assert found.timed
    assert found.over == "over 90 s of the run"
    (good,), (new,) = segments(found.known_good), segments(found.candidate)
    assert good[0][0] == LEFT
    assert new[1][-1][0] == RIGHT
    assert found.limit_label == "120 MiB"
    assert found.limit is not None
    assert new[0][1] < found.limit < good[1][0][1]  # the candidate is above the line, the known-good below


def test_phases_of_an_upgrade_have_no_pairs_and_are_drawn_over_time() -> None:
    later = {Arm.KNOWN_GOOD: "2025-11-20T08:", Arm.CANDIDATE: "2025-11-20T11:"}
    records = [dataclasses.replace(entry, started=f"{later[entry.arm]}{entry.pair:02}:00Z") for entry in SOFTMAX]
    found = drawn(records, "latency", phased=True)
    assert found is not None
    assert (found.timed, found.links, found.limit_label) == (True, "", "")
    assert found.over == "over 3 h 29 min of the run"
    (good,), (new,) = segments(found.known_good), segments(found.candidate)
    assert max(x for x, _ in good[1]) < new[0][0]


def test_a_limit_that_is_far_away_is_said_and_not_drawn() -> None:
    compared = dataclasses.replace(COMPARED, known_good=1e6, limit=1e9)
    found = drawn(valued(build.MEMORY, [1e6, 1.1e6], [1.2e6, 1.3e6]), "memory", compared)
    assert found is not None
    assert found.limit is None
    assert found.limit_label == "954.6 MiB"


def test_a_leak_that_grows_has_a_course() -> None:
    compared = dataclasses.replace(COMPARED, known_good=0.0, limit=4096.0)
    found = drawn(valued(LEAK, [0.0, 0.0, 0.0], [0.0, 65536.0, 131072.0]), "leak", compared)
    assert found is not None
    assert (found.limit_label, found.timed) == ("4,096 B/call", True)
    assert found.limit is not None


@pytest.mark.parametrize("started", ["", "yesterday", "2025-11-20T08:00:00Z</script>"])
def test_moments_that_cannot_be_read_draw_no_time(started: str) -> None:
    records = valued(build.MEMORY, [1.0, 2.0], [3.0, 4.0])
    assert drawn([dataclasses.replace(entry, started=started) for entry in records], "memory") is None


def test_nothing_is_drawn_where_there_is_no_course() -> None:
    assert drawn(valued(build.LATENCY, [1.0], [2.0]), "latency") is None
    assert drawn(valued(build.LATENCY, [1.0, 1.0], [1.0, 1.0]), "latency") is None
    assert drawn(valued(build.MATRIX_INSTRUCTIONS, [1.0, 2.0], [2.0, 1.0]), "matrix_instructions") is None
    assert drawn(valued(build.LATENCY, [float("nan")] * 2, [float("inf")] * 2), "latency") is None


def test_what_is_not_finite_is_left_out_of_the_drawing() -> None:
    found = drawn(valued(build.LATENCY, [1.0, float("nan"), 3.0], [1.5, 2.5, float("inf")]), "latency")
    assert found is not None
    assert "nan" not in repr(found)
    assert "inf" not in repr(found)
    assert (len(points(found.known_good)), len(points(found.candidate))) == (2, 2)


def test_a_page_shows_the_course_of_what_is_judged() -> None:
    items = {item.title: item for item in build.demo().items}
    assert [one.metric for one in items["operator:softmax[rows-4096]"].courses] == ["latency"]
    assert [one.metric for one in items["model:magika[batch-32]"].courses] == ["latency", "memory"]
    assert items["operator:softmax[rows-4096]"].status is Status.INCONCLUSIVE
