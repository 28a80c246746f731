"""Golden outputs: what a workload's cases are known to return, in a safetensors file beside the workload.

A tensor is named ``CASE/OUTPUT/SEED``. An output of a type that safetensors does not have (text, complex numbers) is
there as its bytes. Planning checks the file against the digest that the workload declares and keeps a digest of each
tensor, so that a plan carries all that the judge needs to say whether an output is the golden one, to the bit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from compat.errors import ContentError
from compat.model import Output, digest

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["DTYPES", "read_golden", "tensor_name"]

# safetensors' names of types -> numpy's, as outputs have them.
DTYPES = {
    "BOOL": "|b1",
    "F16": "<f2",
    "F32": "<f4",
    "F64": "<f8",
    "I16": "<i2",
    "I32": "<i4",
    "I64": "<i8",
    "I8": "|i1",
    "U16": "<u2",
    "U32": "<u4",
    "U64": "<u8",
    "U8": "|u1",
}
_LARGEST = 1 << 30  # bytes of a file that planning reads


def tensor_name(case: str, output: Output) -> str:
    """The name of the tensor that an output of a case has in a golden file."""
    return f"{case}/{output.name}/{output.seed}"


def read_golden(path: Path, sha256: str, where: str) -> dict[str, tuple[Output, ...]]:
    """The outputs of each case that the file has, by the case's id. ContentError at ``where`` if it is another file."""
    try:
        if path.stat().st_size > _LARGEST:
            raise ContentError(where, f"the golden file {path} is larger than {_LARGEST} bytes", "keep fewer cases")
        data = path.read_bytes()
    except OSError as error:
        problem = f"the golden file {path} cannot be read: {error.strerror}"
        raise ContentError(where, problem, "write it with compat golden, or remove GOLDEN") from None
    found = digest(data)
    if found != sha256:
        raise ContentError(where, f"the golden file {path} has the sha256 {found}", "declare that, or restore the file")
    cases: dict[str, list[Output]] = {}
    for name, dtype, shape, tensor in _tensors(path, data, where):
        case, _, rest = name.partition("/")
        output, _, seed = rest.rpartition("/")
        if not (case and output and seed.isascii() and seed.isdigit()):
            raise ContentError(where, f"the golden file {path} has {name!r}", "name its tensors CASE/OUTPUT/SEED")
        if dtype not in DTYPES:
            raise ContentError(where, f"{name} in {path} has the type {dtype}", f"use one of {', '.join(DTYPES)}")
        cases.setdefault(case, []).append(Output(output, DTYPES[dtype], shape, digest(tensor), int(seed)))
    return {case: tuple(sorted(outputs, key=lambda o: (o.name, o.seed))) for case, outputs in sorted(cases.items())}


def _tensors(path: Path, data: bytes, where: str) -> list[tuple[str, str, tuple[int, ...], bytes]]:
    from safetensors import SafetensorError, deserialize

    try:
        found = deserialize(data)  # type: ignore[no-untyped-call]  # the stubs leave it out
    except SafetensorError as error:
        raise ContentError(where, f"{path} is no safetensors file: {error}", "write it with compat golden") from None
    return [(name, str(one["dtype"]), tuple(one["shape"]), bytes(one["data"])) for name, one in found]
