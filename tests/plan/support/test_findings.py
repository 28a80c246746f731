from __future__ import annotations

from compat.model import Arm, Cell, Finding, Runtime, Tier
from compat.plan.support.findings import find
from compat.plan.support.tables import load_tables


def test_both_arms_are_asked_and_sources_are_named() -> None:
    runtimes = {
        "old": Runtime("old", base="b", requirements=("onnxruntime==1.17.3", "numpy==1.26.4")),
        "new": Runtime("new", image="i"),
    }
    cell = Cell("c", {"runtime": "new"}, {"runtime": "old"}, None)
    findings = find(cell, runtimes, [], frozenset({Tier.STATIC}), load_tables())
    assert [(finding.arm, finding.rule, finding.status) for finding in findings] == [
        (Arm.KNOWN_GOOD, "known-conflicts", "ok"),
        (Arm.CANDIDATE, "known-conflicts", "unknown"),
    ]
    assert "compare pytorch issue 132179 (checked 2026-11)" in findings[0].source
    assert findings[1] == Finding(
        cell="c",
        arm=Arm.CANDIDATE,
        rule="known-conflicts",
        status="unknown",
        reason="the runtime new is an image: its versions are not known before it runs",
        source="the tables have no row for it",
    )
