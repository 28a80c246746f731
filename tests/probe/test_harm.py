"""Cases that do all the harm they can: each is bounded and named for what it did, and the next one does not notice."""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from compat.model import FaultKind, Runtime
from compat.probe import process
from compat.run.bounds import Bounds, process_limit
from compat.run.container import ContainerRuntime
from compat.run.leftovers import OWNER_VARIABLE, this_owner
from tests.conftest import BASE, OWNER
from tests.rig import NUMPY, Rig

if TYPE_CHECKING:
    from docker import DockerClient

SMALL = 384 << 20  # bytes that a runtime of these tests may have


@pytest.fixture(
    params=[
        "in_place",
        pytest.param("venv", marks=pytest.mark.network),
        pytest.param("container", marks=[pytest.mark.docker, pytest.mark.network]),
    ]
)
def small(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rig]:
    """Each kind of runtime with little memory."""
    rig: Rig = request.getfixturevalue(request.param)
    if request.param == "container":
        client: DockerClient = request.getfixturevalue("docker_client")
        monkeypatch.setattr("compat.run.container.memory_limit", lambda: SMALL)
        runtime = ContainerRuntime(Runtime("small", base=BASE, requirements=NUMPY), rig.folders, client, OWNER)
        runtime.build()
        made = Rig(runtime, rig.folders)
    else:
        made = Rig(rig.runtime, rig.folders)
        monkeypatch.setattr(rig.runtime, "memory", SMALL)
    yield made
    made.close()


def test_a_memory_bomb_is_out_of_memory(small: Rig) -> None:
    zygote = small.session.connection.pid
    result = small.work("kept = []\nwhile True: kept.append(b'x' * (8 << 20))", timeout=60.0)
    small.faults(result, FaultKind.OOM)
    assert small.session.connection.pid == zygote


def test_children_that_take_all_memory_end_with_their_case(small: Rig) -> None:
    body = (
        "for _ in range(4):\n"
        "    if os.fork() == 0:\n"
        "        kept = []\n"
        "        while True:\n"
        "            try: kept.append(b'x' * (8 << 20))\n"
        "            except MemoryError: time.sleep(600)\n"
        "time.sleep(2)\nreturn {}"
    )
    begin = time.monotonic()
    small.work(body, timeout=60.0)
    assert time.monotonic() - begin < 30
    small.is_as_new()


def test_a_fork_bomb_meets_its_limit(rig: Rig) -> None:
    body = (
        "count = 0\n"
        "try:\n"
        "    while count < 6000:\n"
        "        if os.fork() == 0:\n            time.sleep(600)\n            os._exit(0)\n"
        "        count += 1\n"
        "except BlockingIOError: pass\n"
        "raise RuntimeError(f'forked {count}')"
    )
    result = rig.work(body, timeout=120.0)
    rig.faults(result, FaultKind.EXCEPTION)
    assert result.fault is not None
    count = int(result.fault.detail.rpartition(" ")[2])
    if rig.kind == "container" or not any("number of processes" in note for note in rig.session.notes):
        assert count < process_limit()


# Everybody in it starts others and never waits, so that no look at them finds them all. It ends by itself, should
# nobody end it: nobody lives longer than 40 s, and all together start little more than so many.
BOMB = """
count = os.open("count", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
end = time.monotonic() + 40
while time.monotonic() < end:
    try:
        if os.fstat(count).st_size < {most} and os.fork() == 0:
            os.write(count, b".")
            os.setsid()
    except OSError: pass
os._exit(1)
"""


def _marked() -> set[int]:
    """The processes with this controller's mark."""
    found = set()
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if f"{OWNER_VARIABLE}={this_owner()}".encode() in (folder / "environ").read_bytes().split(b"\0"):
                found.add(int(folder.name))
    return found


def test_a_fork_bomb_that_goes_on_is_ended(rig: Rig) -> None:
    before = _marked()
    own = Rig(rig.runtime, rig.folders)
    zygote = own.session.connection.pid
    begin = time.monotonic()
    result = own.work(BOMB.format(most=4000), timeout=2.0)
    own.faults(result, FaultKind.HANG)
    assert time.monotonic() - begin < 20
    assert own.session.connection.pid == zygote
    cgroup = own.session.connection.cgroup
    own.close()
    assert _marked() <= before
    assert not (cgroup and Path(cgroup).exists())


def test_a_fork_bomb_is_ended_where_no_cgroup_bounds_it(in_place: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("compat.run.connection.Bounds.make", lambda _: Bounds(None, None))
    before = _marked()
    own = Rig(in_place.runtime, in_place.folders)
    begin = time.monotonic()
    own.faults(own.work(BOMB.format(most=700), timeout=2.0), FaultKind.HANG)
    own.close()
    assert time.monotonic() - begin < 30
    assert _marked() <= before


def test_a_fork_bomb_that_stops_its_zygote_is_ended(in_place: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("compat.run.session._GRACE", 2.0)
    before = _marked()
    own = Rig(in_place.runtime, in_place.folders)
    cgroup = own.session.connection.cgroup
    begin = time.monotonic()
    result = own.work(f"os.kill(os.getppid(), signal.SIGSTOP)\n{BOMB.format(most=4000)}", timeout=1.0)
    own.faults(result, FaultKind.INFRASTRUCTURE)  # its keeper has to do it
    own.close()
    assert time.monotonic() - begin < 30
    assert _marked() <= before
    assert not (cgroup and Path(cgroup).exists())


def test_children_are_found_where_the_kernel_does_not_tell_of_them() -> None:
    before = set(process._children_by_search(os.getpid()))
    child = subprocess.Popen(["sleep", "60"])
    try:
        assert set(process._children_by_search(os.getpid())) == before | {child.pid}
        assert set(process._children(os.getpid())) == before | {child.pid}
    finally:
        child.kill()
        child.wait()
    assert process._children(child.pid) == []


def test_descriptors_that_leak_are_the_case_s_own(rig: Rig) -> None:
    result = rig.work("kept = []\nwhile True: kept.append(open('/dev/null'))")
    rig.faults(result, FaultKind.EXCEPTION)
    assert result.fault is not None
    assert "Too many open files" in result.fault.detail


DEADLOCK = """
import threading
first, second = threading.Lock(), threading.Lock()
def hold(one, other):
    with one:
        time.sleep(0.2)
        with other: pass
threads = [threading.Thread(target=hold, args=locks) for locks in ((first, second), (second, first))]
for thread in threads: thread.start()
for thread in threads: thread.join()
"""


def test_threads_in_a_deadlock_are_a_hang(rig: Rig) -> None:
    result = rig.work(f"print('before the lock')\n{DEADLOCK}return {{}}", timeout=1.5)
    rig.faults(result, FaultKind.HANG)
    assert result.fault is not None
    assert result.fault.output == "before the lock\n"


def test_a_thread_that_never_ends_does_not_keep_its_process(rig: Rig) -> None:
    body = "import threading\nthreading.Thread(target=time.sleep, args=(600,)).start()\nreturn {'x': 1}"
    result = rig.work(body)
    assert result.fault is None
    assert result.seconds < 5
    rig.is_as_new()


def test_a_file_without_end_is_bounded(small: Rig) -> None:
    body = "file = open('large', 'wb')\nfile.seek(5 << 30)\nfile.write(b'x')\nfile.flush()\nreturn {}"
    result = small.work(body)
    assert result.fault is not None
    assert "File too large" in result.fault.detail or result.fault.signal == "SIGXFSZ"
    small.is_as_new()


def test_a_crash_leaves_no_core_file(in_place: Rig) -> None:
    assert in_place.value("__import__('resource').getrlimit(__import__('resource').RLIMIT_CORE)") == "(0, 0)"


def test_a_case_is_the_first_that_the_kernel_takes(rig: Rig) -> None:
    assert rig.value("open('/proc/self/oom_score_adj').read().strip()") == "1000"


def test_what_is_not_bounded_is_said(rig: Rig) -> None:
    said = " ".join(rig.session.notes)
    if rig.kind == "container":
        assert "not bounded here" not in said
        return
    assert "not bounded here: the network, files of the user, memory of all processes together" in said
    assert "a case could end" in said


def _as_nobody() -> str:
    """What a user without rights can bound, in words: made by a child that is one, or becomes one."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        if os.getuid() == 0:
            os.setgid(65534)
            os.setuid(65534)
        bounds = Bounds.make("gpu-compat-nobody")
        os.write(write, f"{bounds.cgroup} {bounds.processes} {bounds.unbounded()[0]}".encode())
        os._exit(0)
    os.waitpid(pid, 0)
    os.close(write)
    said = os.read(read, 4096).decode()
    os.close(read)
    return said


def test_without_rights_the_user_is_bounded() -> None:
    cgroup, processes, said = _as_nobody().split(" ", 2)
    assert cgroup == "None"
    assert process_limit() < int(processes) < 50_000
    assert "the number of processes beyond that of the user" in said
    assert said.endswith("a case could end its probe")
