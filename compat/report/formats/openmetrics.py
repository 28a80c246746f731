"""Numbers for a monitoring system: a file for node_exporter's textfile collector, or for GitLab's metrics report.

The collector reads files that end in ``.prom``, and wants every file to say the same of a name: what is of the verdict
alone is therefore called as the gate calls it (``compat.gate.metrics``). A measure that is not known has no series.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from compat.errors import MomentError
from compat.gate.answer import counts
from compat.gate.metrics import Gauge, comparisons_gauge, decision_gauge, judged_gauge, metrics_text
from compat.model import Status
from compat.model.moments import moment
from compat.report.formats import Format
from compat.report.statuses import worst

if TYPE_CHECKING:
    from compat.report.view import View

__all__ = ["FORMAT"]

_MEASURES = {
    "pass_rate": "Share of the required comparisons that passed: 1 is all of them.",
    "regressions": "Required comparisons that are shown to be worse.",
    "version_skew": "Parts that should be of one version and are not, which the candidate alone has.",
    "rollback_seconds": "Seconds that the way back took when it was good last.",
    "support_days": "Days from the verdict to the first end of support in the candidate; below 0 once it is over.",
}


def render_openmetrics(view: View) -> str:
    """Write the text."""
    return metrics_text(_gauges(view))


def _gauges(view: View) -> Iterator[Gauge]:
    verdict = view.verdict
    labels = {"matrix": view.matrix, "ring": view.ring}
    about = "1 for what the verdict of the ring is, 0 for what it is not. The gate of the ring may ask for more."
    yield decision_gauge("compat_verdict_decision", about, labels, view.decision)
    with contextlib.suppress(MomentError):  # only a document that was tampered with has no moment here
        yield judged_gauge(labels, view.judged_at)
    if view.ended:
        about = "When the last run ended that the verdict of the ring rests on."
        yield Gauge("compat_verdict_measured_timestamp_seconds", about, ((labels, moment(view.ended).timestamp()),))
    yield comparisons_gauge(labels, counts(verdict) or {})
    cells: dict[str, list[Status]] = {}
    for found in verdict.comparisons:
        if found.required:
            cells.setdefault(found.cell, []).append(found.status)
    states = Counter(worst(statuses) for statuses in cells.values())
    yield Gauge(
        "compat_verdict_cells",
        "Cells that the verdict of the ring rests on, by the worst status of their comparisons.",
        tuple(({**labels, "status": status.value}, float(states[status])) for status in Status),
    )
    for measure in view.measures:
        if measure.number is not None:
            yield Gauge(f"compat_upgrade_{measure.key}", _MEASURES[measure.key], ((labels, measure.number),))
    yield from _support_over(view, labels)
    days = tuple(
        ({**labels, "axis": window.axis, "value": window.value, "arms": window.arms}, float(window.days_left))
        for window in view.windows
        if window.days_left is not None
    )
    if days:
        about = (
            "Days from the verdict to the last one on which a value of an axis is supported; below 0 once it is over."
        )
        yield Gauge("compat_upgrade_axis_support_days", about, days)


def _support_over(view: View, labels: dict[str, str]) -> Iterator[Gauge]:
    """Whether support is over: it may be, and no table says since when, so that there are no days to be below 0."""
    support = next(measure for measure in view.measures if measure.key == "support_days")
    over = {"bad": 1.0, "good": 0.0}.get(support.tone)
    if over is not None:
        about = (
            "1 where a part of the candidate is not supported any more once the last ring would end, 0 where all are."
        )
        yield Gauge("compat_upgrade_support_over", about, ((labels, over),))


FORMAT = Format("openmetrics", ".prom", "OpenMetrics text for node_exporter's collector and GitLab", render_openmetrics)
