"""Whether a signed verdict is to be believed, here and now: offline, from the envelope and the keys that are trusted.

A signature alone says that somebody signed something once. ``check`` refuses what is not signed, was changed, is by
somebody else, is too old or from the future, and what belongs elsewhere: a verdict of another upgrade, ring or baseline
that is shown again.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from compat.gate.claims import Claims, read_claims
from compat.gate.envelope import opened
from compat.gate.statement import PREDICATE, RESULTS, STATEMENT
from compat.model import Decision, Plan, Stack, Verdict, digest
from compat.model.moments import zoned

if TYPE_CHECKING:
    from securesystemslib.signer import Key

__all__ = ["CLOCKS", "Expected", "check", "check_statement", "claims_of", "window"]

CLOCKS = 60.0  # seconds that the clocks of two machines may differ


@dataclass(frozen=True)
class Expected:
    """What a verifier asks for. What is None is not asked for, and a verdict with any other value of it passes."""

    verdict: str | None = None
    decision: Decision | None = None
    ring: str | None = None
    plan: str | None = None
    matrix_digest: str | None = None
    policy: str | None = None
    content: str | None = None
    evidence: str | None = None
    judge: str | None = None
    candidate: Stack | None = None
    known_good: Stack | None = None
    baselines: Mapping[str, str] | None = None
    nodes: Mapping[str, str] | None = None

    @classmethod
    def of(cls, verdict: Verdict, plan: Plan, baselines: Mapping[str, str] | None = None) -> Expected:
        """Exactly this verdict; and the baselines that are in force, where they are given."""
        return cls(
            verdict=digest(verdict),
            decision=verdict.decision,
            ring=verdict.ring,
            plan=verdict.plan,
            matrix_digest=verdict.matrix_digest,
            policy=digest(verdict.policy),
            content=digest(plan.content),
            evidence=verdict.evidence,
            judge=verdict.judge,
            candidate=verdict.candidate,
            known_good=verdict.known_good,
            baselines=baselines,
        )


def check(
    envelope: bytes, trusted: Sequence[Key], expected: Expected, now: datetime.datetime, needed: int = 1
) -> tuple[str, ...]:
    """Why a signed verdict is refused ``now`` (with a time zone); nothing where it is accepted.

    ``needed`` different keys of those ``trusted`` have to have signed it. Nothing of what an envelope says is looked at
    before its signatures are right.
    """
    found = opened(envelope, trusted, needed)
    return found.reasons or check_statement(found.payload, expected, now)


def check_statement(payload: bytes, expected: Expected, now: datetime.datetime) -> tuple[str, ...]:
    """Why the statement of a signature that is right is refused nevertheless."""
    found = _read(payload)
    if isinstance(found, str):
        return (found,)
    return (*_belongs(found, expected), *window(found.issued_at, found.valid_until, now))


def claims_of(payload: bytes) -> Claims | None:
    """The claims of a statement that is one of ours; None for any other."""
    found = _read(payload)
    return None if isinstance(found, str) else found


def window(issued_at: str, valid_until: str, now: datetime.datetime) -> tuple[str, ...]:
    """Why a statement does not hold ``now``; nothing where it does."""
    issued, until = zoned(issued_at), zoned(valid_until)
    if issued is None or until is None or until <= issued:
        return ("it does not say from when until when it is valid",)
    if issued > now + datetime.timedelta(seconds=CLOCKS):
        return (f"it was signed at {issued_at}, which is still to come: a clock is wrong, here or there",)
    if now > until:
        return (f"it was valid until {valid_until}: sign a verdict of now",)
    return ()


def _read(payload: bytes) -> Claims | str:
    """The claims of a statement of ours; else why it is none."""
    try:
        document: Any = json.loads(payload)
    except (ValueError, RecursionError):
        return "its payload is no JSON"
    if not isinstance(document, dict) or document.get("_type") != STATEMENT:
        return f"its payload is no statement of in-toto ({STATEMENT})"
    if document.get("predicateType") != PREDICATE:
        return f"it is no test result ({PREDICATE}): it says something else"
    claims = read_claims(document.get("predicate"))
    if claims is None:
        return "it is no verdict of compat, or of a version that this one does not read"
    results = {decision.value: result for decision, result in RESULTS.items()}
    if claims.decision not in results or document["predicate"].get("result") != results[claims.decision]:
        return "it contradicts itself: its result is not that of its decision"
    subjects = document.get("subject")
    listed = [one.get("digest") for one in subjects if isinstance(one, dict)] if isinstance(subjects, list) else []
    if {"sha256": claims.verdict} not in listed:
        return "it contradicts itself: its verdict is none of its subjects"
    return claims


_WORDS = {
    "verdict": "verdict",
    "decision": "decision",
    "ring": "ring",
    "plan": "plan",
    "matrix_digest": "matrix",
    "policy": "policy",
    "content": "content",
    "evidence": "evidence",
    "judge": "judge",
    "candidate": "candidate",
    "known_good": "known-good stack",
    "baselines": "baseline",
    "nodes": "state of the nodes",
}


def _belongs(claims: Claims, expected: Expected) -> list[str]:
    """What it is of, where something else was asked for."""
    found = []
    for name, word in _WORDS.items():
        asked, said = getattr(expected, name), getattr(claims, name)
        if asked is not None and said != (asked.value if isinstance(asked, Decision) else asked):
            found.append(f"it is of another {word}: {_shown(said)}, and {_shown(asked)} was asked for")
    return found


def _shown(value: Any) -> str:
    """A value in a sentence: digests by their beginning, stacks as ``axis value``."""
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_shown(one)}" for name, one in sorted(value.items())) or "none"
    text = str(value.value if isinstance(value, Decision) else value)
    return ascii(text[:12] if len(text) == 64 else text)[1:-1] or "none"
