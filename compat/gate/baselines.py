"""What a baseline's log says: which stack is known-good now, which entries are kept, and what may come next."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass

from compat.gate.drift import Drift
from compat.model import Decision, Promotion, Runtime, Stack, Verdict

__all__ = ["Promoted", "current", "follows", "kept", "same_stack", "stack_text"]


@dataclass(frozen=True)
class Promoted:
    """What became of it. ``entry`` is None where it was refused: for ``reasons``, and with the gate's ``decision``."""

    entry: Promotion | None
    decision: Decision
    reasons: tuple[str, ...] = ()
    new: bool = False  # whether it was written now, or is known-good already
    drift: tuple[Drift, ...] = ()
    since: Promotion | None = None  # the oldest baseline that is kept, which drift is counted from
    unknown: tuple[str, ...] = ()  # why drift cannot be told
    released: tuple[str, ...] = ()  # nodes that the upgrade let go


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
