"""The gate of a ring: its verdict, and what its place in the order of rings adds to that."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from compat.errors import StoreError
from compat.model import digest
from compat.way.conclude import Concluded, conclude
from compat.way.options import ring_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from securesystemslib.signer import Key

    from compat.gate.standing import Stand
    from compat.model import Plan
    from compat.store import Store
    from compat.store.place import Where

__all__ = ["Gated", "Trust", "gate", "judge_before", "stored_gate", "stored_standing"]


@dataclass(frozen=True)
class Trust:
    """Whose signatures count: the keys, and how many different ones of them have to have signed."""

    keys: Sequence[Key]
    needed: int = 1

    @classmethod
    def of(cls, references: Sequence[str] | None, needed: int) -> Trust | None:
        """Keys by the files or variables that have them; None where nobody names one."""
        if not references:
            return None
        from compat.gate.keys import trusted_keys

        return cls(trusted_keys(references), needed)


@dataclass(frozen=True)
class Gated:
    """What a gate says, and the verdict that was reached for it."""

    stand: Stand
    concluded: Concluded


def gate(
    store: Store,
    ring: str | None = None,
    plan: str | None = None,
    waivers: Path | None = None,
    calibration: Where | None = None,
    trust: Trust | None = None,
) -> Gated:
    """Judge the stored evidence anew, of the rings before it too, keep the verdicts, and ask the gate."""
    chosen = store.plan(plan)
    name = ring_of(chosen, ring)
    judge_before(store, chosen, name, waivers, calibration)
    concluded = conclude(store, name, digest(chosen), waivers, calibration)
    stand = stored_gate(store, name, digest(chosen), trust)
    if stand.digest != concluded.digest:
        problem = f"has another verdict of ring {name} than the one that was reached now: somebody judges it, too"
        raise StoreError(store.where, problem, "ask again")
    return Gated(stand, concluded)


def judge_before(
    store: Store, plan: Plan, ring: str, waivers: Path | None = None, calibration: Where | None = None
) -> None:
    """Judge the rings before one anew, by the evidence that there is now, and keep the verdicts."""
    for earlier in _before(plan, ring):
        conclude(store, earlier, digest(plan), waivers, calibration)


def stored_gate(
    store: Store,
    ring: str | None = None,
    plan: str | None = None,
    trust: Trust | None = None,
    *,
    sealed: bool = False,
) -> Stand:
    """What the gate says by stored verdicts alone: nothing is judged. UsageError where there is no such ring.

    With ``sealed`` the ring's own verdict has to be signed, too.
    """
    chosen = store.plan(plan)
    name = ring_of(chosen, ring)
    return next(stand for stand in stored_standing(store, chosen, trust, sealed=sealed) if stand.ring == name)


def stored_standing(store: Store, plan: Plan, trust: Trust | None = None, *, sealed: bool = False) -> tuple[Stand, ...]:
    """Where the plan's upgrade stands, ring by ring, by stored documents alone."""
    from compat.gate.standing import Stored, standing

    name, now = digest(plan), datetime.datetime.now(datetime.UTC)
    by_ring = [[(digest(one), one) for one in store.verdicts(name, ring.name)] for ring in plan.rings]
    signatures = None
    if trust is not None:
        from compat.way.signed import signed

        newest = [own[-1] for own in by_ring if own]
        signatures = signed(store, newest, plan, trust.keys, now, trust.needed)
    stored = Stored(
        verdicts=[one for own in by_ring for one in own],
        watches=store.watches(name),
        rehearsals=store.rehearsals(name),
        signed=signatures,
        hostnames=store.hostnames(),
        sealed=sealed,
    )
    return standing(plan, stored, now)


def _before(plan: Plan, ring: str) -> list[str]:
    """The rings before one, the first of them first."""
    earlier = {one.name: one.after for one in plan.rings}
    found: list[str] = []
    after = earlier[ring]
    while after in earlier and after not in found:
        found.append(after)
        after = earlier[after]
    return found[::-1]
