"""Signatures of what a store holds: making them, and asking which verdicts have one that is to be believed."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from compat.errors import UsageError
from compat.model import Plan, Verdict, digest
from compat.way.options import ring_of

if TYPE_CHECKING:
    from securesystemslib.signer import Key

    from compat.gate.claims import Claims
    from compat.store import Store
    from compat.store.place import Where
    from compat.way.rested import Rested

__all__ = ["Attested", "add_signatures", "attest", "baseline_heads", "signed"]


@dataclass(frozen=True)
class Attested:
    """A verdict that was signed: what was claimed, the envelope's text, and its name in the store."""

    verdict: Verdict
    claims: Claims
    envelope: bytes
    name: str


def attest(
    store: Store,
    seal: Callable[[dict[str, Any]], bytes],
    valid: float,
    ring: str | None = None,
    plan: str | None = None,
    calibration: Where | None = None,
    now: datetime.datetime | None = None,
) -> Attested:
    """Sign the newest stored verdict of a ring for ``valid`` seconds, and keep the envelope beside it.

    ``seal`` makes an envelope of a statement. It is signed only if it stands: everything that it rests on is there, and
    judged again it says the same. UsageError where it does not, or where nothing was judged.
    """
    from compat.gate.claims import Claims
    from compat.gate.statement import verdict_statement
    from compat.store.attestations import put_attestation

    chosen, verdict, rested = _standing(store, ring, plan, calibration)
    claims = Claims.of(
        verdict,
        chosen,
        {one: digest(node) for one, node in rested.where.items()},
        baseline_heads(store, verdict, chosen),
        now or datetime.datetime.now(datetime.UTC),
        valid,
    )
    used = {(ran.arm, ran.runtime, ran.identity) for ran in rested.own}
    envelope = seal(verdict_statement(verdict, chosen, used, rested.identities, claims))
    return Attested(verdict, claims, envelope, put_attestation(store, digest(verdict), envelope))


def add_signatures(
    store: Store,
    cosign: Callable[[bytes], bytes],
    ring: str | None = None,
    plan: str | None = None,
    calibration: Where | None = None,
    now: datetime.datetime | None = None,
) -> Attested:
    """Sign what somebody else has signed: the newest envelope of a ring's newest verdict, if it is right and stands.

    UsageError where there is none, or where it says anything else than that verdict.
    """
    from compat.gate.attestation import Expected, check_statement, claims_of
    from compat.gate.envelope import payload
    from compat.store.attestations import attestations, put_attestation

    chosen, verdict, rested = _standing(store, ring, plan, calibration)
    there = [
        (claims, data) for data in attestations(store, digest(verdict)).values() if (claims := claims_of(payload(data)))
    ]
    if not there:
        what = f"has no envelope of verdict {digest(verdict)[:12]}"
        raise UsageError(store.where, what, "sign it first, without --add")
    claims, data = max(there, key=lambda one: (one[0].issued_at, len(one[1])))
    nodes = {one: digest(node) for one, node in rested.where.items()}
    expected = replace(Expected.of(verdict, chosen, baseline_heads(store, verdict, chosen)), nodes=nodes)
    wrong = check_statement(payload(data), expected, now or datetime.datetime.now(datetime.UTC))
    if wrong:
        raise UsageError("the envelope", wrong[0], "sign the verdict anew, without --add")
    envelope = cosign(data)
    return Attested(verdict, claims, envelope, put_attestation(store, digest(verdict), envelope))


def _standing(
    store: Store, ring: str | None, plan: str | None, calibration: Where | None
) -> tuple[Plan, Verdict, Rested]:
    """The newest verdict of a ring, with its plan and what it rests on. UsageError where it does not stand."""
    from compat.way.audit import look

    chosen = store.plan(plan)
    name = ring_of(chosen, ring)
    verdicts = store.verdicts(digest(chosen), name)
    if not verdicts:
        raise UsageError(store.where, f"has no verdict of ring {name}", "judge it first: compat judge, or compat gate")
    verdict = verdicts[-1]
    audited, rested = look(store, verdict, calibration=calibration)
    wrong = [check for check in audited.checks if check.stands is False]
    if wrong or rested is None:
        first = f": {wrong[0].what}: {wrong[0].said}" if wrong else ""
        raise UsageError(f"verdict {digest(verdict)[:12]}", f"does not stand{first}", "compat audit says why")
    return chosen, verdict, rested


def baseline_heads(store: Store, verdict: Verdict, plan: Plan) -> dict[str, str]:
    """The entry in force, by digest, of each baseline that says that what the verdict compares with is known-good.

    What the verdict's own upgrade was promoted to is not looked at: it was compared with what was there before.
    """
    from compat.gate.baselines import current, follows
    from compat.way.drifted import stack_on_nodes

    today = datetime.datetime.now(datetime.UTC).date()
    runtime = plan.runtimes.get(verdict.known_good.get("runtime", ""))
    found = {}
    for name in store.baselines():
        entries = [entry for entry in store.baseline(name).entries() if entry.plan != verdict.plan]
        entry = current(entries, today)
        if entry is not None and follows(
            entry, stack_on_nodes(store, verdict, verdict.known_good, entry.stack), runtime
        ):
            found[name] = digest(entry)
    return found


def signed(
    store: Store,
    verdicts: Iterable[tuple[str, Verdict]],
    plan: Plan,
    trusted: Sequence[Key],
    now: datetime.datetime | None = None,
    needed: int = 1,
) -> dict[str, tuple[str, ...]]:
    """By the digest of each of the plan's ``verdicts`` that has an envelope: why none is accepted now; or nothing.

    The digests are given, since verdicts may be without their comparisons. Where several are refused, it says why of
    one that is signed by who is trusted, if there is one.
    """
    from compat.gate.attestation import Expected, check_statement
    from compat.gate.envelope import opened
    from compat.store.attestations import attestations

    moment = now or datetime.datetime.now(datetime.UTC)
    found: dict[str, tuple[str, ...]] = {}
    for name, verdict in verdicts:
        expected = replace(Expected.of(verdict, plan, baseline_heads(store, verdict, plan)), verdict=name)
        refused: list[tuple[bool, tuple[str, ...]]] = []
        for envelope in attestations(store, name).values():
            one = opened(envelope, trusted, needed)
            reasons = one.reasons or check_statement(one.payload, expected, moment)
            if not reasons:
                found[name] = ()
                break
            refused.append((one.foreign, reasons))
        else:
            if refused:
                found[name] = min(refused)[1]
    return found
