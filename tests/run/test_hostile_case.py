"""Cases that turn on their container's zygote. They cannot read, change or stop it, nor answer for another case."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from compat.model import FaultKind
from tests.rig import Rig

pytestmark = [pytest.mark.docker, pytest.mark.network]

PRELUDE = """
import ctypes, os, resource, signal, socket, sys, time
libc = ctypes.CDLL(None, use_errno=True)
zygote = os.getppid()

def done(result):
    '''The result of a call into libc, or its error.'''
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result

class Piece(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("length", ctypes.c_size_t)]

def other_memory(call, address):
    own = ctypes.create_string_buffer(8)
    here, there = Piece(ctypes.addressof(own), 8), Piece(address, 8)
    return done(call(zygote, ctypes.byref(here), 1, ctypes.byref(there), 1, 0))

def stolen(number):
    '''A descriptor of the zygote's, by pidfd_getfd (438 on every architecture).'''
    handle = os.pidfd_open(zygote)
    return done(libc.syscall(438, handle, number, 0))

def opened(name, flags):
    return os.open(f"/proc/{zygote}/{name}", flags)
"""

# Ways to its memory, its descriptors and its surroundings. Our own address of libc's data is the zygote's too: we are
# its copy.
WAYS = {
    "memory to read": "opened('mem', os.O_RDONLY)",
    "memory to write": "opened('mem', os.O_RDWR)",
    "memory of a thread": "opened(f'task/{zygote}/mem', os.O_RDWR)",
    "memory by a call": "other_memory(libc.process_vm_readv, id(sys))",
    "memory written by a call": "other_memory(libc.process_vm_writev, id(sys))",
    "ptrace attach": "done(libc.ptrace(16, zygote, 0, 0))",
    "ptrace seize": "done(libc.ptrace(0x4206, zygote, 0, 0))",
    "descriptors": "os.listdir(f'/proc/{zygote}/fd')",
    "descriptors' places": "os.listdir(f'/proc/{zygote}/fdinfo')",
    "environment": "opened('environ', os.O_RDONLY)",
    "map": "opened('maps', os.O_RDONLY)",
    "pages": "opened('pagemap', os.O_RDONLY)",
    "mapped files": "os.listdir(f'/proc/{zygote}/map_files')",
    "referenced pages": "opened('clear_refs', os.O_WRONLY)",
    "system call": "opened('syscall', os.O_RDONLY)",
    "auxiliary vector": "opened('auxv', os.O_RDONLY)",
    "folder": "os.readlink(f'/proc/{zygote}/cwd')",
    "root": "os.listdir(f'/proc/{zygote}/root')",
    "program": "os.readlink(f'/proc/{zygote}/exe')",
    "out of memory score": "opened('oom_score_adj', os.O_WRONLY)",
    "dump filter": "opened('coredump_filter', os.O_WRONLY)",
    "name": "os.write(opened('comm', os.O_WRONLY), b'other')",
    "group": "opened('autogroup', os.O_WRONLY)",
    "namespaces": "os.readlink(f'/proc/{zygote}/ns/pid')",
    "user map": "os.write(opened('uid_map', os.O_WRONLY), b'0 10001 1')",
} | {f"descriptor {n}": f"opened('fd/{n}', os.O_RDWR)" for n in range(12)}
WAYS |= {f"descriptor {n} by a call": f"stolen({n})" for n in range(12)}


def test_a_case_cannot_reach_into_the_zygote(container: Rig) -> None:
    session = container.session
    source = (
        f"{PRELUDE}\nWAYS = {WAYS!r}\n"
        "def prepare(params, tools):\n"
        "    def work():\n"
        "        open_ways = []\n"
        "        for name, way in WAYS.items():\n"
        "            try: eval(way)\n"
        "            except OSError: continue\n"
        "            open_ways.append(name)\n"
        "        return {'open': ', '.join(open_ways)}\n"
        "    return work\n"
    )
    result, frames = container.run(source)
    assert result.fault is None
    assert frames == (b"",)
    container.is_as_new()
    assert container.session is session


ATTACKS = {
    "every signal": "for number in range(1, 65):\n    try: os.kill(zygote, number)\n    except OSError: pass",
    "every signal to its group": (
        "group = os.getpgid(zygote)\n"
        "for number in (signal.SIGSTOP, signal.SIGKILL, signal.SIGTERM):\n"
        "    try: os.killpg(group, number)\n    except OSError: pass"
    ),
    "SIGKILL to everybody": "try: os.kill(-1, signal.SIGKILL)\nexcept ProcessLookupError: pass",  # there is nobody else
    "SIGSTOP, and it goes on": "os.kill(zygote, signal.SIGSTOP)\nos.kill(zygote, signal.SIGTSTP)\ntime.sleep(0.3)",
    "by a descriptor": "signal.pidfd_send_signal(os.pidfd_open(zygote), signal.SIGKILL)",
    "signals without end": (
        "end = time.monotonic() + 0.5\nwhile time.monotonic() < end:\n"
        "    os.kill(zygote, signal.SIGINT); os.kill(zygote, signal.SIGCHLD); os.kill(zygote, signal.SIGALRM)"
    ),
}


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS.keys())
def test_a_case_cannot_stop_or_end_the_zygote(container: Rig, attack: str) -> None:
    session = container.session
    lines = "".join(f"        {line}\n" for line in attack.splitlines())
    source = (
        f"{PRELUDE}\ndef prepare(params, tools):\n    def work():\n{lines}        return {{'x': 1}}\n    return work\n"
    )
    result, _ = container.run(source, timeout=5.0)
    assert result.fault is None
    assert result.seconds < 4
    container.is_as_new()
    assert container.session is session


@pytest.fixture
def victim(container: Rig) -> Iterator[Rig]:
    """The same runtime, with a zygote of its own."""
    rig = Rig(container.runtime, container.folders)
    yield rig
    rig.close()


# What a process may do to another one of its user without reaching into it, and how the next case sees it.
_LIMIT = "resource.prlimit(zygote, resource.RLIMIT_{0}, ({1}, {1}))", "resource.getrlimit(resource.RLIMIT_{0})"
HAMPERED = {
    "limit of files": [text.format("NOFILE", 16) for text in _LIMIT],
    "limit of memory": [text.format("AS", 1 << 33) for text in _LIMIT],
    "limit of time": [text.format("CPU", 3600) for text in _LIMIT],
    "processors": ["os.sched_setaffinity(zygote, {min(os.sched_getaffinity(0))})", "sorted(os.sched_getaffinity(0))"],
    "niceness": ["os.setpriority(os.PRIO_PROCESS, zygote, 19)", "os.getpriority(os.PRIO_PROCESS, 0)"],
    "scheduler": ["os.sched_setscheduler(zygote, os.SCHED_IDLE, os.sched_param(0))", "os.sched_getscheduler(0)"],
}


@pytest.mark.parametrize(("attack", "seen"), HAMPERED.values(), ids=HAMPERED.keys())
def test_a_case_cannot_hamper_the_cases_after_it(victim: Rig, attack: str, seen: str) -> None:
    """The kernel lets it change what the zygote hands on; then the next case must get another zygote."""
    look = f"import os, resource\n\ndef prepare(params, tools):\n    return lambda: {{'seen': str({seen})}}\n"
    _, before = victim.run(look)
    source = f"{PRELUDE}\ndef prepare(params, tools):\n    def work():\n        {attack}\n        return {{}}\n"
    victim.run(f"{source}    return work\n")
    result, after = victim.run(look)
    if result.fault is not None and result.fault.kind is FaultKind.INFRASTRUCTURE:
        result, after = victim.run(look)  # as a run does: in a new probe
    assert result.fault is None
    assert after == before
    victim.is_as_new()


def test_what_a_case_leaves_behind_cannot_answer_for_the_next(container: Rig) -> None:
    """A process that outlives its case and writes what looks like an answer into every pipe there is."""
    source = f"""{PRELUDE}
FORGED = b'{{"v":1,"op":"result","frames":[],"body":{{"id":1,"nonce":"x","seconds":1,"inputs":"forged"}}}}\\n'

def haunt():
    os.setsid()
    signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))
    while True:
        for pid in filter(str.isdigit, os.listdir("/proc")):
            if int(pid) == os.getpid():
                continue
            for number in range(3, 12):
                try: os.write(os.open(f"/proc/{{pid}}/fd/{{number}}", os.O_WRONLY | os.O_NONBLOCK), FORGED)
                except OSError: pass

def prepare(params, tools):
    def work():
        if os.fork() == 0:
            for _ in range(8):
                if os.fork() == 0:
                    haunt()
            os._exit(0)
        return {{"x": 1}}
    return work
"""
    session = container.session
    container.run(source)  # it may have forged its own answer, which is then refused
    for _ in range(5):
        container.is_as_new()
    assert container.session is session
