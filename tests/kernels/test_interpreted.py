"""Every kernel against its oracle in Triton's interpreter, as the product runs it: right, steady, in its tensors."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from compat.model import Cell, Tier
from compat.plan.cases import cases_of
from compat.plan.content import read_file
from compat.plan.lacking import lacking
from compat.plan.support.tables import load_tables
from compat.run.session import Session
from compat.run.venv import VenvRuntime

from .agreement import wrong
from .conftest import ROOT

KERNELS = sorted((ROOT / "kernels").glob("*.py"))

pytestmark = pytest.mark.network


@pytest.fixture(scope="session")
def session(triton_runtime: VenvRuntime) -> Iterator[Session]:
    opened = Session(triton_runtime, ("torch", "triton"), interpret=True)
    yield opened
    opened.close()


@pytest.mark.parametrize("path", KERNELS, ids=lambda path: path.stem)
def test_a_kernel_agrees_with_its_oracle(session: Session, triton_runtime: VenvRuntime, path: Path) -> None:
    stack = {"runtime": triton_runtime.spec.name}
    cell = Cell("cell", stack, stack, None)
    cases = cases_of(read_file(path, kernel=True), {Tier.INTERPRETED})
    runtimes = {triton_runtime.spec.name: triton_runtime.spec}
    reasons = {case.id: lacking(case, cell, runtimes, load_tables()) for case in cases}
    able = [case for case in cases if reasons[case.id] is None]
    # A release whose interpreter can run none of them is one that the table names.
    assert able or all((said or "").startswith("the interpreter of triton ") for said in reasons.values())
    assert {case.id: said for case in able if (said := wrong(session, path, case))} == {}


VECTOR = "float32 [13] with strides [1]"
KERNEL = '''
"""Doubles each element, up to a limit that may be wrong."""

import triton
import triton.language as tl

COMPONENTS = ("triton",)
IMPORTS = ("torch", "triton")
CASES = {{"a": {{"dtype": "fp32", "n": 13, "reach": {reach}}}}}
AOT = {{"a": {{"signature": {{"x": "*fp32", "y": "*fp32", "reach": "i32"}}, "constexprs": {{"BLOCK": 64}}}}}}


@triton.jit
def double(x, y, reach, BLOCK: tl.constexpr):
    at = tl.arange(0, BLOCK)
    tl.{store}({target} + at, 2.0 * tl.load(x + at, mask=at < {read}), mask=at < reach)


def prepare(params, tools):
    x, y = tools.tensor(tools.uniform(13)), tools.empty(13)

    def work():
        double[(1,)](x, y, params["reach"], BLOCK=64)
        return {{"y": y}}

    return work


def reference(params, tools):
    return {{"y": 2.0 * tools.tensor(tools.uniform(13)).double()}}
'''


@pytest.mark.parametrize(
    ("reach", "read", "store", "target", "expected"),
    [
        (13, "reach", "store", "y", ""),
        (12, "reach", "store", "y", "1 of 13 elements of y are not finite where the reference is; y[12] is nan"),
        (14, "13", "store", "y", "crash in run: ended by SIGSEGV"),
        (13, "14", "store", "y", "crash in run: ended by SIGSEGV"),  # it reads one too many and stores it nowhere
        (13, "reach", "store", "y - 1", f"4 bytes outside of its elements were written: output 2, {VECTOR}"),
        (13, "reach", "atomic_add", "y - 1", f"4 bytes outside of its elements were written: output 2, {VECTOR}"),
        (13, "reach", "store", "x", f"52 bytes of what may only be read were written: input 1, {VECTOR}"),
    ],
)
def test_a_kernel_that_leaves_its_tensors_is_found(
    session: Session, triton_runtime: VenvRuntime, reach: int, read: str, store: str, target: str, expected: str
) -> None:
    path = triton_runtime._folders.content[1] / "double.py"
    path.write_text(KERNEL.format(reach=reach, read=read, store=store, target=target), encoding="utf-8")
    (case,) = cases_of(read_file(path, kernel=True), {Tier.INTERPRETED})
    found = wrong(session, path, case)
    assert expected in found if expected else found == ""
