# ruff: noqa: E501 - an error is one line, and here it stands whole
from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from compat.errors import ContentError
from compat.model import digest
from compat.plan.literals import MAX_BYTES, read_declarations

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Write

KNOWN = {"CASES", "KIND", "TIMED", "TOLERANCE"}


def test_literals_are_read_and_nothing_runs(write: Write) -> None:
    text = '"""Doc."""\nimport not_there\n\nBLOCK = not_there.x\nCASES: dict = {"a": (1, -2.5)}\nKIND = "model"\nlower = f()\n'
    path = write(text, "w.py")
    declared = read_declarations(path, KNOWN)
    assert declared.values == {"CASES": {"a": (1, -2.5)}, "KIND": "model"}
    assert declared.lines == {"CASES": 5, "KIND": 6}
    assert declared.docstring == "Doc."
    assert declared.digest == digest(text)


def test_names_inside_functions_are_their_own(write: Write) -> None:
    path = write("CASES = {}\n\ndef f():\n    CASES = 1\n\nclass C:\n    KIND = 1\n", "w.py")
    assert read_declarations(path, KNOWN).values == {"CASES": {}}


def test_functions_are_read_with_their_arguments(write: Write) -> None:
    text = "def f(): ...\n\ndef split(params, tools):\n    def inner(x): ...\n\nclass C:\n    def method(self): ...\n"
    declared = read_declarations(write(text, "w.py"), KNOWN)
    assert declared.functions == {"f": (), "split": ("params", "tools")}
    assert str(declared.error("split", "is wrong")).endswith("w.py:3: is wrong")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "\nCASES = dict(a=1)\n",
            'FILE:2: CASES is not a literal: planning reads this file without running it; write the values out ({"a": 1}, not dict(a=1))',
        ),
        ("CASES = {}\nCASES = {}\n", "FILE:2: CASES is assigned twice (first in line 1); assign it once"),
        ("CASES = {}\nCASES['a'] = {}\n", "FILE:2: CASES is assigned twice (first in line 1); assign it once"),
        (
            "CASES = {}\nfor KIND in []:\n    pass\n",
            "FILE:2: KIND is not a plain assignment; write KIND = ... once, at the top level",
        ),
        (
            "if 1:\n    KIND = 'model'\n",
            "FILE:2: KIND is not a plain assignment; write KIND = ... once, at the top level",
        ),
        ("CASES |= {}\n", "FILE:1: CASES is not a plain assignment; write CASES = ... once, at the top level"),
        ("KIND, CASES = 1, 2\n", "FILE:1: KIND is not a plain assignment; write KIND = ... once, at the top level"),
        ("TOLERENCE = 1\n", "FILE:1: TOLERENCE is not a declaration; did you mean TOLERANCE? If not, rename it"),
        (
            "CASES = {[]: 1}\n",
            'FILE:1: CASES is not a literal: planning reads this file without running it; write the values out ({"a": 1}, not dict(a=1))',
        ),
        ("x = (\n", "FILE:1: not Python: '(' was never closed"),
        ("x = '\0'\n", "FILE:1: not Python: source code string cannot contain null bytes"),
    ],
)
def test_refused(write: Write, text: str, expected: str) -> None:
    path = write(text, "w.py")
    with pytest.raises(ContentError) as caught:
        read_declarations(path, KNOWN)
    assert str(caught.value).replace(str(path), "FILE") == expected


def test_deep_nesting_is_an_error_and_no_crash(write: Write) -> None:
    path = write("CASES = " + "-" * 100_000 + "1\n", "w.py")
    with pytest.raises(ContentError, match=r"w.py:1: not Python"):
        read_declarations(path, KNOWN)


def test_files_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(ContentError, match="expected a regular file; remove it, or make it a file"):
        read_declarations(tmp_path, KNOWN)
    large = tmp_path / "large.py"
    large.write_bytes(b"#" * (MAX_BYTES + 1))
    with pytest.raises(ContentError, match="the file is larger than 1048576 bytes; make it smaller"):
        read_declarations(large, KNOWN)
