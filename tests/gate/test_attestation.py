from __future__ import annotations

import datetime
import json
from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

import pytest

from compat.gate.attestation import CLOCKS, Expected, check, check_statement, claims_of
from compat.gate.envelope import payload, seal
from compat.model import Decision, canonical, digest
from tests.gate.build import ANN, BASELINES, BEN, DAY, EVE, EXPECTED, NOW, VERDICT, claims, envelope, public, statement
from tests.store import build

SECONDS = datetime.timedelta(seconds=1)
TRUSTED = public(ANN, BEN)


def refused(reasons: tuple[str, ...], said: str) -> None:
    assert len(reasons) == 1, reasons
    assert said in reasons[0]
    assert "\n" not in reasons[0]


def test_it_is_accepted_for_what_it_is_of() -> None:
    assert check(envelope(), TRUSTED, EXPECTED, NOW) == ()
    assert check(envelope(), TRUSTED, Expected(), NOW) == ()
    assert check(envelope(ANN, BEN), TRUSTED, EXPECTED, NOW, needed=2) == ()


def test_unsigned_and_foreign() -> None:
    refused(check(seal(statement(), []), TRUSTED, EXPECTED, NOW), "it is not signed")
    refused(check(envelope(EVE), TRUSTED, EXPECTED, NOW), "no key that is trusted")
    refused(check(envelope(), [], EXPECTED, NOW), "no key that is trusted")
    refused(check(envelope(), TRUSTED, EXPECTED, NOW, needed=2), "1 of the 2 trusted keys")


def test_every_byte_of_it_counts() -> None:
    data = envelope()
    for place in range(len(data)):
        changed = data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]
        assert check(changed, TRUSTED, Expected(), NOW), f"byte {place}"


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (-CLOCKS - 1, "which is still to come"),
        (-CLOCKS, ""),
        (0, ""),
        (DAY, ""),
        (DAY + 1, "it was valid until 2026-11-30T12:00:00+00:00"),
        (400 * DAY, "it was valid until"),
    ],
)
def test_it_holds_from_when_until_when_it_says(seconds: float, said: str) -> None:
    reasons = check(envelope(), TRUSTED, EXPECTED, NOW + seconds * SECONDS)
    assert len(reasons) == bool(said)
    assert all(said in why for why in reasons)


@pytest.mark.parametrize(
    ("issued", "until"),
    [
        ("2026-11-29T12:00:00+00:00", "2026-11-29T12:00:00+00:00"),
        ("2026-11-29T12:00:00+00:00", "2026-11-29T11:00:00+00:00"),
        ("2026-11-29T12:00:00", "2026-11-30T12:00:00+00:00"),
        ("2026-11-29T12:00:00+00:00", "2026-11-30T12:00:00"),
        ("", ""),
        ("today", "for ever"),
    ],
)
def test_what_has_no_window_never_holds(issued: str, until: str) -> None:
    signed = seal(statement_of(replace(claims(), issued_at=issued, valid_until=until)), [ANN])
    refused(check(signed, TRUSTED, EXPECTED, NOW), "from when until when")


def statement_of(changed: Any) -> dict[str, Any]:
    found = statement()
    found["predicate"]["gpu_compat"] = json.loads(canonical(changed))
    return found


OTHER = {"runtime": "another"}
REPLAYS: dict[str, tuple[dict[str, Any], str]] = {
    "verdict": ({"verdict": "0" * 64}, "it is of another verdict"),
    "ring": ({"ring": "early"}, "it is of another ring: canary, and early was asked for"),
    "plan": ({"plan": "0" * 64}, "it is of another plan"),
    "matrix": ({"matrix_digest": "0" * 64}, "it is of another matrix"),
    "policy": ({"policy": "0" * 64}, "it is of another policy"),
    "content": ({"content": "0" * 64}, "it is of another content"),
    "evidence": ({"evidence": "0" * 64}, "it is of another evidence"),
    "judge": ({"judge": "0" * 64}, "it is of another judge"),
    "candidate": ({"candidate": OTHER}, "it is of another candidate: runtime new, torch 12.1, and runtime another"),
    "known-good": ({"known_good": OTHER}, "it is of another known-good stack"),
    "decision": ({"decision": Decision.NO_GO}, "it is of another decision: GO, and NO-GO was asked for"),
    "moved baseline": ({"baselines": {"h100": "0" * 64}}, "it is of another baseline: h100 "),
    "one baseline more": ({"baselines": {**BASELINES, "a100": "0" * 64}}, "it is of another baseline"),
    "no baseline": ({"baselines": {}}, "it is of another baseline"),
    "nodes": ({"nodes": {"n1": "0" * 64}}, "it is of another state of the nodes"),
}


@pytest.mark.parametrize("kind", REPLAYS)
def test_one_that_is_shown_again_elsewhere_is_refused(kind: str) -> None:
    asked, said = REPLAYS[kind]
    refused(check(envelope(), TRUSTED, replace(EXPECTED, **asked), NOW), said)
    refused(check(envelope(), TRUSTED, replace(Expected(), **asked), NOW), said)


def test_each_thing_that_may_be_asked_for_is_one_of_them() -> None:
    asked = {name for change, _ in REPLAYS.values() for name in change}
    assert asked == {field.name for field in fields(Expected)}


@pytest.mark.parametrize("field", ["ring", "plan", "matrix_digest", "evidence", "candidate", "known_good", "judge"])
def test_the_verdict_of_another_upgrade_is_refused(field: str) -> None:
    other = replace(VERDICT, **{field: {"runtime": "x"} if field in ("candidate", "known_good") else "0" * 64})
    reasons = check(envelope(verdict=other), TRUSTED, EXPECTED, NOW)
    assert any("another verdict" in why for why in reasons)
    assert len(reasons) == 2  # and of what


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda s: s.update(_type="https://in-toto.io/Statement/v0.1"), "no statement of in-toto"),
        (lambda s: s.pop("_type"), "no statement of in-toto"),
        (lambda s: s.update(predicateType="https://in-toto.io/attestation/test-result/v0.2"), "no test result"),
        (lambda s: s.update(predicate=None), "no verdict of compat"),
        (lambda s: s["predicate"].pop("gpu_compat"), "no verdict of compat"),
        (lambda s: s["predicate"]["gpu_compat"].pop("valid_until"), "no verdict of compat"),
        (lambda s: s["predicate"]["gpu_compat"].update(schema_version=2), "no verdict of compat"),
        (lambda s: s["predicate"]["gpu_compat"].update(ring=1), "no verdict of compat"),
        (lambda s: s["predicate"]["gpu_compat"].update(baselines=None), "no verdict of compat"),
        (lambda s: s["predicate"].update(result="FAILED"), "contradicts itself: its result"),
        (lambda s: s["predicate"].pop("result"), "contradicts itself: its result"),
        (lambda s: s["predicate"]["gpu_compat"].update(decision="MAYBE"), "contradicts itself: its result"),
        (lambda s: s.update(subject=[]), "contradicts itself: its verdict"),
        (lambda s: s.pop("subject"), "contradicts itself: its verdict"),
        (lambda s: s.update(subject=s["subject"][:-1]), "contradicts itself: its verdict"),
        (lambda s: s.update(subject="verdict"), "contradicts itself: its verdict"),
    ],
)
def test_what_a_trusted_key_signed_and_is_no_verdict_is_refused(
    change: Callable[[dict[str, Any]], Any], said: str
) -> None:
    found = statement()
    change(found)
    refused(check(seal(found, [ANN]), TRUSTED, EXPECTED, NOW), said)
    assert claims_of(payload(seal(found, [ANN]))) is None


@pytest.mark.parametrize("data", [b"", b"[]", b"[" * 100_000, b'"x"', b"\xff"])
def test_a_payload_that_is_no_statement_is_refused(data: bytes) -> None:
    assert len(check_statement(data, EXPECTED, NOW)) == 1


def test_what_it_says_more_than_we_know_is_left_aside() -> None:
    found = statement()
    found["predicate"]["url"] = "https://ci.example/1"
    found["predicate"]["gpu_compat"]["later"] = 1
    assert check(seal(found, [ANN]), TRUSTED, EXPECTED, NOW) == ()


def test_claims_are_what_was_claimed() -> None:
    assert claims_of(payload(envelope())) == claims()
    assert claims().nodes == {"n1": digest(build.NODE)}
    assert claims(issued=NOW.astimezone(datetime.timezone(9 * 3600 * SECONDS))) == claims()
