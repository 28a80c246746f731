"""Compile a kernel ahead of time for a target that need not be here, and measure what came out.

Neither a driver nor torch is needed and CUDA is never initialised: the target is given, so triton asks no device for
it. The figures come from what a driver would load, the PTX and the cubin, with the tools that triton's wheel brings.
"""

from __future__ import annotations

import contextlib
import importlib
import inspect
import os
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from compat.model import AOT_METRICS, Measurement
from compat.model.cards import limits_of
from compat.probe.compiled import abi_version, atomics, code_size, matrix_instructions, ptx_version, scalar_dots

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from types import ModuleType

__all__ = [
    "CompilationError",
    "Compiled",
    "compile_case",
    "compiler_tools",
    "hash_compiler",
    "kernel_of",
    "parse_target",
]

_CUDA_TARGET = re.compile(r"sm_(\d{2,3})")
_HIP_TARGET = re.compile(r"gfx(\d+)[0-9a-f]{2}")
_RESOURCES = re.compile(r"\bREG:(\d+)\s+STACK:(\d+)\s+SHARED:\d+\s+LOCAL:(\d+)")
_FIRST_32_LANES = 10  # from gfx10 on a wave is 32 lanes in the compiler's default; it is 64 up to gfx9
_END = 480  # characters of a message: assemblers are quoted with the kernel first and what is wrong with it last
_TOOL_SECONDS = 60.0
_HIP_SHARED = 65536  # bytes of local data share that a block may have, from gfx9 to gfx12 (LLVM, AMDGPU usage)
_METRICS = {metric.name: metric for metric in AOT_METRICS}


class CompilationError(Exception):
    """The compiler refused a kernel. The message is the class of what it raised, and the end of what that says."""


@dataclass(frozen=True)
class Compiled:
    """What a configuration came to: its measurements, and what made it and for whom, by name."""

    measurements: tuple[Measurement, ...]
    took: dict[str, str]


def compile_case(module: ModuleType, params: Mapping[str, Any], assembler: str | None = None) -> Compiled:
    """Compile one ahead-of-time configuration and measure it.

    ``module`` is a loaded kernel file; ``params`` is an entry of its ``AOT`` with ``target``, such as ``sm_75`` or
    ``gfx942``. ``assembler`` is a ptxas to use in place of Triton's own: Triton writes PTX to match it.
    Raises ValueError when kernel and configuration do not fit, CompilationError when the compiler refuses or what it
    made does not fit the card. A compiler may also end the process.
    """
    backend, architecture, lanes = parse_target(params["target"])
    kernel = kernel_of(module, params.get("kernel"))
    with tempfile.TemporaryDirectory(prefix="compat-aot-") as folder, _environment(folder, assembler):
        import triton
        from triton.backends.compiler import GPUTarget

        source = _source(kernel, params)
        warps = params.get("num_warps", 4)
        options = {"num_warps": warps, "num_stages": params.get("num_stages", 3)}
        begin = time.perf_counter()
        try:
            compiled = triton.compile(source, target=GPUTarget(backend, architecture, lanes), options=options)
        except Exception as error:
            raise CompilationError(f"{type(error).__name__}: {_useful_end(error)}") from error
        seconds = time.perf_counter() - begin
        text = compiled.asm["ptx" if backend == "cuda" else "amdgcn"]
        instructions = matrix_instructions(text, backend)
        values: dict[str, float] = {
            "scalar_dots": scalar_dots(compiled.asm["ttgir"], instructions),
            "atomics": atomics(compiled.asm["ttgir"]),
            "matrix_instructions": instructions,
            "shared_memory": int(compiled.metadata.shared),
            "compile_time": seconds,
        }
        took = {}
        if backend == "cuda":
            cubin = compiled.asm["cubin"]
            values["registers"], values["spills"] = _cubin_resources(cubin, Path(folder))
            values["code_size"] = code_size(cubin)
            took = {
                "PTX": ptx_version(text),
                "cubin": f"ELF ABI {abi_version(cubin)}",
                "assembler": _ptxas(architecture),
            }
        else:
            values["registers"], values["spills"] = _amdgcn_resources(text)
    _check_fit(params["target"], values, warps)
    return Compiled(tuple(_measured(name, value) for name, value in values.items()), took)


def _measured(name: str, value: float) -> Measurement:
    metric = _METRICS[name]
    return Measurement(metric.name, metric.unit, metric.direction, metric.kind, (float(value),))


def _check_fit(target: str, values: dict[str, float], warps: int) -> None:
    """Add the occupancy; CompilationError where a block is too large for the card, which a launch would find out."""
    limits = limits_of(target)
    most = limits.shared_block if limits is not None else _HIP_SHARED if target.startswith("gfx") else None
    if most is not None and values["shared_memory"] > most:
        raise CompilationError(
            f"OutOfResources: a block takes {values['shared_memory']:g} bytes of shared memory, {target} has {most}"
        )
    if limits is not None:
        registers, shared = int(values["registers"]), int(values["shared_memory"])
        values["occupancy"] = limits.resident_warps(registers, shared, warps)
        if not values["occupancy"]:
            raise CompilationError(
                f"OutOfResources: {warps} warps of {registers} registers a thread are too many for {target}"
            )


def hash_compiler() -> str:
    """Let an imported Triton hash its own files now, so that forked processes need not: 0.3 to 0.4 s in each.

    The hash is part of the key of every compilation, and the answer; empty without Triton. Files are read, nothing is
    compiled. Its function has moved between releases; where it is in neither place, each process hashes for itself.
    """
    for home in ("triton.runtime.cache", "triton.compiler.compiler"):
        hashed = getattr(sys.modules.get(home), "triton_key", None)
        if hashed is not None:
            return str(hashed())
    return ""


def compiler_tools() -> list[str]:
    """Paths of the programs that an imported Triton ends a compilation with; empty without Triton."""
    where = getattr(sys.modules.get("triton"), "__file__", None)
    if where is None:
        return []
    folder = Path(where).parent / "backends" / "nvidia" / "bin"
    named = [os.environ.get(name, "") for name in ("TRITON_PTXAS_PATH", "TRITON_PTXAS_BLACKWELL_PATH")]
    return [path for path in (str(folder / "ptxas"), str(folder / "ptxas-blackwell"), *named) if Path(path).is_file()]


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
def _environment(folder: str, assembler: str | None) -> Iterator[None]:
    """Compile even where a cache manager of the site has an answer, into ``folder``, and with this assembler.

    The environment is restored afterwards. Which of its variables Triton asks for has depended on the architecture.
    """
    meant = {"TRITON_CACHE_DIR": folder, "TRITON_ALWAYS_COMPILE": "1"}
    if assembler is not None:
        meant |= dict.fromkeys(("TRITON_PTXAS_PATH", "TRITON_PTXAS_BLACKWELL_PATH"), assembler)
    before = {name: os.environ.get(name) for name in meant}
    os.environ.update(meant)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _ptxas(architecture: int | str) -> str:
    """Which assembler Triton uses for an architecture, in its own words: ``ptxas 12.8.93``; empty if it does not tell.

    Asked through the compiler's own function, whose arguments and answer have changed between releases.
    """
    try:
        module = importlib.import_module("triton.backends.nvidia.compiler")
        find = getattr(module, "get_ptxas", None)
        if find is None:  # up to 3.2
            tool = module._path_to_binary("ptxas")
        else:
            tool = find(architecture) if inspect.signature(find).parameters else find()
        path = tool[0] if isinstance(tool, tuple) else tool.path
        said = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=_TOOL_SECONDS, check=False)
    except (ImportError, AttributeError, TypeError, RuntimeError, OSError, subprocess.SubprocessError):
        return ""
    found = re.search(r"V(\d+\.\d+\.\d+)", said.stdout)
    return f"ptxas {found[1]}" if found else ""


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
