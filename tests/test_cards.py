"""compat.model.cards: occupancies worked out by hand, and cards that are not known."""

from __future__ import annotations

import pytest

from compat.model.cards import limits_of


@pytest.mark.parametrize(
    ("target", "registers", "shared", "warps", "resident"),
    [
        ("sm_90", 32, 0, 4, 64),  # 65536 / (32 * 32) = 64 warps: all that there may be
        ("sm_90", 33, 0, 4, 48),  # 1280 registers a warp: 51 warps, in blocks of four
        ("sm_90", 128, 0, 4, 16),
        ("sm_90", 255, 0, 8, 8),
        ("sm_90", 255, 0, 16, 0),  # 16 * 8192 registers: more than there are
        ("sm_90", 16, 0, 1, 32),  # 32 blocks at most
        ("sm_90", 32, 113 * 1024, 4, 8),  # 228 KiB hold two blocks of 113 + 1
        ("sm_90", 32, 114 * 1024, 4, 4),
        ("sm_90", 32, 227 * 1024, 4, 4),
        ("sm_90", 32, 227 * 1024 + 1, 4, 0),
        ("sm_75", 64, 32 * 1024, 4, 8),  # nothing of shared memory is reserved there
        ("sm_75", 32, 0, 4, 32),
        ("sm_120", 32, 99 * 1024, 8, 8),
        ("sm_86", 40, 0, 4, 48),
        ("sm_86", 48, 0, 4, 40),
    ],
)
def test_resident_warps(target: str, registers: int, shared: int, warps: int, resident: int) -> None:
    limits = limits_of(target)
    assert limits is not None
    assert limits.resident_warps(registers, shared, warps) == resident


@pytest.mark.parametrize("target", ["sm_110", "gfx942", "sm_", "sm_9x", "", "90"])
def test_cards_that_are_not_known(target: str) -> None:
    assert limits_of(target) is None
