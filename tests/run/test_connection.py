from __future__ import annotations

import os
import select
import sys
import time
from pathlib import Path

import pytest

from compat.probe.memory import resident_bytes
from compat.run.connection import LocalConnection, Tail
from tests.rig import gone


def _start(code: str, folder: Path) -> LocalConnection:
    return LocalConnection([sys.executable, "-c", code], dict(os.environ), folder)


def _read(connection: LocalConnection) -> bytes:
    assert select.select([connection.stdout], [], [], 10)[0]
    return os.read(connection.stdout, 1 << 16)


def test_the_streams_of_a_process(tmp_path: Path) -> None:
    code = "import os, sys\nsys.stderr.write('told')\nsys.stdout.write(sys.stdin.readline().upper() + os.getcwd())"
    connection = _start(code, tmp_path)
    connection.write(b"hello\n")
    said = b""
    while data := _read(connection):
        said += data
    assert said == b"HELLO\n" + os.fsencode(tmp_path)
    assert connection.tail() == "told"
    connection.close()
    connection.close()
    assert gone(connection.pid)


def test_more_is_written_than_a_pipe_holds(tmp_path: Path) -> None:
    connection = _start("import sys; sys.stdout.write(str(len(sys.stdin.buffer.readline())))", tmp_path)
    connection.write(b"x" * 3_000_000 + b"\n")
    assert _read(connection) == b"3000001"
    connection.close()


def test_writing_to_a_process_that_is_gone_is_an_os_error(tmp_path: Path) -> None:
    connection = _start("", tmp_path)
    assert _read(connection) == b""
    assert gone(connection.pid)
    with pytest.raises(OSError, match="Broken pipe"):
        connection.write(b"x")
    connection.close()
    with pytest.raises(OSError, match="was ended"):
        connection.write(b"x")


def test_a_flood_on_standard_error_costs_nothing_and_its_end_is_kept(tmp_path: Path) -> None:
    before = resident_bytes()
    code = "import os\n"
    code += "for _ in range(200): os.write(2, b'flood\\n' * 50000)\nos.write(2, b'the end')\nos.write(1, b'done')"
    connection = _start(code, tmp_path)
    assert _read(connection) == b"done"
    tail = connection.tail()
    after = resident_bytes()
    assert len(tail) <= 8192
    assert tail.endswith("flood\nthe end")
    assert before is not None
    assert after is not None
    assert after - before < 16 * 2**20  # 60 MB went by
    connection.close()


def test_a_tail_does_not_wait_for_a_stream_that_goes_on(tmp_path: Path) -> None:
    read, write = os.pipe()
    tail = Tail(os.fdopen(read, "rb", buffering=0), limit=2048)
    os.write(write, b"a" * 5000 + b"\xff")
    begin = time.monotonic()
    deadline = begin + 5
    while not tail.text().endswith("\ufffd") and time.monotonic() < deadline:
        time.sleep(0.01)
    assert tail.text(0.2) == "a" * (len(tail.text()) - 1) + "\ufffd"
    assert len(tail.text()) <= 2048
    assert time.monotonic() - begin < 4
    os.close(write)


def test_a_process_that_does_not_end_is_killed_with_its_children(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("compat.run.connection._PATIENCE", 0.5)
    code = (
        "import os, signal, sys, time\n"
        "for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT): signal.signal(number, signal.SIG_IGN)\n"
        "child = os.fork()\n"
        "if child: os.write(1, b'%d' % child)\n"  # in one piece: print may write the line's end on its own
        "time.sleep(600)\n"
    )
    connection = _start(code, tmp_path)
    child = int(_read(connection))
    begin = time.monotonic()
    connection.close()
    assert 0.5 <= time.monotonic() - begin < 4
    assert gone(connection.pid)
    assert gone(child)
