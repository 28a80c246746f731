"""The faults that are planted in kernels: what each kind changes in a small one, and that the rest is as it was."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.kernels.mutants import mutants_of

from .conftest import ROOT

SOURCE = """
import triton
import triton.language as tl

AOT = {"a": {"signature": {"x": "*fp16", "y": "*fp32", "stride_x": "i32", "stride_y": "i32", "n": "i32"},
             "constexprs": {"B": 64}}}


@triton.jit
def small(x, y, stride_x, stride_y, n, B: tl.constexpr):
    row = tl.program_id(0)
    total = tl.zeros((B,), dtype=tl.float32)
    for start in range(0, n, B):
        at = start + tl.arange(0, B)
        total += tl.load(x + row * stride_x + at, mask=(at < n) & (row < 9), other=0.0)
    tl.atomic_add(y + row * stride_y, tl.max(total, axis=0), mask=row < 9)


def host(n):
    return tl.cdiv(n, 2) + 1 < n
"""


def changes(operator: str) -> set[str]:
    found = mutants_of(Path("small.py"), SOURCE)
    assert len({mutant.id for mutant in found}) == len(found)
    for mutant in found:
        ast.parse(mutant.source)
        assert mutant.source != SOURCE
        assert mutant.source.endswith(SOURCE[SOURCE.index("def host") :])
    return {mutant.change for mutant in found if mutant.operator == operator}


@pytest.mark.parametrize(
    ("operator", "expected"),
    [
        ("wrong mask", "`at < n` -> `at <= n`"),
        ("wrong mask", "`at < n` -> `at < n - 1`"),
        ("wrong mask", "`(at < n) & (row < 9)` -> `row < 9`"),
        ("off by one", "`tl.program_id(0)` -> `tl.program_id(0) + 1`"),
        ("off by one", "`0` -> `0 + B`"),
        ("short accumulator", "`tl.float32` -> `tl.float16`"),
        ("dropped tail", "`n` -> `n // B * B`"),
        ("swapped stride", "`stride_x` -> `stride_y`"),
        ("wrong operation", "`tl.max(total, axis=0)` -> `tl.min(total, axis=0)`"),
    ],
)
def test_a_kind_of_fault(operator: str, expected: str) -> None:
    found = {
        change.replace("(n) // (B) * (B)", "n // B * B").replace("(n) - 1", "n - 1") for change in changes(operator)
    }
    assert expected in found, found


def test_an_atomic_addition_becomes_a_plain_one() -> None:
    (change,) = changes("plain store")
    loaded = "tl.load(y + row * stride_y, mask=row < 9)"
    assert change.endswith(f"`tl.store(y + row * stride_y, {loaded} + (tl.max(total, axis=0)), mask=row < 9)`")


@pytest.mark.parametrize("path", sorted((ROOT / "kernels").glob("*.py")), ids=lambda path: path.stem)
def test_every_kernel_has_mutants(path: Path) -> None:
    found = mutants_of(path)
    assert len(found) >= 5
    assert len({mutant.id for mutant in found}) == len(found)
