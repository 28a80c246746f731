"""compat.plan.lacking: what Triton's interpreter cannot do in an arm, and assemblers that the table does not have."""

from __future__ import annotations

from dataclasses import replace

import pytest

from compat.model import Artifact, Case, Cell, Runtime, Tier
from compat.plan.lacking import assembler_of, lacking
from compat.plan.support.tables import load_tables

CELL = Cell("cell", {"runtime": "new"}, {"runtime": "old"}, None)
PTXAS = Artifact("nvidia-cuda-nvcc==13.0.88", "bin/ptxas", "0" * 64)


def case(tier: Tier, **params: object) -> Case:
    return Case("kernel:k", "c", tier, dict(params), (), (), 0.0, 1, None, "")


def runtimes(old: tuple[str, ...], new: tuple[str, ...]) -> dict[str, Runtime]:
    return {"old": Runtime("old", requirements=old), "new": Runtime("new", requirements=new)}


@pytest.mark.parametrize(
    ("needs", "old", "new", "expected"),
    [
        ((), ("triton==3.2.0",), ("triton==3.5.1",), None),
        (("fp16_atomics",), ("triton==3.3.1",), ("triton==3.5.1",), None),
        (
            ("fp16_atomics",),
            ("triton==3.5.1",),
            ("triton==3.2.0",),
            "the interpreter of triton 3.2.0 has no fp16_atomics (it works in triton >=3.3)",
        ),
        (("bf16_dot",), ("triton==3.9.0",), ("triton==3.9.0",), "no release of Triton's interpreter has bf16_dot"),
        (("runtime_loop",), ("triton==3.6.0", "numpy==2.3.5"), ("triton==3.9.0", "numpy==2.4.0"), None),
        (
            ("runtime_loop",),
            ("triton==3.6.0", "numpy==2.4.0"),
            ("triton==3.9.0", "numpy==2.4.0"),
            "the interpreter of triton 3.6.0 with numpy 2.4.0 has no runtime_loop "
            "(it works in triton >=3.2,<3.7 with numpy <2.4 and in triton >=3.7)",
        ),
        (
            ("runtime_loop",),
            ("triton==3.6.0",),
            ("triton==3.9.0",),
            "the interpreter of triton 3.6.0 with numpy of any version has no runtime_loop "
            "(it works in triton >=3.2,<3.7 with numpy <2.4 and in triton >=3.7)",
        ),
        (("topk",), ("torch==2.7.1",), ("triton==3.9.0",), "the interpreter of triton 3.3.1 has no topk"),
        (("topk",), ("numpy==2.3.5",), ("triton==3.9.0",), None),  # what it has is not known before it runs
    ],
)
def test_what_an_interpreter_cannot_do(
    needs: tuple[str, ...], old: tuple[str, ...], new: tuple[str, ...], expected: str | None
) -> None:
    found = lacking(case(Tier.INTERPRETED, needs=needs), CELL, runtimes(old, new), load_tables())
    assert found == expected or (expected is not None and (found or "").startswith(expected))


def test_needs_are_the_interpreters_alone() -> None:
    assert lacking(case(Tier.GPU, needs=("bf16_dot",)), CELL, runtimes(("a==1",), ("a==2",)), load_tables()) is None


def test_a_case_for_cudas_assembler_needs_one_in_both_arms() -> None:
    asked = case(Tier.AOT, assembler="cuda")
    both = {name: replace(found, assembler=PTXAS) for name, found in runtimes(("a==1",), ("a==2",)).items()}
    assert lacking(asked, CELL, both, load_tables()) is None
    silent = {**both, "old": replace(both["old"], assembler=None)}
    assert lacking(asked, CELL, silent, load_tables()) == (
        "the runtime old states no cuda, so that no assembler but Triton's own is known"
    )
    unknown = {**both, "new": replace(both["new"], assembler=None, values={"cuda": "12.7"})}
    assert lacking(asked, CELL, unknown, load_tables()) == (
        "the table has no assembler of CUDA 12.7, which the runtime new states"
    )


@pytest.mark.parametrize(
    ("cuda", "package"),
    [
        ("12.8", "nvidia-cuda-nvcc-cu12==12.8.93"),
        ("12.8.1", "nvidia-cuda-nvcc-cu12==12.8.93"),
        ("13.0", "nvidia-cuda-nvcc==13.0.88"),
        ("12.7", None),
        ("newest", None),
        (None, None),
    ],
)
def test_the_assembler_of_a_cuda(cuda: str | None, package: str | None) -> None:
    found = assembler_of(cuda, load_tables())
    assert (found.package if found else None) == package
