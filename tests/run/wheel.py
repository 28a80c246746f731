"""Makes a wheel by hand, so that pip has something to install without a registry."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

__all__ = ["make_wheel", "only_from"]


def make_wheel(folder: Path, name: str, version: str = "1.0", files: Mapping[str, bytes] | None = None) -> Path:
    """A pure wheel of a distribution with one module and with ``files``."""
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o755)
    module = name.replace("-", "_")
    info = f"{module}-{version}.dist-info"
    members = {
        f"{module}.py": f"VERSION = {version!r}\n".encode(),
        **(files or {}),
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n".encode(),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{path},,\n" for path in [*members, f"{info}/RECORD"])
    place = folder / f"{module}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(place, "w") as wheel:
        for path, data in {**members, f"{info}/RECORD": record.encode()}.items():
            wheel.writestr(path, data)
    place.chmod(0o644)
    return place


def only_from(folder: Path, patch: pytest.MonkeyPatch) -> None:
    """Have pip look in ``folder`` and nowhere else."""
    patch.setenv("PIP_CONFIG_FILE", "/dev/null")
    patch.setenv("PIP_NO_INDEX", "1")
    patch.setenv("PIP_FIND_LINKS", str(folder))
