"""What a baseline's log says: which stack is known-good now, which entries are kept, and what may come next."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass

from compat.gate.drift import Drift
from compat.model import Decision, Node, Promotion, Runtime, Stack

__all__ = ["Promoted", "current", "follows", "kept", "same_stack", "stack_text", "with_driver"]


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
    """Whether two stacks are one: the same axes with the same values, whatever their matrices call the runtime.

    A runtime is what is installed, or which image it is. Of one in place only its name is known, and that counts then.
    """
    rest = [{axis: value for axis, value in stack.items() if axis != "runtime"} for stack in (one, other)]
    if rest[0] != rest[1]:
        return False
    if runtime is None or others is None or "in_place" in (runtime.kind, others.kind):
        return one.get("runtime") == other.get("runtime") and runtime == others
    return _made_of(runtime) == _made_of(others)


def _made_of(runtime: Runtime) -> tuple[object, ...]:
    """What decides what a runtime is."""
    return runtime.image, runtime.base, tuple(sorted(runtime.requirements or ())), sorted(runtime.env.items())


def stack_text(stack: Stack) -> str:
    """``driver 570.172.08, runtime torch-2.10``."""
    return ", ".join(f"{axis} {value}" for axis, value in sorted(stack.items()))


def follows(entry: Promotion, stack: Stack, runtime: Runtime | None) -> bool:
    """Whether a verdict, whose known-good stack is given, was compared with what ``entry`` made known-good."""
    return same_stack(entry.stack, entry.runtime, stack, runtime)


def with_driver(stack: Stack, wanted: Stack, nodes: Sequence[Node]) -> Stack:
    """The stack with the driver of its nodes, where ``wanted`` has one and its matrix says none.

    Where the nodes differ or do not tell, it stays as it is, and is another stack then.
    """
    drivers = {node.driver for node in nodes}
    (only,) = drivers if len(drivers) == 1 else (None,)
    if "driver" not in wanted or "driver" in stack or only is None:
        return stack
    return {**stack, "driver": only}
