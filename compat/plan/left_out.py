"""What drops out of the product of a matrix's axes, and why: counted, without walking it."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from compat.model import Rejection
from compat.plan.masks import MAX_STEPS, Masks
from compat.plan.space import show

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from compat.plan.space import Misfit, Space
    from compat.plan.yaml_file import YamlFile

__every_ = ["left_out"]

_SINGLY = 1000  # misfits that are counted value by value; of more, runtime by runtime
_SHARE = MAX_STEPS // 20  # of the steps, for one count of those
_NAMED = 4  # axes


def left_out(file: YamlFile, space: Space) -> Iterator[Rejection]:
    """A Rejection for each entry of ``exclude``, and for each value that a runtime does not realise.

    What is excluded counts for the first entry that fits it, and only what is not excluded can lack a runtime.
    """
    spec = space.spec
    counted = space.raw.count()
    if counted is None:
        reason = "how many points they remove is not counted: they are too entangled"
        yield Rejection(f"exclude: {len(spec.exclude)} entries, {file.where('exclude')}", reason)
    else:
        for index, (entry, number) in enumerate(zip(spec.exclude, counted[0], strict=True)):
            if number:
                said = f"{number} points are excluded by {file.where('exclude', index)}"
                yield Rejection(f"exclude[{index}]: {show(entry)}", said)
    wrong = sum(len(spec.axes[axis]) - 1 for axis in space.follows) * len(spec.axes["runtime"])
    singly = _singly(space, MAX_STEPS // max(1, wrong)) if wrong <= _SINGLY else None
    if singly is None:
        yield from _by_runtime(space)
    for (runtime, axis, value), number in sorted((space.own_misfits if singly is None else singly).items()):
        said = f"{number} points drop out: the runtime {runtime} has {axis} {spec.runtimes[runtime].realised()[axis]}"
        yield Rejection(f"runtime={runtime}, {axis}={value}", said)


def _singly(space: Space, most: int) -> Counter[Misfit] | None:
    """The points with each value that a runtime does not realise; None where they cannot be counted."""
    found = Counter(space.own_misfits)
    for runtime in space.spec.axes["runtime"]:
        realised = space.spec.runtimes[runtime].realised()
        axes: dict[str, Sequence[str]] = {**space.spec.axes, "runtime": [runtime]}
        for axis in space.follows:  # the first axis with a wrong value counts
            for value in space.spec.axes[axis]:
                if value != realised[axis]:
                    number = _not_excluded(space, {**axes, axis: [value]}, most)
                    if number is None:
                        return None
                    found[runtime, axis, value] += number
            axes[axis] = [realised[axis]]
    return +found


def _by_runtime(space: Space) -> Iterator[Rejection]:
    """The same for each runtime as a whole."""
    axes = space.spec.axes
    for name in axes["runtime"]:
        realised = space.spec.runtimes[name].realised()
        every = _not_excluded(space, {**axes, "runtime": [name]}, _SHARE)
        good = {axis: [realised[axis]] for axis in space.follows}
        fit = _not_excluded(space, {**axes, "runtime": [name], **good}, _SHARE)
        what = f"runtime={name} with other values of {', '.join(space.follows[:_NAMED])}"
        if every is None or fit is None:
            yield Rejection(what, "they drop out; how many they are is not counted: the exclusions are too entangled")
        elif every > fit:
            yield Rejection(what, f"{every - fit} points drop out: the runtime {name} has values of its own")


def _not_excluded(space: Space, axes: Mapping[str, Sequence[str]], most: int) -> int | None:
    counted = Masks(axes, [{axis: (value,) for axis, value in entry.items()} for entry in space.spec.exclude]).count(
        most
    )
    return None if counted is None else counted[1]
