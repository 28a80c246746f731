"""What an audit says of signatures: of a verdict, and of the entries of baselines that came of it."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from compat.errors import StoreError
from compat.model import Check, Decision, Node, Plan, Promotion, Verdict, digest
from compat.model.moments import zoned

if TYPE_CHECKING:
    from securesystemslib.signer import Key

    from compat.store import Store

__all__ = ["signatures"]


def signatures(
    store: Store, verdict: Verdict, plan: Plan, nodes: Mapping[str, Node], trusted: Sequence[Key] | None, needed: int
) -> list[Check]:
    """What an audit says of the signatures of a verdict, and of the baselines that it was promoted to.

    A signature is checked as of the day it was made: that it has expired since takes nothing from it.
    """
    from compat.store.attestations import attestations

    envelopes = attestations(store, digest(verdict))
    found = [
        Check("signature", False, f"{store.objects.address(name)}: is not what its name says: its content was changed")
        for name, data in envelopes.items()
        if digest(data) != name.rpartition("/")[2].removesuffix(".json")
    ]
    if trusted is None:
        if envelopes:
            found.append(
                Check("signature", None, f"{len(envelopes)} there, not checked: name keys that you trust (--trust)")
            )
    else:
        own = [_signature(data, verdict, plan, nodes, trusted, needed) for data in envelopes.values()]
        found += own
        if not any(check.stands for check in own):
            found.append(Check("signature", False, "no signature of this verdict is by a key that is trusted"))
    return found + _promotions(store, verdict, trusted, needed)


def _signature(
    data: bytes, verdict: Verdict, plan: Plan, nodes: Mapping[str, Node], trusted: Sequence[Key], needed: int
) -> Check:
    from compat.gate.attestation import Expected, check_statement, claims_of
    from compat.gate.envelope import opened
    from compat.gate.keyless import is_bundle

    if is_bundle(data):
        return Check("signature", None, "a keyless one, not checked here: compat verify-attestation --identity")
    found = opened(data, trusted, needed)
    if found.reasons:
        return Check("signature", None if found.foreign else False, found.reasons[0])
    claims = claims_of(found.payload)
    issued = None if claims is None else zoned(claims.issued_at)
    if claims is None or issued is None:
        return Check("signature", False, "it is no verdict of compat")
    wrong = list(check_statement(found.payload, Expected.of(verdict, plan), issued))
    changed = [name for name, node in nodes.items() if claims.nodes.get(name) not in (None, digest(node))]
    wrong += [f"node {name} is not as it was when it was signed" for name in changed]
    if wrong:
        return Check("signature", False, wrong[0])
    by = ", ".join(name[:12] for name in found.signers)
    return Check("signature", True, f"by {by} at {claims.issued_at}, valid until {claims.valid_until}")


def _promotions(store: Store, verdict: Verdict, trusted: Sequence[Key] | None, needed: int) -> list[Check]:
    """The entries of baselines that came of this verdict, and whether they say what it says."""
    found: list[Check] = []
    name = digest(verdict)
    try:
        entries = [entry for log in store.baselines() for entry in store.baseline(log).entries()]
    except StoreError as problem:
        return [Check("baseline", False, str(problem))]
    for entry in entries:
        if entry.action != "promote" or entry.verdict != name:
            continue
        pairs = (
            ("evidence", entry.evidence, verdict.evidence),
            ("matrix", entry.matrix_digest, verdict.matrix_digest),
            ("policy", entry.policy, digest(verdict.policy)),
            ("plan", entry.plan, verdict.plan),
            ("ring", entry.ring, verdict.ring),
        )
        wrong = [what for what, own, said in pairs if own != said]
        if entry.decision is Decision.GO and verdict.decision is not Decision.GO:
            wrong.append("decision")
        wrong += ["stack"] if entry.stack not in (verdict.candidate, verdict.known_good) else []
        why = f", by override: {entry.reason}" if entry.override else ""
        said = f"promoted to {entry.baseline}, entry {entry.number}, by {entry.by} at {entry.at}{why}"
        if wrong:
            found.append(Check("baseline", False, f"{said}; its {', '.join(wrong)} is not the verdict's"))
            continue
        found.append(_promotion(store, entry, said, trusted, needed))
    return found


def _promotion(store: Store, entry: Promotion, said: str, trusted: Sequence[Key] | None, needed: int) -> Check:
    """Whether an override is signed, as far as somebody asks."""
    from compat.gate.promotion import check_promotion

    if not entry.override:
        return Check("baseline", True, said)
    if trusted is None:
        return Check("baseline", None, f"{said}; its signature was not checked: name keys that you trust (--trust)")
    wrong = check_promotion(store, entry, trusted, datetime.datetime.now(datetime.UTC), needed)
    return Check("baseline", not wrong, f"{said}; {wrong[0]}" if wrong else f"{said}; signed")
