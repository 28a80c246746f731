"""Sick nodes: slow in both arms alike, next to others of the same kind. Quarantined, never blamed on the upgrade."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import median

from compat.judge.items import Examined
from compat.judge.text import percent, plural
from compat.model import Node

__all__ = ["hardware", "quarantine"]

_FEWEST = 3  # nodes of a kind: of two, nobody can say which one is the odd one out
_DEVIATIONS = 5.0
_TO_SIGMA = 1.4826  # median absolute deviation of a normal distribution to its standard deviation


def hardware(nodes: Mapping[str, Node]) -> dict[str, str]:
    """By node: what kind of machine it is, as far as speed goes. Nodes of one kind may be compared."""
    return {
        name: " + ".join([node.cpu or "unknown CPU", *sorted(gpu.product or "unknown GPU" for gpu in node.gpus)])
        for name, node in nodes.items()
    }


def quarantine(examined: Sequence[Sequence[Examined]], kinds: Mapping[str, str], least: float) -> dict[str, str]:
    """By node: why it is quarantined. ``examined`` has the nodes of each item, ``least`` is relative.

    A node's arm is slower than its kind by the median, over all sampled metrics, of its distance from the median of the
    nodes. It is an outlier if that is more than ``least`` and more than five robust deviations of the nodes, in both
    arms: what only the candidate is slower by is a regression.
    """
    apart: dict[str, list[tuple[float, float]]] = {}
    for nodes in examined:
        if len(nodes) < _FEWEST:
            continue
        for kind in {kinds.get(each.node, "") for each in nodes}:
            _distances([each for each in nodes if kinds.get(each.node, "") == kind], apart)
    arms = {node: [median(values[arm] for values in found) for arm in (0, 1)] for node, found in apart.items()}
    reasons = {}
    for node, (good, new) in sorted(arms.items()):
        peers = [values for other, values in arms.items() if kinds.get(other) == kinds.get(node)]
        if len(peers) < _FEWEST:
            continue
        if all(_odd(value, [peer[arm] for peer in peers], least) for arm, value in enumerate((good, new))):
            slower = percent(math.expm1(min(good, new)))
            reasons[node] = f"slower than {plural(len(peers) - 1, 'other node')} of its kind in both arms, by {slower}"
    return reasons


def _distances(nodes: Sequence[Examined], apart: dict[str, list[tuple[float, float]]]) -> None:
    """Put each node's distance from the others, in both arms, metric by metric of one item."""
    levels: dict[str, dict[str, tuple[float, float]]] = {}
    for each in nodes:
        for sample in each.samples:
            points = sample.points
            if points:
                values = median(p.known_good for p in points), median(p.candidate for p in points)
                levels.setdefault(sample.metric.name, {})[each.node] = values
    for by_node in levels.values():
        if len(by_node) < _FEWEST:
            continue
        centres = [median(values[arm] for values in by_node.values()) for arm in (0, 1)]
        for node, values in by_node.items():
            apart.setdefault(node, []).append((values[0] - centres[0], values[1] - centres[1]))


def _odd(value: float, peers: Sequence[float], least: float) -> bool:
    centre = median(peers)
    deviation = _TO_SIGMA * median(abs(peer - centre) for peer in peers)
    return value - centre > max(math.log1p(least), _DEVIATIONS * deviation)
