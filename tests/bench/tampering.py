"""What is done to several documents of a store at once, to a whole plan, to bytes, or to what was returned."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import numpy.typing as npt

from compat.model import Arm, digest

from . import folder
from .edits import Change, Planted, each_output, everywhere, measuring, scaled, setting
from .folder import Document, Folder
from .good import POOL, TEXT

__all__ = [
    "again",
    "copied_node",
    "flip_direction",
    "gpus_set",
    "newer_plan",
    "no_references",
    "older_plan",
    "one_bit",
    "one_pair_only",
    "renumbered",
    "returned_text",
    "ring",
    "ring_before",
    "same_in_both",
    "shuffled",
    "swapped",
    "with_nan",
]


def with_nan(value: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Of an output."""
    value.flat[5] = np.nan
    return value


def one_bit(data: bytes) -> bytes:
    """A bit of a digit of the first sample: 0.0121 becomes 0.0161."""
    start = b'"latency","samples":[0.01'
    at = data.index(start) + len(start)
    return data[:at] + bytes([data[at] ^ 4]) + data[at + 1 :]


def flip_direction(f: Folder) -> None:
    """A throughput that fell, said to be one where lower is better."""
    everywhere(scaled("throughput", 0.5)).plant(f)
    everywhere(measuring("throughput", setting(direction="lower")), arm=None).plant(f)


def newer_plan(f: Folder) -> None:
    """Another plan was put into the store later, and nothing of it was measured."""
    found = folder.read(f.paths("plans")[0])
    found["candidate"] = {**found["candidate"], "runtime": "newer"}
    folder.write(f.root / "plans" / f"{digest(found)}.json", found)


def older_plan(f: Folder) -> None:
    """An older plan is there, and what was measured of it is broken."""
    found = folder.read(f.paths("plans")[0])
    found["name"] = "before"
    path = f.root / "plans" / f"{digest(found)}.json"
    folder.write(path, found)
    os.utime(path, (0, 0))
    record = f.root / "evidence" / path.stem / "n1" / "000000-.json"
    record.parent.mkdir(parents=True)
    folder.write(record, {**folder.read(f.records(of=POOL)[0]), "plan": path.stem, "measurements": []})


def again(change: Change, **where: Any) -> Planted:
    """Another document of a run, changed."""

    def plant(f: Folder) -> None:
        wanted = {"of": POOL, "arm": Arm.CANDIDATE, "pairs": (3,), "node": "n1", **where}
        for number, path in enumerate(f.records(**wanted)):
            found = folder.read(path)
            change(found)
            folder.write(path.with_stem(f"9{number:05d}-"), found)

    return Planted(plant)


def renumbered(f: Folder) -> None:
    """The last pair was lost, and the first was written again under its number."""
    for arm in Arm:
        first, last = (f.records(of=POOL, arm=arm, pairs=(pair,), node="n1")[0] for pair in (0, 9))
        place = {key: folder.read(last)[key] for key in ("pair", "generation", "round", "started")}
        folder.write(last, {**folder.read(first), **place})


def one_pair_only(f: Folder) -> None:
    """One pair was measured, and written under all numbers."""
    for arm in Arm:
        first, *others = f.records(of=POOL, arm=arm, node="n1")
        for path in others:
            place = {key: folder.read(path)[key] for key in ("pair", "generation", "round", "started")}
            folder.write(path, {**folder.read(first), **place})


def same_in_both(f: Folder) -> None:
    """What the candidate measured was written as the known-good's too."""
    good, new = (f.records(of=POOL, arm=arm, node="n1") for arm in (Arm.KNOWN_GOOD, Arm.CANDIDATE))
    by_pair = {folder.read(path)["pair"]: folder.read(path)["measurements"] for path in new}
    for path in good:
        found = folder.read(path)
        folder.write(path, {**found, "measurements": by_pair[found["pair"]]})


def shuffled(f: Folder) -> None:
    """The documents were numbered the other way round."""
    for path in f.paths("evidence"):
        number, _, rest = path.stem.partition("-")
        path.rename(path.with_stem(f"{999_999 - int(number):06d}-{rest}"))


def copied_node(*, renamed: bool) -> Planted:
    """A node's evidence is a copy of another's; renamed, it says that it is the node's own."""

    def plant(f: Folder) -> None:
        for mine, other in zip(f.records(node="n1"), f.records(node="n2"), strict=True):
            found = folder.read(mine)
            if renamed:
                theirs = folder.read(other)
                found.update({key: theirs[key] for key in ("node", "devices", "identity", "started")})
            folder.write(other, found)

    return Planted(plant)


def swapped(found: Document) -> None:
    found["arm"] = (Arm.KNOWN_GOOD if found["arm"] == Arm.CANDIDATE.value else Arm.CANDIDATE).value


def returned_text(value: str) -> Planted:
    """Another text was returned."""

    def plant(f: Folder) -> None:
        name = f.keep(value.encode())
        everywhere(each_output(lambda o: o["name"] == "text" and o.update(digest=name)), of=TEXT).plant(f)

    return Planted(plant)


def ring(**fields: Any) -> Change:
    return lambda found: found["rings"][0].update(fields)


def ring_before(found: Document) -> None:
    first = found["rings"][0]
    found["rings"] = [{**first, "minimum_nodes": 3}, {**first, "name": "early", "after": "canary"}]


def no_references(found: Document) -> None:
    found["outputs"] = [output for output in found["outputs"] if not output["reference"]]


def gpus_set(name: str, value: str) -> Change:
    """All GPUs were set otherwise, as the host says."""

    def change(identity: Document) -> None:
        settings = identity["settings"]
        settings.update({key: value for key in settings if key.startswith("GPU-") and key.endswith(f" {name}")})

    return change
