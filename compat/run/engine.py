"""The container engine: whether one answers, and which images it has or can get."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from compat.errors import EngineError

if TYPE_CHECKING:
    from docker import DockerClient
    from docker.types import DeviceRequest

__all__ = ["EngineAwayError", "connect", "connect_if_there", "device_requests", "have_image"]

_SOCKET = "/var/run/docker.sock"  # of an engine, where DOCKER_HOST names none


class EngineAwayError(EngineError):
    """The engine does not answer at the moment. It may be back: a daemon is restarted by an upgrade of itself."""


def connect(timeout: int = 120) -> DockerClient:
    """A client of the engine that DOCKER_HOST or the default socket names. EngineError when none answers.

    ``timeout``: seconds for each answer.
    """
    import docker
    from docker.errors import DockerException

    try:
        client = docker.from_env(timeout=timeout)
        client.ping()
    except (DockerException, OSError) as problem:
        # docker-py nests the cause several times; the innermost sentence is the one that helps.
        text = (re.findall(r"'([^']+)'", str(problem)) or [str(problem)])[-1]
        raise EngineError(
            "Docker engine", f"does not answer: {text}", "start it, set DOCKER_HOST, or use --engine venv"
        ) from problem
    return client


def connect_if_there() -> DockerClient | None:
    """The same for those who can do without: None where there is no engine, or none that answers soon."""
    if not (os.environ.get("DOCKER_HOST") or Path(_SOCKET).exists()):
        return None  # known without the client, whose import takes 0.2 s
    try:
        return connect(timeout=5)
    except EngineError:
        return None


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


def device_requests(client: DockerClient, devices: Sequence[str]) -> list[DeviceRequest]:
    """What a container asks of the engine to have the GPUs with these UUIDs: CDI where the engine knows it.

    A container that got its GPUs by the older hook loses them when the daemon reloads (NVIDIA container toolkit, issue
    48). CDI is in Docker since 25; the node's specification must name its devices by UUID. Not run on a GPU.
    """
    from docker.types import DeviceRequest

    if not devices:
        return []
    if client.info().get("CDISpecDirs"):
        return [DeviceRequest(driver="cdi", device_ids=[f"nvidia.com/gpu={uuid}" for uuid in devices])]
    return [DeviceRequest(driver="nvidia", device_ids=list(devices), capabilities=[["gpu", "compute", "utility"]])]
