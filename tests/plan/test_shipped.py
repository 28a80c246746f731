"""Every matrix we ship can be planned with the content we ship, and nothing in the plan stands in the way of GO."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from compat.model import Arm
from compat.paths import content_folder
from compat.plan import build_plan, load_matrix

if TYPE_CHECKING:
    from pathlib import Path

MATRICES = sorted(content_folder("matrices").glob("*.yaml"))


@pytest.mark.parametrize("path", MATRICES, ids=lambda path: path.stem)
def test_shipped(path: Path) -> None:
    plan = build_plan(load_matrix(path), compat_version="0")
    assert plan.items
    assert [rejection for rejection in plan.rejections if rejection.blocking] == []
    # What the tables refuse in the known-good arm only is what the upgrade mends. What lies between is shown.
    required = {item.cell.id for item in plan.items if item.cell.required}
    refused = [finding for finding in plan.findings if finding.status != "ok" and finding.cell in required]
    assert [finding for finding in refused if finding.arm is Arm.CANDIDATE] == []


def test_there_are_some() -> None:
    assert MATRICES
