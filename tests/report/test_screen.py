"""The line while something is measured, on a real pseudo-terminal and in a pipe, by the command and by pytest."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest
from rich.cells import cell_len

from tests.example import write_example
from tests.test_cli import compat

SEQUENCE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
COMMANDS = {
    "compat": ("compat", "run", "example.yaml", "--content", "site"),
    "pytest": ("pytest", "-p", "no:cacheprovider", "example.yaml", "--compat-content", "site"),
}


def on_a_terminal(folder: Path, words: tuple[str, ...], width: int, **variables: str) -> tuple[int, str]:
    """Run a module on a pseudo-terminal of ``width`` columns: its exit code, and all that was written to it."""
    parent, child = pty.openpty()
    fcntl.ioctl(child, termios.TIOCSWINSZ, struct.pack("HHHH", 24, width, 0, 0))
    environment = {key: value for key, value in os.environ.items() if key not in ("COLUMNS", "LINES", "NO_COLOR")}
    environment |= {"TERM": "xterm-256color", **variables}
    command = [sys.executable, "-m", *words]
    process = subprocess.Popen(command, cwd=folder, env=environment, stdin=child, stdout=child, stderr=child)
    os.close(child)
    written = b""
    while True:
        try:
            data = os.read(parent, 65536)
        except OSError:  # nobody has the other end any more
            break
        if not data:
            break
        written += data
    os.close(parent)
    return process.wait(), written.decode()


def lines_of(written: str) -> list[str]:
    """Every line that was on the terminal at any time, without what steers it."""
    return [SEQUENCE.sub("", line) for line in re.split(r"[\r\n]+", written)]


@pytest.mark.parametrize("front", COMMANDS)
@pytest.mark.parametrize("width", [60, 80, 120])
def test_the_line_fits_the_terminal_and_goes_away(tmp_path: Path, front: str, width: int) -> None:
    write_example(tmp_path, add="1")
    code, written = on_a_terminal(tmp_path, COMMANDS[front], width)
    assert code == 1, written
    lines = lines_of(written)
    shown = [line for line in lines if "/2 cases" in line]
    assert shown, written
    assert all(cell_len(line) < width for line in shown)
    assert any(" left" in line and "2 open" in line for line in shown)
    assert written.count("\x1b[?25l") == written.count("\x1b[?25h") == 1  # the cursor is back
    final = written[written.rindex("\x1b[?25h") :]
    assert "/2 cases" not in final
    assert re.search(r"measured: 4 pairs of 2 cases, 0:\d\d", final)
    assert any(line.startswith("VERDICT: NO-GO for ring canary (1 reason)") for line in lines_of(final))


@pytest.mark.parametrize("front", COMMANDS)
def test_in_a_pipe_it_is_a_plain_line_that_is_not_cut(tmp_path: Path, front: str) -> None:
    write_example(tmp_path)
    words = [sys.executable, "-m", *COMMANDS[front]]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert "\x1b" not in done.stdout
    before = "compat: " if front == "pytest" else ""
    shown = [line for line in done.stdout.splitlines() if "/2 cases" in line]
    said = rf"{before}0/2 cases, 0/4 pairs, 0:\d\d, at most 20 min left, 2 open: after-\w+/operator:adder\[one\]"
    assert re.fullmatch(said, shown[0]), shown  # the next is due after ten seconds


def test_pytest_that_is_asked_for_less_shows_no_line(tmp_path: Path) -> None:
    write_example(tmp_path)
    code, written = on_a_terminal(tmp_path, (*COMMANDS["pytest"], "-q"), 80)
    assert code == 0
    assert "/2 cases" not in written
    assert "measured:" not in written
    assert "VERDICT: GO for ring canary (1 reason)" in written


def test_colour_that_is_not_wanted_is_not_there(tmp_path: Path) -> None:
    write_example(tmp_path, add="1")
    _, written = on_a_terminal(tmp_path, (*COMMANDS["pytest"], "--color=no"), 80)
    assert not re.search(r"\x1b\[[0-9;]*3[0-9]m", written)
    assert "regress" in written


def test_the_cursor_comes_back_after_an_error(tmp_path: Path) -> None:
    matrix = write_example(tmp_path)
    matrix.write_text(matrix.read_text().replace("before: {in_place: true}", "before: {python: /nowhere/python}"))
    for front, words in COMMANDS.items():
        code, written = on_a_terminal(tmp_path, words, 80)
        assert code == 2, front
        assert written.count("\x1b[?25l") == written.count("\x1b[?25h"), front


def test_forced_colour_in_a_pipe_rewrites_nothing(tmp_path: Path) -> None:
    write_example(tmp_path)
    done = compat(*COMMANDS["compat"][1:], cwd=tmp_path, FORCE_COLOR="1", TERM="xterm")
    assert done.returncode == 0
    assert "\x1b[?25l" not in done.stdout
    assert "\x1b[2K" not in done.stdout
