"""Versions of what stands beside the driver on a node: Fabric Manager, the container toolkit, the device plugin.

None of these programs has been met here: what they print is taken from NVIDIA's documentation of them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from compat.model.inventory import Tools
from compat.node.commands import said_by

__all__ = ["fabric_manager", "read_tools"]

_VERSION = re.compile(r"\d+\.\d+(?:\.\d+)*(?:-rc\.?\d+)?")
_PACKAGES = "var/lib/dpkg/status"
# The GPU Operator puts its toolkit there, on nodes that have none.
_TOOLKIT = ("nvidia-ctk", "/usr/local/nvidia/toolkit/nvidia-ctk")


def fabric_manager(host: Path = Path("/")) -> str | None:
    """The version of Fabric Manager that is installed: what it says of itself, else its package's."""
    said = _version(said_by("nv-fabricmanager", "--version"))
    return said or _packaged(host, r"nvidia-fabricmanager(?:-\d+)?", "nvidia-fabric-manager", "nvidia-fabricmanager")


def read_tools(host: Path = Path("/")) -> Tools:
    """The container toolkit and the device plugin; what cannot be told is None."""
    toolkit = next((found for program in _TOOLKIT if (found := _version(said_by(program, "--version")))), None)
    packaged = toolkit or _packaged(host, "nvidia-container-toolkit", "nvidia-container-toolkit")
    return Tools(packaged, _device_plugin())


def _version(said: str | None) -> str | None:
    found = _VERSION.search(said or "")
    return found[0] if found else None


def _packaged(host: Path, debian: str, *rpms: str) -> str | None:
    """The version of a package that is installed, without its revision, as Debian's or Red Hat's kind knows it."""
    try:
        status = (host / _PACKAGES).read_text(encoding="utf-8", errors="replace")
    except OSError:
        status = ""
    for entry in status.split("\n\n"):
        fields = dict(re.findall(r"^(Package|Status|Version): (.*)$", entry, re.MULTILINE))
        if re.fullmatch(debian, fields.get("Package", "")) and fields.get("Status", "").endswith(" installed"):
            return _version(fields.get("Version"))
    if host == Path("/"):
        return next((v for rpm in rpms if (v := _version(said_by("rpm", "-q", "--qf", "%{VERSION}\n", rpm)))), None)
    return None


def _device_plugin() -> str | None:
    """The tag of the image of the device plugin's container that runs here, as the node's container runtime has it."""
    try:
        found = json.loads(said_by("crictl", "ps", "-o", "json") or "")
    except ValueError:
        return None
    for image in _images(found):
        name, _, tag = image.partition("@")[0].rpartition(":")
        if name.rpartition("/")[2] in ("k8s-device-plugin", "nvidia-device-plugin"):
            return tag
    return None


def _images(found: Any) -> Iterator[str]:
    containers = found.get("containers") if isinstance(found, dict) else None
    for container in containers if isinstance(containers, list) else ():
        image = container.get("image") if isinstance(container, dict) else None
        if isinstance(image, dict):
            for key in ("userSpecifiedImage", "image"):
                if isinstance(image.get(key), str):
                    yield image[key]
