"""A session believes nothing: runtimes that speak wrongly or not at all, and zygotes that die."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from compat.errors import RuntimeSetupError
from compat.model import FaultKind, Runtime
from compat.probe.memory import resident_bytes
from compat.probe.protocol import CaseResult
from compat.run.attached import ContainerConnection
from compat.run.in_place import InPlaceRuntime
from compat.run.leftovers import this_owner
from compat.run.session import Session
from tests.rig import Rig, gone, make_case, make_folders

# An interpreter that speaks the protocol itself, whatever it is asked to execute.
FAKE = """#!{python}
import json, os, sys, time
with open({pid!r}, "a") as file: file.write(str(os.getpid()) + " ")
def read():
    return json.loads(sys.stdin.buffer.readline())["body"]
def raw(data):
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()
def say(op, body, frames=(), version=1):
    raw(json.dumps(dict(v=version, op=op, frames=list(frames), body=body)).encode() + b"\\n")
identity = dict(python="3", implementation="fake", machine="none", distributions={{}})
def ready():
    read()
    say("ready", dict(identity=identity))
    request = read()["cases"][0]
    return dict(id=request["id"], nonce=request["nonce"], seconds=1.0, inputs="")
{body}
"""


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], InPlaceRuntime]:
    """Makes a runtime whose interpreter is a program of ours."""
    monkeypatch.setattr("compat.run.connection._PATIENCE", 0.3)

    def make(body: str) -> InPlaceRuntime:
        program = tmp_path / "fake-python"
        program.write_text(FAKE.format(python=sys.executable, pid=str(tmp_path / "pids"), body=body), encoding="utf-8")
        program.chmod(0o755)
        return InPlaceRuntime(Runtime("fake", python=str(program)), make_folders(tmp_path))

    return make


def _all_gone(folder: Path) -> bool:
    return all(gone(int(pid)) for pid in (folder / "pids").read_text(encoding="ascii").split())


NOT_READY = {
    "exits at once": ("sys.exit(3)", "ended before it was ready"),
    "exits with a word": ("sys.exit('no such option')", "no such option"),
    "exits after hello": ("read()", "ended before it was ready"),
    "half a line": ("read(); raw(b'{\"v\"')", "ended in the middle of a line"),
    "garbage": ("read(); raw(b'hello\\n')", "not a message"),
    "other op": ("read(); say('result', {})", "said 'result' where 'ready' was due"),
    "unknown op": ("read(); say('go\\n\\n', {})", "where 'ready' was due"),
    "other version": ("read(); say('ready', dict(identity=identity), version=2)", "protocol version"),
    "nothing in it": ("read(); say('ready', {})", "identity is wrong"),
    "identity of numbers": ("read(); say('ready', dict(identity=dict(identity, python=3)))", "python is wrong"),
    "half a surrogate": ("read(); say('ready', dict(identity=dict(identity, python='\\udc80')))", "is wrong"),
    "distributions as a list": ("read(); say('ready', dict(identity=dict(identity, distributions=[])))", "is wrong"),
    "NaN": ("read(); say('ready', dict(identity=float('nan')))", "not a message"),
    "enormous frames": ("read(); say('ready', dict(identity=identity), [10**12])", "announced arrays"),
    "endless line": ("read()\nwhile True: raw(b'x' * 65536)", "a line of more than"),
    "silent": ("time.sleep(600)", "did not start in its time"),
}


@pytest.mark.parametrize(("body", "said"), NOT_READY.values(), ids=NOT_READY.keys())
def test_a_runtime_that_does_not_start_is_one_line(
    fake: Callable[[str], InPlaceRuntime], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str, said: str
) -> None:
    if body.startswith("time.sleep"):  # nothing else is in a hurry
        monkeypatch.setattr("compat.run.session._START", 0.5)
    before = resident_bytes()
    with pytest.raises(RuntimeSetupError) as refused:
        Session(fake(body), ())
    after = resident_bytes()
    text = str(refused.value)
    assert text.startswith("runtime fake: its probe ")
    assert said in text
    assert "\n" not in text
    assert len(text) < 600
    assert before is not None
    assert after is not None
    assert after - before < 32 * 2**20
    assert _all_gone(tmp_path)


WRONG_ANSWERS = {
    "ends": ("sys.exit()", "ended while the case ran"),
    "garbage": ("raw(b'\\x00\\xff\\n')", "not a message"),
    "wrong nonce": ("say('result', dict(body, nonce='0' * 16))", "for another case"),
    "wrong id": ("say('result', dict(body, id=2))", "for another case"),
    "id as text": ("say('result', dict(body, id='1'))", "for another case"),
    "id as true": ("say('result', dict(body, id=True))", "for another case"),
    "unknown op": ("say('done', body)", "where 'result' was due"),
    "ready again": ("say('ready', dict(identity=identity))", "where 'result' was due"),
    "nothing in it": ("say('result', {})", "for another case"),
    "NaN": ("say('result', dict(body, seconds=float('nan')))", "not a message"),
    "infinite": (
        "text = json.dumps(dict(v=1, op='result', frames=[], body=body))\n"
        "raw(text.replace('1.0', '1e999').encode() + b'\\n')",
        "not a message"),
    "arrays cut off": ("say('result', body, [4]); raw(b'ab')", "in the middle of an array"),
    "enormous arrays": ("say('result', body, [2**40])", "announced arrays"),
    "negative arrays": ("say('result', body, [-1])", "announced arrays"),
    "huge header": ("raw(b'{\"v\":1,\"op\":\"' + b'x' * (1 << 23)); time.sleep(600)", "a line of more than"),
    "deep header": ("raw(b'[' * 30000 + b'\\n')", "not a message"),
    "header of many values": ("say('result', dict(body, notes=[0] * 40000))", "more than 32768 values"),
    "silent": ("time.sleep(600)", "no answer in its time"),
}  # fmt: skip


@pytest.mark.parametrize(("body", "said"), WRONG_ANSWERS.values(), ids=WRONG_ANSWERS.keys())
def test_a_wrong_answer_is_a_fault_of_the_infrastructure(
    fake: Callable[[str], InPlaceRuntime], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str, said: str
) -> None:
    monkeypatch.setattr("compat.run.session._GRACE", 0.5 if said == "no answer in its time" else 30.0)
    session = Session(fake(f"body = ready()\n{body}"), ())
    content = tmp_path / "content" / "none.py"
    before = resident_bytes()
    result, frames = session.run(make_case(), content, None, 0.5)
    after = resident_bytes()
    _is_infrastructure(result, frames)
    assert result.fault is not None
    assert said in result.fault.detail
    assert not session.alive
    assert before is not None
    assert after is not None
    assert after - before < 32 * 2**20
    assert _all_gone(tmp_path)
    session.close()
    assert not session.alive


# A whole message for the right case that says what it must not: that is the case's own doing, and the session goes on.
ODD_ANSWERS = {
    "seconds as text": ("say('result', dict(body, seconds='1'))", "seconds is wrong"),
    "seconds not a number": ("say('result', dict(body, seconds='nan'))", "seconds is wrong"),
    "measurements as numbers": ("say('result', dict(body, measurements=[1]))", "is wrong"),
    "samples as text": (
        "say('result', dict(body, measurements=[dict(metric='a', unit='s', direction='lower', kind='sampled',"
        " samples=['inf'])]))", "samples.0 is wrong"),
    "unknown kind of fault": ("say('result', dict(body, fault=dict(stage='run', kind='odd', detail='')))", "is wrong"),
    "half a surrogate": ("say('result', dict(body, notes=['\\udc80']))", "is wrong"),
    "outputs without arrays": (
        "say('result', dict(body, outputs=[dict(name='y', dtype='<f4', shape=[1], seed=0, reference=False)]))",
        "announced 1 outputs and sent 0"),
    "arrays without outputs": ("say('result', body, [4]); raw(b'abcd')", "announced 0 outputs and sent 1"),
}  # fmt: skip


@pytest.mark.parametrize(("body", "said"), ODD_ANSWERS.values(), ids=ODD_ANSWERS.keys())
def test_an_odd_answer_is_the_case_s_own_fault(
    fake: Callable[[str], InPlaceRuntime], tmp_path: Path, body: str, said: str
) -> None:
    again = "request = read()['cases'][0]; say('result', dict(body, id=request['id'], nonce=request['nonce']))"
    session = Session(fake(f"body = ready()\n{body}\n{again}"), ())
    content = tmp_path / "content" / "none.py"
    result, frames = session.run(make_case(), content, None, 5.0)
    assert result.fault is not None
    assert (result.fault.kind, result.fault.stage, frames) == (FaultKind.OUTPUT, "report", ())
    assert said in result.fault.detail
    assert (result.measurements, result.outputs) == ((), ())
    assert session.alive
    assert session.run(make_case(), content, None, 5.0)[0].fault is None
    session.close()
    assert _all_gone(tmp_path)


def _is_infrastructure(result: CaseResult, frames: tuple[bytes, ...]) -> None:
    assert result.fault is not None
    assert result.fault.kind is FaultKind.INFRASTRUCTURE, result.fault
    assert "\n" not in result.fault.detail
    assert len(result.fault.detail) < 400
    assert (result.measurements, result.outputs, frames) == ((), (), ())


def test_a_dead_session_answers_with_the_same_fault_again(
    fake: Callable[[str], InPlaceRuntime], tmp_path: Path
) -> None:
    session = Session(fake("ready()"), ())
    for _ in range(2):
        _is_infrastructure(*session.run(make_case(), tmp_path / "none.py", None, 0.5))
        assert not session.alive


@pytest.mark.parametrize("content", [b"", b"no program\n", b"\x7fELF"], ids=["empty", "text", "torn"])
def test_an_interpreter_that_cannot_be_executed_is_one_line(tmp_path: Path, content: bytes) -> None:
    program = tmp_path / "python"
    program.write_bytes(content)
    program.chmod(0o755)
    with pytest.raises(RuntimeSetupError) as refused:
        Session(InPlaceRuntime(Runtime("torn", python=str(program)), make_folders(tmp_path)), ())
    assert str(refused.value).startswith("runtime torn: cannot be started: ")
    assert "\n" not in str(refused.value)


# -- a real probe ------------------------------------------------------------------------------------------------------


def _has_ended(session: Session) -> bool:
    """Whether the process, or the container, behind a session is no more."""
    connection = session._connection
    if isinstance(connection, ContainerConnection):
        from docker.errors import NotFound

        client = connection._container.client
        assert client is not None
        try:
            client.containers.get(connection.id)
        except NotFound:
            return True
        return False
    pid = connection.pid  # type: ignore[attr-defined]  # a LocalConnection
    return gone(pid)


KILLS = {
    "SIGKILL": "os.kill(os.getppid(), signal.SIGKILL)\ntime.sleep(600)",
    "SIGTERM": "os.kill(os.getppid(), signal.SIGTERM)\ntime.sleep(600)",
    "at once with an answer": "os.kill(os.getppid(), signal.SIGKILL)\nreturn {}",
}


@pytest.mark.parametrize("kind", ["in_place", pytest.param("venv", marks=pytest.mark.network)])
@pytest.mark.parametrize("body", KILLS.values(), ids=KILLS.keys())
def test_a_zygote_that_its_case_ends_leaves_nothing(request: pytest.FixtureRequest, kind: str, body: str) -> None:
    rig: Rig = request.getfixturevalue(kind)
    session = rig.session
    note = rig.folders.artifacts / "pid"
    note.unlink(missing_ok=True)
    grandchild = "child = os.fork()\nif child == 0:\n    os.setsid()\n    time.sleep(600)\n"
    told = f"open({str(note)!r}, 'a').write(f' {{os.getpid()}} {{child}}')\n"
    begin = time.monotonic()
    result = rig.work(grandchild + told + body)
    assert time.monotonic() - begin < 10
    _is_infrastructure(result, ())
    assert not session.alive
    session.close()
    assert _has_ended(session)
    assert all(gone(int(pid)) for pid in note.read_text(encoding="ascii").split())
    assert list(Path(tempfile.gettempdir()).glob(f"gpu-compat-{this_owner()}-*/case-*")) == []
    rig.is_as_new()  # with a new probe
    assert rig.session is not session


@pytest.mark.docker
@pytest.mark.network
def test_a_container_whose_zygote_is_killed_from_outside_is_noticed(container: Rig) -> None:
    session = container.session
    pid = session.connection.pid
    assert pid is not None
    timer = threading.Timer(0.5, lambda: os.kill(pid, signal.SIGKILL))
    timer.start()
    result = container.work("if os.fork() == 0: os.setsid()\ntime.sleep(600)", timeout=60.0)
    timer.join()
    _is_infrastructure(result, ())
    assert gone(pid)
    session.close()
    assert _has_ended(session)
    container.is_as_new()


def test_closing_while_a_case_runs_ends_it(in_place: Rig) -> None:
    note = in_place.folders.artifacts / "running"
    written = note.with_suffix(".now")
    session = Session(in_place.runtime, ())
    content = in_place.write(
        "import os, time\n\ndef prepare(params, tools):\n"
        f"    open({str(note)!r}, 'w').write(str(os.getpid()))\n"
        f"    os.rename({str(note)!r}, {str(written)!r})\n"
        "    time.sleep(600)\n"
    )
    running = threading.Thread(target=session.run, args=(make_case(), content, None, 600.0))
    running.start()
    deadline = time.monotonic() + 10
    while not written.exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    session._connection._stdin.close()  # type: ignore[attr-defined]
    running.join(10)
    assert not running.is_alive()
    assert gone(int(written.read_text(encoding="ascii")))
    session.close()
    assert _has_ended(session)


def test_closing_twice_does_no_harm(rig: Rig) -> None:
    session = Session(rig.runtime, ())
    session.close()
    session.close()
    assert not session.alive
    assert _has_ended(session)


def test_imports_are_made_before_cases_and_their_failures_are_notes(rig: Rig) -> None:
    session = Session(rig.runtime, ("json.decoder", "no_such_module"))
    assert session.ready.notes == ("import no_such_module: ModuleNotFoundError: No module named 'no_such_module'",)
    content = rig.write(
        "import sys\n\ndef prepare(params, tools):\n    return lambda: {'loaded': 'json.decoder' in sys.modules}\n"
    )
    result, frames = session.run(make_case(seeds=1), content, None, 10.0)
    assert result.fault is None
    assert frames == (b"\x01",)
    session.close()


def test_what_imports_print_does_not_disturb_the_protocol(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = "import os\nprint('noise', end='')\nos.write(1, b'raw noise\\n')\n"
    (tmp_path / "noisy_module.py").write_text(code, encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    folders = make_folders(tmp_path)
    rig = Rig(InPlaceRuntime(Runtime("noisy"), folders), folders)
    rig._session = Session(rig.runtime, ("noisy_module",))
    rig.is_as_new()
    silent = rig.work("raise ValueError")
    assert silent.fault is not None
    assert silent.fault.output == ""  # what the import left in a buffer is not the case's
    rig.close()


def test_an_import_that_ends_the_process_is_a_setup_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "fatal_module.py").write_text("import os\nos.write(2, b'last words\\n')\nos._exit(1)", encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(RuntimeSetupError, match="ended before it was ready: last words"):
        Session(InPlaceRuntime(Runtime("fatal"), make_folders(tmp_path)), ("fatal_module",))


def test_a_session_keeps_no_descriptors(in_place: Rig) -> None:
    def held() -> int:
        return len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - names are all that is needed

    in_place.is_as_new()
    before = held()
    for _ in range(3):
        Session(in_place.runtime, ()).close()
    deadline = time.monotonic() + 5
    while held() > before and time.monotonic() < deadline:
        time.sleep(0.01)  # the thread that reads standard error closes its end
    assert held() == before
