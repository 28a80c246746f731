"""Containers on a real engine: what they are built of, and that they are closed."""

from __future__ import annotations

import io
import itertools
import os
import socket
import subprocess
import tarfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest
from docker.errors import ImageNotFound

from compat.errors import EngineError, RuntimeSetupError
from compat.model import FaultKind, Runtime
from compat.run.container import ContainerRuntime
from compat.run.engine import connect, device_requests, have_image
from compat.run.session import Session
from tests.conftest import BASE, OWNER
from tests.rig import Rig, make_folders

from .registry import registry
from .wheel import make_wheel, only_from

if TYPE_CHECKING:
    from docker import DockerClient

pytestmark = pytest.mark.docker


@pytest.fixture
def plain(docker_client: DockerClient, tmp_path: Path) -> Iterator[Rig]:
    """The base image as it is."""
    folders = make_folders(tmp_path)
    rig = Rig(ContainerRuntime(Runtime("plain", image=BASE), folders, docker_client, OWNER), folders)
    yield rig
    rig.close()


# -- closed ------------------------------------------------------------------------------------------------------------


def test_a_container_is_closed(plain: Rig) -> None:
    status = dict(
        line.split(":\t", 1) for line in plain.value("open('/proc/self/status').read()").splitlines() if ":\t" in line
    )
    for name in ("CapEff", "CapPrm", "CapInh", "CapBnd", "CapAmb"):
        assert int(status[name], 16) == 0, name
    assert status["NoNewPrivs"] == "1"
    assert set(status["Uid"].split()) == {"10001"}
    assert set(status["Gid"].split()) == {"10001"}
    assert status["Seccomp"] == "2"


def test_a_container_has_no_network(plain: Rig) -> None:
    assert plain.value("[name for _, name in socket.if_nameindex()]") == "['lo']"
    for address in ("1.1.1.1", "172.17.0.1", "169.254.169.254"):
        result = plain.work(f"import socket; socket.create_connection(({address!r}, 53), 5)")
        assert result.fault is not None
        assert "unreachable" in result.fault.detail
    result = plain.work("import socket; socket.getaddrinfo('example.org', 80)")
    assert result.fault is not None
    assert result.fault.detail.startswith("gaierror")


@pytest.mark.parametrize(
    "folder", ["/", "/usr", "/etc", "/root", "/compat/1", "/compat/probe/compat", "/var/tmp", "/sys"]
)
def test_a_container_s_root_and_what_is_mounted_are_read_only(plain: Rig, folder: str) -> None:
    result = plain.work(f"open(os.path.join({folder!r}, 'written'), 'w')")
    assert result.fault is not None
    assert any(word in result.fault.detail for word in ("Read-only file system", "PermissionError"))
    assert plain.value(f"bool(os.statvfs({folder!r}).f_flag & os.ST_RDONLY)") == "True"


def test_a_container_has_private_places_to_write_to(plain: Rig) -> None:
    result = plain.work(
        "import subprocess, tempfile\n"
        "for place in ('/tmp/a', '/dev/shm/a', tempfile.gettempdir() + '/a'): open(place, 'w').write('#!/bin/sh\\n')\n"
        "os.makedirs(os.environ['HOME'], exist_ok=True)\n"
        "os.chmod('/tmp/a', 0o700); subprocess.run(['/tmp/a'], check=True)\n"  # compiled kernels are loaded from there
        "return {}"
    )
    assert result.fault is None
    assert not Path("/tmp/a").exists()
    assert not Path("/dev/shm/a").exists()


def test_a_container_sees_its_own_processes_and_variables_only(plain: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_TOKEN", "leaked")
    assert plain.value("'MY_TOKEN' in os.environ") == "False"
    assert plain.value("os.environ['OMP_NUM_THREADS']") == "1"
    assert int(plain.value("sum(name.isdigit() for name in os.listdir('/proc'))")) <= 3  # init, the zygote, the case
    assert plain.value("os.listdir('/compat/probe')") == "['compat']"


def test_a_fork_bomb_meets_its_limit_and_harms_nobody(plain: Rig) -> None:
    limit = 512 + 8 * (os.cpu_count() or 1)
    result = plain.work(
        "for count in range(5000):\n    if os.fork() == 0:\n        time.sleep(600)\nreturn {}", timeout=60.0
    )
    assert result.fault is not None
    assert result.fault.kind is FaultKind.EXCEPTION
    assert "BlockingIOError" in result.fault.detail
    left = int(plain.value("sum(name.isdigit() for name in os.listdir('/proc'))"))
    assert left <= 3 < limit


def test_a_container_goes_with_its_session(plain: Rig, docker_client: DockerClient) -> None:
    plain.value("1")
    before = _containers(docker_client)
    plain.close()
    assert len(_containers(docker_client)) == len(before) - 1
    plain.close()


def test_paths_inside(plain: Rig) -> None:
    content, artifacts = plain.folders.content[0], plain.folders.artifacts
    assert plain.runtime.inside(content / "file.py") == "/compat/1/file.py"
    assert plain.runtime.inside(artifacts / "digest" / "model") == "/compat/2/digest/model"
    with pytest.raises(EngineError, match="is in no mounted folder"):
        plain.runtime.inside(Path("/etc/passwd"))


def test_a_container_has_the_processors_that_we_have(plain: Rig) -> None:
    """As a process of ours would have them: a job's share of a node is the share of what it starts."""
    own = os.sched_getaffinity(0)
    assert plain.value("sorted(os.sched_getaffinity(0))") == str(sorted(own))
    plain.close()
    last = max(own)
    os.sched_setaffinity(0, {last})
    try:
        assert plain.value("sorted(os.sched_getaffinity(0))") == str([last])
    finally:
        os.sched_setaffinity(0, own)
        plain.close()


# -- GPUs --------------------------------------------------------------------------------------------------------------


def test_an_image_does_not_choose_the_gpus(docker_client: DockerClient, tmp_path: Path) -> None:
    """CUDA's own images ask for all of them, and a runtime that is nvidia's by default gives them."""
    name = f"compat-tests:gpus-{os.getpid()}"
    container = docker_client.containers.create(BASE, ["true"])
    container.commit(*name.split(":"), conf={"Env": ["NVIDIA_VISIBLE_DEVICES=all"]})
    container.remove()
    folders = make_folders(tmp_path)
    rig = Rig(ContainerRuntime(Runtime("greedy", image=name), folders, docker_client, OWNER), folders)
    try:
        assert rig.value("os.environ['NVIDIA_VISIBLE_DEVICES']") == "void"
        assert rig.session.ready.identity.environment["NVIDIA_VISIBLE_DEVICES"] == "void"
    finally:
        rig.close()
        docker_client.images.remove(name, force=True)


class _Told:
    """An engine that says so of itself."""

    def __init__(self, **said: object) -> None:
        self._said = said

    def info(self) -> dict[str, object]:
        return self._said


def test_gpus_are_asked_for_by_their_uuids() -> None:
    old, new = (cast("DockerClient", _Told(**said)) for said in ({}, {"CDISpecDirs": ["/etc/cdi", "/var/run/cdi"]}))
    off = cast("DockerClient", _Told(CDISpecDirs=[]))
    assert [dict(found) for found in device_requests(new, ("GPU-1", "GPU-2"))] == [
        {
            "Driver": "cdi",
            "Count": 0,
            "DeviceIDs": ["nvidia.com/gpu=GPU-1", "nvidia.com/gpu=GPU-2"],
            "Capabilities": [],
            "Options": {},
        }
    ]
    for engine in (old, off):
        (found,) = device_requests(engine, ("GPU-1",))
        assert (found["Driver"], found["DeviceIDs"]) == ("nvidia", ["GPU-1"])
        assert found["Capabilities"] == [["gpu", "compute", "utility"]]
    assert device_requests(new, ()) == device_requests(old, ()) == []


def test_gpus_that_an_engine_cannot_give_are_one_line(plain: Rig, docker_client: DockerClient) -> None:
    plain.close()
    before = _containers(docker_client)
    with pytest.raises(RuntimeSetupError) as caught:
        Session(plain.runtime, (), ("GPU-1",))
    said = str(caught.value)
    assert said.startswith("runtime plain: has a container that does not start: ")
    assert "\n" not in said
    assert said.endswith("; look at the GPU driver of the engine")
    assert _containers(docker_client) == before


# -- built -------------------------------------------------------------------------------------------------------------


def _containers(client: DockerClient) -> set[str]:
    """Ours: the engine may have other users."""
    found = client.containers.list(all=True, filters={"label": f"gpu-compat.owner={OWNER}"})
    return {str(container.id) for container in found}


def test_an_image_is_built_once_from_what_pip_is_told_here(
    docker_client: DockerClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_wheel(tmp_path / "wheels", "tiny-local", f"1.{os.getpid()}")
    only_from(tmp_path / "wheels", monkeypatch)
    folders = make_folders(tmp_path)
    spec = Runtime("small", base=BASE, requirements=(f"tiny-local==1.{os.getpid()}",), env={"SOME": "value"})
    containers = _containers(docker_client)
    runtime = ContainerRuntime(spec, folders, docker_client, OWNER)
    try:
        assert runtime.build() is True
        assert ContainerRuntime(spec, folders, docker_client, OWNER).build() is False
        image = docker_client.images.get(runtime._image)
        remembered = str(image.attrs)
        assert "PIP_" not in remembered  # nothing of what pip was told
        assert str(tmp_path) not in remembered
        assert image.labels["gpu-compat"] == "runtime"
        rig = Rig(runtime, folders)
        assert rig.value("__import__('tiny_local').VERSION") == f"1.{os.getpid()}"
        assert rig.value("os.environ['SOME']") == "value"
        assert rig.value("[name for name in os.environ if name.startswith('PIP_')]") == "[]"
        rig.close()
    finally:
        docker_client.images.remove(runtime._image, force=True)
    assert _containers(docker_client) == containers


# What Triton up to 3.9 does at the first launch on a GPU, and torch's compiler for a CPU.
COMPILES = """
import ctypes, pathlib, subprocess, sysconfig
for compiler, file, head in (("gcc", "a.c", ""), ("g++", "b.cc", 'extern "C"')):
    pathlib.Path(file).write_text(f"#include <Python.h>\\n{head} int seven(void) {{ return 7; }}\\n")
    include = "-I" + sysconfig.get_path("include")
    subprocess.run([compiler, "-shared", "-fPIC", include, "-o", file + ".so", file], check=True)
    assert ctypes.CDLL("./" + file + ".so").seven() == 7
return {}
"""


@pytest.mark.network
@pytest.mark.parametrize("name", ["triton", "torch", "tiny-local"])
def test_an_image_has_compilers_where_something_compiles(
    docker_client: DockerClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    version = f"1.{os.getpid()}"
    make_wheel(tmp_path / "wheels", "tiny-local", version)
    files = {} if name == "tiny-local" else {f"{name}/__init__.py": b""}
    make_wheel(tmp_path / "wheels", "needs-it", version, files)
    only_from(tmp_path / "wheels", monkeypatch)
    folders = make_folders(tmp_path)
    spec = Runtime("small", base=BASE, requirements=(f"needs-it=={version}",))
    runtime = ContainerRuntime(spec, folders, docker_client, OWNER)
    rig = Rig(runtime, folders)
    try:
        runtime.build()
        result = rig.work(COMPILES)
        if name == "tiny-local":
            assert result.fault is not None
            assert "No such file or directory: 'gcc'" in result.fault.detail
        else:
            assert result.fault is None, result.fault
    finally:
        rig.close()
        docker_client.images.remove(runtime._image, force=True)


def test_a_requirement_that_does_not_exist_is_one_line_and_leaves_nothing(
    docker_client: DockerClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_wheel(tmp_path / "wheels", "tiny-local")
    only_from(tmp_path / "wheels", monkeypatch)
    containers = _containers(docker_client)
    spec = Runtime("small", base=BASE, requirements=("tiny-local==2.0",))
    runtime = ContainerRuntime(spec, make_folders(tmp_path), docker_client, OWNER)
    with pytest.raises(RuntimeSetupError) as refused:
        runtime.build()
    said = (
        f"runtime small: could not be installed on {BASE}: No matching distribution found for tiny-local==2.0; correct"
    )
    assert str(refused.value).startswith(said)
    assert "\n" not in str(refused.value)
    assert _containers(docker_client) == containers
    with pytest.raises(ImageNotFound):
        docker_client.images.get(runtime._image)


def test_a_folder_that_the_containers_user_cannot_read_is_one_line(docker_client: DockerClient, tmp_path: Path) -> None:
    folders = make_folders(tmp_path)
    (tmp_path / "content").chmod(0o700)
    runtime = ContainerRuntime(Runtime("x", base=BASE, requirements=()), folders, docker_client, OWNER)
    with pytest.raises(RuntimeSetupError, match=r"its container's user cannot read .*content; say chmod -R o\+rX"):
        runtime.build()


def test_requirements_without_a_base_are_refused(docker_client: DockerClient, tmp_path: Path) -> None:
    with pytest.raises(RuntimeSetupError, match="has requirements and no base image"):
        ContainerRuntime(Runtime("x", requirements=()), make_folders(tmp_path), docker_client, OWNER).build()


def test_an_image_that_cannot_be_had_is_one_line(docker_client: DockerClient, tmp_path: Path) -> None:
    name = "localhost:9/compat-no-such-image:none"
    runtime = ContainerRuntime(Runtime("x", image=name), make_folders(tmp_path), docker_client, OWNER)
    for attempt in (lambda: have_image(docker_client, name), runtime.build, runtime.start):
        with pytest.raises(EngineError) as refused:
            attempt()
        assert "\n" not in str(refused.value)
        assert "compat-no-such-image" in str(refused.value)


@pytest.fixture
def changed_image(docker_client: DockerClient) -> Iterator[list[str]]:
    """Makes an image of the base with a command run in it; removed afterwards."""
    made: list[str] = []
    yield made
    for name in made:
        docker_client.images.remove(name, force=True)


def _change(client: DockerClient, made: list[str], command: str) -> str:
    container = client.containers.create(BASE, ["sh", "-c", command])
    try:
        container.start()
        assert container.wait()["StatusCode"] == 0
        name = f"compat-tests:{os.getpid()}-{len(made)}"
        container.commit(*name.split(":"))
    finally:
        container.remove(force=True)
    made.append(name)
    return name


@pytest.mark.parametrize(
    ("command", "said"),
    [("touch /compat", "does not start"), ("rm $(readlink -f $(command -v python3))", "does not start")],
    ids=["nowhere to mount", "no python"],
)
def test_an_image_that_cannot_be_used_is_one_line_and_leaves_nothing(
    docker_client: DockerClient, tmp_path: Path, changed_image: list[str], command: str, said: str
) -> None:
    name = _change(docker_client, changed_image, command)
    containers = _containers(docker_client)
    runtime = ContainerRuntime(Runtime("odd", image=name), make_folders(tmp_path), docker_client, OWNER)
    with pytest.raises(RuntimeSetupError) as refused:
        Session(runtime, ())
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)
    assert _containers(docker_client) == containers


# -- which image it was ------------------------------------------------------------------------------------------------


def test_the_image_of_a_probe_is_the_one_its_container_was_made_of(
    docker_client: DockerClient, tmp_path: Path, changed_image: list[str]
) -> None:
    """A name may be given to another image while we run; the container says what it is."""
    name = f"compat-tests:moved-{os.getpid()}"
    changed_image.append(name)
    runtime = ContainerRuntime(Runtime("moved", image=name), make_folders(tmp_path), docker_client, OWNER)
    for source in (BASE, _change(docker_client, changed_image, "touch /changed")):
        image = docker_client.images.get(source)
        image.tag(*name.split(":"))
        session = Session(runtime, ())
        session.close()
        assert session.ready.identity.image == image.id
        assert session.ready.identity.image_digests == ()  # no registry has it
    assert session.ready.identity.image != docker_client.images.get(BASE).id


# Its interpreter says that it is ready, and nothing else.
TINY = r"""
#include <stdio.h>
int main(void) {
    static char line[1 << 16];
    if (!fgets(line, sizeof line, stdin)) return 1;
    puts("{\"v\":1,\"op\":\"ready\",\"frames\":[],\"body\":{\"identity\":{\"python\":\"3\",\"implementation\":\"tiny\","
         "\"machine\":\"none\",\"distributions\":{}}}}");
    fflush(stdout);
    while (fgets(line, sizeof line, stdin)) {}
    return 0;
}
"""


def _tiny(folder: Path) -> bytes:
    """The file system of an image that is pushed and pulled in no time, as a tar archive."""
    source, program = folder / "tiny.c", folder / "python3"
    source.write_text(TINY, encoding="ascii")
    subprocess.run(["cc", "-static", "-O1", "-o", str(program), str(source)], check=True)
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        archive.add(program, "usr/bin/python3")
    return packed.getvalue()


def test_an_image_of_a_registry_is_known_by_its_digest(docker_client: DockerClient, tmp_path: Path) -> None:
    with registry() as host:
        name = f"{host}/tiny"
        docker_client.api.import_image_from_data(_tiny(tmp_path), repository=name, tag="1")
        try:
            for line in docker_client.images.push(name, tag="1", stream=True, decode=True):
                assert "error" not in line, line
            made = docker_client.images.get(f"{name}:1")
            (named,) = made.attrs["RepoDigests"]
            docker_client.images.remove(str(made.id), force=True)  # so that it is pulled
            runtime = ContainerRuntime(Runtime("tiny", image=named), make_folders(tmp_path), docker_client, OWNER)
            assert runtime.build() is False
            session = Session(runtime, ())
            session.close()
            identity = session.ready.identity
            assert (identity.implementation, identity.image) == ("tiny", made.id)
            assert identity.image_digests == (named.partition("@")[2],)
        finally:
            for image in docker_client.images.list(name):
                docker_client.images.remove(str(image.id), force=True)


# -- the engine --------------------------------------------------------------------------------------------------------


def test_a_container_that_was_removed_under_a_session_is_noticed(plain: Rig, docker_client: DockerClient) -> None:
    session = plain.session
    container = docker_client.containers.get(session._connection.id)  # type: ignore[attr-defined]
    timer = threading.Timer(0.5, lambda: container.remove(force=True))
    timer.start()
    result = plain.work("time.sleep(600)", timeout=60.0)
    timer.join()
    assert result.fault is not None
    assert result.fault.kind is FaultKind.INFRASTRUCTURE
    assert not session.alive
    assert plain.value("1 + 1") == "2"


_WRONG_ENGINES = itertools.count()


@pytest.mark.parametrize("kind", ["no file", "nobody listens", "not an engine"])
def test_an_engine_that_does_not_answer_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    place = Path(f"/tmp/compat-tests-{os.getpid()}-{next(_WRONG_ENGINES)}.sock")  # a socket's path must be short
    server = socket.socket(socket.AF_UNIX)
    try:
        if kind != "no file":
            server.bind(str(place))
        if kind == "not an engine":
            server.listen()
            threading.Thread(target=_answer_nonsense, args=(server,), daemon=True).start()
        monkeypatch.setenv("DOCKER_HOST", f"unix://{place}")
        with pytest.raises(EngineError) as refused:
            connect()
    finally:
        server.close()
        place.unlink(missing_ok=True)
    text = str(refused.value)
    assert text.startswith("Docker engine: does not answer: ")
    assert "\n" not in text
    assert len(text) < 300


def _answer_nonsense(server: socket.socket) -> None:
    while True:
        try:
            client, _ = server.accept()
        except OSError:
            return
        with client:
            client.recv(1 << 16)
            client.sendall(b"nonsense\r\n\r\n")
