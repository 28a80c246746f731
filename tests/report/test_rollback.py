from __future__ import annotations

import dataclasses
import json

import jsonschema
import pytest

from compat.model import SCHEMA_VERSION, Arm, Rehearsal
from compat.paths import content_folder
from compat.plan.way_back import way_back
from compat.report.formats.document import verdict_json
from compat.report.formats.html import render_html
from compat.report.formats.markdown import render_markdown
from compat.report.rollback import rehearsal_text, rollback_json, rollback_text, rollback_view
from compat.report.view import view
from compat.run.available import Had
from tests.plan.test_way_back import KNOWN, MADE, NODES, both, ran
from tests.report import build

SCHEMA = json.loads((content_folder("reports") / "rollback.schema.json").read_text(encoding="utf-8"))
VERDICT = json.loads((content_folder("reports") / "verdict.schema.json").read_text(encoding="utf-8"))
HOSTS = {"n1": "gpu-1"}
TRIED = Rehearsal(
    SCHEMA_VERSION, "0" * 64, "canary", "n1", "2027-01-02T00:00:00+00:00", "me", False, True,
    {"first start": 1.5, "install": 40.0, "sentinels": 10.0}, ("one",),
)  # fmt: skip
HAD = (Had("image", "i@sha256:0", "available", "on the engine"), Had("driver", "570.1", "unknown", "nobody answers"))


def made(*rehearsals: Rehearsal):
    return way_back(MADE, None, [*both("n1"), *both("n2"), ran("n4", Arm.KNOWN_GOOD)], NODES, KNOWN, rehearsals)


@pytest.mark.parametrize("had", [None, (), HAD])
@pytest.mark.parametrize("rehearsals", [(), (TRIED,)])
def test_the_document_is_of_the_published_schema(rehearsals: tuple[Rehearsal, ...], had) -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    found = json.loads(rollback_json(made(*rehearsals), had))
    jsonschema.validate(found, SCHEMA, cls=jsonschema.Draft202012Validator)
    assert found["available"] is (None if had is None else all(one.good for one in had))


@pytest.mark.parametrize(("key", "value"), [("extra", 1), ("axes", None), ("available", "yes"), ("schema_version", 2)])
def test_the_schema_refuses_what_it_does_not_know(key: str, value: object) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**json.loads(rollback_json(made())), key: value}, SCHEMA)


def test_the_text_says_where_from_where_to_and_in_which_order() -> None:
    lines = rollback_text(made(TRIED), HAD).splitlines()
    assert "Last known-good: driver 570.1, firmware 1, runtime old, site a" in lines
    assert "  driver: 580.1 -> 570.1" in lines
    assert "  firmware: 2 -> 1 (nobody says whether it can be undone)" in lines
    assert "Nodes that have the candidate: 2 of 2 that ran it, in this order:" in lines
    first, second = (line for line in lines if "candidate ran last at" in line)
    assert first.startswith("  1. host-n2 (n2, ring early, driver 580.1 -> 570.1)")
    assert second.startswith("  2. host-n1 (n1, ring canary")
    took = "51.5 (install 40.0 s, first start 1.5 s, sentinels 10.0 s)"
    assert f"Seconds to good: {took}, rehearsed on host-n1 at 2027-01-02T00:00:00+00:00" in lines
    assert lines[-3:] == [
        "Can still be had: 2 parts, 1 of them not",
        "  unknown: driver 570.1: nobody answers",
        "  available: image i@sha256:0: on the engine",
    ]


def test_what_came_of_a_way_back_is_its_last_line() -> None:
    assert rehearsal_text(TRIED, HOSTS).startswith("REHEARSED: good after 51.5 s: install 40.0 s, first start")
    bad = dataclasses.replace(TRIED, good=False, findings=("it broke\x1b[31m", "twice"))
    assert rehearsal_text(bad, HOSTS).splitlines()[:2] == ["- it broke\\x1b[31m", "- twice"]
    assert rehearsal_text(bad, HOSTS).splitlines()[2].startswith("NOT GOOD after 51.5 s")
    assert rehearsal_text(dataclasses.replace(TRIED, real=True), HOSTS).startswith(
        "BACK: node gpu-1, ring canary, 1 case ("
    )
    assert rehearsal_text(dataclasses.replace(bad, real=True), HOSTS).splitlines()[2].startswith("NOT BACK: node gpu-1")


def test_every_report_has_the_rollback_time_or_says_that_there_is_none() -> None:
    said = "51.5 s (install 40.0 s, first start 1.5 s, sentinels 10.0 s), rehearsed on node n1 of ring canary at "
    none = build.go()
    known = view(build.verdict(), build.plan(), (), {}, (), (TRIED,))
    for render in (render_html, render_markdown):
        assert "No way back was rehearsed yet." in render(none)
        assert said in render(known).replace("\\", "")
    assert json.loads(verdict_json(none.verdict, none))["rollback"] is None
    document = json.loads(verdict_json(known.verdict, known))
    jsonschema.validate(document, VERDICT)
    assert document["rollback"]["seconds"] == 51.5
    assert document["rollback"]["said"].startswith(said)


def test_a_node_s_name_is_text_and_nothing_else() -> None:
    hostile = dataclasses.replace(TRIED, by="<script>alert(1)</script>", node="`n`")
    shown = rollback_view([hostile], {})
    assert shown is not None
    known = view(build.verdict(), build.plan(), (), {}, (), (hostile,))
    assert "<script>alert" not in render_html(known)
    assert "<script>" not in render_markdown(known)
