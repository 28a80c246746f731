"""What a compiler made of a kernel, read from its intermediate text, its assembly and its binary.

Counts are of what is written, not of what runs: a loop's body counts once.
"""

from __future__ import annotations

import re
import struct

__all__ = ["ElfError", "abi_version", "atomics", "code_size", "matrix_instructions", "ptx_version", "scalar_dots"]

# Instructions, not their fences and commits, each at the start of its line after an optional predicate. PTX ISA 8.7:
# 9.7.14 (wmma, mma), 9.7.15 (wgmma) and 9.7.16 (tcgen05).
_CUDA_MATRIX = re.compile(
    r"^[ \t{]*(?:@!?%?\w+[ \t]+)?(?:wmma\.mma|mma\.(?:sync|sp)|wgmma\.mma_async|tcgen05\.mma)(?![\w])", re.MULTILINE
)
# CDNA's and RDNA's matrix instructions (v_mfma_f32_32x32x8_f16, v_smfmac_..., v_wmma_...).
_HIP_MATRIX = re.compile(r"^[ \t]*v_(?:mfma|smfmac|wmma|swmmac)_", re.MULTILINE)
# Triton's own product, with the layout that its operands have; what was lowered to a unit's operation needs no look.
_DOT = re.compile(r"\btt\.dot\b.*", re.MULTILINE)
_ON_UNITS = re.compile(r"parent = #(?:mma|\w*mfma|\w*wmma)")
_ATOMIC = re.compile(r"\btt\.atomic_(?:rmw|cas)\b")
_PTX_VERSION = re.compile(r"^\.version (\d+\.\d+)", re.MULTILINE)

_ELF = b"\x7fELF\x02\x01"  # 64 bits, little-endian
_ABI = 8  # where an ELF file says which version of its system's ABI it is of
_SECTION = struct.Struct("<IIQQQQIIQQ")


class ElfError(ValueError):
    """A binary is not what it was expected to be."""


def matrix_instructions(text: str, backend: str) -> int:
    """Count the matrix instructions in PTX (mma, wmma, wgmma and tcgen05) or in AMD's assembly (mfma and wmma)."""
    return len((_CUDA_MATRIX if backend == "cuda" else _HIP_MATRIX).findall(text))


def scalar_dots(ttgir: str, instructions: int) -> int:
    """How many products of a kernel (``tl.dot``) are computed without matrix instructions.

    ``ttgir`` is Triton's GPU-level text, in which a product that is left to scalar multiply-adds has operands of a
    blocked layout, and any other one those of a matrix unit. ``instructions``: how many the assembly has; with none
    every product is scalar, whatever the text says.
    """
    dots = _DOT.findall(ttgir)
    if not instructions:
        return len(dots)
    return sum(1 for dot in dots if not _ON_UNITS.search(dot))


def atomics(ttgir: str) -> int:
    """Count the atomic operations of a kernel in Triton's GPU-level text, before several become one vector's."""
    return len(_ATOMIC.findall(ttgir))


def ptx_version(ptx: str) -> str:
    """The version of the instruction set that PTX declares, such as ``8.7``; empty where it declares none."""
    found = _PTX_VERSION.search(ptx)
    return found[1] if found else ""


def abi_version(cubin: bytes) -> int:
    """The ABI version of a cubin, which a driver has to know: 7, or 8 for what the assemblers of CUDA 13 make."""
    if not cubin.startswith(_ELF) or len(cubin) <= _ABI:
        raise ElfError("the cubin is no ELF file of 64 bits")
    return cubin[_ABI]


def code_size(binary: bytes) -> int:
    """Bytes of machine code in a cubin: its sections ``.text.*`` together. ElfError if it cannot be read."""
    if not binary.startswith(_ELF):
        raise ElfError("the cubin is no ELF file of 64 bits")
    try:
        (offset,) = struct.unpack_from("<Q", binary, 0x28)
        size, count, names = struct.unpack_from("<HHH", binary, 0x3A)
        sections = [_SECTION.unpack_from(binary, offset + number * size) for number in range(count)]
        at = sections[names][4]
        total = 0
        for section in sections:
            start = at + section[0]
            if binary[start : binary.index(b"\0", start)].startswith(b".text"):
                total += section[5]
    except (struct.error, IndexError, ValueError) as problem:
        raise ElfError(f"the cubin's sections cannot be read: {problem}") from None
    return total
