"""What a rule is asked about, and what it answers: one arm of a cell, and an opinion with the rows that it rests on."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from packaging.specifiers import SpecifierSet
from packaging.version import Version

from compat.plan.support.pins import Pins, as_version, read_pins

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from compat.model import Runtime, Tier
    from compat.plan.support.rows import Product, Row, Torch
    from compat.plan.support.tables import Tables

__all__ = [
    "Opinion",
    "Subject",
    "brought_by",
    "card_of",
    "components",
    "cuda_of",
    "fits",
    "pinned_triton",
    "torch_of",
    "triton_of",
    "within",
    "worst",
]

_RANK = {"ok": 0, "unknown": 1, "fail": 2}
_LIBRARIES = ("cudnn", "nccl", "cublas")  # that a torch wheel brings, beside the toolkit and triton


@dataclass(frozen=True)
class Subject:
    """One arm of one cell. ``targets`` by kernel, ``onnx`` IR versions by workload, ``gpus`` by name."""

    runtime: Runtime
    stack: Mapping[str, str]
    tiers: frozenset[Tier]
    targets: Mapping[str, Sequence[str]] = field(default_factory=dict)
    onnx: Mapping[str, int] = field(default_factory=dict)
    gpus: Sequence[str] = ()

    @property
    def pins(self) -> Pins:
        """What its runtime pins."""
        return read_pins(self.runtime.requirements or ())


@dataclass(frozen=True)
class Opinion:
    """What a rule came to (``ok``, ``fail`` or ``unknown``), and the rows it rests on.

    ``level`` is how well it goes together: ``native``, ``minor_compat``, ``forward_compat``, ``conditional``; empty
    where the rule has no such words. ``remedy``: what would be ok.
    """

    status: str
    reason: str
    rows: tuple[Row, ...] = ()
    level: str = ""
    remedy: str = ""


def torch_of(runtime: Runtime, tables: Tables) -> Torch | None:
    """The row of the torch that the runtime pins.

    A local version (2.11.0+cu128) is another wheel than the default one that the table describes, unless it is the
    label of the default one's CUDA.
    """
    pinned = read_pins(runtime.requirements or ()).versions.get("torch")
    if pinned is None:
        return None
    row = next((row for row in tables.torch if Version(row.torch) == Version(pinned.public)), None)
    same = row is not None and pinned.local in (None, f"cu{row.cuda.replace('.', '')}")
    return row if same else None


def cuda_of(subject: Subject, tables: Tables) -> tuple[str | None, tuple[Row, ...]]:
    """The CUDA that the runtime states, or else that its pinned torch brings, with the row that says so.

    The label of a torch wheel (``+cu128``) says it, too.
    """
    stated = subject.runtime.values.get("cuda")
    if stated is not None:
        return stated, ()
    row = torch_of(subject.runtime, tables)
    if row is not None and not row.unconfirmed:
        return row.cuda, (row,)
    pinned = subject.pins.versions.get("torch")
    label = (pinned.local or "") if pinned is not None else ""
    digits = label.removeprefix("cu")
    return (
        (f"{digits[:-1]}.{digits[-1]}", ()) if label != digits and digits.isdigit() and len(digits) > 2 else (None, ())
    )


def pinned_triton(runtime: Runtime, tables: Tables) -> Version | None:
    """The triton that a runtime pins, or else that its pinned torch brings; None where neither is known."""
    return triton_of(runtime, tables)[0]


def triton_of(runtime: Runtime, tables: Tables) -> tuple[Version | None, tuple[Row, ...]]:
    """The triton that the runtime pins, or else that its pinned torch brings, with the row that says so."""
    pins, row = read_pins(runtime.requirements or ()), torch_of(runtime, tables)
    if "triton" in pins.versions or "triton" in pins.open or row is None or row.unconfirmed or row.triton is None:
        return pins.versions.get("triton"), ()
    return Version(row.triton), (row,)


def components(subject: Subject, tables: Tables) -> dict[str, Version]:
    """Every component whose version is known: pinned, stated by an axis, or brought by the pinned torch."""
    stated = {axis: as_version(value) for axis, value in {**subject.stack, **subject.runtime.values}.items()}
    found = {axis: version for axis, version in stated.items() if version is not None and axis != "runtime"}
    row = torch_of(subject.runtime, tables)
    if row is not None and not row.unconfirmed:
        found |= {name: Version(text) for name in _LIBRARIES if (text := getattr(row, name)) is not None}
    cuda = as_version(cuda_of(subject, tables)[0] or "")
    triton = pinned_triton(subject.runtime, tables)
    found |= {name: version for name, version in (("cuda", cuda), ("triton", triton)) if version is not None}
    return found | subject.pins.versions


def brought_by(runtime: Runtime, tables: Tables) -> dict[str, str]:
    """Component -> version that the runtime has by the tables: what its pinned torch brings.

    ``code`` is what torch has code for, such as ``sm_80 sm_90``.
    """
    row = torch_of(runtime, tables)
    if row is None or row.unconfirmed:
        return {}
    found = {name: text for name in ("cuda", *_LIBRARIES) if (text := getattr(row, name)) is not None}
    return found | ({"code": " ".join(f"sm_{each.replace('.', '')}" for each in row.code)} if row.code else {})


def card_of(name: str, tables: Tables) -> Product | None:
    """The row of a card by its name, as nvidia-smi prints it; a pattern may end with ``*``. None: no row fits."""
    words = name.replace("-", " ").replace("*", " ").split()
    known = [row for row in tables.gpus if _holds(words, row.name.split())]
    return max(known, key=lambda row: len(row.name), default=None)


def _holds(words: Sequence[str], wanted: Sequence[str]) -> bool:
    """Whether the wanted words stand together among the words."""
    return any(list(words[at : at + len(wanted)]) == list(wanted) for at in range(len(words) - len(wanted) + 1))


def within(version: Version, wanted: Version) -> bool:
    """Is ``version`` one of ``wanted``: 12.8.1 of 12.8, and 12.8.1 of 12.8.1? A row that says less speaks for all."""
    length = min(len(wanted.release), len(version.release))
    return version.release[:length] == wanted.release[:length]


def fits(version: Version | None, specifier: str) -> bool | None:
    """Whether a version matches; None when it is not known, and could be any."""
    return None if version is None else SpecifierSet(specifier).contains(version, prereleases=True)


def worst(opinions: Iterable[Opinion]) -> Opinion:
    """One opinion of several: the worst status, the reasons for it, and all the rows they rest on."""
    given = list(opinions)
    status = max((opinion.status for opinion in given), key=_RANK.__getitem__)
    decisive = [opinion for opinion in given if opinion.status == status]
    rows: list[Row] = []
    for opinion in decisive:
        rows += [row for row in opinion.rows if row not in rows]
    said = "; ".join(dict.fromkeys(opinion.reason for opinion in decisive))
    remedies = "; ".join(dict.fromkeys(opinion.remedy for opinion in decisive if opinion.remedy))
    return Opinion(status, said, tuple(rows), decisive[0].level, remedies)
