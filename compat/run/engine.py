"""The container engine: whether one answers, and which images it has or can get."""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING

from compat.errors import EngineError

if TYPE_CHECKING:
    from docker import DockerClient

__all__ = ["connect", "have_image", "remove_leftovers"]

LABEL = "gpu-compat"  # on every container and image that we make, so that ours can be told from everybody else's


def connect() -> DockerClient:
    """A client of the engine that DOCKER_HOST or the default socket names. EngineError when none answers."""
    import docker
    from docker.errors import DockerException

    try:
        client = docker.from_env(timeout=120)
        client.ping()
    except (DockerException, OSError) as problem:
        # docker-py nests the cause several times; the innermost sentence is the one that helps.
        text = (re.findall(r"'([^']+)'", str(problem)) or [str(problem)])[-1]
        raise EngineError(
            "Docker engine", f"does not answer: {text}", "start it, set DOCKER_HOST, or use --engine venv"
        ) from problem
    return client


def have_image(client: DockerClient, name: str) -> str:
    """The id of the image, pulled when it is not there. EngineError when it cannot be had."""
    from docker.errors import APIError, ImageNotFound

    try:
        return str(client.images.get(name).id)
    except ImageNotFound:
        pass
    try:
        repository, _, tag = (
            name.rpartition(":") if ":" in name.rsplit("/", 1)[-1] and "@" not in name else (name, "", "")
        )
        return str(client.images.pull(repository or name, tag=tag or None).id)
    except (APIError, ImageNotFound) as problem:
        reason = getattr(problem, "explanation", None) or str(problem)
        raise EngineError(
            f"image {name}", f"is not on this engine and cannot be pulled: {reason}", "name an image that can be had"
        ) from problem


def remove_leftovers(client: DockerClient, owner: str) -> int:
    """Remove containers that a killed run of the same ``owner`` left behind; how many there were."""
    from docker.errors import APIError

    removed = 0
    for container in client.containers.list(all=True, filters={"label": f"{LABEL}.owner={owner}"}):
        with contextlib.suppress(APIError):  # somebody else was faster
            container.remove(force=True)
            removed += 1
    return removed
