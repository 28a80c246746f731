"""Baselines: evidence made known-good, by somebody, from a verdict."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from compat.errors import StoreError, UsageError
from compat.model import SCHEMA_VERSION, Decision, Plan, Promotion, Verdict, digest
from compat.way.gate import gate
from compat.way.leases import me, now, release_all

if TYPE_CHECKING:
    from securesystemslib.signer import Signer

    from compat.gate.baselines import Promoted
    from compat.gate.drift import Drift
    from compat.store import Store
    from compat.store.place import Where

__all__ = ["Wish", "drift_between", "expire", "promote"]


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
) -> Promoted:
    """Make the candidate known-good, from the ring's verdict over the evidence in the store, judged anew.

    UsageError where it was compared with another stack than what is known-good now; StoreError where somebody else has
    promoted meanwhile, or the clock is behind the log.
    """
    from compat.gate.baselines import Promoted, current, follows, kept, same_stack, stack_text

    chosen = store.plan(plan)
    _check_day(wish.expires)
    gated = gate(store, ring, digest(chosen), waivers, calibration)
    verdict, stand = gated.concluded.verdict, gated.stand
    log = store.baseline(wish.baseline or chosen.name)
    entries = log.entries()
    moment = now()
    if entries and _moment(entries[-1].at) > _moment(moment):
        problem = f"was written last at {entries[-1].at}, which is still to come"
        raise StoreError(f"baseline {wish.baseline or chosen.name}", problem, "set this machine's clock")
    before = current(entries, datetime.datetime.now(datetime.UTC).date())
    known, runtime = (
        chosen.runtimes.get(stack.get("runtime", "")) for stack in (verdict.known_good, verdict.candidate)
    )
    if (
        before is not None
        and before.plan == verdict.plan
        and same_stack(before.stack, before.runtime, verdict.candidate, runtime)
    ):
        return Promoted(before, stand.decision)
    if before is not None and not follows(before, verdict, known):
        problem = f"is {stack_text(before.stack)} since entry {before.number}; the verdict compares with "
        raise UsageError(
            f"baseline {before.baseline}",
            problem + stack_text(verdict.known_good),
            "measure the candidate against what is known-good now",
        )
    if stand.decision is not Decision.GO:
        if not wish.override:
            return Promoted(None, stand.decision, stand.reasons)
        if not wish.signers:
            problem = f"ring {verdict.ring} is {stand.decision.value}, and nobody stands by it"
            raise UsageError("--override", problem, "sign it with --key KEY (compat key new makes one)")
    chain = kept(entries)
    drifts, unknown = _drift(store, chain[1:], verdict, chosen)
    beyond = [one for one in drifts if one.beyond] if chain else []
    if beyond and not wish.accept_drift:
        said = tuple(f"{one.workload}[{one.case}] {one.metric} {one.said}" for one in beyond)
        return Promoted(None, Decision.HOLD, said, drift=drifts, since=chain[0], unknown=unknown)
    nodes = store.nodes()
    reasons = [f"override: {wish.override}"] if stand.decision is not Decision.GO else []
    reasons += [f"drift: {wish.accept_drift}"] if beyond else []

    def entry(number: int, previous: str) -> Promotion:
        made = Promotion(
            schema_version=SCHEMA_VERSION,
            baseline=wish.baseline or chosen.name,
            number=number,
            previous=previous,
            action="promote",
            by=wish.by or me(),
            at=moment,
            stack=verdict.candidate,
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
    over = chosen.rings[-1].name == verdict.ring
    let_go = tuple(release_all(store, chosen)) if over else ()
    since = chain[0] if chain else None
    return Promoted(written, stand.decision, stand.reasons, True, drifts, since, unknown, let_go)


def drift_between(store: Store, entries: Sequence[Promotion]) -> tuple[tuple[Drift, ...], tuple[str, ...]]:
    """What the promotions after the first of ``entries`` come to together; and why it cannot be told, if so."""
    if len(entries) < 2:
        return (), ()
    last, unknown = _verdict(store, entries[-1])
    if last is None:
        return (), unknown
    return _drift(store, entries[1:-1], last, store.plan(entries[-1].plan))


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


def _drift(
    store: Store, between: Sequence[Promotion], verdict: Verdict, plan: Plan
) -> tuple[tuple[Drift, ...], tuple[str, ...]]:
    from compat.gate.drift import drift

    steps = []
    for promotion in between:
        found, unknown = _verdict(store, promotion)
        if found is None:
            return (), unknown
        steps.append(found)
    return drift([*steps, verdict], plan), ()


def _verdict(store: Store, promotion: Promotion) -> tuple[Verdict | None, tuple[str, ...]]:
    """The verdict that a promotion rests on; or why it is not there."""
    for verdict in store.verdicts(promotion.plan, promotion.ring):
        if digest(verdict) == promotion.verdict:
            return verdict, ()
    said = f"the verdict of entry {promotion.number} ({promotion.verdict[:12]}) is not in this store"
    return None, (said,)


def _check_day(text: str) -> None:
    try:
        day = datetime.date.fromisoformat(text) if text else None
    except ValueError:
        raise UsageError("--expires", f"{text!r} is no day", "write it as 2027-06-30") from None
    if day is not None and day < datetime.datetime.now(datetime.UTC).date():
        raise UsageError("--expires", f"{text} is over", "name a day to come")


def _moment(text: str) -> datetime.datetime:
    found = datetime.datetime.fromisoformat(text)
    return found if found.tzinfo is not None else found.replace(tzinfo=datetime.UTC)
