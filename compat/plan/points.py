"""The points of a matrix: which stacks there are, with which models, and which combinations drop out."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from compat.errors import MatrixError
from compat.model import Rejection
from compat.plan.check import realised_axes
from compat.plan.expand import excluded_by, expand, product
from compat.plan.words import suggest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from compat.model import Stack
    from compat.plan.schema import MatrixSpec
    from compat.plan.yaml_file import YamlFile

__all__ = ["Points", "find_points", "show"]


@dataclass(frozen=True)
class Points:
    """``points`` are stacks with a model (None: the matrix has no axis of that name, or ``include`` names none)."""

    known_good: Stack
    candidate: Stack
    points: tuple[tuple[Stack, str | None], ...]
    rejections: tuple[Rejection, ...]


def find_points(file: YamlFile, spec: MatrixSpec) -> Points:
    """The points of a checked matrix. MatrixError when the known-good or the candidate stack is not among them."""
    known_good, candidate = _end(file, spec, "known_good"), _end(file, spec, "candidate")
    if known_good == candidate:
        problem = f"known_good and candidate are the same stack ({show(candidate)})"
        raise MatrixError(file.where("candidate"), problem, "change the candidate: there is nothing to compare")
    points: dict[tuple[str, str | None], tuple[Stack, str | None]] = {}
    unrealised: Counter[tuple[str, str, str]] = Counter()
    for point in expand(spec.axes, spec.exclude, spec.include):
        stack = _fill(file, spec, point, ("include", spec.include.index(point) if point in spec.include else 0))
        misfit = _misfit(spec, stack)
        if misfit is not None:
            unrealised[misfit] += 1
            continue
        model = point.get("model")
        points[show(stack), model] = (stack, model)
    stacks = {name for name, _ in points}
    for place, stack in (("known_good", known_good), ("candidate", candidate)):
        if show(stack) not in stacks:
            entry = excluded_by(stack, spec.exclude)
            reason = f"exclude[{entry}] removes it" if entry is not None else "exclude removes it for every model"
            raise MatrixError(
                file.where(place), f"{place} is not a point of the matrix: {reason}", "change one of them"
            )
    rejections = (*_excluded(file, spec), *_unrealised(spec, unrealised))
    return Points(known_good, candidate, tuple(points.values()), rejections)


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
    stack = _fill(file, spec, point, (place,))
    misfit = _misfit(spec, stack)
    if misfit is not None:
        runtime, axis, value = misfit
        problem = f"{place} has {axis} {value!r}, but its runtime {runtime!r} has {_realised(spec, runtime)[axis]!r}"
        raise MatrixError(file.where(place, axis), problem, f"leave {axis} out: it follows from the runtime")
    return stack


def _fill(file: YamlFile, spec: MatrixSpec, point: Mapping[str, str], path: tuple[str | int, ...]) -> Stack:
    """The point without its model, and with the values that follow: from the runtime, or because there is only one."""
    stack: Stack = {}
    runtime = point.get("runtime") or _only(file, spec, "runtime", path)
    for axis in spec.axes:
        if axis == "runtime":
            stack[axis] = runtime
        elif axis in point and axis != "model":
            stack[axis] = point[axis]
        elif axis in realised_axes(spec):
            stack[axis] = _realised(spec, runtime)[axis]
        elif axis != "model":
            stack[axis] = _only(file, spec, axis, path)
    return stack


def _only(file: YamlFile, spec: MatrixSpec, axis: str, path: tuple[str | int, ...]) -> str:
    values = spec.axes[axis]
    if len(values) > 1:
        label = path[0] if len(path) == 1 else f"{path[0]}[{path[1]}]"
        problem = f"{label} does not say its {axis}, and axes.{axis} has {len(values)} values"
        raise MatrixError(file.where(*path), problem, f"add {axis}: one of {', '.join(values)}")
    return values[0]


def _realised(spec: MatrixSpec, runtime: str) -> dict[str, str]:
    return spec.runtimes[runtime].realised()


def _misfit(spec: MatrixSpec, stack: Stack) -> tuple[str, str, str] | None:
    """The runtime, and the first axis with a value that the runtime does not realise; None when all fits."""
    realised = _realised(spec, stack["runtime"])
    for axis in realised_axes(spec):
        if stack[axis] != realised[axis]:
            return stack["runtime"], axis, stack[axis]
    return None


def _excluded(file: YamlFile, spec: MatrixSpec) -> list[Rejection]:
    removed = Counter(excluded_by(point, spec.exclude) for point in product(spec.axes))
    return [
        Rejection(
            what=f"exclude[{index}]: {show(entry)}",
            reason=f"{removed[index]} points are excluded by {file.where('exclude', index)}",
        )
        for index, entry in enumerate(spec.exclude)
        if removed[index]
    ]


def _unrealised(spec: MatrixSpec, counted: Counter[tuple[str, str, str]]) -> list[Rejection]:
    return [
        Rejection(
            what=f"runtime={runtime}, {axis}={value}",
            reason=f"{count} points drop out: the runtime {runtime} has {axis} {_realised(spec, runtime)[axis]}",
        )
        for (runtime, axis, value), count in sorted(counted.items())
    ]


def show(stack: Mapping[str, str]) -> str:
    """A stack in one line: ``driver=580.95.05, runtime=torch-2.11``."""
    return ", ".join(f"{axis}={value}" for axis, value in sorted(stack.items()))
