"""What a ring takes of a matrix's points."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

__all__ = ["Coverage", "tuples_of"]


def tuples_of(strength: int) -> str:
    """The word for so many values together."""
    return {1: "values", 2: "pairs", 3: "triples"}.get(strength, f"{strength}-tuples")


@dataclass(frozen=True)
class Coverage:
    """Which points of the matrix a ring takes, where it does not take them all.

    ``name`` is what the matrix file says: ``changed``, ``pairwise``, ``3-wise``. ``covered`` of ``tuples`` are the
    tuples of ``strength`` values that points have; ``tuples`` is None where they are too many to be counted.
    """

    name: str
    cells: tuple[str, ...]  # their ids, and those of cells that are reached over others
    points: int
    of: int | None  # all points of the matrix; None where they cannot be counted
    strength: int = 2
    covered: int = 0
    tuples: int | None = None

    @cached_property
    def ids(self) -> frozenset[str]:
        """The cells, to be looked up in."""
        return frozenset(self.cells)
