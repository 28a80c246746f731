"""Real runtimes for the tests marked ``network``: built once, kept in a folder between runs."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# The two stacks of the upgrade that the shipped content is known to object to.
REQUIREMENTS = {
    "known-good": ("triton==3.2.0", "onnxruntime==1.20.1", "onnx==1.17.0", "numpy==1.26.4"),
    "candidate": ("triton==3.5.1", "onnxruntime==1.23.2", "onnx==1.17.0", "numpy==2.2.6"),
}


def _build(requirements: tuple[str, ...], cache: Path) -> Path:
    """Return the interpreter of a virtual environment with ``requirements``; it appears whole or not at all."""
    key = hashlib.sha256(repr((sys.version, requirements)).encode()).hexdigest()[:16]
    home = cache / key
    if not home.is_dir():
        cache.mkdir(parents=True, exist_ok=True)
        growing = Path(tempfile.mkdtemp(prefix=f"{key}-", dir=cache))
        try:
            subprocess.run([sys.executable, "-m", "venv", str(growing)], check=True)
            install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", *requirements]
            subprocess.run([str(growing / "bin" / "python"), *install], check=True)
            if not home.is_dir():  # another session may have been quicker
                growing.rename(home)
        finally:
            shutil.rmtree(growing, ignore_errors=True)
    return home / "bin" / "python"


@pytest.fixture(scope="session")
def runtimes() -> dict[str, Path]:
    """The interpreters of the known-good and the candidate runtime."""
    cache = Path(os.environ.get("COMPAT_TEST_CACHE", ROOT / ".pytest_cache" / "compat-runtimes"))
    return {name: _build(requirements, cache) for name, requirements in REQUIREMENTS.items()}
