"""Slow processes of a family: one in ten that is 40 % slower passes each case, whose ten pairs hold one on average.

Over all members they cannot be missed. The unit is a generation once more: it counts for the arm that has more slow
processes in it, over all members together, and the number of those is binomial with 1/2 if nothing changed, whatever
the arms share of the machine's moods (an exact sign test, as in ``compat.judge.tails``).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from compat.judge.points import Point
from compat.judge.tails import sign_test, slow
from compat.model import TailPolicy

__all__ = ["SlowProcesses", "slow_processes"]


@dataclass(frozen=True)
class SlowProcesses:
    """How many of each arm's processes are slow, over all members in one round, and how surprising the excess is."""

    known_good: int
    candidate: int
    processes: int  # of each arm
    p: float

    @property
    def excess(self) -> float:
        """The share of processes that are slow in the candidate alone."""
        return (self.candidate - self.known_good) / self.processes


def slow_processes(members: Mapping[str, Sequence[Point]], number: int, policy: TailPolicy) -> SlowProcesses | None:
    """Those of round ``number``, each beside its own member's known-good arm; None without any pair."""
    alike: dict[int, list[list[Point]]] = defaultdict(list)
    for own in members.values():
        found = [point for point in own if point.round == number]
        alike[len(found)].append(found)
    good = new = processes = 0
    balance: dict[int, int] = defaultdict(int)
    for count, rows in alike.items():
        if not count:
            continue
        known_good, candidate = (
            np.array([[getattr(p, arm) for p in row] for row in rows]) for arm in ("known_good", "candidate")
        )
        slow_good, slow_new = slow(known_good, candidate, policy)
        good, new = good + int(slow_good.sum()), new + int(slow_new.sum())
        processes += slow_good.size
        for row, by in zip(rows, (slow_new.astype(int) - slow_good).tolist(), strict=True):
            for point, each in zip(row, by, strict=True):
                balance[point.generation] += each
    if not processes:
        return None
    worse, better = (sum(sign * each > 0 for each in balance.values()) for sign in (1, -1))
    return SlowProcesses(good, new, processes, float(sign_test(np.array([worse]), np.array([better]))[0]))
