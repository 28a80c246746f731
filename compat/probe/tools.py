"""What a workload is given: inputs from the harness's own generator, the path of its artifact, and a place to tell.

Inputs must be the same bits in every runtime, so they come from the standard library's Mersenne Twister, whose bytes
are the same in every Python, and reach floating point by an exact scaling; numpy's own generators are part of what is
under test. Everything handed out is digested: arms whose digests differ did not measure the same thing. What a workload
tells is which tensors it loaded, which are digested and compared, and which paths its libraries took.
"""

from __future__ import annotations

import hashlib
import math
import random
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from compat.probe import backends
from compat.probe.tensors import Guarded, OutsideError

__all__ = ["Tools"]

_PIECE = 1 << 24  # words


class Tools:
    """The helper object that ``prepare(params, tools)`` gets; one for each seed."""

    def __init__(self, seed: int, artifact: str | None = None, device: str = "cpu", *, fenced: bool = False) -> None:
        self.seed = seed
        self.artifact = artifact
        self.folder: str | None = None  # of what is saved: save() writes to it, and what a loader prepares is in it
        self.device = device  # where tensors belong, in torch's words: cpu or cuda
        self.paths: dict[str, str] = {}  # what took() was told
        self.compile_seconds: float | None = None  # of what through() compiled
        self.graph_breaks: int | None = None
        self._tensors: dict[str, Any] = {}
        self._astray: list[str] = []  # names that were expected and are not there, or the reverse
        self._fenced = fenced  # whether a tensor ends where memory begins that may not be touched
        self._guarded: list[Guarded] = []
        self.restart()

    def restart(self) -> None:
        """Begin the stream again, so that an oracle draws the inputs that the work drew."""
        self._random: random.Random | None = None  # made when it is needed: its state alone is 2.5 kB
        self._digest = hashlib.sha256()

    def inputs_digest(self) -> str:
        """sha256 over everything handed out since the start of the stream."""
        return self._digest.hexdigest()

    def took(self, what: str, path: str) -> None:
        """Record which path the work takes, such as ``took("attention", "flash")``. It is shown, and not judged."""
        self.paths[str(what)] = str(path)

    def through(self, backend: str, module: Any, inputs: Sequence[Any]) -> Callable[..., Any]:
        """A torch module as a function of ``*inputs``, compiled for such inputs by a backend and called once.

        The module is put into evaluation mode, and gradients are off. What compiling takes is measured here.
        ValueError for a backend that is none; ImportError or BackendError says what the runtime lacks for it.
        """
        self.took("backend", backend)
        compiled = backends.through(backend, module, inputs)
        if compiled.seconds is not None:
            self.compile_seconds = (self.compile_seconds or 0.0) + compiled.seconds
        if compiled.graph_breaks is not None:
            self.graph_breaks = (self.graph_breaks or 0) + compiled.graph_breaks
        return compiled.call

    def onnx_session(self, model: Any, *, optimised: bool = True) -> Any:
        """An onnxruntime session of a model (a path, or its bytes) on the CPU, with one thread.

        Its graph is optimised, or is run as it is. Which providers it has is recorded.
        """
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        if not optimised:
            options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        source = model if isinstance(model, bytes) else str(model)
        session = onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])
        self.took("providers", " ".join(session.get_providers()))
        return session

    def loaded(self, tensors: Mapping[str, Any], expected: Iterable[str] | None = None) -> None:
        """Hand over tensors as they were loaded, by name; may be called more than once.

        They are numpy arrays or torch tensors. Their number, types, shapes and bits are compared between the arms, and
        which of them are one in memory: weights that were tied and are no longer, or the reverse. Where it is known
        which names are ``expected``, those that are missing and those that are not expected are told as well.
        They are read after ``prepare`` has returned and before the work is called.
        """
        self._tensors.update({str(name): tensor for name, tensor in tensors.items()})
        if expected is not None:
            named, there = set(expected), set(tensors)
            self._astray += [f"missing: {name}" for name in sorted(named - there)]
            self._astray += [f"unexpected: {name}" for name in sorted(there - named)]

    def inventory(self) -> str | None:
        """A line ``name dtype shape sha256`` for each tensor that was handed over, sorted, which are then let go.

        Then come the names that are missing or unexpected, and those that are tied, ``tied: a b``. None when there
        were no tensors. The digest is of the bytes in C order, little-endian.
        """
        if not self._tensors and not self._astray:
            return None
        lines = sorted(f"{name} {_described(tensor)}" for name, tensor in self._tensors.items())
        places: dict[object, list[str]] = {}
        for name, tensor in self._tensors.items():
            places.setdefault(_place(tensor) or name, []).append(name)
        tied = sorted(f"tied: {' '.join(sorted(names))}" for names in places.values() if len(names) > 1)
        told = "\n".join((*lines, *self._astray, *tied))
        self._tensors, self._astray = {}, []
        return told

    def tensor(
        self, values: Any, dtype: str = "fp32", strides: Sequence[int] | None = None, *, inout: bool = False
    ) -> Any:
        """A torch tensor on the device with these values (a numpy array), rounded to ``dtype``, Triton's name of it.

        It lies between guards (``compat.probe.tensors``), which are also between its elements where ``strides``, in
        elements, leave room. A work may not write it, unless it is ``inout``.
        """
        role = "inout" if inout else "input"
        found = Guarded(
            f"input {len(self._guarded) + 1}", values.shape, dtype, strides, self.device, role, self._fenced
        )
        self._guarded.append(found)
        return found.fill(values, readable=not inout)

    def empty(self, shape: int | Sequence[int], dtype: str = "fp32", strides: Sequence[int] | None = None) -> Any:
        """A torch tensor for a result: NaN everywhere (42 in each byte of an integer), and between guards."""
        found = Guarded(
            f"output {len(self._guarded) + 1}", _dims(shape), dtype, strides, self.device, "output", self._fenced
        )
        self._guarded.append(found)
        return found.view

    def check_guards(self) -> None:
        """OutsideError when something was written outside the tensors that were handed out to be written."""
        for guarded in self._guarded:
            count = guarded.written_outside()
            if count:
                where = "of what may only be read" if guarded.name.startswith("input") else "outside of its elements"
                raise OutsideError(f"{count} bytes {where} were written: {guarded.name}, {_plainly(guarded.view)}")

    def _words(self, count: int, what: str) -> Any:
        """``count`` random uint32 values, as a numpy array; ``what`` they become is digested with them."""
        import numpy as np

        if self._random is None:
            self._random = random.Random(f"compat/{self.seed}")  # noqa: S311 - reproducible by intent
        # In pieces, for one draw has less than 2**31 bits; their bytes follow each other as those of one draw would.
        pieces = (self._random.randbytes(4 * min(_PIECE, count - at)) for at in range(0, count, _PIECE))
        data = b"".join(pieces)
        self._digest.update(f"{what}\n".encode())
        self._digest.update(data)
        return np.frombuffer(data, dtype="<u4")

    def uniform(self, shape: int | Sequence[int], dtype: str = "float32") -> Any:
        """Values in [-1, 1) on a grid of 2**-23: exact in float32 and float64, rounded once in shorter types."""
        dims = _dims(shape)
        words = self._words(math.prod(dims), f"uniform {dims} {dtype}")
        values = (words >> 8).astype("float64") * 2.0**-23 - 1.0
        return values.reshape(dims).astype(dtype)

    def integers(self, low: int, high: int, shape: int | Sequence[int], dtype: str = "int64") -> Any:
        """Integers in [low, high); ``high - low`` at most 2**32. The bias of the modulus is the same everywhere."""
        if not 0 < high - low <= 2**32:
            raise ValueError(f"integers({low}, {high}): expected low < high and a range of at most 2**32")
        dims = _dims(shape)
        words = self._words(math.prod(dims), f"integers {low} {high} {dims} {dtype}").astype("uint64")
        return ((words % (high - low)).astype("int64") + low).reshape(dims).astype(dtype)


def _plainly(view: Any) -> str:
    return f"{str(view.dtype).removeprefix('torch.')} {list(view.shape)} with strides {list(view.stride())}"


def _dims(shape: int | Sequence[int]) -> tuple[int, ...]:
    """The shape as Python's own integers, which print alike whatever numpy they came from."""
    return tuple(map(int, (shape,) if isinstance(shape, int) else shape))


def _place(tensor: Any) -> object:
    """Where in memory a tensor lies, and how; tensors of which it is the same are one. None for an empty one."""
    if hasattr(tensor, "data_ptr"):  # torch's
        place, count = int(tensor.data_ptr()), int(tensor.numel())
        strides: Any = tensor.stride()
    else:
        place, count = int(tensor.__array_interface__["data"][0]), int(tensor.size)
        strides = tensor.strides
    return (place, str(tensor.dtype), tuple(tensor.shape), tuple(strides)) if count and place else None


def _described(tensor: Any) -> str:
    """``dtype shape sha256`` of an array: ``<f4 [384, 384] 53aa...``, or ``bfloat16 [8] ...`` of torch's own."""
    import numpy as np

    shape, name = [int(size) for size in tensor.shape], ""
    if hasattr(tensor, "detach"):  # torch's
        tensor = tensor.detach().cpu().contiguous()
        if str(tensor.dtype).startswith(("torch.bfloat", "torch.float8")):  # numpy has no such type
            name = str(tensor.dtype)[len("torch.") :]
            tensor = tensor.reshape(-1).view(sys.modules["torch"].uint8)
        tensor = tensor.numpy()
    array = np.asarray(tensor)
    if array.dtype.kind not in "biufc":
        raise TypeError(f"a loaded tensor of type {array.dtype} cannot be digested")
    array = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
    return f"{name or array.dtype.str} {shape} {hashlib.sha256(array.reshape(-1).view(np.uint8).data).hexdigest()}"
