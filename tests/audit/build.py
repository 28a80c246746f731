"""What the tests of audits share."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from compat.model import Audited, digest
from compat.store import Store


def the_verdict_s(store: Store) -> str:
    (found,) = store.verdicts(ring="", plan="")
    return digest(found)


def wrong(found: Audited) -> list[str]:
    return [f"{check.what}: {check.said}" for check in found.checks if check.stands is False]


def more(store: Store, pair: int, **changes: object) -> None:
    """Evidence that comes later: the same case again, of both arms."""
    plan = digest(store.plan())
    for record in store.evidence(plan)[:8]:
        store.put_evidence(replace(record, pair=record.pair + pair, **changes))  # type: ignore[arg-type]


def trust_of(here: Path) -> tuple:
    from compat.gate.keys import trusted_keys

    return trusted_keys([str(here / "ann.pub")])
