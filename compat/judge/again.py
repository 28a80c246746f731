"""A verdict beside the one that is reached over the same evidence now: what is not the same."""

from __future__ import annotations

import dataclasses
import math
import re
from dataclasses import dataclass
from typing import Any

from compat.model import Comparison, Verdict, plain

__all__ = ["Again", "beside"]

_NOT_JUDGED = frozenset({"judge", "judged_at", "decision", "comparisons"})  # named apart, or not of the judge
_WORDS = frozenset({"reason", "reasons", "said"})  # sentences, with numbers in them
_NUMBER = re.compile(r"[0-9][0-9.,e+-]*")
_Key = tuple[str, str, str, str]


@dataclass(frozen=True)
class Again:
    """What differs between a verdict and the one that was reached again. None of it: the verdict is the same.

    ``comparisons`` are sentences, of those whose status changed or that only one has; ``other`` names fields. Numbers
    that differ in their last digits are ``rounding``, and no difference: libraries compute them, and have releases too.
    """

    decision: bool
    comparisons: tuple[str, ...]
    other: tuple[str, ...]
    rounding: bool = False

    @property
    def same(self) -> bool:
        """Whether nothing differs."""
        return not (self.decision or self.comparisons or self.other)


def beside(verdict: Verdict, again: Verdict) -> Again:
    """Compare two verdicts over the same evidence. Fields that the older one did not have yet are no difference."""
    was, now = _by_key(verdict), _by_key(again)
    changed = [
        f"{_name(was[key])}: was {was[key].status.value}, is {now[key].status.value}: {now[key].reason}"
        for key in was.keys() & now.keys()
        if was[key].status is not now[key].status
    ]
    changed += [f"{_name(was[key])}: was {was[key].status.value}, is not compared" for key in was.keys() - now.keys()]
    changed += [f"{_name(now[key])}: was not compared, is {now[key].status.value}" for key in now.keys() - was.keys()]
    other = [
        field.name
        for field in dataclasses.fields(Verdict)
        if field.name not in _NOT_JUDGED
        and getattr(verdict, field.name) != getattr(again, field.name)
        and not (field.metadata.get("later") and not getattr(verdict, field.name))
    ]
    if not changed and verdict.comparisons != again.comparisons:
        other.append("comparisons")
    near = (
        bool(other)
        and not changed
        and all(_near(plain(getattr(verdict, x)), plain(getattr(again, x)), x) for x in other)
    )
    return Again(verdict.decision is not again.decision, tuple(sorted(changed)), () if near else tuple(other), near)


def _near(one: Any, other: Any, name: str) -> bool:
    """Whether two plain values are the same but for the last digits of numbers, in sentences too."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_near(one[key], other[key], key) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(_near(a, b, name) for a, b in zip(one, other, strict=True))
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=1e-6, abs_tol=1e-12)
    if name in _WORDS and isinstance(one, str) and isinstance(other, str):
        return _NUMBER.sub("0", one) == _NUMBER.sub("0", other)
    return bool(one == other)


def _by_key(verdict: Verdict) -> dict[_Key, Comparison]:
    return {(one.cell, one.item, one.case, one.metric): one for one in verdict.comparisons}


def _name(one: Comparison) -> str:
    return f"{one.item} {one.metric}"
