"""A runtime as a container on a Docker engine: a given image, or one built from a base image and requirements.

Containers run closed: no network, a read-only root with a private /tmp, no capabilities, no new privileges, a non-root
user, limits on processes and memory. Only building has the network, and what pip is told here it is told there.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from compat.errors import EngineError, RuntimeSetupError
from compat.model import Runtime, digest
from compat.run.attached import ContainerConnection, remove
from compat.run.bounds import memory_limit, process_limit, processors
from compat.run.engine import EngineAwayError, device_requests, have_image
from compat.run.leftovers import LABEL
from compat.run.pip_settings import pip_settings
from compat.run.runtime import PINNED_THREADS, Folders, boot_command, variables
from compat.run.venv import install_problem

if TYPE_CHECKING:
    from docker import DockerClient

__all__ = ["ContainerRuntime"]

_RUNTIME = "/opt/runtime"  # the virtual environment inside an image that we build
_USER = "10001:10001"
_BUILT = 2  # how images are built: another number, other images

_INSTALL = "apt-get update -qq && apt-get install -y -qq --no-install-recommends"
# Triton up to 3.9 compiles its driver's stub at the first launch on a GPU, and torch's compiler what runs on the CPU.
_COMPILERS = f"""
cd {_RUNTIME}/bin
./python -c 'from importlib.util import find_spec as f; exit(bool(f("torch") or f("triton")))' && exit
headers=$(./python -c 'import sysconfig; print(sysconfig.get_path("include"))')/Python.h
[ -e "$headers" ] && dev= || dev=python3-dev
command -v gcc && command -v g++ && [ -z "$dev" ] || {{ {_INSTALL} gcc g++ $dev; }}
"""


class ContainerRuntime:
    """Starts probes in containers of one image."""

    how = "container"

    def __init__(
        self, spec: Runtime, folders: Folders, client: DockerClient, owner: str, installation: int = 1
    ) -> None:
        self.spec = spec
        self._folders = folders
        self.memory: int | None = None  # the container is bounded
        self.libraries: dict[str, str] = {}
        self._client = client
        self._owner = owner
        self._mark = secrets.token_hex(4)  # our containers, among those of the same owner
        self._connections: list[ContainerConnection] = []
        self._was_away = False
        self._digests: dict[str, tuple[str, ...]] = {}  # of images that were asked for
        self._image = spec.image or ""
        self._suffix = "" if installation == 1 else f"-{installation}"
        self._inside = {folder.resolve(): f"/compat/{index}" for index, folder in enumerate(folders.all())}
        # The package is mounted under its own name, so that its parent holds nothing else.
        self._inside[folders.package] = "/compat/probe/compat"

    def build(self, *, fresh: bool = False) -> bool:
        """Have the image: pull a given one, or build it from ``base`` unless it is there. True if it was built now.

        ``fresh``: build it even where it is there. A given image is what it is.
        """
        self._readable()
        if self.spec.image is not None:
            have_image(self._client, self.spec.image)
            return False
        if self.spec.base is None:
            raise RuntimeSetupError(
                f"runtime {self.spec.name}", "has requirements and no base image", "add base: to run it in a container"
            )
        base = have_image(self._client, self.spec.base)
        name = f"compat-runtime:{digest([_BUILT, base, self.spec.requirements])[:16]}{self._suffix}"
        self._image = name
        from docker.errors import ImageNotFound

        if fresh:
            self.remove()
        try:
            self._client.images.get(name)
        except ImageNotFound:
            self._build(base, name)
            return True
        return False

    def remove(self) -> None:
        """Take away the image that was built; a given one is not ours to take."""
        from docker.errors import ImageNotFound

        if self.spec.image is None and self._image:
            with contextlib.suppress(ImageNotFound):
                self._client.images.remove(self._image, force=True)

    def _readable(self) -> None:
        """The container's user is not ours: what it mounts must be readable by everybody, or every case would fault."""
        for folder in self._inside:
            mode = folder.stat().st_mode if folder.is_dir() else 0
            if mode & 0o005 != 0o005:
                raise RuntimeSetupError(
                    f"runtime {self.spec.name}",
                    f"its container's user cannot read {folder}",
                    f"say chmod -R o+rX {folder}, or use --engine venv",
                )

    def _build(self, base: str, name: str) -> None:
        from docker.types import LogConfig, Mount

        settings = pip_settings()
        # Mounts, not volumes: an image remembers volumes.
        mounts = [Mount(inside, str(path), type="bind", read_only=True) for path, inside in settings.paths.items()]
        builder = self._client.containers.create(
            base,
            ["sleep", "infinity"],
            init=True,
            labels=self._labels(),
            log_config=LogConfig(type="none"),
            mounts=mounts,
            network_mode="host",  # pip must reach what it reaches here
        )
        try:
            builder.start()
            have_python = "python3 -c 'import ensurepip' 2>/dev/null"
            steps = [
                ["sh", "-c", f"{have_python} || {{ {_INSTALL} python3 python3-venv; }}"],
                ["python3", "-m", "venv", _RUNTIME],
            ]
            if self.spec.requirements:
                pip = [f"{_RUNTIME}/bin/python", "-m", "pip", "install", "--quiet", "--no-cache-dir"]
                steps += [[*pip, *self.spec.requirements], ["sh", "-c", _COMPILERS]]
            for command in steps:
                code, output = builder.exec_run(command, environment=settings.variables)
                if code != 0:
                    text = output if isinstance(output, bytes) else b"".join(output)
                    problem = install_problem(text.decode("utf-8", "replace"))
                    raise RuntimeSetupError(
                        f"runtime {self.spec.name}",
                        f"could not be installed on {self.spec.base}: {problem}",
                        "correct its base or requirements in the matrix file",
                    )
            repository, _, tag = name.partition(":")
            builder.commit(repository, tag, conf={"Labels": {LABEL: "runtime"}, "Cmd": ["python3"]})
        finally:
            builder.remove(force=True)

    def _labels(self) -> dict[str, str]:
        return {LABEL: "run", f"{LABEL}.owner": self._owner, f"{LABEL}.runtime": self._mark}

    def start(self, devices: Sequence[str] = ()) -> ContainerConnection:
        """Start a closed container with a probe in it, and with these GPUs."""
        from docker.errors import APIError, ImageNotFound
        from docker.types import LogConfig

        python = f"{_RUNTIME}/bin/python" if self.spec.image is None else "python3"
        mounts = {str(path): {"bind": inside, "mode": "ro"} for path, inside in self._inside.items()}
        try:
            container = self._client.containers.create(
                self._image,
                boot_command(python, "/compat/probe"),
                entrypoint=[],
                cap_drop=["ALL"],
                cpuset_cpus=self._processors(),
                device_requests=device_requests(self._client, devices),
                environment={**_HOME, **PINNED_THREADS, **variables(self.spec)},
                # No init: as the first process of its namespace the zygote cannot be killed or stopped from inside.
                labels=self._labels(),
                log_config=LogConfig(type="none"),  # a flood must not fill the disk
                mem_limit=memory_limit(),
                memswap_limit=memory_limit(),  # no swap: what takes too much is killed, and does not crawl
                network_mode="none",
                pids_limit=process_limit(),
                read_only=True,
                security_opt=["no-new-privileges"],
                shm_size="1g",
                stdin_open=True,
                stop_signal="SIGKILL",  # the first process of a namespace hears no other
                tmpfs={"/tmp": "exec,mode=1777,size=4g"},  # noqa: S108 - inside the container; exec for compiled code
                user=_USER,
                volumes=mounts,
                working_dir="/tmp",  # noqa: S108
            )
        except (APIError, ImageNotFound) as problem:
            raise EngineError(
                f"runtime {self.spec.name}",
                f"has no container: {problem}",
                "look at the GPU driver of the engine" if devices else "look at the engine",
            ) from problem
        except OSError as problem:  # a refused connection, a closed one, no answer in time
            raise self._away(problem) from problem
        try:
            connection = ContainerConnection(container, self._registries_digests(str(container.attrs["Image"])))
        except (APIError, OSError) as problem:
            remove(container)
            if not isinstance(problem, APIError):
                raise self._away(problem) from problem
            raise EngineError(
                f"runtime {self.spec.name}",
                f"has a container that does not start: {problem}",
                "look at the GPU driver of the engine" if devices else "look at the image",
            ) from problem
        self._connections = [before for before in self._connections if not before.removed] + [connection]
        self._clear_up()
        return connection

    def _processors(self) -> str | None:
        """Ours, where we do not have all: an engine does not inherit them. One on another machine has its own."""
        own = processors()
        return own if own and self._client.info().get("NCPU") == os.cpu_count() else None

    def _registries_digests(self, image: str) -> tuple[str, ...]:
        """By which digests registries give the image of that id; none where it was made here, or nobody knows."""
        from docker.errors import ImageNotFound

        if self.spec.image is not None and image not in self._digests:
            try:
                names = self._client.images.get(image).attrs.get("RepoDigests") or ()
            except ImageNotFound:  # its last name was taken away
                names = ()
            self._digests[image] = tuple(sorted({name.rpartition("@")[2] for name in names}))
        return self._digests.get(image, ())

    def _clear_up(self) -> None:
        """Remove what an engine that was away for a while has kept of ours, also what it never told us of."""
        live = {connection.id for connection in self._connections if connection.is_open}
        if not self._was_away and len(live) == len(self._connections):
            return
        labels = [f"{key}={value}" for key, value in self._labels().items()]
        for container in self._client.containers.list(all=True, filters={"label": labels}):
            if container.id not in live:
                remove(container)
        self._connections = [connection for connection in self._connections if connection.is_open]
        self._was_away = False

    def _away(self, problem: OSError) -> EngineAwayError:
        self._was_away = True
        return EngineAwayError(
            f"runtime {self.spec.name}", f"the engine does not answer: {problem}", "start it, and run this again"
        )

    def inside(self, path: Path) -> str:
        """Where a file of one of the mounted folders is inside the container."""
        resolved = path.resolve()
        for folder, inside in self._inside.items():
            if resolved.is_relative_to(folder):
                return f"{inside}/{resolved.relative_to(folder).as_posix()}"
        raise EngineError(f"runtime {self.spec.name}", f"{path} is in no mounted folder")


# The places that runtimes write to are all in the private /tmp; the same in both arms.
_HOME = {
    "CUDA_CACHE_PATH": "/tmp/nv",  # noqa: S108
    "HOME": "/tmp/home",  # noqa: S108
    "LANG": "C.UTF-8",
    # Images of CUDA ask for all GPUs, and where nvidia's runtime is the engine's default they get them. An engine that
    # is asked for GPUs says here which.
    "NVIDIA_VISIBLE_DEVICES": "void",
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTORCH_NVML_BASED_CUDA_CHECK": "1",  # asking whether there is a GPU must not initialise CUDA
    "TORCHINDUCTOR_CACHE_DIR": "/tmp/ti",  # noqa: S108
    "TRITON_HOME": "/tmp/home",  # noqa: S108
    "USER": "compat",
}
