"""Sick nodes and GPUs: slow in both arms alike, next to others of their kind. Quarantined, never averaged away."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from statistics import median

from compat.judge.items import Examined
from compat.judge.text import percent, plural
from compat.model import Node, Place

__all__ = ["hardware", "quarantine"]

_FEWEST = 3  # places of a kind: of two, nobody can say which one is the odd one out
_DEVIATIONS = 5.0
_TO_SIGMA = 1.4826  # median absolute deviation of a normal distribution to its standard deviation


def hardware(places: Iterable[Place], nodes: Mapping[str, Node]) -> dict[Place, str]:
    """By place: what kind of machine it is, as far as speed goes. Places of one kind may be compared."""
    return {place: _kind(place, nodes[place.node]) for place in places if place.node in nodes}


def _kind(place: Place, node: Node) -> str:
    """The CPU, and the GPUs that a case has there; all of the node's for a case that needs none."""
    gpus = [gpu for gpu in node.gpus if gpu.uuid in place.devices or not place.devices]
    what = "GPU" if place.devices else "node"
    return f"{what}: " + " + ".join([node.cpu or "unknown CPU", *sorted(gpu.product or "unknown GPU" for gpu in gpus)])


def quarantine(examined: Sequence[Sequence[Examined]], kinds: Mapping[Place, str], least: float) -> dict[Place, str]:
    """By place: why it is quarantined. ``examined`` has the places of each item, ``least`` is relative.

    A place's arm is slower than its kind by the median, over all sampled metrics, of its distance from the median of
    the places. It is an outlier if that is more than ``least`` and more than five robust deviations of the places, in
    both arms: what only the candidate is slower by is a regression.
    """
    apart: dict[Place, list[tuple[float, float]]] = {}
    for places in examined:
        if len(places) < _FEWEST:
            continue
        for kind in {kinds.get(each.place, "") for each in places}:
            _distances([each for each in places if kinds.get(each.place, "") == kind], apart)
    arms = {place: [median(values[arm] for values in found) for arm in (0, 1)] for place, found in apart.items()}
    reasons = {}
    for place, (good, new) in sorted(arms.items()):
        peers = [values for other, values in arms.items() if kinds.get(other) == kinds.get(place)]
        if len(peers) < _FEWEST:
            continue
        if all(_odd(value, [peer[arm] for peer in peers], least) for arm, value in enumerate((good, new))):
            slower = percent(math.expm1(min(good, new)))
            others = plural(len(peers) - 1, "other GPU" if place.devices else "other node")
            reasons[place] = f"slower than {others} of its kind in both arms, by {slower}"
    return reasons


def _distances(places: Sequence[Examined], apart: dict[Place, list[tuple[float, float]]]) -> None:
    """Put each place's distance from the others, in both arms, metric by metric of one item."""
    levels: dict[str, dict[Place, tuple[float, float]]] = {}
    for each in places:
        for sample in each.samples:
            points = sample.points
            if points:
                values = median(p.known_good for p in points), median(p.candidate for p in points)
                levels.setdefault(sample.metric.name, {})[each.place] = values
    for by_place in levels.values():
        if len(by_place) < _FEWEST:
            continue
        centres = [median(values[arm] for values in by_place.values()) for arm in (0, 1)]
        for place, values in by_place.items():
            apart.setdefault(place, []).append((values[0] - centres[0], values[1] - centres[1]))


def _odd(value: float, peers: Sequence[float], least: float) -> bool:
    centre = median(peers)
    deviation = _TO_SIGMA * median(abs(peer - centre) for peer in peers)
    return value - centre > max(math.log1p(least), _DEVIATIONS * deviation)
