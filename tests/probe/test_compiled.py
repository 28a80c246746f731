"""compat.probe.compiled: what is counted in texts as compilers write them, and what is read from ELF files."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from compat.probe.compiled import (
    ElfError,
    abi_version,
    atomics,
    code_size,
    matrix_instructions,
    ptx_version,
    scalar_dots,
)

ON_UNITS = (
    "%84 = tt.dot %82, %83, %81, inputPrecision = tf32 : tensor<64x32xf16, #ttg.dot_op<{opIdx = 0, parent = #mma, "
    "kWidth = 2}>> * tensor<32x64xf16, #ttg.dot_op<{opIdx = 1, parent = #mma, kWidth = 2}>> -> tensor<64x64xf32, #mma>"
)
SCALAR = ON_UNITS.replace("#mma", "#blocked2")
ASYNC = "%106 = ttng.warp_group_dot %99, %105, %104 {isAsync = true} : !ttg.memdesc<64x32xf16, #shared, #smem>"
BLACKWELL = "ttng.tc_gen5_mma %63, %89, %result, %false, %58 : !ttg.memdesc<64x32xf16, #shared1, #smem>"


@pytest.mark.parametrize(
    ("line", "count"),
    [
        ("\tmma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 { %f1 }, { %r1 };", 1),
        ("mma.sp.sync.aligned.m16n8k32.row.col.f32.f16.f16.f32 {};", 1),
        ("\twmma.mma.sync.aligned.row.col.m16n16k16.f32.f32 {};", 1),
        ("\twgmma.mma_async.sync.aligned.m64n64k16.f32.f16.f16 {};", 1),
        ("\t@%p1 tcgen05.mma.cta_group::1.kind::f16 [ %r1 + 0 ], %rd1, %rd2, %r2, %p2;", 1),
        ("\t@!p tcgen05.mma.cta_group::2.kind::tf32 [ %r1 ];", 1),
        ("\twgmma.fence.sync.aligned;\n\twgmma.commit_group.sync.aligned;\n\twgmma.wait_group.sync.aligned 0;", 0),
        ("\twmma.load.a.sync.aligned.row.m16n16k16.f16 {};", 0),
        ("\ttcgen05.commit.cta_group::1.mbarrier::arrive::one.b64 [%r1];", 0),
        ("\t// mma.sync.aligned was here", 0),
        ("\tfma.rn.f32 \t%f1, %f2, %f3, %f4;", 0),
    ],
)
def test_matrix_instructions_are_counted_and_what_waits_for_them_is_not(line: str, count: int) -> None:
    assert matrix_instructions(f"{line}\n\tret;\n{line}\n", "cuda") == 2 * count


def test_instructions_of_amd_are_counted_too() -> None:
    text = "\tv_mfma_f32_32x32x8_f16 v[0:15], v[0:1]\n\tv_wmma_f32_16x16x16_f16 v[0:7]\n\tv_fma_f32 v0\n; v_mfma_\n"
    assert matrix_instructions(text, "hip") == 2
    assert matrix_instructions(text, "cuda") == 0


@pytest.mark.parametrize(
    ("lines", "instructions", "expected"),
    [
        ((), 0, 0),
        ((ON_UNITS,), 32, 0),
        ((SCALAR,), 0, 1),
        ((ON_UNITS, SCALAR), 32, 1),
        ((ON_UNITS.replace("#mma", "#mfma"), ON_UNITS.replace("#mma", "#amd_wmma")), 8, 0),
        ((ASYNC, BLACKWELL), 4, 0),
        ((ON_UNITS, ON_UNITS), 0, 2),  # whatever the text says: there is no such instruction
    ],
)
def test_products_without_matrix_instructions(lines: tuple[str, ...], instructions: int, expected: int) -> None:
    assert scalar_dots("\n".join(f"      {line} loc(#loc40)" for line in lines), instructions) == expected


def test_atomics_are_counted_before_they_become_vectors() -> None:
    text = "%1 = tt.atomic_rmw fadd, relaxed, gpu, %p, %v\n%2 = tt.atomic_cas acq_rel, gpu, %p\ntt.store %p, %v"
    assert atomics(text) == 2


@pytest.mark.parametrize(("text", "expected"), [("//\n.version 8.7\n.target sm_90a\n", "8.7"), (".target sm_90", "")])
def test_the_version_of_ptx(text: str, expected: str) -> None:
    assert ptx_version(text) == expected


def test_a_real_binary_is_read() -> None:
    binary = Path(sys.executable).resolve().read_bytes()
    assert abi_version(binary) == 0
    assert 100 < code_size(binary) < len(binary)


def test_what_is_no_binary_is_refused() -> None:
    header = Path(sys.executable).resolve().read_bytes()[:64]
    for broken in (b"", b"\x7fELF", b"\x7fELF\x01\x01" + bytes(200), b"PTX"):
        with pytest.raises(ElfError, match="no ELF file of 64 bits"):
            abi_version(broken)
        with pytest.raises(ElfError, match="no ELF file of 64 bits"):
            code_size(broken)
    with pytest.raises(ElfError, match="sections cannot be read"):
        code_size(header)
