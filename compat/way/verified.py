"""An envelope from anywhere, checked against what somebody asks for in words or by a store."""

from __future__ import annotations

import datetime
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from compat.errors import UsageError
from compat.files import files_digest
from compat.model import digest
from compat.way.conclude import open_store
from compat.way.options import ring_of
from compat.way.signed import baseline_heads

if TYPE_CHECKING:
    from compat.gate.attestation import Expected
    from compat.gate.claims import Claims
    from compat.gate.envelope import Opened
    from compat.store.place import Where

__all__ = ["Answer", "Asked", "verified"]

_DIGEST = 64  # hex digits


@dataclass(frozen=True)
class Asked:
    """What an envelope has to be of. What is not given is not asked for."""

    store: Where | None = None
    ring: str | None = None
    plan: str | None = None
    matrix: Path | None = None
    candidate: tuple[str, ...] = ()
    baselines: tuple[str, ...] = ()


@dataclass(frozen=True)
class Answer:
    """Whether an envelope is accepted, and lines for people."""

    accepted: bool
    lines: tuple[str, ...]


def verified(found: Opened, asked: Asked, now: datetime.datetime | None = None) -> Answer:
    """What to say of an envelope whose signatures were looked at. UsageError for words that mean nothing."""
    from compat.gate.attestation import check_statement, claims_of

    expected = _expected(asked)
    if found.reasons:
        return Answer(False, tuple(f"refused: {why}" for why in found.reasons))
    reasons = check_statement(found.payload, expected, now or datetime.datetime.now(datetime.UTC))
    if reasons:
        return Answer(False, tuple(f"refused: {why}" for why in reasons))
    claims = claims_of(found.payload)
    return Answer(True, () if claims is None else _lines(claims, found, asked))


def _expected(asked: Asked) -> Expected:
    from compat.gate.attestation import Expected

    expected = Expected(ring=asked.ring)
    if asked.store is not None:
        store = open_store(asked.store)
        plan = store.plan(asked.plan)
        ring = ring_of(plan, asked.ring)
        verdicts = store.verdicts(digest(plan), ring)
        if not verdicts:
            raise UsageError(store.where, f"has no verdict of ring {ring}", "judge it first: compat judge")
        expected = Expected.of(verdicts[-1], plan, baseline_heads(store, verdicts[-1], plan))
    elif asked.plan is not None:
        if len(asked.plan) != _DIGEST:
            raise UsageError("--plan", "has to be the whole digest", "give its 64 hex digits, or name a --store")
        expected = replace(expected, plan=asked.plan)
    if asked.matrix is not None:
        try:  # whatever is in it: it is the one that was planned, to the byte, or another one
            expected = replace(expected, matrix_digest=files_digest(asked.matrix))
        except OSError as problem:
            raise UsageError(str(asked.matrix), f"cannot be read: {problem.strerror}", "name a matrix file") from None
    if asked.candidate:
        expected = replace(expected, candidate=_pairs("--candidate", asked.candidate))
    if asked.baselines:
        expected = replace(expected, baselines=_pairs("--baseline", asked.baselines))
    return expected


def _pairs(option: str, words: tuple[str, ...]) -> dict[str, str]:
    for word in words:
        if "=" not in word:
            raise UsageError(option, f"{word!r} is not NAME=VALUE", "write for example runtime=torch-2.11")
    return dict(word.split("=", 1) for word in words)


def _lines(claims: Claims, found: Opened, asked: Asked) -> tuple[str, ...]:
    stacks = (claims.known_good, claims.candidate)
    good, new = (", ".join(f"{axis} {value}" for axis, value in sorted(stack.items())) for stack in stacks)
    lines = [
        f"accepted: {claims.decision} {claims.matrix} ring {claims.ring}",
        f"  from {good} to {new}",
        f"  verdict {claims.verdict}, judged at {claims.judged_at}",
        f"  signed at {claims.issued_at} by {', '.join(found.signers)}, valid until {claims.valid_until}",
    ]
    lines += [f"  baseline {name}: {entry}" for name, entry in sorted(claims.baselines.items())]
    if asked == Asked():
        lines.append(
            "  nobody asked which upgrade it has to be of (--store, --ring, --plan): an old one passes as well"
        )
    return tuple(lines)
