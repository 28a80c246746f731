"""In which order plans came, whatever clocks say: the newest of them is the one that is meant.

Beside the plans lie empty objects, ``order/NUMBER-DDDD``: a number and the beginning of the plan's digest, written
before the plan is. A plan without one, of a store that is older, keeps the place that its age gives it.
"""

from __future__ import annotations

from compat.store.naming import SHORT, number_of, stem
from compat.store.objects import Objects

__all__ = ["add", "in_order"]

_FOLDER = "order"


def _numbers(objects: Objects) -> dict[str, int]:
    """The beginning of a digest -> its number: the last one, where a plan was begun, killed, and put again."""
    return {stem(name).partition("-")[2]: number_of(name) for name in objects.names(_FOLDER)}


def in_order(objects: Objects, plans: list[str]) -> list[str]:
    """The names of plans, the oldest first."""
    numbers = _numbers(objects)
    numbered = sorted((name for name in plans if stem(name)[:SHORT] in numbers), key=lambda n: numbers[stem(n)[:SHORT]])
    if len(numbered) == len(plans):
        return numbered
    following = iter(numbered)  # a clock that was set back does not change the order among these
    return [next(following) if stem(name)[:SHORT] in numbers else name for name in objects.age_order(plans)]


def add(objects: Objects, plan: str, plans: list[str]) -> None:
    """Say that the plan of that digest comes after ``plans``, the names of those that are there."""
    numbers = _numbers(objects)
    all_numbered = all(stem(name)[:SHORT] in numbers for name in plans)
    old = [] if all_numbered else [stem(name) for name in in_order(objects, plans)]
    for number, each in enumerate([*old, plan], 1 + max(numbers.values(), default=-1)):
        objects.put(f"{_FOLDER}/{number:06d}-{each[:SHORT]}", b"")
