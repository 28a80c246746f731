"""What can be done to the documents of a store, in pieces of which faults are made.

A Change edits one document in place; what makes a Planted of it says which documents. Every edit must change something.
"""

from __future__ import annotations

import copy
import datetime
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from compat.model import Arm, Item

from . import folder
from .folder import Document, Folder
from .good import POOL

__all__ = [
    "Change",
    "Planted",
    "among",
    "documents",
    "each_output",
    "everywhere",
    "faulting",
    "file",
    "later",
    "lost",
    "measuring",
    "reidentified",
    "replanned",
    "returning",
    "runs",
    "samples",
    "scaled",
    "setting",
    "without",
]

Change = Callable[[Document], object]
Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Planted:
    """A fault: what is done to the documents, in which good evidence (``good.write_all``), and the ring asked for."""

    plant: Callable[[Folder], object]
    good: str = "ten"
    ring: str = "canary"


def edit(path: Path, change: Change) -> None:
    document = folder.read(path)
    before = copy.deepcopy(document)
    change(document)
    assert repr(document) != repr(before), path  # as text: NaN is not equal to itself
    folder.write(path, document)


def runs(change: Change, **where: Any) -> Planted:
    """Change records; by default one: the candidate's in pair 3 of one case on one node."""
    wanted = {"of": POOL, "arm": Arm.CANDIDATE, "pairs": (3,), "node": "n1", **where}

    def plant(f: Folder) -> None:
        for path in f.records(**wanted):
            edit(path, change)

    return Planted(plant)


def everywhere(change: Change, good: str = "ten", **where: Any) -> Planted:
    """Change the records of a case in all pairs on all nodes; by default the candidate's."""
    return Planted(runs(change, **{"pairs": None, "node": None, **where}).plant, good)


def lost(**where: Any) -> Planted:
    """Delete records; by default all of one case in the candidate arm."""
    wanted = {"of": POOL, "arm": Arm.CANDIDATE, **where}

    def plant(f: Folder) -> None:
        for path in f.records(**wanted):
            path.unlink()

    return Planted(plant)


def file(kind: str, change: Callable[[bytes], bytes | None], number: int = 0, **where: Any) -> Planted:
    """Change the bytes of the file with this number among its kind, or among the records that match; None deletes."""

    def plant(f: Folder) -> None:
        path = (f.records(**where) if where else f.paths(kind))[number]
        data = path.read_bytes()
        new = change(data)
        assert new != data
        if new is None:
            path.unlink()
        else:
            folder.replace(path, new)

    return Planted(plant)


def documents(kind: str, change: Change, number: int = 0) -> Planted:
    """Change the document with this number among its kind, under the name that it has."""
    return Planted(lambda f: edit(f.paths(kind)[number], change))


def replanned(change: Change, ring: str = "canary") -> Planted:
    """Another plan was made, and all evidence is of that one."""
    return Planted(lambda f: f.replan(change), ring=ring)


def reidentified(change: Change, *arms: Arm, pairs: tuple[int, ...] | None = None) -> Planted:
    """The runs of some arms (the candidate's) were in something else."""

    def plant(f: Folder) -> None:
        for arm in arms or (Arm.CANDIDATE,):
            f.reidentify(change, arm, pairs)

    return Planted(plant)


def returning(values: Callable[[Array], Array], of: Item = POOL, **where: Any) -> Planted:
    """Runs returned something else as ``y``, which is kept under its digest."""

    def plant(f: Folder) -> None:
        def change(output: Document) -> None:
            if output["name"] == "y" and not output["reference"]:
                data = f.blob(output["digest"]).read_bytes()
                value = values(np.frombuffer(data, output["dtype"]).reshape(output["shape"]).copy())
                output.update(digest=f.keep(value.tobytes()), dtype=value.dtype.str, shape=list(value.shape))

        everywhere(each_output(change), of=of, **where).plant(f)

    return Planted(plant)


# -- changes of one document -------------------------------------------------------------------------------------------


def setting(**fields: Any) -> Change:
    """Give fields other values."""
    return lambda document: document.update(fields)


def measuring(metric: str, change: Change) -> Change:
    """Change the measurement of one metric."""
    return lambda document: [change(m) for m in document["measurements"] if m["metric"] == metric]


def samples(metric: str, *values: Any) -> Change:
    """Give a metric these samples."""
    return measuring(metric, setting(samples=list(values)))


def among(metric: str, value: Any) -> Change:
    """Give one of a metric's samples this value."""
    return measuring(metric, lambda m: m["samples"].__setitem__(4, value))


def scaled(metric: str, factor: float) -> Change:
    """Multiply a metric's samples."""
    return measuring(metric, lambda m: m.update(samples=[sample * factor for sample in m["samples"]]))


def without(metric: str) -> Change:
    """Drop a metric."""
    return lambda d: d.update(measurements=[m for m in d["measurements"] if m["metric"] != metric])


def each_output(change: Change) -> Change:
    """Change every output."""
    return lambda document: [change(output) for output in document["outputs"]]


def faulting(kind: str = "crash", stage: str = "run") -> Change:
    """A fault in the place of what was measured."""
    fault = {"stage": stage, "kind": kind, "detail": "ended by SIGSEGV", "signal": "SIGSEGV", "output": ""}
    return setting(fault=fault, measurements=[], outputs=[], inputs="")


def later(seconds: float) -> Change:
    """Started so much later."""

    def change(document: Document) -> None:
        started = datetime.datetime.fromisoformat(document["started"]) + datetime.timedelta(seconds=seconds)
        document["started"] = started.isoformat(timespec="milliseconds")

    return change
