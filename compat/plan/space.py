"""The points of a matrix as a space: counted, looked up and walked through, and never made as a whole.

A stack is free in what belongs to the node (driver, firmware) and in its runtime; the values of all other axes follow
from the runtime. So the points are the product of the *free* axes, the model among them, without what is excluded; and
what ``include`` adds on its own. The product of all axes may be astronomic: all but these of its points drop out,
because no runtime realises them.
"""

from __future__ import annotations

from collections import Counter
from functools import cached_property
from typing import TYPE_CHECKING

from compat.errors import MatrixError
from compat.plan.check import realised_axes
from compat.plan.masks import Masks
from compat.plan.words import some

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from compat.model import Stack
    from compat.plan.schema import MatrixSpec
    from compat.plan.yaml_file import YamlFile

__all__ = ["Misfit", "Space", "StackPoint", "fill", "misfit", "show"]

StackPoint = tuple["Stack", str | None]  # a stack with its model; None where the matrix or the point has none
Misfit = tuple[str, str, str]  # a runtime, and an axis with a value that it does not realise


class Space:
    """The points of a checked matrix. MatrixError for an entry of ``include`` that does not say enough."""

    def __init__(self, file: YamlFile, spec: MatrixSpec) -> None:
        self.spec = spec
        self.follows = realised_axes(spec)
        following = set(self.follows)
        self.free = {axis: values for axis, values in spec.axes.items() if axis not in following}
        self._realised = {name: runtime.realised() for name, runtime in spec.runtimes.items()}
        self._with: dict[tuple[str, str], set[str]] = {}  # an axis and its value -> the runtimes that realise it
        for name in spec.axes["runtime"]:
            for value in self._realised[name].items():
                self._with.setdefault(value, set()).add(name)
        self.entries = [free for entry in spec.exclude if (free := self._of_free_axes(entry)) is not None]
        self.where = file.where("exclude")
        self.masks = Masks(self.free, self.entries, self.where)
        entries = [{axis: (value,) for axis, value in entry.items()} for entry in spec.exclude]
        self.raw = Masks(spec.axes, entries, self.where)  # of all axes: what GitHub would make of them
        self._own: dict[tuple[tuple[str, ...], str | None], StackPoint] = {}
        self._own_stacks: set[tuple[str, ...]] = set()
        self.own_misfits: Counter[Misfit] = Counter()
        for index, entry in enumerate(spec.include):
            if not self.raw.fits_none(entry):
                self._add(file, index, entry)

    @property
    def own(self) -> list[StackPoint]:
        """What ``include`` adds."""
        return list(self._own.values())

    def _add(self, file: YamlFile, index: int, entry: Mapping[str, str]) -> None:
        stack = fill(file, self.spec, entry, ("include", index))
        wrong = misfit(self.spec, stack)
        if wrong is not None:
            self.own_misfits[wrong] += 1
        else:
            values = tuple(stack.values())
            self._own[values, entry.get("model")] = stack, entry.get("model")
            self._own_stacks.add(values)

    def _of_free_axes(self, entry: Mapping[str, str]) -> dict[str, Collection[str]] | None:
        """An entry of ``exclude`` by the free axes alone; None when no point that a runtime realises fits it."""
        free: dict[str, Collection[str]] = {axis: (value,) for axis, value in entry.items() if axis in self.free}
        wanted = [value for value in entry.items() if value[0] not in self.free]
        if wanted:
            fitting = set.intersection(*(self._with.get(value, set()) for value in wanted))
            fitting &= set(free.get("runtime", fitting))
            if not fitting:
                return None
            free["runtime"] = fitting
        return free

    @cached_property
    def count(self) -> int | None:
        """How many points there are; None where the exclusions are too entangled to count them."""
        counted = self.masks.count()
        return None if counted is None else counted[1] + len(self.own)

    def walk(self, only: Mapping[str, Collection[str]] | None = None) -> Iterator[StackPoint]:
        """The points, lazily; with ``only`` those that have one of its values in each of its axes."""
        only = only or {}
        masks = self.masks
        if only:
            axes = {axis: [v for v in values if v in only.get(axis, values)] for axis, values in self.free.items()}
            masks = Masks(axes, self.entries, self.where)
        for values, _ in masks.walk(masks.all):
            yield self.point(dict(zip(self.free, values, strict=True)))
        for stack, model in self.own:
            whole = stack if model is None else {**stack, "model": model}
            if all(whole.get(axis) in values for axis, values in only.items()):
                yield stack, model

    def excludes(self, stack: Stack, model: str) -> bool:
        """Whether an entry of ``exclude`` removes that point, whether or not ``include`` brings it back."""
        return self.raw.fits_some({**stack, "model": model})

    def point(self, free: Mapping[str, str]) -> StackPoint:
        """The stack and the model with these values of the free axes."""
        realised = self._realised[free["runtime"]]
        stack = {axis: free[axis] if axis in free else realised[axis] for axis in self.spec.axes if axis != "model"}
        return stack, free.get("model")

    def has(self, stack: Stack, model: str | None) -> bool:
        """Whether the matrix has that point; without a model, whether it has one with that stack."""
        values = tuple(stack[axis] for axis in self.spec.axes if axis != "model")
        if (values, model) in self._own or (model is None and values in self._own_stacks):
            return True
        if any(self._realised[stack["runtime"]][axis] != stack[axis] for axis in self.follows):
            return False
        free = {axis: stack[axis] for axis in self.free if axis != "model"}
        return self.masks.fits_none(free if model is None else {**free, "model": model})


def fill(file: YamlFile, spec: MatrixSpec, point: Mapping[str, str], path: tuple[str | int, ...]) -> Stack:
    """The point without its model, and with the values that follow: from the runtime, or because there is only one."""
    stack: Stack = {}
    follows = set(realised_axes(spec))
    runtime = point.get("runtime") or _only(file, spec, "runtime", path)
    for axis in spec.axes:
        if axis == "runtime":
            stack[axis] = runtime
        elif axis in point and axis != "model":
            stack[axis] = point[axis]
        elif axis in follows:
            stack[axis] = spec.runtimes[runtime].realised()[axis]
        elif axis != "model":
            stack[axis] = _only(file, spec, axis, path)
    return stack


def _only(file: YamlFile, spec: MatrixSpec, axis: str, path: tuple[str | int, ...]) -> str:
    values = spec.axes[axis]
    if len(values) > 1:
        label = path[0] if len(path) == 1 else f"{path[0]}[{path[1]}]"
        problem = f"{label} does not say its {axis}, and axes.{axis} has {len(values)} values"
        raise MatrixError(file.where(*path), problem, f"add {axis}: one of {some(values)}")
    return values[0]


def misfit(spec: MatrixSpec, stack: Stack) -> Misfit | None:
    """The runtime, and the first axis with a value that the runtime does not realise; None when all fits."""
    realised = spec.runtimes[stack["runtime"]].realised()
    for axis in realised_axes(spec):
        if stack[axis] != realised[axis]:
            return stack["runtime"], axis, stack[axis]
    return None


def show(stack: Mapping[str, str]) -> str:
    """A stack in one line: ``driver=580.95.05, runtime=torch-2.11``."""
    return ", ".join(f"{axis}={value}" for axis, value in sorted(stack.items()))
