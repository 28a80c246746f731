"""How much is kept of what a runtime says of a case, for as long as a run lasts. More than that is a fault."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from compat.probe.protocol import CaseResult

__all__ = ["excess", "kept_notes"]

_NOTES = 64
_NOTE = 300  # characters
_PATHS = 64  # that a case took
_WORDS = 300  # characters of a name: a metric's, a unit's, an output's, a path's
_SAMPLES = 4096  # of a metric
_OUTPUTS = 256
_DIMENSIONS = 64
_FAULT = 8192  # characters of what a fault says, and of what was printed before it
_DIGEST = 65  # characters for each seed's inputs, with what is between two of them


def excess(result: CaseResult, seeds: int) -> str:
    """What there is too much of in an answer, in words; empty when all of it can be kept."""
    samples: Counter[str] = Counter()
    for measurement in result.measurements:
        samples[measurement.metric] += len(measurement.samples)
    outputs, fault = result.outputs, result.fault
    names = [
        *(word for measurement in result.measurements for word in (measurement.metric, measurement.unit)),
        *(word for output in outputs for word in (output.name, output.dtype)),
        *(word for pair in result.took.items() for word in pair),
    ]
    told = () if fault is None else (fault.stage, fault.detail, fault.signal or "", fault.output)
    found = (
        (len(result.notes) > _NOTES, f"more than {_NOTES} notes"),
        (_longest(result.notes) > _NOTE, f"a note of more than {_NOTE} characters"),
        (len(result.took) > _PATHS, f"more than {_PATHS} paths that the case took"),
        (max(samples.values(), default=0) > _SAMPLES, f"more than {_SAMPLES} samples of a metric"),
        (len(outputs) > _OUTPUTS, f"more than {_OUTPUTS} outputs"),
        (
            max((len(output.shape) for output in outputs), default=0) > _DIMENSIONS,
            f"more than {_DIMENSIONS} dimensions",
        ),
        (_longest(names) > _WORDS, f"a name of more than {_WORDS} characters"),
        (_longest(told) > _FAULT, f"a fault that is told in more than {_FAULT} characters"),
        (len(result.inputs) > _DIGEST * seeds, "too long a digest of its inputs"),
    )
    return next((words for too_much, words in found if too_much), "")


def kept_notes(notes: Sequence[str]) -> tuple[str, ...]:
    """What is kept of the notes of a zygote, which each of its cases has."""
    return tuple(note[:_NOTE] for note in notes[:_NOTES])


def _longest(words: Iterable[str]) -> int:
    return max(map(len, words), default=0)
