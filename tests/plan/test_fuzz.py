"""Hostile matrix files: each ends in one clear line and exit code 2, or loads, in bounded time and memory."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from compat.errors import CompatError
from compat.plan import build_plan, load_matrix

from .conftest import AXES, MATRIX
from .hostile import LARGE, WEIRD

if TYPE_CHECKING:
    from pathlib import Path

    from compat.model import Plan

MEMORY, SECONDS = 1 << 30, 60  # of a process: what any file may take
LONGEST = 2000  # characters of a line
PLANNED = (0, 1, 10)  # a plan was made, whether or not it can reach GO


def outcome(path: Path) -> Plan | str:
    """The plan of a matrix file, or the one line that says why there is none."""
    try:
        matrix = load_matrix(path)
        assert len(matrix.points.rejections) < 100_000
        return build_plan(matrix, compat_version="0")
    except CompatError as problem:
        line = str(problem)
        assert "\n" not in line
        assert line.isprintable()
        assert len(line) < LONGEST
        return line


def _bounded() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))


def command(path: Path, *words: str) -> subprocess.CompletedProcess[bytes]:
    """``compat plan`` in a process that may take no more than it should."""
    env = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}  # each thread of it reserves memory
    words = (sys.executable, "-m", "compat", "plan", str(path), *words)
    return subprocess.run(words, capture_output=True, check=False, preexec_fn=_bounded, env=env)


def one_line(done: subprocess.CompletedProcess[bytes]) -> str:
    said = done.stderr.decode()
    assert done.returncode == 2, said[-2000:]
    assert done.stdout == b""
    assert said.startswith("compat: ")
    assert said.endswith("\n")
    assert said[:-1].isprintable()
    assert len(said) < LONGEST
    return said


@pytest.mark.parametrize("name", WEIRD)
def test_weird_files_are_refused_in_one_line(tmp_path: Path, name: str) -> None:
    path = tmp_path / "matrix.yaml"
    path.write_bytes(WEIRD[name])
    assert str(path) in one_line(command(path))


@pytest.mark.parametrize("name", LARGE)
def test_large_files_become_a_plan_or_are_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / "matrix.yaml"
    path.write_bytes(LARGE[name])
    for words in ((), ("--points",)):
        done = command(path, *words)
        if done.returncode in PLANNED:
            assert done.stderr == b""
            assert done.stdout
        else:
            assert str(path) in one_line(done)


# Anything that YAML may hold, and words and spellings that are special to it or to us.
SPECIAL = st.sampled_from(
    [
        "",
        "~",
        "yes",
        "1.10",
        "1e3",
        "12:30",
        "0x1f",
        "0o7",
        "2024-01-02",
        "<<",
        "=",
        "a" * 300,
        "-1",
        "\x1b[2J",
        "é",
        "\ufeff",
    ]
)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | SPECIAL | st.dates()
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(SCALARS.filter(lambda k: k == k), inner, max_size=4),
    max_leaves=12,
)
SIGNS = "[]{}|\t\0\x85\u2028\"'\\#\n\r@`&*,%"
WORDS = ("&a ", "*a", "<<: ", "!!str ", "!x ", "? ", ": ", "- ", ">-\n", "%YAML 9.9\n", "---\n", "...\n", "1_0", ".nan")
SNIPPETS = st.sampled_from(SIGNS) | st.sampled_from(WORDS) | st.text(max_size=6)
KNOWN = [
    "coverage",
    "exclude",
    "include",
    "models",
    "controls",
    "design",
    "values",
    "in_place",
    "policy",
    "rounds",
    "gate",
]


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place of a document, from the top."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, one in inside for place in places(one, (*path, key)))]


def changed(draw: st.DrawFn, value: Any, path: tuple[Any, ...]) -> Any:
    """The document with the value at ``path`` replaced, taken away, or with a key more."""
    if path:
        copy = value.copy()
        key, rest = path[0], path[1:]
        if not rest and draw(st.booleans()):
            del copy[key]
        else:
            copy[key] = changed(draw, value[key], rest)
        return copy
    if isinstance(value, dict) and draw(st.booleans()):
        return {**value, draw(st.sampled_from(KNOWN) | st.text(max_size=5)): draw(VALUES)}
    return draw(VALUES)


@st.composite
def documents(draw: st.DrawFn) -> bytes:
    """A valid matrix with something else in one to three of its places."""
    value = yaml.safe_load(draw(st.sampled_from([MATRIX, AXES])))
    for _ in range(draw(st.integers(1, 3))):
        if not isinstance(value, dict | list):
            break
        value = changed(draw, value, draw(st.sampled_from(places(value))))
    return yaml.safe_dump(value, allow_unicode=draw(st.booleans()), default_flow_style=draw(st.booleans())).encode()


@st.composite
def texts(draw: st.DrawFn) -> bytes:
    """A valid matrix whose text was cut, doubled and sprinkled with YAML's signs, in some encoding."""
    text = draw(st.sampled_from([MATRIX, AXES]))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(text)))
        end = min(len(text), start + draw(st.integers(0, 12)))
        text = text[:start] + draw(SNIPPETS | st.just(text[start:end] * 2)) + text[end:]
    encoding = draw(st.sampled_from(["utf-8"] * 8 + ["utf-8-sig", "utf-16", "utf-32", "utf-16-be", "cp037", "latin-1"]))
    return text.encode(encoding, "replace")


FUZZ = settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


@FUZZ
@given(data=documents())
def test_other_values_anywhere(shipped: Path, tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "other.yaml"
    path.write_bytes(data)
    outcome(path)


@FUZZ
@given(data=texts())
def test_other_text_anywhere(shipped: Path, tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "other.yaml"
    path.write_bytes(data)
    outcome(path)


@FUZZ
@given(data=st.binary(max_size=200))
def test_any_bytes(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "other.yaml"
    path.write_bytes(data)
    assert isinstance(outcome(path), str)  # no matrix is that short


def test_the_files_that_are_changed_are_good(shipped: Path, tmp_path: Path) -> None:
    for text in (MATRIX, AXES):
        path = tmp_path / "other.yaml"
        path.write_text(text, encoding="utf-8")
        assert not isinstance(outcome(path), str)
