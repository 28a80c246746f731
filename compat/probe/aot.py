"""Compile a kernel ahead of time for a target that need not be here, and measure what came out.

Neither a driver nor torch is needed and CUDA is never initialised: the target is given, so triton asks no device for
it. The figures come from what a driver would load, the PTX and the cubin, with the tools that triton's wheel brings.
"""

from __future__ import annotations

import contextlib
import inspect
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from compat.model import AOT_METRICS, Measurement

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from types import ModuleType

__all__ = [
    "CompilationError",
    "compile_case",
    "hash_compiler",
    "kernel_of",
    "matrix_instructions",
    "parse_target",
]

# Instructions, not their fences and commits, each at the start of its line after an optional predicate. PTX ISA 8.7:
# 9.7.14 (wmma, mma), 9.7.15 (wgmma) and 9.7.16 (tcgen05).
_CUDA_MATRIX = re.compile(
    r"^[ \t{]*(?:@!?%?\w+[ \t]+)?(?:wmma\.mma|mma\.(?:sync|sp)|wgmma\.mma_async|tcgen05\.mma)(?![\w])", re.MULTILINE
)
# CDNA's and RDNA's matrix instructions (v_mfma_f32_32x32x8_f16, v_smfmac_..., v_wmma_...).
_HIP_MATRIX = re.compile(r"^[ \t]*v_(?:mfma|smfmac|wmma|swmmac)_", re.MULTILINE)
_CUDA_TARGET = re.compile(r"sm_(\d{2,3})")
_HIP_TARGET = re.compile(r"gfx(\d+)[0-9a-f]{2}")
_RESOURCES = re.compile(r"\bREG:(\d+)\s+STACK:(\d+)\s+SHARED:\d+\s+LOCAL:(\d+)")
_FIRST_32_LANES = 10  # from gfx10 on a wave is 32 lanes in the compiler's default; it is 64 up to gfx9
_END = 480  # characters of a message: assemblers are quoted with the kernel first and what is wrong with it last
_TOOL_SECONDS = 60.0


class CompilationError(Exception):
    """The compiler refused a kernel. The message is the class of what it raised, and the end of what that says."""


def compile_case(module: ModuleType, params: Mapping[str, Any]) -> tuple[Measurement, ...]:
    """Compile one ahead-of-time configuration and measure it, in the order of ``AOT_METRICS``.

    ``module`` is a loaded kernel file; ``params`` is an entry of its ``AOT`` with ``target``, such as ``sm_75`` or
    ``gfx942``. ``spills`` are bytes of local memory per thread, ``shared_memory`` bytes per block. Raises ValueError
    when kernel and configuration do not fit, CompilationError when the compiler refuses. A compiler may also end the
    process.
    """
    backend, architecture, lanes = parse_target(params["target"])
    kernel = kernel_of(module, params.get("kernel"))
    with _without_cache(), tempfile.TemporaryDirectory(prefix="compat-aot-") as folder:
        os.environ["TRITON_CACHE_DIR"] = folder
        import triton
        from triton.backends.compiler import GPUTarget

        source = _source(kernel, params)
        options = {"num_warps": params.get("num_warps", 4), "num_stages": params.get("num_stages", 3)}
        try:
            compiled = triton.compile(source, target=GPUTarget(backend, architecture, lanes), options=options)
        except Exception as error:
            raise CompilationError(f"{type(error).__name__}: {_useful_end(error)}") from error
        shared = int(compiled.metadata.shared)
        if backend == "cuda":
            instructions = matrix_instructions(compiled.asm["ptx"])
            registers, spills = _cubin_resources(compiled.asm["cubin"], Path(folder))
        else:
            instructions = len(_HIP_MATRIX.findall(compiled.asm["amdgcn"]))
            registers, spills = _amdgcn_resources(compiled.asm["amdgcn"])
    values = (instructions, spills, shared, registers)
    return tuple(
        Measurement(metric.name, metric.unit, metric.direction, metric.kind, (float(value),))
        for metric, value in zip(AOT_METRICS, values)
    )


def hash_compiler() -> None:
    """Let an imported Triton hash its own files now, so that forked processes need not: 0.3 to 0.4 s in each.

    The hash is part of the key of every compilation. Files are read, nothing is compiled. Its function has moved
    between releases; where it is in neither place, each process hashes for itself.
    """
    for home in ("triton.runtime.cache", "triton.compiler.compiler"):
        hashed = getattr(sys.modules.get(home), "triton_key", None)
        if hashed is not None:
            hashed()
            return


def parse_target(target: str) -> tuple[str, int | str, int]:
    """Split ``sm_90`` into ("cuda", 90, 32) and ``gfx942`` into ("hip", "gfx942", 64): backend, architecture, lanes."""
    cuda = _CUDA_TARGET.fullmatch(target)
    if cuda:
        return "cuda", int(cuda[1]), 32
    hip = _HIP_TARGET.fullmatch(target)
    if hip:
        return "hip", target, 32 if int(hip[1]) >= _FIRST_32_LANES else 64
    raise ValueError(f"target {target!r} is neither sm_NN nor gfxNNN")


def kernel_of(module: ModuleType, name: str | None = None) -> Any:
    """Find a ``@triton.jit`` function of a kernel file: ``name``, else ``KERNEL`` or the file's stem."""
    name = name or getattr(module, "KERNEL", None) or Path(str(module.__file__)).stem
    kernel = getattr(module, name, None)
    if kernel is None:
        raise ValueError(f"{module.__file__} has no function {name}; define it or set KERNEL")
    if not hasattr(kernel, "cache_key"):
        raise ValueError(f"{name} is no compilable @triton.jit function (is TRITON_INTERPRET set?)")
    return kernel


def matrix_instructions(ptx: str) -> int:
    """Count the matrix instructions in PTX: mma, wmma, wgmma and tcgen05, without what only waits for them."""
    return len(_CUDA_MATRIX.findall(ptx))


def _useful_end(error: BaseException) -> str:
    """Join what an error and its causes say, the innermost last: triton's own quotes the line and not the reason."""
    said: list[str] = []
    link: BaseException | None = error
    while link is not None:
        said.append(str(link) or type(link).__name__)
        link = link.__cause__
    return " ".join("; ".join(said).split())[-_END:]


def _source(kernel: Any, params: Mapping[str, Any]) -> Any:
    """Build triton's ASTSource, whose arguments changed between 3.2 and 3.3."""
    from triton.compiler import ASTSource

    signature, constexprs, divisible = params["signature"], params["constexprs"], params.get("divisible", ())
    names = list(kernel.arg_names)
    if sorted([*signature, *constexprs]) != sorted(names):
        raise ValueError(f"signature and constexprs must name each of {', '.join(names)} once")
    if not set(divisible) <= set(signature):
        raise ValueError(f"divisible may name only {', '.join(signature)}")
    places = [names.index(name) for name in divisible]
    if "constexprs" in inspect.signature(ASTSource.__init__).parameters:  # 3.3 and later
        types = {name: signature.get(name, "constexpr") for name in names}
        attributes = {(place,): [["tt.divisibility", 16]] for place in places}
        return ASTSource(kernel, types, constexprs=dict(constexprs), attrs=attributes)
    from triton.backends.compiler import AttrsDescriptor

    types = {name: signature[name] for name in names if name in signature}
    hints = AttrsDescriptor.from_hints(dict.fromkeys(places, 16))
    return ASTSource(kernel, types, constants=dict(constexprs), attrs=hints)


@contextlib.contextmanager
def _without_cache() -> Iterator[None]:
    """Restore the environment afterwards, and compile even where a cache manager of the site would have an answer."""
    before = {name: os.environ.get(name) for name in ("TRITON_CACHE_DIR", "TRITON_ALWAYS_COMPILE")}
    os.environ["TRITON_ALWAYS_COMPILE"] = "1"
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _cubin_resources(cubin: bytes, folder: Path) -> tuple[int, int]:
    """Read registers and bytes of local memory per thread from a cubin, with the wheel's cuobjdump.

    Seen with 3.2.0, 3.3.1, 3.5.1 and 3.9.0: it reads every cubin, also those of ELF ABI 8 which 3.9 makes for sm_90.
    ``ptxas -v`` on the PTX does not serve: 3.9 emits PTX 9.4 there, for its other assembler, and the wheel's ptxas
    refuses it. STACK equals the stack frame that ``ptxas -v`` prints; kernels have no arrays, so it is what spilled.
    """
    path = folder / "kernel.cubin"
    path.write_bytes(cubin)
    command = [_cuobjdump(), "--dump-resource-usage", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=_TOOL_SECONDS, check=False)
    found = _RESOURCES.findall(done.stdout)
    if done.returncode != 0 or len(found) != 1:
        said = " ".join((done.stderr or done.stdout)[-_END:].split())
        raise CompilationError(f"cuobjdump: cannot read the cubin (exit code {done.returncode}): {said}")
    registers, stack, local = map(int, found[0])
    return registers, stack + local


def _cuobjdump() -> str:
    import triton

    named = os.environ.get("TRITON_CUOBJDUMP_PATH")
    if named:
        return named
    return str(Path(str(triton.__file__)).parent / "backends" / "nvidia" / "bin" / "cuobjdump")


def _amdgcn_resources(text: str) -> tuple[int, int]:
    """Read vector registers and bytes of scratch per lane from the metadata that ends AMD's assembly."""
    registers = re.findall(r"^\s*\.vgpr_count:\s*(\d+)", text, re.MULTILINE)
    scratch = re.findall(r"^\s*\.private_segment_fixed_size:\s*(\d+)", text, re.MULTILINE)
    if len(registers) != 1 or len(scratch) != 1:
        raise CompilationError("amdgcn: the metadata of one kernel was expected")
    return int(registers[0]), int(scratch[0])
