"""What a case returned, as bytes: how it is sent, and how many of its elements differ from another run's."""

from __future__ import annotations

import struct
from typing import Any

__all__ = ["Encoded", "NonFiniteError", "check_finite", "differing", "encode"]

Encoded = tuple[str, tuple[int, ...], bytes]  # dtype in numpy's spelling, shape, bytes in C order

TEXT = "utf-8"  # the dtype of an output that is text


class NonFiniteError(ValueError):
    """A value is NaN or infinite where it must be a number."""


def check_finite(outputs: dict[str, Encoded], oracle: dict[str, Encoded]) -> None:
    """NonFiniteError where an output is NaN or infinite and the reference of its name is a number.

    What the reference itself has as NaN or infinity passes through as IEEE 754 says, and is compared by the judge.
    """
    for name in outputs.keys() & oracle.keys():
        dtype, shape, data = outputs[name]
        reference = oracle[name]
        if (
            shape != reference[1]
            or TEXT in (dtype, reference[0])
            or dtype[1] not in "fc"
            or reference[0][1] not in "fc"
        ):
            continue
        import numpy as np  # not every runtime has it, but one that returns floating-point arrays has

        values, should = np.frombuffer(data, dtype), np.frombuffer(reference[2], reference[0])
        astray = ~np.isfinite(values) & np.isfinite(should)
        if astray.any():
            first = int(np.argmax(astray))
            place = ", ".join(map(str, np.unravel_index(first, shape or (1,))))
            said = f"{int(astray.sum())} of {values.size} elements of {name} are not finite where the reference is"
            raise NonFiniteError(f"{said}; {name}[{place}] is {values[first]} and should be {should[first]:.6g}")


def encode(value: Any) -> Encoded:
    """An output as (dtype, shape, bytes in C order), little-endian. TypeError for what cannot be compared."""
    if isinstance(value, str):
        return TEXT, (), value.encode()
    if isinstance(value, bool):
        return "|b1", (), bytes([value])
    if isinstance(value, int):
        return "<i8", (), struct.pack("<q", value)
    if isinstance(value, float):
        return "<f8", (), struct.pack("<d", value)
    if hasattr(value, "detach"):
        value = _from_torch(value)
    dtype: Any = getattr(value, "dtype", None)
    if getattr(dtype, "kind", None) not in ("b", "i", "u", "f", "c"):
        raise TypeError(f"an output of type {type(value).__name__} ({dtype}) cannot be compared: return an array")
    little = value.astype(dtype.newbyteorder("<"), copy=False)
    return little.dtype.str, tuple(little.shape), little.tobytes()


def _from_torch(tensor: Any) -> Any:
    """A torch tensor as a numpy array; what numpy has no type for (bfloat16, float8) in float32, which holds it."""
    tensor = tensor.detach()
    if str(tensor.dtype).startswith(("torch.bfloat", "torch.float8")):
        tensor = tensor.float()
    return tensor.cpu().contiguous().numpy()


def differing(first: dict[str, Encoded], second: dict[str, Encoded]) -> int:
    """How many elements are not the same bits in both. Text is one element, and so is a number.

    Where one side lacks an output, or has it in another type or shape, every element of the larger one counts.
    """
    return sum(_differing(first.get(name), second.get(name)) for name in {**first, **second})


def _differing(one: Encoded | None, other: Encoded | None) -> int:
    if one == other:
        return 0
    if one is None or other is None or one[:2] != other[:2]:
        return max(_elements(encoded) for encoded in (one, other) if encoded is not None)
    if not one[1]:
        return 1
    import numpy as np  # it is there: an output with a shape came from it

    sides = (np.frombuffer(data, np.uint8).reshape(_elements(one), -1) for _, _, data in (one, other))
    return int(np.count_nonzero((next(sides) != next(sides)).any(axis=1)))


def _elements(encoded: Encoded) -> int:
    """Elements of an output; one at least, so that an empty array that is lost is seen."""
    count = 1
    for size in encoded[1]:
        count *= size
    return max(1, count)
