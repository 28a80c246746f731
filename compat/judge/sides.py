"""One output of all processes, both arms beside each other: against its oracle, or against the known-good arm."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from compat.judge.arrays import Array, UnreadableOutputError, largest, not_finite, relative_l2
from compat.model import Case, NumericsPolicy, Status

__all__ = ["Found", "Sides", "against_exact_reference", "against_known_good", "against_reference"]


@dataclass(frozen=True)
class Found:
    """What an output came to, with the errors of the arms where it has them."""

    status: Status
    said: str
    known_good: float | None = None
    candidate: float | None = None


@dataclass(frozen=True)
class Sides:
    """One output of one pair: the value of each arm, and the oracle's where there is one."""

    known_good: Array
    candidate: Array
    reference: Array | None

    @property
    def oracle(self) -> Array:
        """The reference, where another seed of the same output has one."""
        if self.reference is None:
            raise UnreadableOutputError("there is a reference for some of the seeds only")
        return self.reference


def against_exact_reference(name: str, x: Array, y: Array, reference: Array | str) -> Found | None:
    """Integers and booleans beside an oracle: equal to it, or wrong. None if the candidate is right."""
    if isinstance(reference, str) or reference.shape != x.shape or reference.dtype.kind not in "biufc":
        raise UnreadableOutputError(f"the reference of {name} is not of its shape, or no number")
    good, new = (int(np.count_nonzero(value != reference)) for value in (x, y))
    if not new:
        said = f"{name} was wrong in {good} of {x.size} elements of the known-good arm"
        return Found(Status.FIXED, said) if good else None
    told = largest(name, reference, y)
    said = f"{name} is not what its reference says in {good} -> {new} of {x.size} elements: {told}"
    return Found(Status.REGRESS if new > good else Status.PREEXISTING, said)


def _pooled(parts: Sequence[tuple[Array, Array]]) -> float:
    values = np.concatenate([value.ravel() for value, _ in parts])
    return relative_l2(values, np.concatenate([reference.ravel() for _, reference in parts]))


def against_reference(
    name: str, processes: Sequence[Sequence[Sides]], case: Case, policy: NumericsPolicy, changed: bool
) -> Found:
    """A floating-point output with a reference: each arm's error, and how much it grew. ``changed``: to the bit."""
    every = [s for process in processes for s in process]
    broken = fixed = False
    for s in every:
        good, new, should = not_finite(s.known_good), not_finite(s.candidate), not_finite(s.oracle)
        worse = (new != should) & (good == should)
        if worse.any():
            said = f"{name} has {int(worse.sum())} new values of the wrong kind (NaN, Inf or a number)"
            return Found(Status.REGRESS, f"{said}: {largest(name, s.known_good, s.candidate)}")
        broken = broken or bool((new != should).any())
        fixed = fixed or bool((good != should).any())
    if broken:
        return Found(
            Status.PREEXISTING, f"{name} is NaN or Inf in both arms where the reference is not, or the reverse"
        )
    tolerance = case.tolerance
    good_error = max(relative_l2(s.known_good, s.oracle) for s in every)
    new_error = max(relative_l2(s.candidate, s.oracle) for s in every)
    good_pool = max(_pooled([(s.known_good, s.oracle) for s in p]) for p in processes)
    new_pool = max(_pooled([(s.candidate, s.oracle) for s in p]) for p in processes)
    elements = sum(s.candidate.size for s in processes[0])
    allowed = policy.ratio * max(good_pool, tolerance / 10)
    grew = elements >= policy.outputs and not (new_pool <= allowed)
    farthest = max(every, key=lambda s: relative_l2(s.candidate, s.known_good))
    errors = f"relative L2 error of {name} {good_error:.3g} -> {new_error:.3g}"
    where = f"largest change at {largest(name, farthest.known_good, farthest.candidate)}"
    if not (new_error <= tolerance):
        if good_error <= tolerance or grew:
            said = f"{errors} exceeds the tolerance {tolerance:.3g}; {where}"
            return Found(Status.REGRESS, said, good_error, new_error)
        said = f"{errors} exceeds the tolerance {tolerance:.3g} in both arms"
        return Found(Status.PREEXISTING, said, good_error, new_error)
    if grew:
        said = (
            f"{errors} is within the tolerance {tolerance:.3g}, but over {elements} elements it grew to "
            f"{new_pool:.3g}; at most {allowed:.3g} would pass; {where}"
        )
        return Found(Status.REGRESS, said, good_pool, new_pool)
    if fixed or not (good_error <= tolerance):
        said = f"{errors}: wrong in the known-good arm only, tolerance {tolerance:.3g}"
        return Found(Status.FIXED, said, None if fixed else good_error, new_error)
    said = f"{errors}, tolerance {tolerance:.3g}" + ("; changed within tolerance" if changed else "; bitwise equal")
    return Found(Status.PASS, said, good_error, new_error)


def against_known_good(name: str, processes: Sequence[Sequence[Sides]], case: Case, changed: bool) -> Found:
    """A floating-point output without a reference: the difference of the arms."""
    every = [s for process in processes for s in process]
    first = processes[0]
    unsteady = any(
        (not_finite(s.known_good) != not_finite(f.known_good)).any()
        or not (relative_l2(s.known_good, f.known_good) <= case.tolerance)
        for process in processes
        for s, f in zip(process, first, strict=True)
        if s.known_good.shape == f.known_good.shape
    )
    for s in every:
        differ = not_finite(s.known_good) != not_finite(s.candidate)
        if differ.any():
            if unsteady:
                return Found(Status.PREEXISTING, f"{name}: already the known-good arm differs from run to run")
            said = f"{name} has {int(differ.sum())} values of another kind (NaN, Inf or a number)"
            return Found(Status.REGRESS, f"{said}: {largest(name, s.known_good, s.candidate)}")
    worst = max(every, key=lambda s: relative_l2(s.candidate, s.known_good))
    apart = relative_l2(worst.candidate, worst.known_good)
    said = f"relative L2 difference of {name} is {apart:.3g}"
    if not (apart <= case.tolerance):
        said += f", tolerance {case.tolerance:.3g}; largest at {largest(name, worst.known_good, worst.candidate)}"
        if unsteady:
            said += "; already the known-good arm differs from itself by more from run to run"
        return Found(Status.PREEXISTING if unsteady else Status.REGRESS, said, None, apart)
    if any(not_finite(s.known_good).any() for s in every):
        said = f"{name} has NaN or Inf in both arms, and there is no reference that says so"
        return Found(Status.PREEXISTING, said, None, apart)
    if changed:
        return Found(Status.PASS, f"{said}: changed within tolerance {case.tolerance:.3g}", None, apart)
    return Found(Status.PASS, f"{name} is bitwise equal", None, apart)
