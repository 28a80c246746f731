"""Keys, a verdict with its plan and evidence, and what is signed of it."""

from __future__ import annotations

import datetime
from dataclasses import replace
from typing import Any

from securesystemslib.signer import CryptoSigner, SSlibKey

from compat.gate.attestation import Expected
from compat.gate.claims import Claims
from compat.gate.envelope import seal
from compat.gate.statement import verdict_statement
from compat.model import SCHEMA_VERSION, Arm, Decision, Evidence, Promotion, Verdict, digest
from tests.store import build

NOW = datetime.datetime(2026, 11, 29, 12, 0, tzinfo=datetime.UTC)
DAY = 86400.0
ANN, BEN, EVE = (CryptoSigner.generate_ed25519() for _ in range(3))
BASELINES = {"h100": digest("an entry")}
IMAGE = f"registry.example/torch@sha256:{'1' * 64}"
IDENTITY = replace(build.IDENTITY, image_digests=(IMAGE,))
RUNS = [build.evidence(identity=digest(IDENTITY), pair=pair, arm=arm) for pair in (1, 2) for arm in Arm]
VERDICT = replace(build.VERDICT, decision=Decision.GO, evidence=digest(sorted(map(digest, RUNS))), judge="a" * 64)
EXPECTED = Expected.of(VERDICT, build.PLAN, BASELINES)
PROMOTION = Promotion(
    schema_version=SCHEMA_VERSION,
    baseline="h100",
    number=3,
    previous=digest("the one before"),
    action="promote",
    by="ann",
    at="2026-11-29T11:00:00+00:00",
    stack=VERDICT.candidate,
    plan=VERDICT.plan,
    ring=VERDICT.ring,
    verdict=digest(VERDICT),
    decision=Decision.HOLD,
    evidence=VERDICT.evidence,
    matrix_digest=VERDICT.matrix_digest,
    policy=digest(VERDICT.policy),
    nodes={"n1": digest(build.NODE)},
    reason="the old one has a security problem",
)


def used(runs: list[Evidence]) -> set[tuple[Arm, str, str]]:
    return {(run.arm, run.runtime, run.identity) for run in runs}


def public(*signers: CryptoSigner) -> list[SSlibKey]:
    return [signer.public_key for signer in signers]


def claims(verdict: Verdict = VERDICT, issued: datetime.datetime = NOW, valid: float = DAY, **changes: Any) -> Claims:
    nodes = {"n1": digest(build.NODE)}
    return replace(Claims.of(verdict, build.PLAN, nodes, BASELINES, issued, valid), **changes)


def statement(verdict: Verdict = VERDICT, **changes: Any) -> dict[str, Any]:
    found = claims(verdict, **changes)
    return verdict_statement(verdict, build.PLAN, used(RUNS), {digest(IDENTITY): IDENTITY}, found)


def envelope(*signers: CryptoSigner, **changes: Any) -> bytes:
    return seal(statement(**changes), signers or [ANN])
