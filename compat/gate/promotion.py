"""Promotions that are signed: who made a stack known-good without its being GO has to stand by it with a key.

The statement is of in-toto, with a predicate of ours: the entry of the baseline's log as it is. An entry names the one
before it by digest, so a signature holds for one place in one log.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from compat.gate.attestation import CLOCKS
from compat.gate.envelope import opened, seal
from compat.gate.statement import STATEMENT, descriptor, statement
from compat.model import Promotion, digest, plain
from compat.model.moments import zoned
from compat.store.attestations import attestations, put_attestation

if TYPE_CHECKING:
    from securesystemslib.signer import Key, Signer

    from compat.store import Store

__all__ = ["PROMOTION", "check_promotion", "check_promotion_envelope", "sign_promotion"]

PROMOTION = "urn:gpu-compat:promotion:1"


def sign_promotion(store: Store, promotion: Promotion, signers: Sequence[Signer]) -> str:
    """Sign an entry of a baseline's log, and keep the signature; its name in the store.

    It is signed before it is appended: of an entry that came to nothing a signature may be left, which harms nobody,
    and an override without one is refused by ``check_promotion``.
    """
    return put_attestation(store, digest(promotion), seal(_statement(promotion), signers))


def check_promotion(
    store: Store, promotion: Promotion, trusted: Sequence[Key], now: datetime.datetime, needed: int = 1
) -> tuple[str, ...]:
    """Why no signature in the store bears the entry out; nothing where one does."""
    found = attestations(store, digest(promotion))
    if not found:
        return ("it is not signed",)
    reasons: tuple[str, ...] = ()
    for envelope in found.values():
        reasons = check_promotion_envelope(envelope, trusted, promotion, now, needed)
        if not reasons:
            return ()
    return reasons


def check_promotion_envelope(
    envelope: bytes, trusted: Sequence[Key], promotion: Promotion, now: datetime.datetime, needed: int = 1
) -> tuple[str, ...]:
    """Why a signed promotion is refused ``now`` (with a time zone) as one of this entry; nothing where it is accepted.

    It does not expire: it says what was done. When it ends, the entry itself says.
    """
    found = opened(envelope, trusted, needed)
    if found.reasons:
        return found.reasons
    try:
        document: Any = json.loads(found.payload)
    except (ValueError, RecursionError):
        return ("its payload is no JSON",)
    if not isinstance(document, dict) or document.get("_type") != STATEMENT:
        return (f"its payload is no statement of in-toto ({STATEMENT})",)
    if document.get("predicateType") != PROMOTION:
        return (f"it is of no promotion ({PROMOTION}): it says something else",)
    if document != _statement(promotion):
        return ("it is of another promotion, or the promotion was changed",)
    at = zoned(promotion.at)
    if at is None or at > now + datetime.timedelta(seconds=CLOCKS):
        return (f"it is of {promotion.at}, which is still to come: a clock is wrong, here or there",)
    return ()


def _statement(promotion: Promotion) -> dict[str, Any]:
    name = f"baseline:{promotion.baseline}:{promotion.number}"
    rests = (("verdict", promotion.verdict), ("evidence", promotion.evidence), ("plan", promotion.plan))
    subject = [descriptor(name, digest(promotion))]
    subject += [descriptor(word, value) for word, value in rests if value]
    return statement(subject, PROMOTION, {"override": promotion.override, "promotion": plain(promotion)})
