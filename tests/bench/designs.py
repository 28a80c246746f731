"""Noise of nodes and of sessions, and the table that the benchmark of the designs leaves behind."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from compat.judge.control import NodeChange
from compat.judge.series import Floats
from compat.judge.stored import Session

__all__ = ["Tables", "changes", "draw", "generations", "sessions"]


class Tables:
    """Markdown tables, by heading, and the file that they are kept in."""

    def __init__(self) -> None:
        self._sections: list[str] = []

    def add(self, heading: str, said: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """A section with one table."""
        table = [columns, ["---"] * len(columns), *rows]
        lines = ["| " + " | ".join(row) + " |" for row in table]
        self._sections.append("\n".join([f"## {heading}", said, "", *lines, ""]))

    def keep(self, path: Path) -> None:
        """Write what there is."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(["# The designs, by seeded simulation", "", *self._sections]), encoding="utf-8")


def draw(rng: np.random.Generator, shape: tuple[int, ...], deviation: float, freedom: float = math.inf) -> Floats:
    """Effects of nodes or sessions: normal, or t-distributed with so many degrees of freedom."""
    if math.isinf(freedom):
        return rng.normal(0.0, deviation, shape)
    found: Floats = rng.standard_t(freedom, shape) * deviation * math.sqrt((freedom - 2.0) / freedom)
    return found


def changes(upgraded: Floats, controls: Floats) -> list[NodeChange]:
    """Nodes whose changes are these (measurements, nodes)."""
    before = np.zeros((len(upgraded), 3))
    return [
        NodeChange(f"{'u' if group else 'c'}{n}", group, before, np.broadcast_to(change[:, None], before.shape))
        for group, values in ((True, upgraded), (False, controls))
        for n, change in enumerate(values.T)
    ]


def generations(rng: np.random.Generator, session: Floats, noise: float = 0.003, number: int = 8) -> Floats:
    """Generations (measurements, generations) of a session with these effects (measurements,)."""
    return session[:, None] + rng.normal(0.0, noise, (len(session), number))


def sessions(
    rng: np.random.Generator,
    number: int,
    count: int,
    name: str,
    shift: float = 0.0,
    deviation: float = 0.01,
    common: float = 0.01,
    freedom: float = math.inf,
    sentinels: int = 8,
) -> list[Session]:
    """Sessions with an effect that everything in them has in common, and with one of each measurement's own."""
    found = []
    for place in range(number):
        shared = float(rng.normal(0.0, common))
        own = draw(rng, (count,), deviation, freedom)
        marks = shared + rng.normal(0.0, 0.005, sentinels)
        found.append(Session(f"{name}{place}", shared + own + shift, marks))
    return found
