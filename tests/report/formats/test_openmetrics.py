from __future__ import annotations

import dataclasses

import pytest

from compat.gate.answer import Answer
from compat.gate.metrics import answer_gauges
from compat.gate.standing import Stand
from compat.model import Decision, Status, Window
from compat.model.moments import moment
from compat.report.formats import formats
from compat.report.formats.openmetrics import FORMAT
from compat.report.view import View, view
from tests.report import build
from tests.report.formats.reading import samples
from tests.report.hostile import full


def read(view: View) -> dict[str, list[tuple[dict[str, str], float]]]:
    return samples(FORMAT.files(view)["report.prom"])


def by(found: list[tuple[dict[str, str], float]], label: str) -> dict[str, float]:
    return {labels[label]: value for labels, value in found}


def test_the_decision_the_counts_and_the_moments() -> None:
    found = read(build.path())
    assert by(found["compat_verdict_decision"], "decision") == {"GO": 0.0, "NO-GO": 1.0, "HOLD": 0.0}
    counts = by(found["compat_gate_comparisons"], "status")
    assert set(counts) == {status.value for status in Status}
    assert {status: count for status, count in counts.items() if count} == {
        "regress": 4.0, "invalid": 1.0, "inconclusive": 1.0, "fixed": 1.0, "pass": 13.0,
    }  # fmt: skip
    cells = by(found["compat_verdict_cells"], "status")  # the one between the stacks is not judged
    assert {status: count for status, count in cells.items() if count} == {"regress": 1.0, "fixed": 1.0}
    labels = {"matrix": "stack-2024-to-2025", "ring": "canary"}
    judged = moment("2025-11-20T08:41:07Z").timestamp()
    assert found["compat_gate_judged_timestamp_seconds"] == [(labels, judged)]
    ended = moment("2025-11-20T08:29:30Z").timestamp() + 0.4
    assert found["compat_verdict_measured_timestamp_seconds"] == [(labels, pytest.approx(ended))]


@pytest.mark.parametrize("variant", [build.demo, build.go, build.hold, build.empty, lambda: full().view()])
def test_the_five_measures_are_the_numbers_of_the_view_and_nothing_that_is_not_known(variant) -> None:
    view = variant()
    found = read(view)
    known = {measure.key: measure.number for measure in view.measures if measure.number is not None}
    shown = {name: several for name, several in found.items() if name.startswith("compat_upgrade_")}
    windows = shown.pop("compat_upgrade_axis_support_days", [])
    shown.pop("compat_upgrade_support_over", None)
    assert {name.removeprefix("compat_upgrade_"): several[0][1] for name, several in shown.items()} == known
    assert [(labels["axis"], labels["value"], value) for labels, value in windows] == [
        (window.axis, window.value, window.days_left) for window in view.windows
    ]


@pytest.mark.parametrize(
    ("ends", "ended", "over", "days"),
    [
        (None, True, 1.0, None),
        ("2030-01-01", True, 1.0, None),
        ("2025-11-19", False, 1.0, -1.0),
        ("2030-01-01", False, 0.0, 1503.0),
        (None, False, None, None),
    ],
)
def test_support_that_is_over_has_a_series_though_nobody_knows_since_when(
    ends: str | None, ended: bool, over: float | None, days: float | None
) -> None:
    windows = tuple(Window(axis, value, ends, ended, "a table") for axis, value in build.CANDIDATE.items())
    plan = dataclasses.replace(build.plan(), windows=windows)
    found = read(view(build.verdict(), plan, (build.NODE,), {}, ()))
    labels = {"matrix": "stack-2024-to-2025", "ring": "canary"}
    assert found.get("compat_upgrade_support_over") == (None if over is None else [(labels, over)])
    assert found.get("compat_upgrade_support_days") == (None if days is None else [(labels, days)])
    assert [value for _, value in found.get("compat_upgrade_axis_support_days", [])] == (
        [] if days is None else [days] * len(windows)
    )


def test_all_five_are_there_where_all_are_known() -> None:
    view = full().view()
    numbered = [dataclasses.replace(measure, number=float(number)) for number, measure in enumerate(view.measures)]
    found = read(dataclasses.replace(view, measures=tuple(numbered)))
    keys = ("pass_rate", "regressions", "version_skew", "rollback_seconds", "support_days")
    assert [found[f"compat_upgrade_{key}"][0][1] for key in keys] == [0.0, 1.0, 2.0, 3.0, 4.0]


def test_the_gate_says_the_same_of_a_name() -> None:
    """A collector refuses files that explain a metric in two ways."""
    verdict = build.verdict()
    stand = Stand("canary", Decision.NO_GO, (), (), verdict, "", verdict.judged_at, verdict.judged_at)
    answer = Answer(stand, verdict.matrix, "", "", verdict.judged_at, "0", counts={"pass": 1})
    gate = {gauge.name: gauge.about for gauge in answer_gauges(answer)}
    lines = formats()["openmetrics"].files(build.demo())["report.prom"].decode().splitlines()
    ours = dict(line.removeprefix("# HELP ").split(" ", 1) for line in lines if line.startswith("# HELP "))
    both = ours.keys() & gate.keys()
    assert both == {"compat_gate_comparisons", "compat_gate_judged_timestamp_seconds"}
    assert {name: ours[name] for name in both} == {name: gate[name] for name in both}
