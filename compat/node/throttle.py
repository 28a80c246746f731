"""Why a GPU's clock is not higher, in words."""

from __future__ import annotations

__all__ = ["reasons"]

# The bits of nvmlClocksEventReasons (nvml.h; nvmlClocksThrottleReasons before CUDA 12.2), in nvidia-smi's words.
_REASONS = {
    0x001: "idle",
    0x002: "applications_clocks",
    0x004: "sw_power_cap",
    0x008: "hw_slowdown",
    0x010: "sync_boost",
    0x020: "sw_thermal",
    0x040: "hw_thermal",
    0x080: "power_brake",
    0x100: "display_clocks",
    0x200: "board_limit",
    0x400: "reliability",
}


def reasons(bits: int) -> set[str]:
    """The names of the bits that are set; one that is newer than we are is named by its value."""
    return {_REASONS.get(bit, f"reason_{bit:#x}") for n in range(bits.bit_length()) if (bit := 1 << n) & bits}
