"""What a signed verdict claims, beside what in-toto's test result has: enough to refuse it where it does not belong.

It is the member ``gpu_compat`` of the predicate. Verifiers that do not know it may leave it aside; ours ask for it.
"""

from __future__ import annotations

import datetime
import functools
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from compat.model import Plan, Stack, Verdict, digest

if TYPE_CHECKING:
    from pydantic import TypeAdapter

__all__ = ["CLAIMS_VERSION", "MEMBER", "Claims", "read_claims"]

CLAIMS_VERSION = 1
MEMBER = "gpu_compat"


@dataclass(frozen=True)
class Claims:
    """Of which verdict the statement is, from when until when it holds, and all that the verdict rests on, by digest.

    Moments are UTC, ISO 8601. ``baselines`` has, by name, the entry that was in force, of those whose stack the verdict
    compares with. ``nodes`` has the digest of each node's document.
    """

    schema_version: int
    issued_at: str
    valid_until: str
    verdict: str
    decision: str
    ring: str
    matrix: str
    matrix_digest: str
    plan: str
    policy: str
    content: str
    evidence: str
    judge: str
    compat_version: str
    judged_at: str
    candidate: Stack
    known_good: Stack
    baselines: dict[str, str] = field(default_factory=dict)
    nodes: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        verdict: Verdict,
        plan: Plan,
        nodes: dict[str, str],
        baselines: dict[str, str],
        issued: datetime.datetime,
        valid: float,
    ) -> Claims:
        """What is claimed of a verdict for ``valid`` seconds from ``issued`` on, which has a time zone."""
        issued = issued.astimezone(datetime.UTC).replace(microsecond=0)
        return cls(
            schema_version=CLAIMS_VERSION,
            issued_at=issued.isoformat(),
            valid_until=(issued + datetime.timedelta(seconds=valid)).isoformat(),
            verdict=digest(verdict),
            decision=verdict.decision.value,
            ring=verdict.ring,
            matrix=verdict.matrix,
            matrix_digest=verdict.matrix_digest,
            plan=verdict.plan,
            policy=digest(verdict.policy),
            content=digest(plan.content),
            evidence=verdict.evidence,
            judge=verdict.judge,
            compat_version=verdict.compat_version,
            judged_at=verdict.judged_at,
            candidate=verdict.candidate,
            known_good=verdict.known_good,
            baselines=baselines,
            nodes=nodes,
        )


def read_claims(predicate: Any) -> Claims | None:
    """The claims of a predicate; None where they are not there, not whole, or of another version."""
    from pydantic import ValidationError

    if not isinstance(predicate, dict):
        return None
    try:
        claims = _adapter().validate_json(json.dumps(predicate.get(MEMBER)), strict=True)
    except (ValidationError, RecursionError):
        return None
    return claims if claims.schema_version == CLAIMS_VERSION else None


@functools.cache
def _adapter() -> TypeAdapter[Claims]:
    from pydantic import TypeAdapter

    return TypeAdapter(Claims)
