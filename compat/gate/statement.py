"""A verdict as an in-toto statement: a test result over the digests of what was tested, and of what it rests on.

https://github.com/in-toto/attestation/blob/main/spec/v1/statement.md and spec/predicates/test-result.md. Every subject
has a sha256 and a name that says what it is. What is no file is the sha256 of its canonical JSON, a driver's version
that of its text.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from compat.gate.claims import MEMBER, Claims
from compat.model import ACCEPTED, FINE, Arm, Decision, Identity, Plan, Status, Verdict, digest, plain

__all__ = ["PREDICATE", "RESULTS", "STATEMENT", "descriptor", "statement", "verdict_statement"]

STATEMENT = "https://in-toto.io/Statement/v1"
PREDICATE = "https://in-toto.io/attestation/test-result/v0.1"
RESULTS = {Decision.GO: "PASSED", Decision.HOLD: "WARNED", Decision.NO_GO: "FAILED"}
_IMAGE = re.compile(r"(?:.*@)?sha256:([0-9a-f]{64})")


def statement(
    subject: Iterable[Mapping[str, Any]], predicate_type: str, predicate: Mapping[str, Any]
) -> dict[str, Any]:
    """A statement of in-toto about these descriptors, each of them once."""
    once = {one["name"]: dict(one) for one in subject}
    return {
        "_type": STATEMENT,
        "subject": list(once.values()),
        "predicateType": predicate_type,
        "predicate": dict(predicate),
    }


def descriptor(name: str, sha256: str, **annotations: Any) -> dict[str, Any]:
    """A ResourceDescriptor of in-toto."""
    found: dict[str, Any] = {"name": name, "digest": {"sha256": sha256}}
    return {**found, "annotations": annotations} if annotations else found


def verdict_statement(
    verdict: Verdict,
    plan: Plan,
    used: Collection[tuple[Arm, str, str]],
    identities: Mapping[str, Identity],
    claims: Claims,
) -> dict[str, Any]:
    """The statement of a verdict. ``used``: each arm, runtime and identity of its evidence; ``identities`` by digest.

    Subjects are the candidate and what judged it: its images and drivers, what its runtimes are, the matrix, the plan,
    the evidence, the known-good stack and its baseline, and the verdict itself. Images of the known-good arm are
    configuration, since the result is not theirs.
    """
    candidate = [*_arm(Arm.CANDIDATE, used, identities), *_stated(plan, verdict.candidate)]
    known_good = [*_arm(Arm.KNOWN_GOOD, used, identities), *_stated(plan, verdict.known_good)]
    matrix = descriptor(f"matrix:{verdict.matrix}", verdict.matrix_digest)
    good = descriptor("known-good", digest(verdict.known_good), **verdict.known_good)
    baselines = [descriptor(f"baseline:{name}", entry) for name, entry in sorted(claims.baselines.items())]
    subject = [
        descriptor("candidate", digest(verdict.candidate), **verdict.candidate),
        *candidate,
        good,
        *baselines,
        matrix,
        descriptor("plan", verdict.plan),
        descriptor("evidence", verdict.evidence),
        descriptor(f"verdict:{verdict.ring}", claims.verdict),
    ]
    policy = descriptor("policy", claims.policy)
    once = {one["name"]: one for one in (matrix, policy, good, *baselines, *known_good)}
    predicate = {
        "result": RESULTS[verdict.decision],
        "configuration": list(once.values()),
        **_tests(verdict),
        MEMBER: plain(claims),
    }
    return statement(subject, PREDICATE, predicate)


def _arm(arm: Arm, used: Collection[tuple[Arm, str, str]], identities: Mapping[str, Identity]) -> list[dict[str, Any]]:
    """What an arm was: its images, as registries and the engine name them, its drivers, and its runtimes."""
    found = []
    for runtime, name in sorted({(runtime, name) for of, runtime, name in used if of is arm}):
        identity = identities.get(name)
        if identity is None:
            continue
        images = ((image, _IMAGE.fullmatch(image)) for image in (*identity.image_digests, identity.image))
        found += [descriptor(f"image:{image}", known[1], runtime=runtime) for image, known in images if known]
        if identity.driver_version is not None:
            found.append(descriptor(f"driver:{identity.driver_version}", digest(identity.driver_version)))
        found.append(descriptor(f"runtime:{runtime}:{name[:16]}", name))
    return found


def _stated(plan: Plan, stack: Mapping[str, str]) -> list[dict[str, Any]]:
    """What the matrix states of a side: the driver, and the image of a runtime that is given by its digest."""
    found = []
    if "driver" in stack:
        found.append(descriptor(f"driver:{stack['driver']}", digest(stack["driver"])))
    runtime = plan.runtimes.get(stack.get("runtime", ""))
    if runtime is not None and runtime.image is not None and (known := _IMAGE.fullmatch(runtime.image)) is not None:
        found.append(descriptor(f"image:{runtime.image}", known[1], runtime=runtime.name))
    return found


def _tests(verdict: Verdict) -> dict[str, list[str]]:
    """The required items by how they came out: one that is worse failed, one that is open or accepted is a warning."""
    worst: dict[str, int] = {}
    for one in verdict.comparisons:
        if one.required:
            rank = 2 if one.status is Status.REGRESS else int(one.status not in FINE - ACCEPTED)
            worst[one.item] = max(worst.get(one.item, 0), rank)
    names = ("passedTests", "warnedTests", "failedTests")
    return {name: sorted(item for item, rank in worst.items() if rank == at) for at, name in enumerate(names)}
