"""The parts of a case's page that lie beside its comparisons: frozen, in words, as those of ``parts``."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["AotCell", "AotRow", "AotTable", "Course", "ElementRow", "HealthLine", "PairTable", "Spread", "WorstTable"]


@dataclass(frozen=True)
class Spread:
    """How the samples of one arm lie, those of all its processes together: what is at most so many percent of them."""

    metric: str
    arm: str
    processes: int
    omitted: int  # processes beside these, whose samples are not all finite: counted, and none of them is shown
    samples: int
    quantiles: tuple[str, ...]  # the least, p10, p50, p90, p99 (a dash below 100 samples), the greatest


@dataclass(frozen=True)
class Course:
    """A metric's medians in the order in which they were run, or over the time of the run: data of SVG paths.

    ``marks`` are where a generation begins, ``breaks`` where another node or GPU does; ``limit`` is a height.
    """

    metric: str
    label: str
    over: str  # what the x axis is, in words
    known_good: str
    candidate: str
    links: str  # of the two sides of a pair; empty over time
    marks: str
    breaks: str
    limit: float | None
    limit_label: str
    low: str
    high: str
    timed: bool  # over time, each arm a line


@dataclass(frozen=True)
class PairTable:
    """The numbers of the pairs: what they are called, and a row for each, in the order in which they were run."""

    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class ElementRow:
    """One element of an output, in words."""

    place: str
    known_good: str
    candidate: str
    reference: str
    apart: str


@dataclass(frozen=True)
class WorstTable:
    """The elements of an output that are farthest from what they should be, and how many are beyond the tolerance."""

    output: str
    said: str
    with_reference: bool
    elements: tuple[ElementRow, ...]


@dataclass(frozen=True)
class AotCell:
    """What one target's code has of something: both arms, in words, and whether they differ."""

    known_good: str
    candidate: str
    changed: bool


@dataclass(frozen=True)
class AotRow:
    """A figure of the compiled code, for each target of the table."""

    metric: str
    cells: tuple[AotCell, ...]


@dataclass(frozen=True)
class AotTable:
    """What both arms' compilers made: this case first, then the same case for other targets.

    ``targets`` are names with the anchors of their cases; this case's own has none. ``left_out`` targets had no room.
    """

    targets: tuple[tuple[str, str], ...]
    rows: tuple[AotRow, ...]
    left_out: int


@dataclass(frozen=True)
class HealthLine:
    """What a node was like while the case ran there. A line that is not ``quiet`` says what was out of the ordinary."""

    node: str
    quiet: bool
    said: str
