"""How close each arm's outputs are to their reference, in figures for people: shown, and judged nowhere.

Verdicts rest on the relative L2 error and on exact equality (``numerics``); these figures say what kind of an error it
is: one element or all, the last bit or the first digit.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from compat.judge.admit import Pair
from compat.judge.arrays import Array, Arrays, not_finite, relative_l2, wide
from compat.model import Arm, Closeness, Evidence, Output

__all__ = ["between", "closeness", "ulps"]

_BITS: dict[str, type[np.unsignedinteger[Any]]] = {"f2": np.uint16, "f4": np.uint32, "f8": np.uint64}


def closeness(pairs: Sequence[Pair], arrays: Arrays) -> tuple[Closeness, ...]:
    """The figures of every output that has a reference, for both arms, over all seeds, the worst process of each.

    The reference is the known-good arm's, as it is for the verdict.
    """
    found = []
    for name in sorted({o.name for pair in pairs for o in pair.known_good.outputs if o.reference}):
        for arm in Arm:
            seen: dict[tuple[str, ...], Closeness] = {}
            for pair in pairs:
                run = pair.known_good if arm is Arm.KNOWN_GOOD else pair.candidate
                sides = list(_sides(name, run, pair.known_good))
                key = tuple(output.digest for side in sides for output in side)
                if sides and key not in seen:
                    figures = [between(name, arm, arrays.value(a), arrays.value(b)) for a, b in sides]
                    seen[key] = _over_seeds(figures)
            if seen:
                found.append(_worst(list(seen.values())))
    return tuple(found)


def _sides(name: str, run: Evidence, oracle: Evidence) -> Iterable[tuple[Output, Output]]:
    """Each seed's output, with its reference."""
    references = {o.seed: o for o in oracle.outputs if o.name == name and o.reference}
    outputs = {o.seed: o for o in run.outputs if o.name == name and not o.reference}
    return ((outputs[seed], references[seed]) for seed in sorted(outputs.keys() & references.keys()))


def between(name: str, arm: Arm, value: Array | str, reference: Array | str) -> Closeness:
    """The figures of one array against one reference; without what has no meaning for its type."""
    if isinstance(value, str) or isinstance(reference, str):
        alike = isinstance(value, str) and isinstance(reference, str) and value == reference
        return Closeness(name, arm, elements=1, mismatches=int(not alike))
    if value.shape != reference.shape:
        return Closeness(name, arm, elements=value.size, mismatches=value.size)
    if value.dtype.kind not in "fc":
        # The widest type there is holds every 64-bit integer on x86; elsewhere those beyond 2**53 are rounded.
        text = not {"S", "U"}.isdisjoint(value.dtype.kind + reference.dtype.kind)
        differ = value != reference if text else value.astype(np.longdouble) != reference.astype(np.longdouble)
        return Closeness(name, arm, elements=value.size, mismatches=int(np.count_nonzero(differ)))
    with np.errstate(all="ignore"):
        error = np.abs(wide(value) - wide(reference))
        finite = error[np.isfinite(error)]
    return Closeness(
        output=name,
        arm=arm,
        elements=value.size,
        max_error=float(finite.max()) if finite.size else None,
        relative_l2=_or_none(relative_l2(value, reference)),
        ulps=ulps(value, reference),
        cosine=_cosine(value, reference),
        nonfinite=int(np.count_nonzero(not_finite(value))),
    )


def ulps(value: Array, reference: Array) -> int | None:
    """The most values of ``value``'s own type that lie between an element and its reference, rounded to that type.

    Over what is finite in both; None where nothing is, or the type is none of IEEE 754's binary16, 32 and 64.
    """
    if value.dtype.kind == "c":
        value, reference = _real(value), _real(reference)
    integer = _BITS.get(value.dtype.str[1:])
    if integer is None:
        return None
    with np.errstate(all="ignore"):
        near = reference.astype(value.dtype.newbyteorder("="))
    own = value.astype(near.dtype)
    both = np.isfinite(own) & np.isfinite(near)
    if not both.any():
        return None
    a, b = (_ordered(side[both], integer) for side in (own, near))
    return int((np.maximum(a, b) - np.minimum(a, b)).max())


def _ordered(value: Array, integer: type[np.unsignedinteger[Any]]) -> Array:
    """Floating-point numbers as unsigned integers in the same order, with 0.0 and -0.0 as one."""
    bits = value.view(integer)
    sign = integer(1) << integer(8 * bits.itemsize - 1)
    ordered: Array = np.where(bits & sign, ~bits + integer(1), bits | sign)
    return ordered


def _cosine(value: Array, reference: Array) -> float | None:
    """The cosine of the angle between both as vectors, over what is finite in both; None where one has no length."""
    with np.errstate(all="ignore"):
        a, b = (_real(side).astype(np.float64).ravel() for side in (value, reference))
        both = np.isfinite(a) & np.isfinite(b)
        a, b = (_scaled(side[both]) for side in (a, b))
        length = float(np.linalg.norm(a) * np.linalg.norm(b))
        return max(-1.0, min(1.0, float(a @ b) / length)) if length > 0 else None


def _scaled(value: Array) -> Array:
    """``value`` with 1 as its largest element, so that its square neither overflows nor vanishes."""
    largest = float(np.abs(value).max(initial=0.0))
    scaled: Array = value / (largest or 1.0)
    return scaled


def _real(value: Array) -> Array:
    """Complex numbers as pairs of real ones; anything else as it is."""
    if value.dtype.kind != "c":
        return value
    return np.stack([value.real, value.imag], axis=-1)


def _or_none(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _over_seeds(figures: Sequence[Closeness]) -> Closeness:
    """One process: its counts add up, of the rest the worst seed's."""
    return replace(
        _worst(figures),
        elements=sum(one.elements for one in figures),
        mismatches=None if figures[0].mismatches is None else sum(one.mismatches or 0 for one in figures),
        nonfinite=sum(one.nonfinite for one in figures),
    )


def _worst(figures: Sequence[Closeness]) -> Closeness:
    """Of each figure the worst."""
    return replace(
        figures[0],
        max_error=max((one.max_error for one in figures if one.max_error is not None), default=None),
        relative_l2=max((one.relative_l2 for one in figures if one.relative_l2 is not None), default=None),
        ulps=max((one.ulps for one in figures if one.ulps is not None), default=None),
        cosine=min((one.cosine for one in figures if one.cosine is not None), default=None),
        mismatches=max((one.mismatches for one in figures if one.mismatches is not None), default=None),
        nonfinite=max(one.nonfinite for one in figures),
    )
