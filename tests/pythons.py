"""The Pythons that the probe has to run in, as far as this machine has them: ours, those on the path and pyenv's."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

__all__ = ["MISSING", "PYTHONS"]

_VERSIONS = [f"3.{minor}" for minor in range(9, 15)]


def _interpreter(version: str) -> str | None:
    if version == "{}.{}".format(*sys.version_info):
        return sys.executable
    root = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    found = sorted((root / "versions").glob(f"{version}.*/bin/python3"))
    return str(found[-1]) if found else shutil.which(f"python{version}")


PYTHONS = {version: found for version in _VERSIONS if (found := _interpreter(version)) is not None}
MISSING = [version for version in _VERSIONS if version not in PYTHONS]
