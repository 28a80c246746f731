"""NVIDIA's GPUs on the PCI bus, as the kernel lists them: also those that no driver has, or that fell off it."""

from __future__ import annotations

from pathlib import Path

from compat.node.host import line

__all__ = ["gpus_on_the_bus"]

_DEVICES = "sys/bus/pci/devices"
_NVIDIA = "0x10de"
_DISPLAY = "0x03"  # the class of display controllers, 3D controllers without a display among them


def gpus_on_the_bus(host: Path = Path("/")) -> tuple[str, ...] | None:
    """Their addresses, ``0000:3b:00.0``; None where the kernel does not list the bus."""
    try:
        found = sorted((host / _DEVICES).iterdir())
    except OSError:
        return None
    return tuple(one.name for one in found if line(one / "vendor") == _NVIDIA and _is_display(one))


def _is_display(device: Path) -> bool:
    return (line(device / "class") or "").startswith(_DISPLAY)
