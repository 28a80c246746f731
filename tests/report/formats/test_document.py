from __future__ import annotations

import dataclasses
import json
import math

import jsonschema
import pytest

from compat.model import Status, digest
from compat.paths import content_folder
from compat.report.formats.document import verdict_json
from compat.report.view import View
from tests.report import build

SCHEMA = json.loads((content_folder("reports") / "verdict.schema.json").read_text(encoding="utf-8"))


def document(view: View) -> dict:
    return json.loads(verdict_json(view.verdict, view))


@pytest.mark.parametrize("variant", [build.demo, build.path, build.go, build.hold, build.empty])
def test_documents_are_of_the_published_schema(variant) -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    jsonschema.validate(document(variant()), SCHEMA, cls=jsonschema.Draft202012Validator)


def test_the_document_says_what_a_pipeline_needs() -> None:
    found = document(build.path())
    assert (found["decision"], found["ring"], found["matrix"]) == ("NO-GO", "canary", "stack-2024-to-2025")
    assert found["from"] == {
        "axes": build.KNOWN_GOOD,
        "components": {"numpy": "1.26.4", "onnxruntime": "1.20.1", "triton": "3.2.0"},
    }
    assert found["to"]["components"]["triton"] == "3.5.1"
    assert found["counts"] == {
        **dict.fromkeys((status.value for status in Status), 0),
        "regress": 4,
        "invalid": 1,
        "inconclusive": 1,
        "fixed": 1,
        "pass": 13,
    }
    assert [(each["case"], each["status"]) for each in found["failed"]] == [
        ("ceil-include-pad", "regress"),
        ("fp16-sm_75", "regress"),
        ("uint8-overflow", "regress"),
        ("rows-4096", "inconclusive"),
        ("stack-2025-5e1c4a", "invalid"),
    ]
    assert found["failed"][0]["versions"] == {"onnxruntime": {"known_good": "1.20.1", "candidate": "1.23.2"}}
    assert found["digests"] == {
        "matrix": build.verdict().matrix_digest,
        "plan": build.verdict().plan,
        "policy": digest(build.POLICY),
        "content": digest(build.plan().content),
        "judge": None,
        "verdict": digest(build.verdict(between=True)),
        "evidence": build.verdict().evidence,
        "report": None,
    }


def test_the_measures_are_numbers_and_what_is_not_known_is_null() -> None:
    assert document(build.demo())["measures"] == {
        "pass_rate": 12 / 18,
        "regressions": 3.0,
        "version_skew": 0.0,
        "rollback_seconds": None,
        "support_days": None,
    }
    assert set(document(build.empty())["measures"].values()) == {None}


def test_the_judge_is_named_where_the_verdict_names_it() -> None:
    view = build.demo()
    judged = dataclasses.replace(view.verdict, judge="a" * 64)
    found = document(dataclasses.replace(view, verdict=judged))
    jsonschema.validate(found, SCHEMA)
    assert (found["digests"]["judge"], found["digests"]["verdict"]) == ("a" * 64, digest(judged))


def test_the_report_is_bound_by_its_digest() -> None:
    view = build.demo()
    text = verdict_json(view.verdict, view, digest("the report"))
    found = json.loads(text)
    jsonschema.validate(found, SCHEMA)
    assert found["digests"]["report"] == digest("the report")


def test_numbers_that_are_not_finite_are_null() -> None:
    spoiled = [
        dataclasses.replace(each, candidate=math.nan, effect=math.inf, interval=(-math.inf, 0.1))
        for each in build.comparisons()
    ]
    view = dataclasses.replace(build.demo(), verdict=dataclasses.replace(build.verdict(), comparisons=tuple(spoiled)))
    found = document(view)
    jsonschema.validate(found, SCHEMA)
    assert found["failed"][0]["candidate"] is None
    assert found["failed"][0]["interval"] == [None, 0.1]
    assert found["digests"]["verdict"] is None  # it has no canonical text, and no store has it


def test_the_document_is_plain_ascii_whatever_the_text() -> None:
    view = build.hostile()
    text = verdict_json(view.verdict, view)
    assert text.isascii()
    assert "\x1b" not in text
    assert json.loads(text)["ring"] == "canary" + build.HOSTILE


@pytest.mark.parametrize(
    ("key", "value"), [("decision", "MAYBE"), ("schema_version", 2), ("counts", {}), ("extra", 1), ("digests", {})]
)
def test_the_schema_refuses_what_it_does_not_know(key: str, value: object) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**document(build.demo()), key: value}, SCHEMA)
