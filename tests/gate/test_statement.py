from __future__ import annotations

import json
from dataclasses import replace

import pytest
from google.protobuf import json_format
from in_toto_attestation.predicates.test_result.v0 import test_result_pb2
from in_toto_attestation.v1 import statement_pb2
from in_toto_attestation.v1.resource_descriptor import ResourceDescriptor
from in_toto_attestation.v1.statement import Statement

from compat.gate.envelope import payload
from compat.gate.statement import PREDICATE, STATEMENT, verdict_statement
from compat.model import Decision, Status, digest
from tests.gate.build import BASELINES, IDENTITY, IMAGE, RUNS, VERDICT, claims, envelope, statement, used
from tests.store import build


def names(found: dict) -> dict[str, str]:
    return {one["name"]: one["digest"]["sha256"] for one in found}


@pytest.mark.parametrize("decision", Decision)
def test_in_toto_s_own_library_validates_it(decision: Decision) -> None:
    verdict = replace(VERDICT, decision=decision)
    text = payload(envelope(verdict=verdict))
    parsed = json_format.Parse(text, statement_pb2.Statement())
    Statement.copy_from_pb(parsed).validate()
    predicate = json.loads(text)["predicate"]
    ours = predicate.pop("gpu_compat")
    result = json_format.ParseDict(predicate, test_result_pb2.TestResult())  # refuses what it does not know
    assert result.result == {"GO": "PASSED", "HOLD": "WARNED", "NO-GO": "FAILED"}[decision.value]
    assert ours["decision"] == decision.value
    for one in result.configuration:
        ResourceDescriptor.copy_from_pb(one).validate()


def test_subjects_are_the_candidate_and_what_it_was_judged_by() -> None:
    found = statement()
    assert (found["_type"], found["predicateType"]) == (STATEMENT, PREDICATE)
    subjects = names(found["subject"])
    assert len(subjects) == len(found["subject"])
    assert subjects == {
        "candidate": digest(VERDICT.candidate),
        f"image:{IMAGE}": "1" * 64,
        f"image:sha256:{'c' * 64}": "c" * 64,
        "driver:570.1": digest("570.1"),
        f"runtime:new:{digest(IDENTITY)[:16]}": digest(IDENTITY),
        "known-good": digest(VERDICT.known_good),
        "baseline:h100": BASELINES["h100"],
        "matrix:matrix": VERDICT.matrix_digest,
        "plan": VERDICT.plan,
        "evidence": VERDICT.evidence,
        "verdict:canary": digest(VERDICT),
    }


def test_configuration_is_the_matrix_and_what_was_compared_with() -> None:
    found = statement()["predicate"]
    configuration = names(found["configuration"])
    assert configuration.keys() >= {"matrix:matrix", "policy", "known-good", "baseline:h100", f"image:{IMAGE}"}
    assert configuration["policy"] == digest(VERDICT.policy)


def test_an_image_of_the_known_good_arm_is_no_subject() -> None:
    """A result is of its subjects: who asks about the old image must not read that it passed."""
    old = replace(IDENTITY, image="", image_digests=(f"registry.example/torch@sha256:{'2' * 64}",))
    runs = [replace(run, identity=digest(old)) if run.arm.value == "known_good" else run for run in RUNS]
    identities = {digest(one): one for one in (old, IDENTITY)}
    found = verdict_statement(VERDICT, build.PLAN, used(runs), identities, claims())
    assert "2" * 64 not in names(found["subject"]).values()
    assert "2" * 64 in names(found["predicate"]["configuration"]).values()


def test_what_the_matrix_states_counts_where_nothing_was_read() -> None:
    candidate = {"runtime": "new", "driver": "580.95.05"}
    plan = replace(
        build.PLAN, runtimes={**build.PLAN.runtimes, "new": replace(build.PLAN.runtimes["new"], image=IMAGE)}
    )
    found = verdict_statement(replace(VERDICT, candidate=candidate), plan, [], {}, claims())
    subjects = names(found["subject"])
    assert subjects["driver:580.95.05"] == digest("580.95.05")
    assert subjects[f"image:{IMAGE}"] == "1" * 64


@pytest.mark.parametrize(
    ("status", "place"),
    [
        (Status.PASS, "passedTests"),
        (Status.FIXED, "passedTests"),
        (Status.WAIVED, "warnedTests"),
        (Status.UNCOVERED, "warnedTests"),
        (Status.INCONCLUSIVE, "warnedTests"),
        (Status.MISSING, "warnedTests"),
        (Status.INVALID, "warnedTests"),
        (Status.REGRESS, "failedTests"),
    ],
)
def test_a_case_is_as_good_as_its_worst_comparison(status: Status, place: str) -> None:
    one = replace(build.COMPARISON, required=True, status=Status.PASS)
    verdict = replace(VERDICT, comparisons=(one, replace(one, metric="memory", status=status), one))
    found = statement(verdict)["predicate"]
    lists = {name: found[name] for name in ("passedTests", "warnedTests", "failedTests")}
    assert lists == {**{key: [] for key in lists}, place: [one.item]}


def test_sigstore_s_library_takes_the_statement() -> None:
    from sigstore.dsse import Statement as SigstoreStatement

    assert SigstoreStatement(payload(envelope())) is not None  # it refuses what is not of its model
