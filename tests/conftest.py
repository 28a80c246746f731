"""What several folders of tests share: a Docker engine, and real runtimes of every kind."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from compat.errors import EngineError
from compat.model import Runtime
from compat.run.container import ContainerRuntime
from compat.run.engine import connect
from compat.run.in_place import InPlaceRuntime
from compat.run.venv import VenvRuntime
from tests.pythons import MISSING, PYTHONS
from tests.rig import NUMPY, Rig, make_folders
from tests.skips import pytest_make_collect_report, pytest_runtest_makereport

if TYPE_CHECKING:
    from docker import DockerClient

__all__ = ["pytest_make_collect_report", "pytest_report_header", "pytest_runtest_makereport"]

BASE = "debian:bookworm"
OWNER = f"tests-{os.getpid()}"


def pytest_report_header() -> str:
    """In which Pythons the probe is tested, and in which it is not."""
    return f"probe: in Python {', '.join(PYTHONS)}; not here: {', '.join(MISSING) or 'none'}"


@pytest.fixture(scope="session")
def docker_client() -> Iterator[DockerClient]:
    """A Docker engine that has the base image. Without one tests are skipped."""
    from docker.errors import ImageNotFound

    try:
        client = connect()
        client.images.get(BASE)
    except (EngineError, ImageNotFound) as problem:
        pytest.skip(str(problem))
    yield client
    assert client.containers.list(all=True, filters={"label": f"gpu-compat.owner={OWNER}"}) == []
    client.close()


@pytest.fixture(scope="session")
def runtime_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where built runtimes lie: kept between runs when COMPAT_TEST_CACHE names a folder."""
    named = os.environ.get("COMPAT_TEST_CACHE")
    return Path(named) if named else tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="session")
def in_place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """Our own interpreter."""
    folders = make_folders(tmp_path_factory.mktemp("in-place"))
    rig = Rig(InPlaceRuntime(Runtime("here"), folders), folders)
    yield rig
    rig.close()


@pytest.fixture(scope="session")
def venv(tmp_path_factory: pytest.TempPathFactory, runtime_cache: Path) -> Iterator[Rig]:
    """A virtual environment with numpy."""
    folders = make_folders(tmp_path_factory.mktemp("venv"))
    runtime = VenvRuntime(Runtime("venv", requirements=NUMPY), folders, runtime_cache)
    runtime.build()
    rig = Rig(runtime, folders)
    yield rig
    rig.close()


@pytest.fixture(scope="session")
def container(tmp_path_factory: pytest.TempPathFactory, docker_client: DockerClient) -> Iterator[Rig]:
    """A container with numpy."""
    folders = make_folders(tmp_path_factory.mktemp("container"))
    runtime = ContainerRuntime(Runtime("boxed", base=BASE, requirements=NUMPY), folders, docker_client, OWNER)
    runtime.build()
    rig = Rig(runtime, folders)
    yield rig
    rig.close()


@pytest.fixture(
    params=[
        pytest.param("in_place"),
        pytest.param("venv", marks=pytest.mark.network),
        pytest.param("container", marks=[pytest.mark.docker, pytest.mark.network]),
    ]
)
def rig(request: pytest.FixtureRequest) -> Rig:
    """Each kind of runtime in turn."""
    found: Rig = request.getfixturevalue(request.param)
    return found
