"""What the parts of a matrix file say of each other: axes, runtimes, points and rings fit together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from compat.errors import MatrixError
from compat.model import NODE_AXES
from compat.plan.designs import check_controls
from compat.plan.words import some, suggest

if TYPE_CHECKING:
    from compat.plan.schema import MatrixSpec
    from compat.plan.yaml_file import YamlFile

__all__ = ["check_matrix", "realised_axes"]


def realised_axes(spec: MatrixSpec) -> list[str]:
    """The axes whose value follows from the runtime: all but the node's, ``runtime`` and ``model``."""
    return [axis for axis in spec.axes if axis not in (*NODE_AXES, "runtime", "model")]


def check_matrix(file: YamlFile, spec: MatrixSpec) -> None:
    """MatrixError for the first part that contradicts another."""
    if "runtime" not in spec.axes:
        raise MatrixError(file.where("axes"), "axes lacks the axis 'runtime'", "add runtime: [NAME, NAME]")
    _points_name_axes(file, spec)
    _runtimes_match_axis(file, spec)
    known = {axis: set(values) for axis, values in spec.axes.items()}
    for name in spec.runtimes:
        _runtime_realises_axes(file, spec, name, known)
    _rings_in_order(file, spec)
    check_controls(file, spec)


def _points_name_axes(file: YamlFile, spec: MatrixSpec) -> None:
    places: list[tuple[tuple[str | int, ...], dict[str, str]]] = [
        (("known_good",), spec.known_good),
        (("candidate",), spec.candidate),
    ]
    places += [(("exclude", index), point) for index, point in enumerate(spec.exclude)]
    places += [(("include", index), point) for index, point in enumerate(spec.include)]
    for path, point in places:
        for axis in point:
            if axis not in spec.axes:
                problem = f"{path[0]} names {axis!r}, which is not an axis"
                raise MatrixError(file.where(*path, axis), problem, suggest(axis, list(spec.axes)))
    for place in ("known_good", "candidate"):
        if "model" in getattr(spec, place):
            problem = f"{place} names a model, but both arms run every model"
            raise MatrixError(file.where(place, "model"), problem, "leave model out")


def _runtimes_match_axis(file: YamlFile, spec: MatrixSpec) -> None:
    uses: list[tuple[str, tuple[str | int, ...]]] = [
        (name, ("axes", "runtime", index)) for index, name in enumerate(spec.axes["runtime"])
    ]
    uses += [
        (point["runtime"], ("include", index, "runtime"))
        for index, point in enumerate(spec.include)
        if "runtime" in point
    ]
    for name, path in uses:
        if name not in spec.runtimes:
            problem = f"the runtime {name!r} is not defined under runtimes"
            raise MatrixError(file.where(*path), problem, suggest(name, list(spec.runtimes)))
    named = {name for name, _ in uses}
    for name in spec.runtimes:
        if name not in named:
            problem = f"the runtime {name!r} is defined and not in axes.runtime ({some(sorted(named))})"
            raise MatrixError(file.where("runtimes", name), problem, "add it to the axis, or remove it")


def _runtime_realises_axes(file: YamlFile, spec: MatrixSpec, name: str, known: dict[str, set[str]]) -> None:
    values, axes = spec.runtimes[name].realised(), realised_axes(spec)
    for axis, value in values.items():
        where = file.where("runtimes", name, *(("values", axis) if axis in spec.runtimes[name].values else (axis,)))
        if axis in (*NODE_AXES, "model", "runtime"):
            raise MatrixError(where, f"the runtime {name!r} cannot bring a {axis}", "leave it out")
        if axis == "cuda" and axis not in axes:
            continue  # a fact for the support tables, without being an axis
        if axis not in axes:
            problem = f"the runtime {name!r} has a value for {axis!r}, which is not an axis"
            raise MatrixError(where, problem, suggest(axis, axes or ["cuda"]))
        if value not in known[axis] and name in known["runtime"]:
            problem = f"the runtime {name!r} has {axis} {value}, which axes.{axis} does not list"
            raise MatrixError(where, problem, suggest(value, spec.axes[axis]))
    for axis in axes:
        if axis not in values:
            problem = f"the runtime {name!r} does not say its {axis}"
            raise MatrixError(file.where("runtimes", name), problem, f'add values: {{{axis}: "..."}}')


def _rings_in_order(file: YamlFile, spec: MatrixSpec) -> None:
    seen: set[str] = set()
    for index, ring in enumerate(spec.rings):
        if ring.name in seen:
            raise MatrixError(
                file.where("rings", index, "name"), f"the ring {ring.name!r} is there twice", "rename one"
            )
        if ring.after is not None and ring.after not in seen:
            problem = f"the ring {ring.name!r} comes after {ring.after!r}, which is not a ring above it"
            raise MatrixError(file.where("rings", index, "after"), problem, "list the rings in their order")
        seen.add(ring.name)
