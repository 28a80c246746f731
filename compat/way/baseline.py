"""Baselines: evidence made known-good, by somebody, from a verdict."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from compat.errors import StoreError, UsageError
from compat.model import SCHEMA_VERSION, Decision, Plan, Promotion, digest
from compat.model.moments import moment
from compat.way.drifted import drifted, stack_on_nodes
from compat.way.gate import Trust, gate
from compat.way.leases import me, now, release_all

if TYPE_CHECKING:
    from securesystemslib.signer import Signer

    from compat.gate.baselines import Promoted
    from compat.store import Store
    from compat.store.place import Where

__all__ = ["Wish", "expire", "promote"]


@dataclass(frozen=True)
class Wish:
    """What a user says of a promotion.

    ``override`` and ``accept_drift`` are reasons, for promoting what is not GO and for what has drifted; empty: neither
    is done. ``expires`` is the last day on which it is in force. ``seen`` is the last entry of the log that the user
    has seen: where there is another one by now, nothing is promoted.
    """

    baseline: str | None = None
    by: str | None = None
    expires: str = ""
    override: str = ""
    accept_drift: str = ""
    seen: int | None = None
    signers: Sequence[Signer] = ()  # who stand by it with their keys; an override needs one


def promote(
    store: Store,
    wish: Wish,
    ring: str | None = None,
    plan: str | None = None,
    waivers: Path | None = None,
    calibration: Where | None = None,
    trust: Trust | None = None,
) -> Promoted:
    """Make the candidate known-good, from the ring's verdict over the evidence in the store, judged anew.

    UsageError where it was compared with another stack than what is known-good now; StoreError where somebody else has
    promoted meanwhile, or the clock is behind the log.
    """
    from compat.gate.baselines import Promoted, current, follows, stack_text

    chosen = store.plan(plan)
    _check_day(wish.expires)
    gated = gate(store, ring, digest(chosen), waivers, calibration, trust)
    verdict, stand = gated.concluded.verdict, gated.stand
    log = store.baseline(_name_of(wish, chosen))
    entries = log.entries()
    if wish.seen is not None:
        log.check(wish.seen)
    at = now()
    if entries and moment(entries[-1].at) > moment(at):
        problem = f"was written last at {entries[-1].at}, which is still to come"
        raise StoreError(f"baseline {_name_of(wish, chosen)}", problem, "set this machine's clock")
    today = datetime.datetime.now(datetime.UTC).date()
    head = current(entries, today)
    over = chosen.rings[-1].name == verdict.ring
    if head is not None and (head.verdict, head.decision) == (gated.concluded.digest, stand.decision):
        let_go = tuple(release_all(store, chosen)) if over and stand.decision is Decision.GO else ()
        return Promoted(head, stand.decision, stand.reasons, released=let_go)
    # What this upgrade was promoted to before, from another ring, is no other stack than its own.
    others = [entry for entry in entries if entry.action == "expire" or entry.plan != verdict.plan]
    before = current(others, today)
    known, runtime = (
        chosen.runtimes.get(stack.get("runtime", "")) for stack in (verdict.known_good, verdict.candidate)
    )
    like = {} if before is None else before.stack
    old, new = (stack_on_nodes(store, verdict, one, like) for one in (verdict.known_good, verdict.candidate))
    if before is not None and not follows(before, old, known):
        problem = f"is {stack_text(before.stack)} since entry {before.number}; the verdict compares with "
        remedy = "measure the candidate against what is known-good now"
        raise UsageError(f"baseline {before.baseline}", problem + stack_text(old), remedy)
    if stand.decision is not Decision.GO:
        if not wish.override:
            return Promoted(None, stand.decision, stand.reasons)
        if not wish.signers:
            problem = f"ring {verdict.ring} is {stand.decision.value}, and nobody stands by it"
            raise UsageError("--override", problem, "sign it with --key KEY (compat key new makes one)")
    far = drifted(store, others, before, verdict, chosen)
    beyond = [f"{one.workload}[{one.case}] {one.metric} {one.said}" for one in far.drift if one.beyond]
    beyond += far.unknown
    if beyond and not wish.accept_drift:
        return Promoted(None, Decision.HOLD, tuple(beyond), drift=far.drift, since=far.since, unknown=far.unknown)
    nodes = store.nodes()
    reasons = [f"override: {wish.override}"] if stand.decision is not Decision.GO else []
    reasons += [f"drift: {wish.accept_drift}"] if beyond else []

    def entry(number: int, previous: str) -> Promotion:
        made = Promotion(
            schema_version=SCHEMA_VERSION,
            baseline=_name_of(wish, chosen),
            number=number,
            previous=previous,
            action="promote",
            by=wish.by or me(),
            at=at,
            stack=new,
            runtime=runtime,
            plan=verdict.plan,
            ring=verdict.ring,
            verdict=gated.concluded.digest,
            decision=stand.decision,
            evidence=verdict.evidence,
            matrix_digest=verdict.matrix_digest,
            policy=digest(verdict.policy),
            compat_version=verdict.compat_version,
            content=chosen.content,
            nodes={name: digest(nodes[name]) for name in verdict.nodes if name in nodes},
            expires=wish.expires,
            reason="; ".join(reasons),
        )
        if wish.signers:
            from compat.gate.promotion import sign_promotion

            sign_promotion(store, made, wish.signers)
        return made

    written = log.append(entry, len(entries) if wish.seen is None else wish.seen)
    let_go = tuple(release_all(store, chosen)) if over else ()
    return Promoted(written, stand.decision, stand.reasons, True, far.drift, far.since, far.unknown, let_go)


def _name_of(wish: Wish, plan: Plan) -> str:
    return plan.name if wish.baseline is None else wish.baseline


def expire(store: Store, name: str, before: int, by: str | None = None, reason: str = "") -> Promotion:
    """Keep the baseline's entries before that number no longer. UsageError where that would be the one in force."""
    from compat.gate.baselines import kept

    log = store.baseline(name)
    entries = log.entries()
    there = kept(entries)
    if not there:
        raise UsageError(
            f"baseline {name}", "has nothing that could expire", "compat baseline list shows what there is"
        )
    if before > there[-1].number:
        problem = f"has entry {there[-1].number} in force, which is before {before}"
        raise UsageError(f"baseline {name}", problem, f"say --before {there[-1].number} to keep that one alone")

    def entry(number: int, previous: str) -> Promotion:
        return Promotion(
            SCHEMA_VERSION, name, number, previous, "expire", by or me(), now(), oldest=before, reason=reason
        )

    return log.append(entry, len(entries))


def _check_day(text: str) -> None:
    try:
        day = datetime.date.fromisoformat(text) if text else None
    except ValueError:
        raise UsageError("--expires", f"{text!r} is no day", "write it as 2027-06-30") from None
    if day is not None and day < datetime.datetime.now(datetime.UTC).date():
        raise UsageError("--expires", f"{text} is over", "name a day to come")
