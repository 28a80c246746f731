"""Faults of every kind, in every kind of runtime: each is its own case's, and the next case runs as if nothing were."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from compat.model import Direction, FaultKind, Kind, Metric, Tier
from tests.rig import Rig, gone

# body of the work -> kind of the fault, signal, and what its detail says
FAULTS = {
    "exception": ("raise ValueError('two\\nlines')", FaultKind.EXCEPTION, None, "ValueError: two lines"),
    "exception without text": ("raise ValueError", FaultKind.EXCEPTION, None, "ValueError"),
    "exception that is not text": ("raise ValueError('\\udc80')", FaultKind.EXCEPTION, None, "ValueError: \\udc80"),
    "exception whose text fails": (
        "class Odd(Exception):\n    def __str__(self): raise ValueError('no text')\nraise Odd",
        FaultKind.EXCEPTION,
        None,
        "Odd: its text cannot be had (ValueError)",
    ),
    "import": ("import no_such_module", FaultKind.IMPORT, None, "ModuleNotFoundError: No module named"),
    "assertion": ("assert 1 == 2", FaultKind.EXCEPTION, None, "AssertionError"),
    "recursion": ("f = lambda: f()\nf()", FaultKind.EXCEPTION, None, "RecursionError"),
    "segfault": ("import ctypes; ctypes.string_at(0)", FaultKind.CRASH, "SIGSEGV", "ended by SIGSEGV"),
    "abort": ("os.abort()", FaultKind.CRASH, "SIGABRT", "ended by SIGABRT"),
    "killed": ("os.kill(os.getpid(), signal.SIGKILL)", FaultKind.CRASH, "SIGKILL", "ended by SIGKILL"),
    "nameless signal": ("os.kill(os.getpid(), 40)", FaultKind.CRASH, "signal 40", "ended by signal 40"),
    "os._exit": ("os._exit(3)", FaultKind.EXIT, None, "ended with exit code 3"),
    "os._exit 0": ("os._exit(0)", FaultKind.EXIT, None, "ended with exit code 0 and no result"),
    "sys.exit": ("sys.exit(3)", FaultKind.EXIT, None, "SystemExit: 3"),
    "keyboard interrupt": ("raise KeyboardInterrupt", FaultKind.EXIT, None, "ended with exit code 70"),
    "memory error": ("return {'x': bytearray(1 << 62)}", FaultKind.OOM, None, "MemoryError"),
    "a list": ("return [1, 2]", FaultKind.EXCEPTION, None, "TypeError: the work returned list"),
    "nothing returned": ("return None", FaultKind.EXCEPTION, None, "TypeError: the work returned NoneType"),
    "an object": ("return {'x': object()}", FaultKind.EXCEPTION, None, "TypeError: an output of type object"),
    "an array of objects": (
        "import numpy; return {'x': numpy.array([None])}",
        FaultKind.EXCEPTION,
        None,
        "cannot be compared",
    ),
    "an integer too large": ("return {'x': 2**64}", FaultKind.EXCEPTION, None, "error: "),
    "text that is not text": ("return {'x': '\\udc80'}", FaultKind.EXCEPTION, None, "UnicodeEncodeError"),
}


@pytest.mark.parametrize(("body", "kind", "signal", "detail"), FAULTS.values(), ids=FAULTS.keys())
def test_a_fault_is_its_own_case_s(rig: Rig, body: str, kind: FaultKind, signal: str | None, detail: str) -> None:
    result = rig.work(body)
    rig.faults(result, kind)
    assert result.fault is not None
    assert result.fault.signal == signal
    assert detail in result.fault.detail
    assert "\n" not in result.fault.detail


STAGES = {
    "import": ("import no_such_module", FaultKind.IMPORT, "import"),
    "syntax": ("def", FaultKind.IMPORT, "import"),
    "exit at import": ("import sys; sys.exit(1)", FaultKind.EXIT, "import"),
    "no prepare": ("x = 1", FaultKind.EXCEPTION, "prepare"),
    "prepare": ("def prepare(params, tools): raise OSError('none')", FaultKind.EXCEPTION, "prepare"),
    "prepare imports": ("def prepare(params, tools): import no_such_module", FaultKind.IMPORT, "prepare"),
    "prepare returns nothing": ("def prepare(params, tools): return None", FaultKind.EXCEPTION, "run"),
    "reference": (
        "def prepare(params, tools): return lambda: {}\ndef reference(params, tools): return 1 / 0",
        FaultKind.EXCEPTION,
        "reference",
    ),
}


@pytest.mark.parametrize(("source", "kind", "stage"), STAGES.values(), ids=STAGES.keys())
def test_a_fault_has_the_stage_in_which_it_happened(in_place: Rig, source: str, kind: FaultKind, stage: str) -> None:
    in_place.faults(in_place.run(source)[0], kind, stage)


# Where END is, the process does not go on.
PLACES = {
    "import": ("END", {}),
    "prepare": ("def prepare(params, tools): END", {}),
    "run": ("def prepare(params, tools):\n    def work(): END\n    return work", {}),
    "reference": (
        "def prepare(params, tools): return lambda: {'x': 1}\ndef reference(params, tools): END",
        {},
    ),
    "split": ("def prepare(params, tools): return lambda: {'x': 1}\ndef split(params, tools): END", {}),
    "observe": (
        "def prepare(params, tools): return lambda: {'x': 1}\ndef observe(params, tools): END",
        {"metrics": [Metric("own", "s", Direction.LOWER, Kind.SAMPLED)]},
    ),
    "compile": (
        "import sys\nclass Compiler:\n    def find_spec(self, name, *_):\n        if name == 'triton': END\n"
        "sys.meta_path.insert(0, Compiler())\nclass Kernel: cache_key = ''\nkernel, KERNEL = Kernel(), 'kernel'",
        {"tier": Tier.AOT, "params": {"target": "sm_80"}},
    ),
}


@pytest.mark.parametrize("stage", PLACES)
def test_a_process_that_ends_has_the_stage_in_which_it_was(in_place: Rig, stage: str) -> None:
    source, changes = PLACES[stage]
    for end, kind in {
        "os.abort()": FaultKind.CRASH,
        "os._exit(0)": FaultKind.EXIT,
        "time.sleep(60)": FaultKind.HANG,
        "[os.write(1, bytes(1 << 20)) for _ in range(999)]": FaultKind.OUTPUT,
    }.items():
        text = f"import os, time\n{source.replace('END', end)}\n"
        result, _ = in_place.run(text, timeout=1.0 if kind is FaultKind.HANG else 20.0, **changes)
        in_place.faults(result, kind, stage)


def test_a_crash_while_the_content_is_imported(rig: Rig) -> None:
    result, _ = rig.run("import os\nos.abort()")
    rig.faults(result, FaultKind.CRASH, "import")


def test_a_hang_ends_at_its_time(rig: Rig) -> None:
    begin = time.monotonic()
    result = rig.work("while True: time.sleep(60)", timeout=1.0)
    assert 1.0 <= time.monotonic() - begin < 4.0
    rig.faults(result, FaultKind.HANG)
    assert 1.0 <= result.seconds < 4.0


def test_a_hang_that_ignores_signals_ends_too(rig: Rig) -> None:
    body = "for number in range(1, 32):\n    try: signal.signal(number, signal.SIG_IGN)\n    except OSError: pass\n"
    result = rig.work(body + "while True: pass", timeout=0.6)
    rig.faults(result, FaultKind.HANG)


def test_the_zygote_does_not_spin_while_a_case_is_silent(in_place: Rig) -> None:
    body = (
        "os.closerange(1, 3)\n"  # ends of streams must not keep the zygote awake
        "def used():\n"
        "    return sum(map(int, open(f'/proc/{os.getppid()}/stat').read().rpartition(')')[2].split()[11:13]))\n"
        "before = used()\ntime.sleep(1)\nreturn {'ticks': used() - before}"
    )
    source = "import os, time\n\ndef prepare(params, tools):\n    def work():\n" + "".join(
        f"        {line}\n" for line in body.splitlines()
    )
    result, frames = in_place.run(source + "    return work\n")
    assert result.fault is None
    assert int.from_bytes(frames[0], "little") * 1000 / os.sysconf("SC_CLK_TCK") < 300  # milliseconds of the second


def test_a_flood_is_ended_and_its_end_is_kept(rig: Rig) -> None:
    result = rig.work("line = b'flood ' * 10000\nwhile True: os.write(1, line)", timeout=30.0)
    rig.faults(result, FaultKind.OUTPUT)
    assert result.fault is not None
    assert "printed more than" in result.fault.detail
    assert len(result.fault.output) <= 4096
    assert "flood flood" in result.fault.output


def test_a_result_that_is_too_large_is_refused(rig: Rig) -> None:
    result = rig.work("import numpy; return {'x': numpy.zeros(17 << 20, 'float32')}")
    rig.faults(result, FaultKind.OUTPUT, "report")


def test_a_result_as_large_as_may_be_arrives(in_place: Rig) -> None:
    source = "import numpy\n\ndef prepare(params, tools):\n    return lambda: {'x': numpy.ones(8 << 20, 'float64')}\n"
    result, frames = in_place.run(source)
    assert result.fault is None
    assert result.outputs[0].shape == (8 << 20,)
    assert len(frames[0]) == 64 << 20


@pytest.mark.parametrize(
    ("outputs", "what"),
    [("'x' * (1 << 20): 1", "bytes"), ("f'x{number}': number for number in range(5000)", "values")],
    ids=["bytes", "values"],
)
def test_a_result_whose_header_is_too_large_is_refused(rig: Rig, outputs: str, what: str) -> None:
    result = rig.work(f"return {{{outputs}}}")
    rig.faults(result, FaultKind.OUTPUT, "report")
    assert result.fault is not None
    assert result.fault.detail.endswith(what)


def test_garbage_on_standard_output_is_only_output(rig: Rig) -> None:
    source = (
        "import os, sys\n"
        "os.write(1, b'{\"v\": 1}\\n\\x00\\xff')\n"
        "def prepare(params, tools):\n"
        "    print('ready', file=sys.stderr)\n"
        "    return lambda: {'x': len(os.environ) * 0}\n"
    )
    result, frames = rig.run(source)
    assert result.fault is None
    assert frames == (bytes(8),)
    rig.is_as_new()


@pytest.mark.parametrize("ending", ["raise ValueError", "os._exit(1)", "os.abort()", "time.sleep(60)"])
def test_what_a_case_printed_is_kept_with_its_fault(rig: Rig, ending: str) -> None:
    result = rig.work(f"print('first words')\nprint('last words', file=sys.stderr)\n{ending}", timeout=0.5)
    assert result.fault is not None
    assert result.fault.output.split() == ["first", "words", "last", "words"]
    rig.is_as_new()
    silent = rig.work("raise ValueError")
    assert silent.fault is not None
    assert silent.fault.output == ""  # nothing of an earlier case, and nothing of the zygote's


def test_a_grandchild_that_outlives_its_parent_is_ended(rig: Rig) -> None:
    source = (
        "import os, time\n"
        "def prepare(params, tools):\n"
        "    def work():\n"
        "        read, write = os.pipe()\n"
        "        if os.fork() == 0:\n"
        "            os.setsid()\n"
        "            if os.fork() == 0:\n"
        "                os.setsid()\n"
        "                os.write(write, str(os.getpid()).encode())\n"
        "                time.sleep(600)\n"
        "            os._exit(0)\n"
        "        return {'pid': os.read(read, 16).decode()}\n"
        "    return work\n"
    )
    result, frames = rig.run(source)
    assert result.fault is None
    assert result.seconds < 5.0  # it was not waited for
    pid = int(frames[0])
    if rig.kind == "container":
        assert rig.value(f"pathlib.Path('/proc/{pid}').exists()") == "False"
    else:
        assert gone(pid, 0.5)
    rig.is_as_new()


def test_a_grandchild_that_keeps_printing_is_ended(rig: Rig) -> None:
    body = (
        "if os.fork() == 0:\n    os.setsid()\n    while True:\n        os.write(1, b'.'); time.sleep(0.001)\nreturn {}"
    )
    result = rig.work(body)
    assert result.fault is None
    assert result.seconds < 5.0
    rig.is_as_new()


def test_many_children_are_ended(rig: Rig) -> None:
    body = (
        "for _ in range(60):\n    if os.fork() == 0:\n        if os.fork() == 0: os.setsid()\n        time.sleep(600)\n"
    )
    body += "return {}"
    result = rig.work(body)
    assert result.fault is None
    left = rig.value(
        "sum(open(p).read().rpartition(')')[2].split()[1] == str(os.getppid())"
        " for p in pathlib.Path('/proc').glob('[0-9]*/stat'))"
    )
    assert left == "1"  # the case that counts them
    rig.is_as_new()


def test_a_case_that_forks_and_answers_twice_is_refused(rig: Rig) -> None:
    rig.faults(
        rig.work("child = os.fork()\nif child: os.waitpid(child, 0)\nreturn {'x': 1}"), FaultKind.OUTPUT, "report"
    )


# The descriptor that a case's own answer goes to.
OWN = (
    "import stat\nown = [n for n in range(3, 64) if os.path.exists(f'/proc/self/fd/{n}')"
    " and stat.S_ISFIFO(os.fstat(n).st_mode)][0]\n"
)


def test_a_forged_answer_is_refused(rig: Rig) -> None:
    forged = b'{"v":1,"op":"result","frames":[],"body":{"id":1,"nonce":"x","seconds":1,"inputs":""}}\\n'
    rig.faults(rig.work(f"{OWN}os.write(own, b'{forged.decode()}')\nos._exit(0)"), FaultKind.OUTPUT, "report")
    rig.faults(rig.work(f"{OWN}os.write(own, b'garbage')\nreturn {{}}"), FaultKind.OUTPUT, "report")


# The zygote cannot check every field without the runtime's help; what it lets through, the controller refuses.
FORGED_BODIES = {
    "field too many": '{**body, "more": 1}',
    "field too few": '{k: v for k, v in body.items() if k != "seconds"}',
    "fault is text": '{**body, "fault": "yes"}',
    "seconds are text": '{**body, "seconds": "long"}',
    "measurement is a number": '{**body, "measurements": [1]}',
    "outputs without bytes": (
        '{**body, "outputs": [{"name": "x", "dtype": "<f4", "shape": [9], "seed": 0, "reference": False}]}'
    ),
    "kind unknown": '{**body, "fault": {"stage": "run", "kind": "odd", "detail": ""}}',
}


@pytest.mark.parametrize("forged", FORGED_BODIES.values(), ids=FORGED_BODIES.keys())
def test_an_answer_of_the_wrong_form_is_never_taken(in_place: Rig, forged: str) -> None:
    body = (
        "import inspect, json\n"
        "frame = inspect.currentframe()\n"
        "while 'request' not in frame.f_locals: frame = frame.f_back\n"
        "request = frame.f_locals['request']\n"
        "body = {'id': request.id, 'nonce': request.nonce, 'seconds': 1.0, 'inputs': ''}\n"
        f"text = json.dumps({{'v': 1, 'op': 'result', 'frames': [], 'body': {forged}}})\n"
        f"{OWN}os.write(own, text.encode() + b'\\n')\n"
        "os._exit(0)"
    )
    result = in_place.work(body)
    assert result.fault is not None
    assert result.fault.kind in (FaultKind.OUTPUT, FaultKind.INFRASTRUCTURE)
    assert (result.measurements, result.outputs) == ((), ())
    in_place.is_as_new()


def test_a_case_holds_no_descriptors_but_its_own(rig: Rig) -> None:
    held = rig.value("[(n, os.readlink(f'/proc/self/fd/{n}')) for n in sorted(os.listdir('/proc/self/fd'), key=int)"
                       " if os.path.exists(f'/proc/self/fd/{n}')]")  # fmt: skip
    found = dict(eval(held))  # noqa: S307 - a list that our own content printed
    assert found["0"] == "/dev/null"
    assert found["1"] == found["2"]
    assert found["1"].startswith("pipe:")
    (own,) = (name for name in found if int(name) > 2)
    assert found[own].startswith("pipe:")
    assert found[own] != found["1"]


def test_a_case_has_a_folder_of_its_own_that_goes_with_it(rig: Rig) -> None:
    source = (
        "import os, tempfile\n"
        "def prepare(params, tools):\n"
        "    open('left', 'w').close()\n"
        "    def work():\n"
        "        assert os.listdir('.') == ['left']\n"
        "        assert tempfile.gettempdir() == os.environ['TMPDIR'] == os.getcwd()\n"
        "        return {'folder': os.getcwd()}\n"
        "    return work\n"
    )
    result, frames = rig.run(source)
    assert result.fault is None
    assert rig.value(f"os.path.exists({frames[0].decode()!r})") == "False"
    if rig.kind != "container":
        assert not Path(frames[0].decode()).exists()


def test_every_case_starts_from_the_zygote_as_it_was(rig: Rig) -> None:
    source = (
        "import os, sys\n"
        "def prepare(params, tools):\n"
        "    def work():\n"
        "        seen = [hasattr(sys, 'marked'), os.environ.get('MARKED', ''), os.getpid() == os.getsid(0)]\n"
        "        sys.marked = True\n"
        "        os.environ['MARKED'] = 'yes'\n"
        "        return {'seen': str(seen)}\n"
        "    return work\n"
    )
    for _ in range(2):
        _, frames = rig.run(source)
        assert frames == (b"[False, '', True]",)
