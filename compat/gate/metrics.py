"""Numbers for a monitoring system, in the text that both Prometheus and OpenMetrics read.

Gauges alone, since both have these alike; of a decision each word is a series, of which one is 1 (OpenMetrics 1.0,
sections "Text format" and "StateSet").
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from compat.gate.answer import Answer
from compat.model import Decision
from compat.model.moments import moment

__all__ = [
    "CONTENT_TYPE",
    "Gauge",
    "answer_gauges",
    "comparisons_gauge",
    "decision_gauge",
    "judged_gauge",
    "metrics_text",
]

CONTENT_TYPE = "application/openmetrics-text; version=1.0.0; charset=utf-8"
_ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n"})


@dataclass(frozen=True)
class Gauge:
    """A metric with what it means, and its series: labels and a value each."""

    name: str
    about: str
    series: tuple[tuple[dict[str, str], float], ...]


def metrics_text(gauges: Iterable[Gauge]) -> str:
    """All of them, with what each means; series of one name stand together."""
    by_name: dict[str, list[Gauge]] = {}
    for gauge in gauges:
        by_name.setdefault(gauge.name, []).append(gauge)
    lines: list[str] = []
    for name, same in by_name.items():
        lines += [f"# TYPE {name} gauge", f"# HELP {name} {same[0].about}"]
        lines += [f"{name}{_labels(labels)} {value:.17g}" for gauge in same for labels, value in gauge.series]
    return "\n".join([*lines, "# EOF", ""])


def answer_gauges(answer: Answer) -> Iterator[Gauge]:
    """What an answer has in numbers."""
    labels = {"matrix": answer.matrix, "ring": answer.stand.ring}
    about = "1 for what the gate of the ring says, 0 for what it does not say."
    yield decision_gauge("compat_gate_decision", about, labels, answer.decision)
    yield Gauge(
        "compat_gate_entered",
        "Whether the ring may take the upgrade.",
        ((labels, float(not answer.stand.before)),),
    )
    yield Gauge("compat_gate_reasons", "Reasons for what the gate says.", ((labels, float(len(answer.reasons))),))
    moments = {
        "compat_gate_since_timestamp_seconds": ("Since when the ring has been GO.", answer.stand.since),
        "compat_gate_soaked_timestamp_seconds": ("When the soak of the ring is over.", answer.stand.soaked),
    }
    for name, (about, at) in moments.items():
        if at:
            yield Gauge(name, about, ((labels, moment(at).timestamp()),))
    if answer.stand.verdict is not None:
        yield judged_gauge(labels, answer.stand.verdict.judged_at)
    if answer.counts is not None:
        yield comparisons_gauge(labels, answer.counts)


def decision_gauge(name: str, about: str, labels: Mapping[str, str], decision: Decision) -> Gauge:
    """A decision: each word is a series."""
    return Gauge(name, about, tuple(({**labels, "decision": one.value}, float(one is decision)) for one in Decision))


def judged_gauge(labels: Mapping[str, str], at: str) -> Gauge:
    """When a ring's newest verdict was reached. MomentError where ``at`` is no moment."""
    about = "When the newest verdict of the ring was reached."
    return Gauge("compat_gate_judged_timestamp_seconds", about, ((dict(labels), moment(at).timestamp()),))


def comparisons_gauge(labels: Mapping[str, str], counts: Mapping[str, int]) -> Gauge:
    """How many comparisons of a ring's newest verdict came to each status."""
    series = tuple(({**labels, "status": status}, float(count)) for status, count in counts.items())
    return Gauge("compat_gate_comparisons", "Comparisons of the newest verdict, by what they came to.", series)


def _labels(labels: dict[str, str]) -> str:
    inside = ",".join(f'{name}="{value.translate(_ESCAPES)}"' for name, value in labels.items())
    return f"{{{inside}}}" if inside else ""
