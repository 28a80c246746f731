from __future__ import annotations

import dataclasses
import json

import pytest

from compat.model import Audited, Check, digest
from compat.report.audited import audit_json, audit_text
from tests.report import build

VERDICT = build.verdict()
OK, SAID, BAD = Check("plan", True, "as it was"), Check("waivers", None, "none"), Check("evidence", False, "is gone")


@pytest.mark.parametrize(
    ("checks", "again", "last"),
    [
        ((OK, SAID), VERDICT, "It stands: NO-GO"),
        ((OK, BAD, BAD), VERDICT, "It does not stand: 2 checks failed"),
        ((BAD,), None, "It does not stand: 1 check failed"),
        ((OK,), None, "It does not stand: it could not be judged again"),
    ],
)
def test_the_account_ends_with_whether_it_stands(checks: tuple, again: object, last: str) -> None:
    found = Audited(VERDICT, digest(VERDICT), checks, again)
    lines = audit_text(found).splitlines()
    assert lines[-1] == last
    assert found.stands is last.startswith("It stands")
    marks = {True: "ok", None: "-", False: "WRONG"}
    assert [line.split() for line in lines[-1 - len(checks) : -1]] == [
        [marks[check.stands], check.what, *check.said.split()] for check in checks
    ]


def test_the_document_says_the_same() -> None:
    found = json.loads(audit_json(Audited(VERDICT, digest(VERDICT), (OK, SAID, BAD), VERDICT)))
    assert (found["schema_version"], found["stands"], found["verdict"]) == (1, False, digest(VERDICT))
    assert (found["decision"], found["again"]) == ("NO-GO", "NO-GO")
    assert found["checks"] == [dataclasses.asdict(check) for check in (OK, SAID, BAD)]
    assert json.loads(audit_json(Audited(VERDICT, digest(VERDICT), ())))["again"] is None


def test_what_was_measured_steers_no_terminal() -> None:
    hostile = dataclasses.replace(VERDICT, reasons=("\x1b[2J\u202e",), matrix="\x07")
    text = audit_text(Audited(hostile, "0" * 64, (Check("plan", False, "\x1b]0;x"),)))
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "\x07" not in text
