"""What a multiprocessor of each compute capability holds: the limits that decide whether a kernel fits, and how often.

Facts from NVIDIA's CUDA C++ Programming Guide 13.0, chapter "Compute Capabilities", table "Technical Specifications per
Compute Capability", read in 2026-11; that of registers being handed out by 256 to a warp is from the same vendor's
occupancy calculator in Nsight Compute.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Limits", "limits_of"]

_KIB = 1024
_REGISTERS = 65536  # of 32 bits, per multiprocessor
_REGISTER_UNIT = 256  # registers that a warp is given at a time
_LANES = 32


@dataclass(frozen=True)
class Limits:
    """Of one compute capability. Shared memory in bytes; ``reserved`` of it the system takes in each block."""

    warps: int  # resident on a multiprocessor
    blocks: int
    shared: int  # of a multiprocessor
    shared_block: int  # that one block may have
    reserved: int = _KIB

    def resident_warps(self, registers: int, shared: int, warps: int) -> int:
        """The warps of a kernel that are resident on one multiprocessor: its occupancy, times ``warps``.

        ``registers`` per thread, ``shared`` bytes per block, ``warps`` per block. 0 where not one block fits.
        """
        if shared > self.shared_block:
            return 0
        by_warp = -(-registers * _LANES // _REGISTER_UNIT) * _REGISTER_UNIT
        blocks = min(self.blocks, self.warps // warps)
        if by_warp:
            blocks = min(blocks, _REGISTERS // by_warp // warps)
        if shared + self.reserved:
            blocks = min(blocks, self.shared // (shared + self.reserved))
        return blocks * warps


_LIMITS = {
    70: Limits(64, 32, 96 * _KIB, 96 * _KIB, reserved=0),
    75: Limits(32, 16, 64 * _KIB, 64 * _KIB, reserved=0),
    80: Limits(64, 32, 164 * _KIB, 163 * _KIB),
    86: Limits(48, 16, 100 * _KIB, 99 * _KIB),
    87: Limits(48, 16, 164 * _KIB, 163 * _KIB),
    89: Limits(48, 24, 100 * _KIB, 99 * _KIB),
    90: Limits(64, 32, 228 * _KIB, 227 * _KIB),
    100: Limits(64, 32, 228 * _KIB, 227 * _KIB),
    103: Limits(64, 32, 228 * _KIB, 227 * _KIB),
    120: Limits(48, 24, 100 * _KIB, 99 * _KIB),
    121: Limits(48, 24, 100 * _KIB, 99 * _KIB),
}


def limits_of(target: str) -> Limits | None:
    """The limits of ``sm_90`` and its like; None where the table has none, and for other vendors' cards."""
    number = target[len("sm_") :]
    return _LIMITS.get(int(number)) if target.startswith("sm_") and number.isdigit() else None
