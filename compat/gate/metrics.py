"""Numbers for a monitoring system, in the text that both Prometheus and OpenMetrics read.

Gauges alone, since both have these alike; of a decision each word is a series, of which one is 1 (OpenMetrics 1.0,
sections "Text format" and "StateSet").
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from compat.gate.answer import Answer
from compat.model import Decision
from compat.model.moments import moment

__all__ = ["CONTENT_TYPE", "Gauge", "answer_gauges", "metrics_text"]

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
    yield Gauge(
        "compat_gate_decision",
        "1 for what the gate of the ring says, 0 for what it does not say.",
        tuple(({**labels, "decision": one.value}, float(one is answer.decision)) for one in Decision),
    )
    yield Gauge(
        "compat_gate_entered",
        "Whether the ring may take the upgrade.",
        ((labels, float(not answer.stand.before)),),
    )
    yield Gauge("compat_gate_reasons", "Reasons for what the gate says.", ((labels, float(len(answer.reasons))),))
    moments = {
        "compat_gate_since_timestamp_seconds": ("Since when the ring has been GO.", answer.stand.since),
        "compat_gate_soaked_timestamp_seconds": ("When the soak of the ring is over.", answer.stand.soaked),
        "compat_gate_judged_timestamp_seconds": (
            "When the newest verdict of the ring was reached.",
            answer.stand.verdict.judged_at if answer.stand.verdict else "",
        ),
    }
    for name, (about, at) in moments.items():
        if at:
            yield Gauge(name, about, ((labels, moment(at).timestamp()),))
    if answer.counts is not None:
        series = tuple(({**labels, "status": status}, float(count)) for status, count in answer.counts.items())
        yield Gauge("compat_gate_comparisons", "Comparisons of the newest verdict, by what they came to.", series)


def _labels(labels: dict[str, str]) -> str:
    inside = ",".join(f'{name}="{value.translate(_ESCAPES)}"' for name, value in labels.items())
    return f"{{{inside}}}" if inside else ""
