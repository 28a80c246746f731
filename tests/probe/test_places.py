"""What a case leaves beside its own folder is gone before the next one begins, and caches of compilers are not."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from compat.model import FaultKind, Runtime
from compat.probe.folders import remove
from compat.probe.places import Places
from compat.run.container import ContainerRuntime
from compat.run.session import Session
from tests.conftest import OWNER
from tests.rig import Rig, make_case
from tests.unprivileged import NOBODY, nobodys_folder

if TYPE_CHECKING:
    from docker import DockerClient

# What a case does, and how the next one would see it.
BESIDE = "os.path.dirname(os.getcwd())"
SEGMENT = "sum(line.split()[0] == '1129270608' for line in open('/proc/sysvipc/shm'))"  # 0x434f4d50
LEFT = {
    "a file": (f"open({BESIDE} + '/left', 'w').write('x')", f"os.path.exists({BESIDE} + '/left')"),
    "a link": (f"os.symlink('/etc', {BESIDE} + '/left')", f"os.path.lexists({BESIDE} + '/left')"),
    "a folder that is closed": (
        f"os.makedirs({BESIDE} + '/left/a/b')\nopen({BESIDE} + '/left/a/b/c', 'w')\n"
        f"os.chmod({BESIDE} + '/left/a/b', 0)\nos.chmod({BESIDE} + '/left/a', 0)\nos.chmod({BESIDE} + '/left', 0)",
        f"os.path.exists({BESIDE} + '/left')",
    ),
    "a folder that is deep": (
        f"os.chdir({BESIDE})\nfor _ in range(1200):\n    os.mkdir('left')\n    os.chdir('left')",
        f"os.path.exists({BESIDE} + '/left')",
    ),
    "its own folder, deep": (
        "for _ in range(1200):\n    os.mkdir('left')\n    os.chdir('left')",
        f"[name for name in os.listdir({BESIDE}) if name not in os.getcwd()]",
    ),
    "shared memory": ("import ctypes\nctypes.CDLL(None).shmget(0x434f4d50, 1 << 20, 0o1600)", SEGMENT),
}


def _once(body: str) -> str:
    """The work of a case is called twice; this is done once."""
    lines = "".join(f"    {line}\n" for line in body.splitlines())
    return f"if not hasattr(os, 'done'):\n    os.done = True\n{lines}return {{}}"


@pytest.mark.parametrize(("body", "seen"), LEFT.values(), ids=LEFT.keys())
def test_the_next_case_does_not_see_it(rig: Rig, body: str, seen: str) -> None:
    before = rig.value(seen)
    zygote = rig.session.connection.pid
    result = rig.work(_once(body))
    assert result.fault is None, result.fault
    assert rig.value(seen) == before
    assert rig.session.connection.pid == zygote


def test_segments_of_others_stay(in_place: Rig) -> None:
    import ctypes

    libc = ctypes.CDLL(None)
    segment = libc.shmget(0, 4096, 0o600)
    try:
        assert in_place.work("return {}").fault is None
        assert libc.shmctl(segment, 2, ctypes.create_string_buffer(256)) == 0  # IPC_STAT
    finally:
        libc.shmctl(segment, 0, None)


def test_a_folder_that_is_closed_to_us_is_closed_to_cases() -> None:
    """As a volume of an image may have one. Nothing is closed to root, so this is asked as somebody else."""
    with nobodys_folder() as room:
        room.chmod(0o755)
        (room / "closed").mkdir(mode=0)
        pid = os.fork()
        if pid == 0:
            try:
                if os.getuid() == 0:
                    os.setuid(NOBODY)
                os._exit(0 if Places(str(room)).put_back(0) == "" else 1)
            finally:
                os._exit(2)
        assert os.waitpid(pid, 0)[1] == 0


def test_what_is_removed_may_be_wide_and_closed(tmp_path: Path) -> None:
    for number in range(300):
        (tmp_path / "wide" / str(number) / "x").mkdir(parents=True)
        (tmp_path / "wide" / str(number) / "file").touch()
    (tmp_path / "wide" / "7").chmod(0)
    remove(str(tmp_path / "wide"))
    assert list(tmp_path.iterdir()) == []


def test_what_is_not_removed_in_its_time_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "much").mkdir()
    (tmp_path / "much" / "file").touch()
    with pytest.raises(TimeoutError, match="holds too much"):
        remove(str(tmp_path / "much"), time.monotonic())


# -- in a container, where every place is the cases' -------------------------------------------------------------------


@pytest.fixture
def boxed(container: Rig) -> Iterator[Rig]:
    """The container's runtime with a zygote of its own."""
    rig = Rig(container.runtime, container.folders)
    yield rig
    rig.close()


FULL = """
with open({path!r}, "wb") as file:
    status = os.statvfs({path!r})
    os.posix_fallocate(file.fileno(), 0, min(status.f_bavail * status.f_frsize, (4 << 30) - 1))
"""
USES = """
from multiprocessing.shared_memory import SharedMemory
memory = SharedMemory(create=True, size=64 << 20)
memory.buf[:] = bytes(64 << 20)
memory.close()
memory.unlink()
with open("file", "wb") as file: file.write(bytes(64 << 20))
return {"fine": 1}
"""


@pytest.mark.docker
@pytest.mark.network
@pytest.mark.parametrize("path", ["/dev/shm/full", "/tmp/full", "/tmp/home/.triton/cache/full"])
def test_what_is_full_is_empty_for_the_next_case(boxed: Rig, path: str) -> None:
    zygote = boxed.session.connection.pid
    body = f"os.makedirs(os.path.dirname({path!r}), exist_ok=True)\n{FULL.format(path=path)}"
    assert boxed.work(_once(body), timeout=60.0).fault is None
    result = boxed.work(USES)
    assert result.fault is None, result.fault
    assert boxed.session.connection.pid == zygote


KEPT = {
    "home": ("os.makedirs('/tmp/home/.cache')", "os.path.exists('/tmp/home/.cache')"),
    "home that is a link": ("os.symlink('/tmp', '/tmp/home')", "os.path.lexists('/tmp/home')"),
    "a semaphore": ("libc.semget(0x434f4d50, 1, 0o1600)", "len(open('/proc/sysvipc/sem').readlines()) - 1"),
    "a queue": ("libc.msgget(0x434f4d50, 0o1600)", "len(open('/proc/sysvipc/msg').readlines()) - 1"),
    "shared memory of a child": (
        "os.fork() or [libc.shmget(0x434f4d50, 4096, 0o1600), os._exit(0)]\nos.wait()",
        "len(open('/proc/sysvipc/shm').readlines()) - 1",
    ),
    "a named queue": ("assert libc.mq_open(b'/left', 0o102, 0o600, None) >= 0", "os.listdir('/dev/mqueue')"),
    "a named semaphore": ("libc.sem_open(b'/left', 0o102, 0o600, 1)", "os.listdir('/dev/shm')"),
}


@pytest.mark.docker
@pytest.mark.network
@pytest.mark.parametrize(("body", "seen"), KEPT.values(), ids=KEPT.keys())
def test_nothing_is_left_in_a_container(boxed: Rig, body: str, seen: str) -> None:
    before = boxed.value(seen)
    zygote = boxed.session.connection.pid
    assert boxed.work(_once(f"import ctypes\nlibc = ctypes.CDLL(None)\n{body}\nassert {seen}")).fault is None
    assert boxed.value(seen) == before
    assert boxed.session.connection.pid == zygote


@pytest.mark.docker
@pytest.mark.network
@pytest.mark.parametrize("path", ["/tmp/nv/x", "/tmp/ti/a/x", "/tmp/home/.triton/cache/a/x"])
def test_caches_of_compilers_are_kept(boxed: Rig, path: str) -> None:
    boxed.work(_once(f"os.makedirs(os.path.dirname({path!r}))\nopen({path!r}, 'w')\nopen('/tmp/home.txt', 'w')"))
    assert boxed.value(f"[os.path.exists({path!r}), os.path.exists('/tmp/home.txt')]") == "[True, False]"


THREADED = """
import os, threading, time
os.makedirs("/tmp/home/settings", exist_ok=True)
open("/tmp/home/settings/file", "w").write("ours")
threading.Thread(target=time.sleep, args=(600,), daemon=True).start()
"""
USER_SITE = "f'/tmp/home/.local/lib/python{sys.version_info[0]}.{sys.version_info[1]}/site-packages'"


@pytest.fixture
def spawning(container: Rig, docker_client: DockerClient) -> Iterator[Session]:
    """A zygote whose library starts a thread and writes a file: its cases are fresh interpreters."""
    folder = container.folders.content[0]
    (folder / "threaded_library.py").write_text(THREADED, encoding="utf-8")
    built = container.session.connection.image  # whose own interpreter looks into the user's folder, unlike ours in it
    spec = Runtime("given", image=built, env={"PYTHONPATH": "/compat/1"})
    session = Session(ContainerRuntime(spec, container.folders, docker_client, OWNER), ("threaded_library",))
    assert any("started 1 thread" in note for note in session.notes)
    yield session
    session.close()


def _run(session: Session, rig: Rig, body: str) -> tuple[bytes, ...]:
    lines = "".join(f"        {line}\n" for line in body.splitlines())
    path = rig.write(f"import os, sys\n\ndef prepare(params, tools):\n    def work():\n{lines}    return work\n")
    result, frames = session.run(make_case(), path, None, 20.0)
    assert result.fault is None or result.fault.kind is FaultKind.INFRASTRUCTURE, result.fault
    return frames


@pytest.mark.docker
@pytest.mark.network
def test_no_case_runs_its_code_in_the_process_of_the_next(spawning: Session, container: Rig) -> None:
    body = (
        f"os.makedirs({USER_SITE}, exist_ok=True)\n"
        f"open({USER_SITE} + '/evil.pth', 'w').write('import sys; sys.evil = 1\\n')\nreturn {{}}"
    )
    _run(spawning, container, body)
    frames = _run(spawning, container, "return {'seen': f\"{hasattr(sys, 'evil')} {sys.flags.no_user_site}\"}")
    assert frames == (b"False 1",)


@pytest.mark.docker
@pytest.mark.network
def test_who_changes_what_a_library_has_written_costs_its_zygote_its_place(spawning: Session, container: Rig) -> None:
    _run(spawning, container, "open('/tmp/home/settings/file', 'w').write('mine')\nreturn {}")
    _run(spawning, container, "return {'seen': open('/tmp/home/settings/file').read()}")
    assert not spawning.alive


def test_nothing_is_looked_for_in_a_folder_of_everybody_s(in_place: Rig) -> None:
    """The probe's own folder is below the one for temporary files, which others use too."""
    room = in_place.session.connection.room
    assert Path(room).parent == Path(os.environ.get("TMPDIR", "/tmp"))
    stranger = Path(room).parent / f"stranger-{os.getpid()}"
    stranger.touch()
    try:
        assert in_place.work("return {}").fault is None
        assert stranger.exists()
    finally:
        stranger.unlink()
