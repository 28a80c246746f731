"""The Pythons that the probe has to run in, as far as this machine has them: ours, those on the path and pyenv's."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

__all__ = ["MISSING", "PYTHONS"]

_VERSIONS = [f"3.{minor}" for minor in range(9, 15)]


def _interpreter(version: str) -> str | None:
    if version == "{}.{}".format(*sys.version_info):
        return sys.executable
    root = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    found = sorted((root / "versions").glob(f"{version}.*/bin/python3"))
    return _asked(str(found[-1]) if found else shutil.which(f"python{version}"), version)


def _asked(command: str | None, version: str) -> str | None:
    """The interpreter behind a command, if it is one: pyenv's shims are on the path for versions that do not start."""
    if command is None:
        return None
    code = "import sys; print('%d.%d' % sys.version_info[:2], sys.executable)"
    done = subprocess.run([command, "-c", code], capture_output=True, text=True, check=False, timeout=30)
    said, _, executable = done.stdout.strip().partition(" ")
    return executable if done.returncode == 0 and said == version else None


PYTHONS = {version: found for version in _VERSIONS if (found := _interpreter(version)) is not None}
MISSING = [version for version in _VERSIONS if version not in PYTHONS]
