"""The elements of an output that are farthest from what they should be, for people: shown, and judged nowhere.

What an element should be is the known-good arm's reference where the case has one, as it is for the verdict, else the
known-good arm's value. Verdicts rest on the error of the whole (``numerics``); these say where it comes from.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from compat.judge.arrays import Array, Arrays, UnreadableOutputError, described, not_finite, relative_l2, wide
from compat.judge.unsound import is_clean
from compat.model import Arm, Evidence, Output

__all__ = ["Element", "WorstElements", "worst_elements"]

_EXACT = "iubSU"  # kinds of which every element must be what it should be
_MOST_BYTES = 1 << 28  # of outputs that are looked at, of one item: a second, and no more memory than that
_MOST_VALUE = 1 << 31  # of one of them, which is looked at however few there is room for: with all it is put beside


@dataclass(frozen=True)
class Element:
    """One element. ``apart`` is how far it is from what it should be: infinite where one of both is no number."""

    index: tuple[int, ...]  # empty for a scalar
    known_good: str
    candidate: str
    reference: str | None
    apart: float


@dataclass(frozen=True)
class WorstElements:
    """The worst elements of the worst run's output, worst first: of those beyond what is allowed, where there are any.

    ``allowed`` is the difference that, had every element it, would just be within the case's tolerance: the tolerance
    times the root mean square of what should be; 0 for what must be exact. ``beyond`` counts the elements that are
    farther apart. ``said`` is why there are no elements, where there are none to put beside each other. Only the first
    ``looked`` of the output's ``values`` were looked at.
    """

    output: str
    seed: int
    pair: int
    node: str
    arm: Arm  # whose elements were ranked: the candidate's, or the known-good's where only these are wrong
    size: int = 0
    beyond: int = 0
    tolerance: float = 0.0
    allowed: float = 0.0
    elements: tuple[Element, ...] = ()
    said: str = ""
    looked: int = 0
    values: int = 0


def worst_elements(
    evidence: Sequence[Evidence],
    tolerance: float,
    blob: Callable[[str], bytes],
    *,
    of: Arm = Arm.CANDIDATE,
    most: int = 5,
) -> tuple[WorstElements, ...]:
    """The worst elements of each output of an item in which any differs, by the output's name.

    Of an output's values, one a run and seed, that with the largest error is shown. One whose bytes are gone, or that
    has no elements to put beside each other, says so. Where there are more bytes than are looked at, each output has
    its share of them, what small ones leave too, and its first values are looked at: at least one. ``of`` is the arm
    whose error ranks the elements.
    """
    values: dict[str, list[_Value]] = {}
    for value in _values(evidence):
        values.setdefault(value.new.name, []).append(value)
    found: list[WorstElements] = []
    room = _MOST_BYTES
    # The small ones first: what they leave is for the others.
    for number, name in enumerate(sorted(values, key=lambda name: (values[name][0].size, name))):
        worst, used = _worst_value(values[name], room // (len(values) - number), tolerance, Arrays(blob), of, most)
        room -= used
        found += worst
    return tuple(sorted(found, key=lambda one: one.output))


@dataclass(frozen=True)
class _Value:
    """An output of a candidate's run, with what it is put beside."""

    run: Evidence
    new: Output
    good: Output
    reference: Output | None

    @property
    def key(self) -> tuple[object, ...]:
        """What is alike is looked at once."""
        return self.new.seed, self.good.digest, self.new.digest, self.reference and self.reference.digest

    @property
    def size(self) -> int:
        """Bytes in double precision, at most."""
        outputs = (self.good, self.new) if self.reference is None else (self.good, self.new, self.reference)
        return sum(16 * max(0, math.prod(output.shape)) for output in outputs)


def _values(evidence: Sequence[Evidence]) -> Iterator[_Value]:
    for good_run, new_run in _partners(evidence):
        oracle = {(o.name, o.seed): o for o in good_run.outputs if o.reference}
        values = {(o.name, o.seed): o for o in good_run.outputs if not o.reference}
        for new in (o for o in new_run.outputs if not o.reference):
            good = values.get((new.name, new.seed))
            if good is not None:
                yield _Value(new_run, new, good, oracle.get((new.name, new.seed)))


def _worst_value(
    values: Sequence[_Value], room: int, tolerance: float, arrays: Arrays, of: Arm, most: int
) -> tuple[list[WorstElements], int]:
    """The worst of one output's values, none where none is apart, and how many bytes were looked at for it."""
    seen: set[tuple[object, ...]] = set()
    found: list[tuple[float, WorstElements]] = []
    used = looked = 0
    for value in values:
        if value.key not in seen:
            if seen and used + value.size > room:
                break
            seen.add(value.key)
            used += value.size
            base = WorstElements(value.new.name, value.new.seed, value.run.pair, value.run.node, of)
            if value.size > _MOST_VALUE:
                said = f"{math.prod(value.new.shape):,} elements are too many to be looked at"
                found.append((math.inf, replace(base, said=said)))
            else:
                found.append(_compared(base, (value.good, value.new, value.reference), tolerance, arrays, most))
        looked += 1
    error, one = max(found, key=lambda each: each[0])
    if not error > 0 and looked == len(values):
        return [], used
    said = one.said or ("" if error > 0 else "no element is apart in what was read")
    return [replace(one, looked=looked, values=len(values), said=said)], used


def _partners(evidence: Iterable[Evidence]) -> Iterator[tuple[Evidence, Evidence]]:
    """Clean runs of the candidate, each with its pair's known-good run, else with one that was given the same."""
    clean = [run for run in evidence if is_clean(run) and run.outputs]
    paired = {(run.place, run.pair): run for run in clean if run.arm is Arm.KNOWN_GOOD}
    alike = {run.inputs: run for run in reversed(clean) if run.arm is Arm.KNOWN_GOOD}
    for run in clean:
        if run.arm is Arm.CANDIDATE:
            good = paired.get((run.place, run.pair)) or alike.get(run.inputs)
            if good is not None:
                yield good, run


def _compared(
    base: WorstElements, outputs: tuple[Output, Output, Output | None], tolerance: float, arrays: Arrays, most: int
) -> tuple[float, WorstElements]:
    """How large the error is (0: there is none), and the elements that make it."""
    try:
        good, new = (arrays.value(output) for output in outputs[:2] if output is not None)
        reference = None if outputs[2] is None else arrays.value(outputs[2])
    except UnreadableOutputError as error:
        return math.inf, _with(base, said=f"{error}: its elements cannot be shown")
    if isinstance(good, str) or isinstance(new, str) or isinstance(reference, str):
        return 0.0, base  # a text has no elements: the reason says what changed
    if good.shape != new.shape or (reference is not None and reference.shape != new.shape):
        said = f"it is of another shape: {described(good)} -> {described(new)}"
        return math.inf, _with(base, said=said)
    ranked, should = (new if base.arm is Arm.CANDIDATE else good), (good if reference is None else reference)
    if base.arm is Arm.KNOWN_GOOD and reference is None:
        should = new
    exact = ranked.dtype.kind in _EXACT
    apart = _apart(ranked, should).ravel()
    allowed = 0.0 if exact or not tolerance >= 0 else tolerance * _root_mean_square(should)
    beyond = int(np.count_nonzero(~(apart <= allowed)))
    sides = (good, new, reference)
    elements = tuple(_element(at, sides, float(apart[at])) for at in _farthest(apart, min(most, beyond or most)))
    size = int(apart.size)
    worst = _with(base, size=size, beyond=beyond, tolerance=tolerance, allowed=allowed, elements=elements)
    if not elements:
        return 0.0, worst
    kinds = not exact and bool((not_finite(ranked) != not_finite(should)).any())
    return (math.inf if kinds else float(beyond) if exact else relative_l2(ranked, should)), worst


def _with(base: WorstElements, **more: Any) -> WorstElements:
    return WorstElements(base.output, base.seed, base.pair, base.node, base.arm, **more)


def _apart(value: Array, should: Array) -> Array:
    """How far each element is from what it should be; infinite where only one is finite, or they are not alike."""
    if not {"S", "U"}.isdisjoint(value.dtype.kind + should.dtype.kind):
        alike = value == should if value.dtype.kind == should.dtype.kind else np.zeros(value.shape, dtype=bool)
        return np.where(alike, 0.0, 1.0)
    with np.errstate(all="ignore"):
        a, b = wide(value), wide(should)
        apart = np.abs(a - b)
        # What is too large for a float64's last digit still differs, and two infinities of one sign do not.
        differ = value != should if value.dtype.kind in "iub" and should.dtype.kind in "iub" else None
        same = not_finite(a) == not_finite(b)
        apart = np.where(np.isfinite(apart), apart, np.where(same & ~np.isfinite(b), 0.0, np.inf))
    return apart if differ is None else np.where(differ & (apart == 0), 1.0, apart)


def _root_mean_square(value: Array) -> float:
    """Over what is finite."""
    with np.errstate(all="ignore"):
        sizes = np.abs(wide(value)).ravel()
    sizes = sizes[np.isfinite(sizes)]
    largest = float(sizes.max(initial=0.0))
    return largest * math.sqrt(float(np.mean((sizes / largest) ** 2))) if largest > 0 else 0.0


def _farthest(apart: Array, most: int) -> list[int]:
    """The places of the largest, those that come first where several are alike; none where nothing is apart."""
    if apart.size > most:
        least = float(np.partition(apart, -most)[-most])
        above = np.flatnonzero(apart > least)
        some = np.concatenate([above, np.flatnonzero(apart == least)[: most - above.size]])
    else:
        some = np.arange(apart.size)
    some = some[apart[some] > 0]
    return [int(at) for at in some[np.lexsort((some, -apart[some]))]]


def _element(at: int, sides: tuple[Array, Array, Array | None], apart: float) -> Element:
    index = tuple(int(i) for i in np.unravel_index(at, sides[0].shape)) if sides[0].shape else ()
    good, new, reference = (None if side is None else _shown(side[index]) for side in sides)
    return Element(index, good or "", new or "", reference, apart)


def _shown(value: Any) -> str:
    """A number with as many digits as tell it from its neighbours in its own type."""
    plain = bytes(value) if isinstance(value, bytes) else str(value)
    return repr(plain)[:40] if isinstance(value, (bytes, str)) else str(plain)
