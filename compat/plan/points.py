"""The points of a matrix that its rings ask for: which stacks there are, with which models, and what drops out."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from compat.errors import MatrixError
from compat.plan.coverage import RingPoints, ring_points
from compat.plan.expand import excluded_by
from compat.plan.left_out import left_out
from compat.plan.space import Space, StackPoint, fill, misfit, show
from compat.plan.words import suggest

if TYPE_CHECKING:
    from compat.model import Rejection, Stack
    from compat.plan.schema import MatrixSpec
    from compat.plan.yaml_file import YamlFile

__all__ = ["Points", "find_points"]


@dataclass(frozen=True)
class Points:
    """The points of a checked matrix: ``space`` has them all, the properties make those that are planned.

    The properties raise MatrixError where a ring asks for more points than can be planned.
    """

    known_good: Stack
    candidate: Stack
    space: Space
    file: YamlFile

    @cached_property
    def rings(self) -> dict[str, RingPoints]:
        """What each ring takes of the points, by the ring's name."""
        by_coverage: dict[str, RingPoints] = {}
        for index, ring in enumerate(self.space.spec.rings):
            if ring.coverage not in by_coverage:
                found = ring_points(self.file, index, ring, self.space, self.known_good, self.candidate)
                by_coverage[ring.coverage] = found
        return {ring.name: by_coverage[ring.coverage] for ring in self.space.spec.rings}

    @cached_property
    def points(self) -> tuple[StackPoint, ...]:
        """The points that some ring takes, each once: stacks with a model (None: the matrix or the point has none)."""
        found = {
            (tuple(stack.values()), model): (stack, model)
            for ring in self.rings.values()
            for stack, model in ring.points
        }
        return tuple(found.values())

    @cached_property
    def rejections(self) -> tuple[Rejection, ...]:
        """What drops out of the product, and why."""
        return tuple(left_out(self.file, self.space))


def find_points(file: YamlFile, spec: MatrixSpec) -> Points:
    """The points of a checked matrix. MatrixError when the known-good or the candidate stack is not among them."""
    known_good, candidate = _end(file, spec, "known_good"), _end(file, spec, "candidate")
    if known_good == candidate:
        problem = f"known_good and candidate are the same stack ({show(candidate)})"
        raise MatrixError(file.where("candidate"), problem, "change the candidate: there is nothing to compare")
    space = Space(file, spec)
    for place, stack in (("known_good", known_good), ("candidate", candidate)):
        if not space.has(stack, None):
            entry = excluded_by(stack, spec.exclude)
            reason = f"exclude[{entry}] removes it" if entry is not None else "exclude removes it for every model"
            raise MatrixError(
                file.where(place), f"{place} is not a point of the matrix: {reason}", "change one of them"
            )
    return Points(known_good, candidate, space, file)


def _end(file: YamlFile, spec: MatrixSpec, place: Literal["known_good", "candidate"]) -> Stack:
    """The known-good or the candidate stack, complete, of values that the matrix has and the runtime realises."""
    point: dict[str, str] = getattr(spec, place)
    for axis, value in point.items():
        values = [*spec.axes[axis], *(entry[axis] for entry in spec.include if axis in entry)]
        if value not in values:
            raise MatrixError(
                file.where(place, axis),
                f"{place} has {axis} {value!r}, which axes.{axis} lacks",
                suggest(value, values),
            )
    stack = fill(file, spec, point, (place,))
    wrong = misfit(spec, stack)
    if wrong is not None:
        runtime, axis, value = wrong
        realised = spec.runtimes[runtime].realised()[axis]
        problem = f"{place} has {axis} {value!r}, but its runtime {runtime!r} has {realised!r}"
        raise MatrixError(file.where(place, axis), problem, f"leave {axis} out: it follows from the runtime")
    return stack
