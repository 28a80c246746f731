from __future__ import annotations

import dataclasses
import json
import math
import shutil
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from compat.model.moments import LONGEST
from compat.report.formats import formats
from compat.report.formats.ctrf import SPECIFICATION
from compat.report.view import View, view
from tests.report import build, compared
from tests.report.hostile import full

VARIANTS = [
    build.demo,
    build.beside,
    build.path,
    build.go,
    build.hold,
    build.empty,
    build.hostile,
    lambda: full().view(),
]
TEXT, NUMBER = {"type": "string"}, {"type": "integer", "minimum": 0}
STATUSES = ["passed", "failed", "skipped", "pending", "other"]


def closed(required: dict[str, Any], **optional: Any) -> dict[str, Any]:
    properties = {**required, **optional}
    return {
        "type": "object", "properties": properties, "required": list(required), "additionalProperties": False,
    }  # fmt: skip


# Written from the specification (ctrf.io, 2026-11), as far as our documents use it; the published schema is below.
SCHEMA = closed(
    {
        "reportFormat": {"const": "CTRF"},
        "specVersion": {"type": "string", "pattern": r"^[0-9]+\.[0-9]+\.[0-9]+$"},
        "results": closed(
            {
                "tool": closed({"name": {"type": "string", "minLength": 1}}, version=TEXT),
                "summary": closed(
                    dict.fromkeys(("tests", *STATUSES, "start", "stop"), NUMBER), suites=NUMBER
                ),
                "tests": {
                    "type": "array",
                    "items": closed(
                        {"name": {"type": "string", "minLength": 1}, "status": {"enum": STATUSES}, "duration": NUMBER},
                        suite={"type": "array", "items": TEXT, "minItems": 1},
                        message=TEXT,
                        trace=TEXT,
                        rawStatus=TEXT,
                        labels={"type": "object", "additionalProperties": TEXT},
                        extra=closed({"detail": {"type": "array", "items": TEXT, "minItems": 1}}),
                    ),
                },
            },
            environment=closed(
                {}, reportName=TEXT, appName=TEXT, testEnvironment=TEXT, healthy={"type": "boolean"},
                extra={"type": "object"},
            ),
        ),
    },
    timestamp=TEXT,
    generatedBy=TEXT,
)  # fmt: skip


def document(view: View) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(formats()["ctrf"].files(view)["report.ctrf.json"])
    return found


@pytest.mark.parametrize("variant", VARIANTS)
def test_documents_are_of_the_specification(variant) -> None:
    found = document(variant())
    jsonschema.validate(found, SCHEMA)
    tests, summary = found["results"]["tests"], found["results"]["summary"]
    assert summary["tests"] == len(tests)
    assert {status: summary[status] for status in STATUSES} == {
        status: sum(test["status"] == status for test in tests) for status in STATUSES
    }


@pytest.mark.parametrize("variant", [build.demo, build.hold, build.empty, build.go])
def test_only_go_is_healthy_and_fails_nothing(variant) -> None:
    found, view = document(variant())["results"], variant()
    go = view.decision.value == "GO"
    assert found["environment"]["healthy"] is go
    assert (found["summary"]["failed"] == 0) is go
    assert found["environment"]["extra"]["reasons"] == [reason.full for reason in view.reasons]


def test_a_test_has_the_words_of_the_verdict() -> None:
    found = {(*test["suite"], test["name"]): test for test in document(build.demo())["results"]["tests"]}
    matrix = "stack-2024-to-2025"
    softmax = found[matrix, build.OPERATORS, "operator:softmax[rows-4096]"]
    assert (softmax["status"], softmax["rawStatus"], softmax["duration"]) == ("failed", "inconclusive", 24_000)
    assert softmax["message"].startswith("latency 1.9 % slower")
    assert softmax["labels"]["known_good.runtime"] == "stack-2024"
    fixed = found[matrix, compared.MODELS, "model:magika[legacy-opset]"]
    assert (fixed["status"], fixed["rawStatus"]) == ("passed", "fixed")
    assert "message" not in fixed
    assert "OverflowError" in found[matrix, build.OPERATORS, "operator:numpy_promotion[uint8-overflow]"]["trace"]
    assert found[matrix, "operator:attention"]["status"] == "skipped"


def test_what_is_worse_beside_what_passed_is_told() -> None:
    found = {(test["suite"][-1], test["name"]): test for test in document(build.beside())["results"]["tests"]}
    stack = found[build.OPERATORS, "the stack as a whole"]
    assert (stack["status"], stack["message"]) == ("passed", "beside what the ring rests on: 1 comparison (regress)")
    assert stack["extra"]["detail"] == [f"regress (the ring does not rest on it): {build.ASIDE}"]
    assert "message" not in found[compared.MODELS, "model:magika[batch-32]"]


def test_the_run_lasts_from_its_first_evidence_to_its_last() -> None:
    summary = document(build.demo())["results"]["summary"]
    assert summary["start"] == 1763625600000  # 2025-11-20T08:00:00Z
    assert summary["stop"] == 1763627370400  # the last one began at 08:29:30 and took 0.4 s
    nothing = document(build.empty())["results"]["summary"]
    assert nothing["start"] == nothing["stop"] == 1763628067000  # it was judged then


@pytest.mark.parametrize(
    ("started", "seconds"),
    [("soon", 1.0), ("2025-11-20T08:00:00Z", math.inf), ("", math.nan), ("", 1e306), ("", 1.7e308), ("", -5.0)],
)
def test_a_run_that_says_no_moment_or_no_span_keeps_the_document_whole(started: str, seconds: float) -> None:
    records = [dataclasses.replace(one, started=started, seconds=seconds) for one in build.evidence()]
    found = document(view(build.verdict(), build.plan(), (build.NODE,), build.IDENTITIES, records))
    jsonschema.validate(found, SCHEMA)
    summary = found["results"]["summary"]
    assert summary["start"] == summary["stop"] == (1763625600000 if started.startswith("2025") else 1763628067000)
    assert all(0 <= test["duration"] <= LONGEST * 1000 for test in found["results"]["tests"])


@pytest.mark.network
def test_the_published_schema_takes_them(runtime_cache: Path) -> None:
    """As the npm package of the format's authors has it."""
    if shutil.which("npm") is None:
        pytest.skip("npm: it is not here; install nodejs and npm")
    folder = runtime_cache.resolve() / "npm-ctrf"
    folder.mkdir(parents=True, exist_ok=True)
    schema = folder / "node_modules/ctrf/dist/ctrf-schema-0.0.json"
    if not schema.is_file():
        (folder / "package.json").write_text("{}")
        words = ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "ctrf@0.3.0"]
        done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    published = json.loads(schema.read_text(encoding="utf-8"))
    assert SPECIFICATION.startswith("0.0.")
    for variant in VARIANTS:
        jsonschema.validate(document(variant()), published, cls=jsonschema.Draft7Validator)
    wrong = document(build.demo())
    wrong["results"]["tests"][0]["duration"] = "long"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(wrong, published, cls=jsonschema.Draft7Validator)
