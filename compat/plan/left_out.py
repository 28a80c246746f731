"""What drops out of the product of a matrix's axes, and why: counted, without walking it."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from compat.model import Rejection
from compat.plan.masks import MAX_STEPS, Masks
from compat.plan.space import show
from compat.plan.words import number, some

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from compat.plan.space import Misfit, Space
    from compat.plan.yaml_file import YamlFile

__all__ = ["left_out"]

_SINGLY = 100_000  # axes and entries that are looked at to count value by value what no runtime realises


def left_out(file: YamlFile, space: Space) -> Iterator[Rejection]:
    """A Rejection for each entry of ``exclude``, and for each value that a runtime does not realise.

    What is excluded counts for the first entry that fits it, and only what is not excluded can lack a runtime. Where
    the values are many, what no runtime realises is one number.
    """
    spec = space.spec
    counted = space.raw.count()
    if counted is None:
        reason = "how many points they remove is not counted: they are too entangled"
        yield Rejection(f"exclude: {len(spec.exclude)} entries, {file.where('exclude')}", reason)
    else:
        for index, (entry, removed) in enumerate(zip(spec.exclude, counted[0], strict=True)):
            if removed:
                said = f"{number(removed)} points are excluded by {file.where('exclude', index)}"
                yield Rejection(f"exclude[{index}]: {show(entry)}", said)
    singly = _singly(space)
    if singly is None:
        singly = space.own_misfits
        points = space.masks.count()
        dropped = None if counted is None or points is None else counted[1] - points[1]
        if dropped != 0:
            many = (
                "how many points drop out is not counted" if dropped is None else f"{number(dropped)} points drop out"
            )
            yield Rejection(f"other values of {some(space.follows)}", f"{many}: no runtime has them")
    for (runtime, axis, value), removed in sorted(singly.items()):
        realised = spec.runtimes[runtime].realised()[axis]
        said = f"{number(removed)} points drop out: the runtime {runtime} has {axis} {realised}"
        yield Rejection(f"runtime={runtime}, {axis}={value}", said)


def _singly(space: Space) -> Counter[Misfit] | None:
    """The points with each value that a runtime does not realise; None where they are too many to be counted so."""
    spec = space.spec
    wrong = sum(len(spec.axes[axis]) - 1 for axis in space.follows) * len(spec.axes["runtime"])
    if wrong * (len(spec.axes) + len(spec.exclude)) > _SINGLY:
        return None
    found = Counter(space.own_misfits)
    for runtime in spec.axes["runtime"]:
        realised = spec.runtimes[runtime].realised()
        axes: dict[str, Sequence[str]] = {**spec.axes, "runtime": [runtime]}
        for axis in space.follows:  # the first axis with a wrong value counts
            for value in spec.axes[axis]:
                if value != realised[axis]:
                    points = _not_excluded(space, {**axes, axis: [value]}, MAX_STEPS // wrong)
                    if points is None:
                        return None
                    found[runtime, axis, value] += points
            axes[axis] = [realised[axis]]
    return +found


def _not_excluded(space: Space, axes: Mapping[str, Sequence[str]], most: int) -> int | None:
    entries = [{axis: (value,) for axis, value in entry.items()} for entry in space.spec.exclude]
    counted = Masks(axes, entries).count(most)
    return None if counted is None else counted[1]
