"""A runtime as a container on a Docker engine: a given image, or one built from a base image and requirements.

Containers run closed: no network, a read-only root with a private /tmp, no capabilities, no new privileges, a non-root
user, limits on processes and memory. Only building has the network, and what pip is told here it is told there.
"""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from compat.errors import EngineError, RuntimeSetupError
from compat.model import Runtime, digest
from compat.run.connection import Tail
from compat.run.engine import LABEL, have_image
from compat.run.pip_settings import pip_settings
from compat.run.runtime import PINNED_THREADS, Folders, boot_command, variables
from compat.run.venv import install_problem

if TYPE_CHECKING:
    from docker import DockerClient
    from docker.models.containers import Container

__all__ = ["ContainerConnection", "ContainerRuntime"]

_RUNTIME = "/opt/runtime"  # the virtual environment inside an image that we build
_USER = "10001:10001"


class ContainerRuntime:
    """Starts probes in containers of one image."""

    how = "container"

    def __init__(self, spec: Runtime, folders: Folders, client: DockerClient, owner: str) -> None:
        self.spec = spec
        self._folders = folders
        self._client = client
        self._owner = owner
        self._image = spec.image or ""
        self._inside = {folder.resolve(): f"/compat/{index}" for index, folder in enumerate(folders.all())}
        # The package is mounted under its own name, so that its parent holds nothing else.
        self._inside[folders.package] = "/compat/probe/compat"

    def build(self) -> bool:
        """Have the image: pull a given one, or build it from ``base`` unless it is there. True if it was built now."""
        self._readable()
        if self.spec.image is not None:
            have_image(self._client, self.spec.image)
            return False
        if self.spec.base is None:
            raise RuntimeSetupError(
                f"runtime {self.spec.name}", "has requirements and no base image", "add base: to run it in a container"
            )
        base = have_image(self._client, self.spec.base)
        name = f"compat-runtime:{digest([base, self.spec.requirements])[:16]}"
        self._image = name
        from docker.errors import ImageNotFound

        try:
            self._client.images.get(name)
        except ImageNotFound:
            self._build(base, name)
            return True
        return False

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
            install_python = "apt-get update -qq && apt-get install -y -qq --no-install-recommends python3 python3-venv"
            steps = [
                ["sh", "-c", f"{have_python} || {{ {install_python}; }}"],
                ["python3", "-m", "venv", _RUNTIME],
                [f"{_RUNTIME}/bin/python", "-m", "pip", "install", "--quiet", "--no-cache-dir"],
            ]
            steps[-1] += self.spec.requirements or ()
            for command in steps[: 3 if self.spec.requirements else 2]:
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
        return {LABEL: "run", f"{LABEL}.owner": self._owner}

    def start(self) -> ContainerConnection:
        """Start a closed container with a probe in it."""
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
                environment={**_HOME, **PINNED_THREADS, **variables(self.spec)},
                init=True,
                labels=self._labels(),
                log_config=LogConfig(type="none"),  # a flood must not fill the disk
                mem_limit=_memory_limit(),
                network_mode="none",
                pids_limit=512 + 8 * (os.cpu_count() or 1),
                read_only=True,
                security_opt=["no-new-privileges"],
                shm_size="1g",
                stdin_open=True,
                tmpfs={"/tmp": "exec,mode=1777,size=4g"},  # noqa: S108 - inside the container; exec for compiled code
                user=_USER,
                volumes=mounts,
                working_dir="/tmp",  # noqa: S108
            )
        except (APIError, ImageNotFound) as problem:
            raise EngineError(
                f"runtime {self.spec.name}", f"has no container: {problem}", "look at the engine"
            ) from problem
        try:
            return ContainerConnection(container)
        except (APIError, OSError) as problem:
            with contextlib.suppress(APIError, OSError):
                container.remove(force=True)
            raise EngineError(
                f"runtime {self.spec.name}", f"has a container that does not start: {problem}", "look at the image"
            ) from problem

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
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTORCH_NVML_BASED_CUDA_CHECK": "1",  # asking whether there is a GPU must not initialise CUDA
    "TORCHINDUCTOR_CACHE_DIR": "/tmp/ti",  # noqa: S108
    "TRITON_HOME": "/tmp/home",  # noqa: S108
    "USER": "compat",
}


def _memory_limit() -> int:
    """Bytes: four fifths of this machine, so that a case that takes all it can gets killed and the machine does not."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") * 4 // 5


class ContainerConnection:
    """A container's three streams over the engine's attach socket."""

    def __init__(self, container: Container) -> None:
        self._container = container
        attached = container.attach_socket(params={"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1})
        self._attached = attached
        self._socket: socket.socket = getattr(attached, "_sock")  # noqa: B009 - docker-py has no public name for it
        self._socket.settimeout(None)  # waiting for a slow case is the session's business
        self.stdout, self._stdout_write = os.pipe()
        error_read, self._stderr_write = os.pipe()
        self._tail = Tail(os.fdopen(error_read, "rb", buffering=0))
        self._pump = threading.Thread(target=self._demultiplex, daemon=True)
        self._pump.start()
        try:
            container.start()
        except BaseException:
            self.close()
            raise

    def _demultiplex(self) -> None:
        """Sort the frames of the one socket into our two pipes, until the container's streams end."""
        from docker.utils.socket import frames_iter

        try:
            for stream, data in frames_iter(self._attached, tty=False):  # type: ignore[no-untyped-call]  # docker-py's
                view = memoryview(data)
                while view:
                    view = view[os.write(self._stdout_write if stream == 1 else self._stderr_write, view) :]
        except (OSError, ValueError):  # the socket or our reading end was closed
            pass
        finally:
            os.close(self._stdout_write)
            os.close(self._stderr_write)

    @property
    def id(self) -> str:
        """The container's id."""
        return str(self._container.id)

    def write(self, data: bytes) -> None:
        """Send all of ``data`` to the probe's standard input."""
        self._socket.sendall(data)

    def tail(self) -> str:
        """The end of what it printed to standard error."""
        return self._tail.text(0.5)

    def close(self) -> None:
        """Remove the container with everything in it."""
        from docker.errors import DockerException

        if self.stdout < 0:
            return
        with contextlib.suppress(DockerException, OSError):  # OSError: there is no engine any more
            self._container.remove(force=True)
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        os.close(self.stdout)
        self.stdout = -1
        self._pump.join(5.0)
        self._attached.close()
