"""What the capability workloads make of what they find, where no GPU is needed to find it."""

from __future__ import annotations

import pytest

from compat.probe.child import load_content
from tests.probe.test_shipped_workloads import ROOT

RUNS = load_content(str(ROOT / "workloads" / "torch_architectures.py")).runs


@pytest.mark.parametrize(
    ("built", "target", "way"),
    [
        ("sm_80", "sm_80", "binary"),
        ("sm_80", "sm_86", "binary"),  # a later one of the same X
        ("sm_86", "sm_80", None),
        ("sm_80", "sm_90", None),
        ("sm_100", "sm_120", None),
        ("compute_80", "sm_90", "ptx"),
        ("compute_90", "sm_80", None),
        ("compute_90", "sm_120", "ptx"),
        ("sm_90a", "sm_90", "binary"),
        ("sm_100a", "sm_103", None),
        ("compute_90a", "sm_100", None),
        ("compute_90a", "sm_90", "ptx"),
        ("sm_100f", "sm_103", "binary"),
        ("compute_100f", "sm_103", "ptx"),
        ("compute_100f", "sm_120", None),
        ("sm_80", "sm_87", None),  # Tegra
        ("sm_87", "sm_87", "binary"),
        ("sm_87", "sm_89", None),
        ("compute_80", "sm_87", "ptx"),
        ("gfx942", "gfx942", "binary"),
        ("gfx90a", "gfx942", None),
        ("sm_90", "gfx942", None),
    ],
)
def test_which_code_runs_where(built: str, target: str, way: str | None) -> None:
    assert RUNS(built, target) == way
