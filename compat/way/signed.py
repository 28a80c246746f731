"""Signatures of what a store holds: making them, and asking which verdicts have one that is to be believed."""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from compat.errors import UsageError
from compat.model import Plan, Verdict, canonical, digest
from compat.model.moments import zoned
from compat.way.options import ring_of

if TYPE_CHECKING:
    from securesystemslib.signer import Key

    from compat.gate.claims import Claims
    from compat.store import Store
    from compat.store.place import Where
    from compat.way.rested import Rested

__all__ = ["Attested", "add_signatures", "attest", "baseline_heads", "signed"]

_NEVER = datetime.datetime.min.replace(tzinfo=datetime.UTC)


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
    from compat.store.attestations import put_attestation

    standing = _standing(store, ring, plan, calibration)
    claims, said = standing.statement(now or datetime.datetime.now(datetime.UTC), valid)
    envelope = seal(said)
    return Attested(standing.verdict, claims, envelope, put_attestation(store, digest(standing.verdict), envelope))


def add_signatures(
    store: Store,
    cosign: Callable[[bytes], bytes],
    valid: float,
    ring: str | None = None,
    plan: str | None = None,
    calibration: Where | None = None,
    now: datetime.datetime | None = None,
) -> Attested:
    """Sign what somebody else has signed: the newest envelope that says of a ring's newest verdict what we would say.

    Who may write into a store may have put anything there, so nothing of an envelope is taken but its two moments:
    the rest has to be the very text that would be signed here. It may be believed for ``valid`` seconds at most.
    UsageError where there is no such envelope, with what is wrong with the newest of those that there are.
    """
    from compat.gate.attestation import claims_of
    from compat.gate.envelope import payload
    from compat.store.attestations import attestations, put_attestation

    standing = _standing(store, ring, plan, calibration)
    name = digest(standing.verdict)
    there = [(claims, data) for data in attestations(store, name).values() if (claims := claims_of(payload(data)))]
    if not there:
        what = f"has no envelope of verdict {name[:12]}"
        raise UsageError(store.where, what, "sign it first, without --add")
    there.sort(key=lambda one: (zoned(one[0].issued_at) or _NEVER, len(one[1])), reverse=True)
    moment = now or datetime.datetime.now(datetime.UTC)
    wrong = ""
    for claims, data in there:
        said = standing.other_than(payload(data), claims, valid, moment)
        if not said:
            envelope = cosign(data)
            return Attested(standing.verdict, claims, envelope, put_attestation(store, name, envelope))
        wrong = wrong or said
    raise UsageError("the envelope", wrong, "sign the verdict anew, without --add")


@dataclass(frozen=True)
class _Standing:
    """A verdict that stands, with its plan, what it rests on, and the baselines in force now, by the digest of each."""

    plan: Plan
    verdict: Verdict
    rested: Rested
    baselines: dict[str, str]

    def statement(self, issued: datetime.datetime, valid: float) -> tuple[Claims, dict[str, Any]]:
        """All that is signed of it at a moment, for so many seconds."""
        from compat.gate.claims import Claims
        from compat.gate.statement import verdict_statement

        claims = Claims.of(self.verdict, self.plan, self._nodes(), self.baselines, issued, valid)
        used = {(ran.arm, ran.runtime, ran.identity) for ran in self.rested.own}
        return claims, verdict_statement(self.verdict, self.plan, used, self.rested.identities, claims)

    def other_than(self, payload: bytes, claims: Claims, valid: float, now: datetime.datetime) -> str:
        """Why a statement with these claims is not what would be signed here; empty where it is, byte by byte."""
        from compat.gate.attestation import Expected, check_statement

        expected = replace(Expected.of(self.verdict, self.plan, self.baselines), nodes=self._nodes())
        if wrong := check_statement(payload, expected, now):
            return wrong[0]
        issued, until = zoned(claims.issued_at), zoned(claims.valid_until)
        if issued is None or until is None or until - issued > datetime.timedelta(seconds=valid):
            return f"it is valid from {claims.issued_at} to {claims.valid_until}, for longer than --valid says"
        _, own = self.statement(issued, (until - issued).total_seconds())
        if payload == canonical(own).encode():
            return ""
        parts = ", ".join(_apart(json.loads(payload), own)) or "more than that"
        return f"it says something else than the verdict: {parts}"

    def _nodes(self) -> dict[str, str]:
        return {one: digest(node) for one, node in self.rested.where.items()}


def _apart(said: Any, own: Mapping[str, Any]) -> list[str]:
    """The parts that something else is said of, by their names in ``own``."""
    found = []
    for name, value in own.items():
        other = said.get(name) if isinstance(said, dict) else None
        if isinstance(value, dict):
            found += _apart(other, value)
        elif other != value:
            found.append(name)
    return found


def _standing(store: Store, ring: str | None, plan: str | None, calibration: Where | None) -> _Standing:
    """The newest verdict of a ring. UsageError where it does not stand."""
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
    return _Standing(chosen, verdict, rested, baseline_heads(store, verdict, chosen))


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
