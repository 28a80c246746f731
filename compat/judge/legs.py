"""A sampled metric of an item that runs in phases, and what a design makes of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from compat.judge.outcome import Outcome
from compat.judge.path import Edges, in_words
from compat.judge.phased import Taken
from compat.judge.series import Floats
from compat.model import Item, Kind, Metric, MetricPolicy, Place, Status

__all__ = ["Leg", "Legs", "Row", "bare", "enter", "limits_of"]

Legs = dict[tuple[str, Place], Edges]  # by metric and place: the edge, of this metric alone


@dataclass(frozen=True)
class Row:
    """A sampled metric of an item, and what every place measured of it."""

    item: Item
    metric: Metric
    limits: MetricPolicy
    places: Sequence[Taken]


@dataclass(frozen=True)
class Leg:
    """What a row came to, in words and as an edge: in one place, or in several that were judged together."""

    where: str  # to be said where there are several legs
    places: tuple[Place, ...]
    outcome: Outcome
    edge: Edges | None  # of this row alone; None where there is nothing to add up


def bare(row: Row, places: Sequence[Place], status: Status, why: str) -> Leg:
    """A row that was not judged, and why."""
    metric = row.metric
    where = ", ".join(f"node {place}" for place in places)
    return Leg(
        where, tuple(places), Outcome(metric.name, status, f"{metric.name}: {why}", Kind.SAMPLED, metric.unit), None
    )


def enter(
    edges: Edges,
    numbers: Sequence[int],
    rows: Sequence[Row],
    found: Sequence[list[Leg]],
    where: Sequence[str],
    places: Sequence[tuple[Place, ...]],
) -> None:
    """Add what ``edges`` say of the rows with these ``numbers`` to what was found of them, and where that is."""
    for each, number in enumerate(numbers):
        outcome = in_words(rows[number].metric, edges.at(each), rows[number].limits)
        found[number].append(Leg(where[each], places[each], outcome, edges.take([each])))


def limits_of(rows: Sequence[Row]) -> tuple[Floats, Floats]:
    """Margins and what is ignored, (rows,) each."""
    margin, ignore = (np.array([getattr(row.limits, name) for row in rows]) for name in ("margin", "ignore"))
    return margin, ignore
