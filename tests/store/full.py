"""A store that has everything, and in which everything that one document says of another is so."""

from __future__ import annotations

from dataclasses import replace

from compat.model import (
    SCHEMA_VERSION,
    Arm,
    Decision,
    Evidence,
    Lease,
    Output,
    Promotion,
    Rehearsal,
    Verdict,
    Watch,
    digest,
)
from compat.store import Store

from .build import IDENTITY, NEW, NODE, PLAN, POLICY, VERDICT, evidence

__all__ = ["fill", "measure", "promote", "record", "take"]

_AT = "2026-11-23T12:00:00+00:00"
WATCH = Watch(SCHEMA_VERSION, digest(PLAN), "canary", "n1", _AT, 1.0, ("a",))
REHEARSAL = Rehearsal(SCHEMA_VERSION, digest(PLAN), "canary", "n1", _AT, "me", False, True, {"reinstall": 2.5})


def record(store: Store, pair: int, arm: Arm = Arm.CANDIDATE, node: str = "n1") -> Evidence:
    """A run whose output is in the store."""
    output = Output("y", "<f4", (1,), store.put_blob(f"{arm.value} {pair}".encode()))
    return evidence(pair=pair, arm=arm, node=node, outputs=(output,))


def measure(store: Store, pairs: range) -> list[Evidence]:
    """Runs of both arms."""
    store.put_node(NODE)
    store.put_plan(PLAN)
    store.put_identity(IDENTITY)
    done = [record(store, pair, arm) for pair in pairs for arm in Arm]
    for each in done:
        store.put_evidence(each)
    return done


def judged(done: list[Evidence], number: int = 0) -> Verdict:
    """A verdict over these runs."""
    named = digest(sorted(map(digest, done)))
    return replace(VERDICT, evidence=named, decision=Decision.GO, judged_at=f"2026-11-23T12:00:{number:02d}Z")


def promote(store: Store, verdict: Verdict, by: str = "me", seen: int | None = None) -> Promotion:
    """Promote the candidate by a verdict that is in the store."""

    def entry(number: int, previous: str) -> Promotion:
        return Promotion(
            *(SCHEMA_VERSION, "prod", number, previous, "promote", by, _AT, NEW, PLAN.runtimes["new"]),
            *(verdict.plan, verdict.ring, digest(verdict), verdict.decision, verdict.evidence),
            *(PLAN.matrix_digest, digest(POLICY), "0.1.0", PLAN.content, {"n1": digest(NODE)}),
        )

    return store.baseline("prod").append(entry, seen)


def take(store: Store, seen: int | None = None) -> Lease:
    """An entry of the node's log."""
    return store.lease("n1").append(
        lambda number, previous: Lease(SCHEMA_VERSION, "n1", number, previous, "take", "an upgrade", "me", _AT), seen
    )


def fill(store: Store, pairs: range = range(1, 3)) -> list[Evidence]:
    """One of everything at least."""
    done = measure(store, pairs)
    verdict = judged(done)
    store.put_verdict(verdict)
    store.put_watch(WATCH)
    store.put_rehearsal(REHEARSAL)
    promote(store, verdict)
    promote(store, verdict, "you")
    take(store)
    return done
