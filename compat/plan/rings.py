"""The rings of a plan: what a matrix file says of each, and which of the cells are its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from compat.model import Coverage, Rejection, Ring, Tier
from compat.model.coverage import tuples_of
from compat.plan.cells import cells_of
from compat.plan.space import show

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from compat.model import Cell, Route
    from compat.plan.coverage import RingPoints
    from compat.plan.points import Points
    from compat.plan.schema import MatrixSpec

__all__ = ["make_rings", "not_taken"]

_LISTED = 20  # tuples that no point has


def make_rings(spec: MatrixSpec, points: Points, cells: Sequence[Cell], routes: Sequence[Route]) -> tuple[Ring, ...]:
    """The rings, in the order of the file."""
    return tuple(
        Ring(
            name=ring.name,
            tiers=tuple(Tier(tier) for tier in ring.tiers),
            minimum_nodes=ring.minimum_nodes,
            budget=ring.budget,
            labels=dict(ring.nodes.labels),
            cards=tuple(ring.nodes.gpu),
            after=ring.after,
            gpus=ring.gpus,
            controls={} if ring.controls is None else dict(ring.controls.labels),
            stored=ring.design == "stored",
            minimum_controls=0 if ring.controls is None else ring.controls.minimum_nodes or ring.minimum_nodes,
            coverage=_coverage(points.rings[ring.name], points, cells, routes),
            soak=ring.soak or 0.0,
            valid=ring.valid,
            rehearsal=ring.rehearsal,
            attested=ring.attested,
        )
        for ring in spec.rings
    )


def _coverage(taken: RingPoints, points: Points, cells: Sequence[Cell], routes: Sequence[Route]) -> Coverage | None:
    if taken.coverage == "full":
        return None
    ids = cells_of(taken.points, cells, routes, points.known_good)
    return Coverage(
        name=taken.coverage,
        cells=tuple(sorted(ids)),
        points=len(taken.points),
        of=taken.of,
        strength=taken.strength,
        covered=taken.covered,
        tuples=taken.tuples,
    )


def not_taken(points: Points) -> Iterator[Rejection]:
    """What the rings leave out by their coverage, and the tuples of values that no point has."""
    for name, taken in points.rings.items():
        if taken.coverage == "full":
            continue
        what = tuples_of(taken.strength)
        axes = f"of {', '.join(taken.axes)}"
        if taken.tuples is None:
            said = f"how many {what} {axes} they cover is not counted"
        else:
            said = f"they cover {taken.covered} of {taken.tuples} {what} {axes}"
        of = "" if taken.of is None else f" of {taken.of}"
        if taken.of != len(taken.points):
            reason = f"it takes {len(taken.points)}{of} points, and leaves out the others; {said}"
            yield Rejection(f"ring {name}: coverage {taken.coverage}", reason, ring=name)
        if taken.coverage == "changed":
            continue
        for one in taken.impossible[:_LISTED]:
            yield Rejection(f"ring {name}: {show(one)}", "no point of the matrix has it: it is not covered", ring=name)
        if len(taken.impossible) > _LISTED:
            more = f"{len(taken.impossible) - _LISTED} more {what} {axes}"
            yield Rejection(f"ring {name}: {more}", "no point of the matrix has them: they are not covered", ring=name)
