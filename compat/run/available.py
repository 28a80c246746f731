"""Whether the stack that an upgrade would be taken back to can still be had: images, packages, drivers, files.

Nothing is installed and nothing is pulled. What cannot be asked is unknown, which is never taken for had. Drivers are
asked of apt and dnf, whose answers on a machine with NVIDIA's repositories have not been met here.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from compat.errors import EngineError
from compat.files import files_digest
from compat.judge.text import clip
from compat.model import Artifact
from compat.node.commands import said_by
from compat.plan.back import ArtifactBack, RuntimeBack, WayBack
from compat.run.artifacts import artifact_path
from compat.run.engine import connect
from compat.run.venv import install_problem

if TYPE_CHECKING:
    from docker import DockerClient

__all__ = ["Had", "availability"]

_SECONDS = 120.0  # for an index to answer
_SIDE_BY_SIDE = 4  # questions at a time

_HAD, _GONE, _UNKNOWN = "available", "gone", "unknown"


@dataclass(frozen=True)
class Had:
    """One part of a stack. ``state`` is ``available``, ``gone`` or ``unknown``; only the first is good."""

    kind: str  # image, package, driver, firmware, artifact, in_place
    what: str
    state: str
    said: str

    @property
    def good(self) -> bool:
        """Whether it can be had."""
        return self.state == _HAD


def availability(back: WayBack, cache: Path) -> tuple[Had, ...]:
    """Every part of the stack that ``back`` goes back to. ``cache`` is where built runtimes and files are kept."""
    found = list(_runtime(back.runtime)) if back.runtime is not None else [_no_runtime(back)]
    found += _node(back)
    with ThreadPoolExecutor(max_workers=_SIDE_BY_SIDE) as pool:
        found += pool.map(lambda one: _artifact(one, cache), back.artifacts)
    return tuple(found)


def _no_runtime(back: WayBack) -> Had:
    name = back.known_good.get("runtime", "")
    return Had("runtime", name, _UNKNOWN, "neither the promotion nor the matrix says what it is")


def _runtime(runtime: RuntimeBack) -> Iterator[Had]:
    if runtime.kind == "in_place":
        python = runtime.python or sys.executable
        there = Path(python).exists() or said_by(python, "--version") is not None
        said = "the interpreter is there" if there else "there is no such interpreter on this machine"
        yield Had("in_place", runtime.name, _HAD if there else _GONE, f"{said} ({python})")
        return
    if runtime.kind == "image":
        yield _image(str(runtime.image), runtime.digests)
        return
    if runtime.ids:  # it ran in containers
        built = _on_engine(runtime.ids)
        if built is not None:
            yield Had("image", runtime.name, _HAD, f"the image that was built is on the engine ({built[:19]})")
            return
        yield _image(str(runtime.base), ())
    with ThreadPoolExecutor(max_workers=_SIDE_BY_SIDE) as pool:
        yield from pool.map(_package, runtime.requirements)


# -- images ------------------------------------------------------------------------------------------------------------


def _on_engine(names: Sequence[str]) -> str | None:
    """The first of these images that an engine has; None where there is none, or no engine."""
    try:
        client = connect(timeout=10)
    except EngineError:
        return None
    return next((name for name in names if _has(client, name)), None)


def _has(client: DockerClient, name: str) -> bool:
    from docker.errors import APIError, ImageNotFound

    try:
        client.images.get(name)
    except (ImageNotFound, APIError, OSError):
        return False
    return True


def _image(name: str, digests: Sequence[str]) -> Had:
    """An image by its digest where one is known, else by its name: on the engine, or in the registry that it asks."""
    try:
        client = connect(timeout=30)
    except EngineError as problem:
        return Had("image", name, _UNKNOWN, f"no engine could be asked: {problem.problem}")
    repository = re.sub(r":[^/:]+$", "", name.partition("@")[0])
    pinned = [f"{repository}@{digest}" for digest in digests]
    for one in pinned or [name]:
        if _has(client, one):
            return Had("image", one, _HAD, "on the engine")
    problems = []
    for one in pinned or [name]:
        state, said = _in_registry(client, one)
        if state == _HAD:
            return Had("image", one, _HAD, said if pinned else f"{said}; by a tag, which may be another image by now")
        problems.append((state, said))
    state, said = problems[0]
    return Had("image", (pinned or [name])[0], state, said)


def _in_registry(client: DockerClient, name: str) -> tuple[str, str]:
    from docker.errors import APIError, NotFound

    try:
        client.images.get_registry_data(name)
    except NotFound:
        return _GONE, "neither on the engine nor in its registry"
    except (APIError, OSError) as problem:
        status = getattr(getattr(problem, "response", None), "status_code", None)
        why = getattr(problem, "explanation", None) or str(problem)
        gone = status in (401, 403, 404) or "not found" in str(why).lower() or "unknown" in str(why).lower()
        # Registries refuse those who ask for what is not there as they refuse strangers.
        return (_GONE if gone else _UNKNOWN), f"not on the engine, and its registry says: {why}"
    return _HAD, "in the registry"


# -- packages ----------------------------------------------------------------------------------------------------------


def _package(requirement: str) -> Had:
    """A requirement, by the versions that pip's index lists for this Python."""
    from packaging.requirements import Requirement
    from packaging.version import InvalidVersion, Version

    wanted = Requirement(requirement)
    if wanted.marker is not None and not wanted.marker.evaluate():
        return Had("package", requirement, _HAD, "not asked for on this machine, by its marker")
    command = [sys.executable, "-m", "pip", "index", "versions", "-vv", "--pre", "--disable-pip-version-check"]
    try:
        done = subprocess.run(
            [*command, wanted.name], capture_output=True, text=True, errors="replace", check=False, timeout=_SECONDS
        )
    except (OSError, subprocess.TimeoutExpired) as problem:
        return Had("package", requirement, _UNKNOWN, f"the index was not asked: {type(problem).__name__}")
    if done.returncode != 0:
        told = done.stderr + done.stdout
        # pip says that nothing fits also where it could not ask; what it could not fetch it tells at -vv.
        failed = [entry for entry in told.splitlines() if "Could not fetch URL" in entry and "404" not in entry]
        refused = failed or re.search(r"Retrying|unknown command|no such option", told)
        said = f"the index was not reached: {failed[0].partition('/: ')[2]}" if failed else install_problem(told)
        return Had("package", requirement, _UNKNOWN if refused else _GONE, clip(said, 300))
    listed = re.search(r"^Available versions: (.*)$", done.stdout, re.MULTILINE)
    versions = []
    for text in (listed[1] if listed else "").split(","):
        try:
            versions.append(Version(text.strip()))
        except InvalidVersion:
            continue
    fitting = next((one for one in versions if wanted.specifier.contains(one, prereleases=True)), None)
    if fitting is not None:
        return Had("package", requirement, _HAD, f"the index has {fitting}")
    return Had("package", requirement, _GONE, f"the index has none of it for this Python, of {len(versions)} versions")


# -- what a node has ---------------------------------------------------------------------------------------------------


def _node(back: WayBack) -> Iterator[Had]:
    for axis in back.axes:
        if axis.axis == "driver":
            yield _driver(axis.back_to)
        elif axis.axis == "firmware":
            yield Had("firmware", axis.back_to, _UNKNOWN, "nobody says whether it can be undone")


def _driver(version: str) -> Had:
    """A driver of that version among the packages that this machine's package manager can install."""
    branch = version.partition(".")[0]
    names = [f"nvidia-driver-{branch}", f"nvidia-driver-{branch}-open", f"nvidia-driver-{branch}-server"]
    names += [f"nvidia-driver-{branch}-server-open", f"cuda-drivers-{branch}", f"nvidia-open-{branch}"]
    names += ["nvidia-driver", "cuda-drivers", "nvidia-open"]
    asked = []
    for program, words in (
        ("apt-cache", ("policy", *names)),
        ("dnf", ("--quiet", "list", "--showduplicates", *names, "kmod-nvidia-*", "nvidia-driver:*")),
    ):
        told = said_by(program, *words)
        if told is None:
            continue
        asked.append(program)
        if re.search(rf"(?<![\d.]){re.escape(version)}(?![\d.])", told):
            return Had("driver", version, _HAD, f"{program} knows a package of it")
    if asked:
        return Had("driver", version, _GONE, f"{' and '.join(asked)} knows no package of it")
    said = "neither apt-cache nor dnf answers here: ask on a node, or keep the installer yourself"
    return Had("driver", version, _UNKNOWN, said)


def _artifact(one: ArtifactBack, cache: Path) -> Had:
    place = artifact_path(Artifact(one.package, one.path, one.sha256), cache / "artifacts")
    what = f"{one.workload}: {Path(one.path).name} ({one.sha256[:12]})"
    if place.exists() and files_digest(place) == one.sha256:
        return Had("artifact", what, _HAD, "in the cache")
    if not one.package:
        return Had("artifact", what, _UNKNOWN, f"not in the cache; the matrix has it at {one.path}")
    package = _package(one.package)
    return Had("artifact", what, package.state, f"{one.package}: {package.said}")
