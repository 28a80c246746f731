"""Small files of the machine's /proc and /sys. ``host`` is where these are: / but in tests."""

from __future__ import annotations

from pathlib import Path

__all__ = ["GOVERNOR", "cpu_model", "line"]

GOVERNOR = "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"  # of the first CPU's clock

_MODEL = ("model name", "Hardware", "cpu model")  # x86, 32-bit ARM, MIPS


def line(path: Path) -> str | None:
    """The text of a one-line file; None where it is not there, empty, or no text."""
    try:
        return path.read_text(encoding="ascii").strip() or None
    except (OSError, UnicodeDecodeError):
        return None


def cpu_model(host: Path) -> str | None:
    """What the kernel calls the first CPU; None where it does not say.

    The kernel makes the file while it is read, and takes its time over many CPUs: it is read no further than that.
    """
    try:
        with (host / "proc/cpuinfo").open(encoding="utf-8", errors="replace") as text:
            for entry in text:
                key, _, value = entry.partition(":")
                if key.strip() in _MODEL:
                    return value.strip() or None
    except OSError:
        return None
    return None
