# ruff: noqa: E501 - an error is one line, and here it stands whole
"""Waiver files: every mistake is one line with its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from compat.errors import MatrixError
from compat.model import Waiver
from compat.plan import load_waivers

GOOD = """\
waivers:
  - case: "operator:average_pool[ceil-include-pad]"
    metric: outputs
    reason: "onnxruntime 1.21 follows the specification"
    owner: ana@example.org
    expires: "2027-01-31"
  - {case: "kernel:*", metric: latency, cell: new-1234, at_most: 8%, reason: traded for memory, owner: bo, expires: "2026-12-01"}
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "waivers.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_file_is_its_waivers(tmp_path: Path) -> None:
    first, second = load_waivers(write(tmp_path, GOOD))
    reason = "onnxruntime 1.21 follows the specification"
    assert first == Waiver(
        "operator:average_pool[ceil-include-pad]", "outputs", reason, "ana@example.org", "2027-01-31"
    )
    assert second == Waiver("kernel:*", "latency", "traded for memory", "bo", "2026-12-01", "new-1234", 0.08)
    assert load_waivers(write(tmp_path, "waivers: []")) == ()


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("    owner: ana@example.org\n", "", "waivers.yaml:2: waivers[0] lacks the key 'owner'; add it"),
        ('"2027-01-31"', '"2027-02-31"', "waivers.yaml:6: waivers[0].expires: '2027-02-31' is not a day; write one such"),
        ('"2027-01-31"', "2027", "waivers.yaml:6: waivers[0].expires: 2027 is read as the number 2027; write \"2027\""),
        ("metric: outputs", "metrik: outputs", "waivers.yaml:3: unknown key 'metrik' in waivers[0]; did you mean 'metric'?"),
        ("8%", "8", "waivers.yaml:7: waivers[1].at_most: 8 is not a ratio; write a percentage such as 3%"),
        (GOOD, "", "waivers.yaml:1: the file is empty; write waivers: [] at least"),
        (GOOD, "waivers: 3", "waivers.yaml:1: waivers: expected a list, found the number 3"),
    ],
)  # fmt: skip
def test_a_mistake_is_one_line(tmp_path: Path, old: str, new: str, said: str) -> None:
    with pytest.raises(MatrixError) as caught:
        load_waivers(write(tmp_path, GOOD.replace(old, new)))
    assert said in str(caught.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(MatrixError, match=r"none.yaml: "):
        load_waivers(tmp_path / "none.yaml")
