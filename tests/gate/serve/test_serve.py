"""``compat serve`` as those see it who ask: what it answers to GO, NO-GO and HOLD."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import jsonschema
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from compat.model import Decision
from compat.paths import content_folder
from tests.gate.serve.serving import Serving, serving
from tests.gate.stores import upgrade, write_verdict

PAYLOAD = {"name": "podinfo", "namespace": "test", "phase": "Progressing", "metadata": {"ring": "canary"}}
SCHEMA = json.loads((content_folder("reports") / "gate.schema.json").read_text())
DECISIONS = {"sure": Decision.GO, "worse": Decision.NO_GO, "open": Decision.HOLD}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """Three matrices, whose ring canary is GO, NO-GO and HOLD."""
    folder = tmp_path_factory.mktemp("served")
    for name, decision in DECISIONS.items():
        store, plan = upgrade(folder / "store", name=name)
        write_verdict(store, plan, decision)
    with serving(folder / "store", folder) as found:
        yield found
        assert found.said() == []


def document(answer: httpx.Response) -> dict[str, Any]:
    """The document of an answer, which is what its schema says."""
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/json"
    found: dict[str, Any] = answer.json()
    jsonschema.Draft202012Validator(SCHEMA).validate(found)
    return found


@pytest.mark.parametrize(("matrix", "decision"), DECISIONS.items())
def test_a_web_metric_has_a_field_for_success_and_one_for_failure(
    served: Serving, matrix: str, decision: Decision
) -> None:
    found = document(served.client.get(f"/v1/{matrix}/rings/canary"))
    success, failure = found["decision"] == "GO", found["decision"] == "NO-GO"
    assert (success, failure) == (decision is Decision.GO, decision is Decision.NO_GO)  # HOLD: neither
    assert found["verdict"] == decision.value
    assert found["nodes"] == ["gpu-1"]
    assert sum(found["counts"].values()) == 1
    assert found["digests"]["plan"] in served.client.get(f"/v1/{matrix}/rings/early").text


def test_a_ring_after_another_one_waits_for_it(served: Serving) -> None:
    early = document(served.client.get("/v1/worse/rings/early"))
    assert (early["decision"], early["entered"], early["verdict"]) == ("HOLD", "HOLD", None)
    assert early["reasons"][0].startswith("ring canary, which comes before it, is NO-GO: ")
    may = document(served.client.get("/v1/sure/rings/early?enter=1"))
    assert (may["decision"], may["asked"], may["reasons"]) == ("GO", "enter", [])
    may_not = document(served.client.get("/v1/worse/rings/early?enter=1"))
    assert (may_not["decision"], may_not["exit_code"]) == ("HOLD", 10)


@pytest.mark.parametrize(("matrix", "decision"), DECISIONS.items())
def test_flagger_goes_on_for_go_and_rolls_back_for_no_go_alone(
    served: Serving, matrix: str, decision: Decision
) -> None:
    gate = served.client.post(f"/flagger/{matrix}/canary", json=PAYLOAD)
    assert gate.status_code == (200 if decision is Decision.GO else 409)
    assert gate.json() == {"decision": decision.value}
    back = served.client.post(f"/flagger-rollback/{matrix}/canary", json=PAYLOAD)
    assert back.status_code == (200 if decision is Decision.NO_GO else 409)
    assert back.json() == {"decision": decision.value}


@pytest.mark.parametrize("path", ["/flagger/sure/canary", "/flagger-rollback/worse/canary"])
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"GO",
        b"null",
        b"[]",
        b"{}",
        b'"name"',
        b'{"name": "a", "namespace": "b"}',
        b'{"name": "", "namespace": "b", "phase": "c"}',
        b'{"name": 1, "namespace": "b", "phase": "c"}',
        b'{"name": "a", "namespace": "b", "phase": "c", "metadata": []}',
        b'{"name": "a", "namespace": "b", "phase": "c", "metadata": [1]}',
        b'{"name": "a", "namespace": "b", "phase": "c", "metadata": {"a": 1}}',
        b'{"name": "%s", "namespace": "b", "phase": "c"}' % (b"a" * 300),
        b"[" * 30_000,
        b"\xff\xfe\x00",
        b'{"name": "a", "namespace": "b", "phase": "c"',
    ],
)
def test_a_body_that_is_none_of_flaggers_is_never_success(served: Serving, path: str, body: bytes) -> None:
    found = served.client.post(path, content=body)
    assert (found.status_code, found.content) == (400, b"")


def test_what_flagger_adds_to_its_payload_by_now_is_taken(served: Serving) -> None:
    more = {**PAYLOAD, "checksum": "85d557f47b", "buildId": "1", "failedChecks": 0, "canaryWeight": 50}
    assert served.client.post("/flagger/sure/canary", json=more).status_code == 200
    assert served.client.post("/flagger/sure/canary", json={**PAYLOAD, "metadata": None}).status_code == 200


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/v1/sure/rings/nope", 404),
        ("/v1/nope/rings/canary", 404),
        ("/v1/sure/rings/canary/", 404),
        ("/v1/sure/rings/", 404),
        ("/v1/../rings/canary", 404),
        ("/v1/sure%2Frings/rings/canary", 404),
        ("/flagger/sure/canary", 404),  # it is posted to
        ("/docs", 404),
        ("/", 404),
        ("/v1/sure/rings/canary?enter=yes", 400),
        ("/v1/sure/rings/canary?plan=../..", 400),
        ("/v1/sure/rings/canary?force=1", 400),
        ("/v1/sure/rings/canary?plan=", 400),
        ("/v1/sure/rings/canary?enter=0&enter=1", 400),
        ("/v1/sure/rings/canary?enter=1&enter=1", 400),
        (f"/v1/sure/rings/canary?plan={'0' * 64}", 404),
    ],
)
def test_what_there_is_not_is_said_with_nothing_more(served: Serving, path: str, status: int) -> None:
    found = served.client.get(path)
    assert (found.status_code, found.content) == (status, b"")


def test_the_hooks_of_a_ring_that_is_not_there_halt_and_do_not_roll_back(served: Serving) -> None:
    for path in ("/flagger/sure/nope", "/flagger-rollback/nope/canary", "/flagger-rollback/worse/nope"):
        assert served.client.post(path, json=PAYLOAD).status_code == 404


def test_a_plan_can_be_named(served: Serving) -> None:
    name = document(served.client.get("/v1/sure/rings/canary"))["digests"]["plan"]
    assert document(served.client.get(f"/v1/sure/rings/canary?plan={name[:12]}"))["decision"] == "GO"
    assert served.client.get(f"/v1/worse/rings/canary?plan={name[:12]}").status_code == 404


def test_metrics_are_openmetrics(served: Serving) -> None:
    found = served.client.get("/metrics")
    assert found.headers["content-type"] == "application/openmetrics-text; version=1.0.0; charset=utf-8"
    families = {family.name: family for family in text_string_to_metric_families(found.text)}
    said = {
        (one.labels["matrix"], one.labels["ring"]): one.labels["decision"]
        for one in families["compat_gate_decision"].samples
        if one.value == 1
    }
    assert said == {
        **{(name, "canary"): decision.value for name, decision in DECISIONS.items()},
        **{(name, "early"): "HOLD" for name in DECISIONS},
    }
    assert [one.value for one in families["compat_store_readable"].samples] == [1.0]
    entered = {
        one.labels["matrix"]: one.value
        for one in families["compat_gate_entered"].samples
        if one.labels["ring"] == "early"
    }
    assert entered == {"sure": 1.0, "worse": 0.0, "open": 0.0}


def test_health_is_told_without_a_token(served: Serving) -> None:
    found = httpx.get(f"{served.url}/healthz")
    assert (found.status_code, found.content) == (200, b"")
