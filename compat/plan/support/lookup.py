"""``compat support``: what the tables say of one version of one component."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from packaging.specifiers import SpecifierSet
from packaging.version import Version

from compat.errors import UsageError
from compat.plan.support.pins import as_version, minor
from compat.plan.support.subject import card_of, within
from compat.plan.support.window import window_of
from compat.plan.words import suggest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from compat.plan.support.rows import Row
    from compat.plan.support.tables import Tables

__all__ = ["COMPONENTS", "Fact", "facts_of"]

COMPONENTS = ("cublas", "cuda", "cudnn", "driver", "gpu", "nccl", "onnxruntime", "python", "torch", "triton")


@dataclass(frozen=True)
class Fact:
    """One thing that a row says. ``sure`` is false for what is unconfirmed; an ``issue`` makes no version known."""

    said: str
    source: str
    sure: bool = True
    issue: bool = False


def facts_of(component: str, value: str, tables: Tables, *, on: str) -> tuple[Fact, ...]:
    """Everything that the tables have of a version of a component (of ``gpu``: a card's name), on the day ``on``.

    Empty where they have nothing. UsageError for a component without a table, and for what is no version.
    """
    if component not in COMPONENTS:
        raise UsageError("support", f"there is no table of {component!r}", suggest(component, COMPONENTS))
    if component == "gpu":
        return tuple(_gpu(value, tables))
    version = as_version(value)
    if version is None:
        raise UsageError("support", f"{value!r} is no version", f"write for example: compat support {component} 13.0")
    found = list(_FINDERS[component](version, tables))
    window = window_of(component, value, tables)
    if window is not None and (window.ends is not None or window.ended):
        found.append(Fact(window.in_words(on), window.source))
    found += [
        Fact(
            f"known issue {row.id}: {row.symptom} ({row.when}); {row.remedy}",
            row.cited,
            not row.unconfirmed,
            issue=True,
        )
        for row in tables.issues
        if row.component == component and version in SpecifierSet(row.affected)
    ]
    return tuple(found)


def _fact(said: str, row: Row) -> Fact:
    return Fact(said, row.cited, not row.unconfirmed)


def _cuda(version: Version, tables: Tables) -> Iterator[Fact]:
    for row in tables.cuda_ships:
        if within(Version(row.cuda), version):
            yield _fact(f"CUDA {row.cuda} ships with driver {row.driver}: native from there", row)
    for floor in tables.cuda_floors:
        if floor.major == str(version.major):
            yield _fact(f"minor-version compatibility from driver {floor.driver}, without PTX", floor)
    for forward in tables.cuda_forward:
        if Version(forward.cuda) == minor(version):
            yield _fact(f"forward compatibility by cuda-compat from branch {forward.branch}", forward)
    listed = any(
        within(Version(cuda), version)
        for cuda in (*(row.cuda for row in tables.cuda_ships), *(row.cuda for row in tables.ptx))
    )
    for capability in tables.capabilities if listed else ():  # a row without an end is not one for all that may come
        last = Version(capability.last) if capability.last else None
        if Version(capability.first) <= minor(version) and (last is None or minor(version) <= last):
            early = capability.seen is not None and minor(version) < Version(capability.seen)
            sure = not (capability.unconfirmed or early)
            yield Fact(f"compiles for compute capability {capability.capability}", capability.cited, sure)
    for ptx in tables.ptx:
        if Version(ptx.cuda) == minor(version):
            yield _fact(f"takes PTX up to {ptx.ptx}", ptx)
    for torch in tables.torch:
        if Version(torch.cuda) == minor(version):
            yield _fact(f"is what torch {torch.torch} brings", torch)


def _driver(version: Version, tables: Tables) -> Iterator[Fact]:
    for branch in tables.branches:
        if branch.branch == str(version.major):
            yield _fact(f"branch {branch.branch} is {branch.kind}", branch)
    native = [row for row in tables.cuda_ships if Version(row.driver) <= version and not row.unconfirmed]
    if native:
        newest = max(native, key=lambda row: Version(row.cuda))
        yield _fact(f"native up to CUDA {newest.cuda}, which ships with {newest.driver}", newest)
    for floor in tables.cuda_floors:
        if Version(floor.driver) <= version:
            yield _fact(f"runs CUDA {floor.major}.x by minor-version compatibility (from {floor.driver})", floor)
    for forward in tables.cuda_forward:
        if forward.branch == str(version.major):
            yield _fact(f"may run CUDA {forward.cuda} by cuda-compat, on data-centre cards", forward)
    for row in tables.architectures:
        if row.last_branch is not None:
            knows = "knows" if version.major <= int(row.last_branch) else "no longer knows"
            yield _fact(f"{knows} {row.architecture} cards (last branch {row.last_branch})", row)


def _torch(version: Version, tables: Tables) -> Iterator[Fact]:
    for row in tables.torch:
        if within(Version(row.torch), version):
            brings = ", ".join(
                f"{name} {text}"
                for name in ("cuda", "cudnn", "nccl", "cublas", "triton")
                if (text := getattr(row, name)) is not None
            )
            yield _fact(f"torch {row.torch} brings {brings}", row)
            yield _fact(f"torch {row.torch} has code for {', '.join(row.code)}, and no PTX", row)
            if row.python:
                yield _fact(f"torch {row.torch} has wheels for Python {', '.join(row.python)}", row)


def _triton(version: Version, tables: Tables) -> Iterator[Fact]:
    for row in tables.triton:
        if version in SpecifierSet(row.triton):
            second = f", and {row.blackwell} from compute capability {row.since} on" if row.blackwell else ""
            yield _fact(f"its wheel has ptxas {row.ptxas}{second}", row)
    for torch in tables.torch:
        if torch.triton is not None and Version(torch.triton) == version:
            yield _fact(f"is what torch {torch.torch} brings", torch)


def _onnxruntime(version: Version, tables: Tables) -> Iterator[Fact]:
    for row in tables.onnxruntime:
        if Version(row.onnxruntime) == version:
            yield _fact(f"reads ONNX IR up to {row.ir}", row)


def _python(version: Version, tables: Tables) -> Iterator[Fact]:
    for row in tables.pythons:
        if row.python == str(minor(version)):
            yield _fact(f"Python {row.python} is supported until {row.eol}", row)
    for torch in tables.torch:
        if str(minor(version)) in (torch.python or ()):
            yield _fact(f"torch {torch.torch} has wheels for it", torch)


def _library(component: str, version: Version, tables: Tables) -> Iterator[Fact]:
    for torch in tables.torch:
        brought = getattr(torch, component)
        if brought is not None and within(Version(brought), version):
            yield _fact(f"{component} {brought} is what torch {torch.torch} brings", torch)


_FINDERS: dict[str, Callable[[Version, Tables], Iterator[Fact]]] = {
    "cublas": partial(_library, "cublas"),
    "cuda": _cuda,
    "cudnn": partial(_library, "cudnn"),
    "driver": _driver,
    "nccl": partial(_library, "nccl"),
    "onnxruntime": _onnxruntime,
    "python": _python,
    "torch": _torch,
    "triton": _triton,
}


def _gpu(name: str, tables: Tables) -> Iterator[Fact]:
    card = card_of(name, tables)
    if card is None:
        return
    yield _fact(f"{card.name} has compute capability {card.capability}, brand {card.brand}", card)
    for row in tables.architectures:
        if card.capability in row.capabilities:
            last = f", and branch {row.last_branch} is the last that knows it" if row.last_branch else ""
            yield _fact(f"its architecture is {row.architecture}{last}", row)
    for brand in tables.brands:
        if brand.brand == card.brand:
            may = "may" if brand.forward else "may not"
            yield _fact(f"it {may} run a newer CUDA by cuda-compat", brand)
    for capability in tables.capabilities:
        if capability.capability == card.capability:
            last = f" to {capability.last}" if capability.last else " on"
            yield _fact(f"CUDA compiles for it from {capability.first}{last}", capability)
