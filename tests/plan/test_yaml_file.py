from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING

import pytest

from compat.errors import MatrixError
from compat.plan import yaml_file
from compat.plan.yaml_file import read_yaml

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Write


def message(path: Path) -> str:
    with pytest.raises(MatrixError) as caught:
        read_yaml(path)
    text = str(caught.value)
    assert "\n" not in text
    return text.replace(str(path), "FILE")


def test_values_lines_and_spelling(write: Write) -> None:
    path = write('a: 1\nb:\n  - x\n  - {c: 12.10, d: "12.10"}\n')
    file = read_yaml(path)
    assert file.values == {"a": 1, "b": ["x", {"c": 12.1, "d": "12.10"}]}
    assert file.raw == {("a",): "1", ("b", 1, "c"): "12.10"}
    assert file.where("b", 1, "c") == f"{path}:4"
    assert file.where("b", 1, "missing", 3) == f"{path}:4"
    assert file.where("nowhere") == f"{path}:1"
    assert file.digest == hashlib.sha256(path.read_bytes()).hexdigest()


def test_byte_order_mark_and_aliases_are_read(tmp_path: Path) -> None:
    path = tmp_path / "bom.yaml"
    path.write_bytes(b"\xef\xbb\xbfa: &x [1]\nb: *x\n")
    assert read_yaml(path).values == {"a": [1], "b": [1]}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "FILE:1: the file is empty; write at least a name, axes, runtimes, workloads and rings"),
        ("a: 1\nb: 2\na: 3\n", "FILE:3: the key 'a' is there twice (first in line 1); keep one of them"),
        ("a: [1\n", "FILE:2: not YAML: expected ',' or ']', but got '<stream end>'"),
        ("a: 1\n--- \nb: 2\n", "FILE:2: not YAML: but found another document"),
        ("a: b\n\tc: d\n", "FILE:2: not YAML: found character '\\t' that cannot start any token"),
        ("a: *nobody\n", "FILE:1: not YAML: found undefined alias 'nobody'"),
        (
            "a: 1\nb: !!python/name:os.system ''\n",
            "FILE:2: the tag !!python/name:os.system is not allowed; leave the tag out",
        ),
        ("a: !secret x\n", "FILE:1: the tag !secret is not allowed; leave the tag out"),
        ("a: !!set {x}\n", "FILE:1: the tag !!set is not allowed; leave the tag out"),
        ("a: !!int many\n", "FILE:1: 'many' is not a !!int; leave the tag out"),
        ("a: !!bool many\n", "FILE:1: 'many' is not a !!bool; leave the tag out"),
        ("a: 2024-01-02\n", 'FILE:1: 2024-01-02 is read as a date; write "2024-01-02"'),
        ("x: &x {a: 1}\ny:\n  <<: *x\n", "FILE:3: merge keys (<<) are not read; write the keys out"),
        ("12: x\n", 'FILE:1: expected text as key, found 12; write the key in quotes: "..."'),
        ("? [a]\n: x\n", 'FILE:1: expected text as key, found a list or mapping; write the key in quotes: "..."'),
        ("a: 1\nb: \x01\n", "FILE:2: not YAML: the character '\\x01' is not allowed"),
        ("a: &a [*a]\n", "FILE:1: nested deeper than 32 levels once aliases are expanded; use no alias"),
        ("a: 1:30\n", 'FILE:1: 1:30 is read as a number to the base 60; write "1:30"'),
        ("a: 1:30.5\n", 'FILE:1: 1:30.5 is read as a number to the base 60; write "1:30.5"'),
        ('a: "\\ud800"\n', "FILE:1: '\\ud800' has half a character; write the whole character"),
        ('"\\udfff": 1\n', "FILE:1: '\\udfff' has half a character; write the whole character"),
        ("[" * 5000, "FILE:1: not YAML: nested deeper than 32 levels"),
    ],
)
def test_refused(write: Write, text: str, expected: str) -> None:
    assert message(write(text)) == expected


def test_an_alias_bomb_is_counted_and_not_built(write: Write) -> None:
    text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
    for level in range(1, 12):
        text += f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 10)}]\n"
    assert "more than 100000 values once aliases are expanded; use fewer aliases" in message(write(text))


def test_a_number_with_too_many_digits(write: Write) -> None:
    said = message(write("a: " + "9" * 5000))
    assert said.endswith("is read as a number, and has 5000 characters; write it in quotes, or as a shorter one")
    assert len(said) < 800


def test_other_encodings(tmp_path: Path) -> None:
    path = tmp_path / "latin.yaml"
    path.write_bytes("a: 1\nb: Köln\n".encode("latin-1"))
    assert message(path) == "FILE:2: expected text in UTF-8; save the file as UTF-8"
    path.write_bytes("a: 1\n".encode("utf-16"))
    assert message(path) == "FILE:1: expected text in UTF-8; save the file as UTF-8"


def test_a_large_file(tmp_path: Path) -> None:
    path = tmp_path / "large.yaml"
    path.write_bytes(b"#" * (yaml_file.MAX_BYTES + 1))
    assert message(path) == "FILE: the file is larger than 1048576 bytes; split it, or make lists shorter"


def test_no_file(tmp_path: Path) -> None:
    assert message(tmp_path) == "FILE: expected a file, found a folder; name a file"
    assert message(tmp_path / "none.yaml") == "FILE: there is no such file; check the path"
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    assert message(fifo) == "FILE: expected a regular file; name a file"
    assert message(tmp_path / ("x" * 300)).endswith(
        "the file cannot be read: File name too long; check the path and its rights"
    )


def test_an_unreadable_file(write: Write) -> None:
    path = write("a: 1")
    path.chmod(0)
    root = os.geteuid() == 0
    if root:  # who may read everything: look as nobody does
        os.seteuid(65534)
    try:
        assert message(path) == "FILE: the file cannot be read: Permission denied; check the path and its rights"
    finally:
        if root:
            os.seteuid(0)
