"""What a baseline's log says: which stack is known-good now, which entries are kept, and what may come next."""

from __future__ import annotations

import datetime
from collections.abc import Sequence

from compat.model import Promotion, Runtime, Stack, Verdict

__all__ = ["current", "follows", "kept", "same_stack", "stack_text"]


def kept(log: Sequence[Promotion]) -> tuple[Promotion, ...]:
    """The promotions that have not been expired, the oldest first. The last one's own day is not looked at here."""
    oldest = max((entry.oldest for entry in log if entry.action == "expire"), default=0)
    return tuple(entry for entry in log if entry.action == "promote" and entry.number >= oldest)


def current(log: Sequence[Promotion], today: datetime.date) -> Promotion | None:
    """The newest promotion that is in force; None where nothing was promoted, or all of it has expired."""
    for entry in reversed(kept(log)):
        if not entry.expires or today <= datetime.date.fromisoformat(entry.expires):
            return entry
    return None


def same_stack(one: Stack, runtime: Runtime | None, other: Stack, others: Runtime | None) -> bool:
    """Whether two stacks are one, whatever their matrices call the runtime: by what is installed, or which image."""
    axes = one.keys() | other.keys()
    same = all(one.get(axis) == other.get(axis) for axis in axes - {"runtime"} if axis in one and axis in other)
    if runtime is None or others is None:
        return same and one.get("runtime") == other.get("runtime")
    return same and _made_of(runtime) == _made_of(others)


def _made_of(runtime: Runtime) -> tuple[object, ...]:
    """What decides what a runtime is. The base of one with requirements only matters where an engine builds it."""
    return runtime.image, tuple(sorted(runtime.requirements or ())), runtime.python, sorted(runtime.env.items())


def stack_text(stack: Stack) -> str:
    """``driver 570.172.08, runtime torch-2.10``."""
    return ", ".join(f"{axis} {value}" for axis, value in sorted(stack.items()))


def follows(entry: Promotion, verdict: Verdict, runtime: Runtime | None) -> bool:
    """Whether a verdict was compared with what ``entry`` made known-good."""
    return same_stack(entry.stack, entry.runtime, verdict.known_good, runtime)
