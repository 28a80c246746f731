"""Versions that do not work together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from compat.model import Tier
from compat.plan.support.subject import Opinion, Subject, fits, worst

if TYPE_CHECKING:
    from compat.plan.support.tables import Tables

__all__ = ["known_conflicts"]


def known_conflicts(subject: Subject, tables: Tables) -> Opinion | None:
    """The runtime's requirements must not hold versions that are known not to work together.

    A row's first component is the one that breaks: without it among the requirements the row does not apply. The
    others may come in as its dependencies, in any version.
    """
    if subject.runtime.requirements is None:
        if Tier.STATIC not in subject.tiers:
            return None
        what = "an image" if subject.runtime.image is not None else "in place"
        reason = f"the runtime {subject.runtime.name} is {what}: its versions are not known before it runs"
        return Opinion("unknown", reason)
    pins = subject.pins
    if not pins.versions:
        return Opinion("unknown", f"the runtime {subject.runtime.name} pins no version")
    rows = [row for row in tables.conflicts if row.tier is None or Tier(row.tier) in subject.tiers]
    opinions = []
    for row in rows:
        matches = [fits(pins.versions.get(name), specifier) for name, specifier in row.components.items()]
        broken = next(iter(row.components))
        if False in matches or (broken not in pins.versions and broken not in pins.open):
            continue
        what = " with ".join(f"{name} {pins.versions.get(name, 'of any version')}" for name in row.components)
        if None in matches:
            opinions.append(Opinion("unknown", f"{what}: {row.effect} if the unpinned one comes to match", (row,)))
        elif row.unconfirmed:
            opinions.append(Opinion("unknown", f"{what}: {row.effect} (unconfirmed)", (row,)))
        else:
            opinions.append(Opinion("fail", f"{what}: {row.effect}", (row,)))
    if opinions:
        return worst(opinions)
    loose = f" ({len(pins.open)} more are not pinned: {', '.join(pins.open)})" if pins.open else ""
    reason = f"{len(pins.versions)} pinned components looked up in {len(rows)} known conflicts{loose}: no row applies"
    return Opinion("ok", reason, tuple(rows))
