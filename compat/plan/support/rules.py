"""Rules over the support tables: pure functions from what a stack states to an opinion, or None: not applicable.

Statuses are ``ok``, ``fail`` and ``unknown``. A row that is missing or unconfirmed gives unknown, never ok.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from packaging.specifiers import SpecifierSet
from packaging.version import Version

from compat.model import Tier
from compat.plan.support.pins import Pins, as_version, minor, read_pins

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from compat.model import Runtime
    from compat.plan.support.tables import Row, Tables, Torch, Triton

__all__ = [
    "RULES",
    "Opinion",
    "Subject",
    "cuda_driver",
    "known_conflicts",
    "onnx_ir",
    "pinned_triton",
    "python_range",
    "triton_target",
]

_RANK = {"ok": 0, "unknown": 1, "fail": 2}


@dataclass(frozen=True)
class Subject:
    """What is judged: one arm of one cell. ``targets`` by kernel, ``onnx`` IR versions by workload."""

    runtime: Runtime
    stack: Mapping[str, str]
    tiers: frozenset[Tier]
    targets: Mapping[str, Sequence[str]] = field(default_factory=dict)
    onnx: Mapping[str, int] = field(default_factory=dict)

    @property
    def pins(self) -> Pins:
        """What its runtime pins."""
        return read_pins(self.runtime.requirements or ())


@dataclass(frozen=True)
class Opinion:
    """What a rule came to, and the rows it rests on."""

    status: str
    reason: str
    rows: tuple[Row, ...] = ()


def cuda_driver(subject: Subject, tables: Tables) -> Opinion | None:
    """A program of the runtime's CUDA has to run on the stack's driver: for stacks with a driver and a known CUDA.

    ``native``: at least the driver that the toolkit ships with. ``minor_compat``: at least the floor of its major
    version. Below the floor only the cuda-compat package helps, which nothing here can see.
    """
    driver_text = subject.stack.get("driver")
    cuda_text, brought = _cuda(subject, tables)
    if driver_text is None or cuda_text is None:
        return None
    driver, cuda = as_version(driver_text), as_version(cuda_text)
    pair = f"CUDA {cuda_text} on driver {driver_text}"
    if driver is None or cuda is None:
        return Opinion("unknown", f"{pair}: not versions that can be compared", brought)
    ships = [row for row in tables.ships if _within(Version(row.cuda), cuda)]
    floor = next((row for row in tables.floors if row.major == str(cuda.major)), None)
    if not ships or floor is None:
        return Opinion("unknown", f"{pair}: the tables do not have CUDA {cuda_text}", brought)
    newest = max(ships, key=lambda row: Version(row.driver))
    if driver >= Version(newest.driver) and not newest.unconfirmed:
        return Opinion("ok", f"{pair}: native, the toolkit ships with {newest.driver}", (*brought, newest))
    if driver >= Version(floor.driver) and not floor.unconfirmed:
        reason = f"{pair}: minor_compat, the floor is {floor.driver}; PTX of CUDA {cuda_text} cannot be compiled by it"
        return Opinion("ok", reason, (*brought, floor))
    forward = [row for row in tables.forward if Version(row.cuda) == minor(cuda)]
    branch = next((row for row in forward if row.branch == str(driver.major)), None)
    if branch is not None:
        reason = f"{pair}: below the floor {floor.driver}; forward_compat needs cuda-compat and a data-centre GPU"
        return Opinion("unknown", reason, (*brought, floor, branch))
    if not forward:
        reason = (
            f"{pair}: below the floor {floor.driver}, and the tables have no forward compatibility of CUDA {cuda_text}"
        )
        return Opinion("unknown", reason, (*brought, floor))
    reason = f"{pair}: fail, below the floor {floor.driver} and not a branch of forward compatibility"
    return Opinion("fail", reason, (*brought, floor, *forward))


def triton_target(subject: Subject, tables: Tables) -> Opinion | None:
    """The assemblers in triton's wheel have to take the targets of the cell's kernels."""
    targets = sorted({target for targets in subject.targets.values() for target in targets}, key=_capability)
    if not targets:
        return None
    version, brought = _triton(subject.runtime, tables)
    if version is None:
        return None
    row = next((row for row in tables.triton if version in SpecifierSet(row.triton)), None)
    if row is None or row.unconfirmed:
        return Opinion("unknown", f"triton {version} is not in the table of its assemblers", brought)
    return _worst(
        _target(target, version, row.ptxas, row.blackwell, row.since, tables, (*brought, row))
        if target.startswith("sm_")
        else _linked(target, version, row, brought)
        for target in targets
    )


def onnx_ir(subject: Subject, tables: Tables) -> Opinion | None:
    """The pinned onnxruntime has to read the IR versions that the cell's artifacts declare.

    What a release reads, every later one reads: a release between two rows is bounded by both.
    """
    version = subject.pins.versions.get("onnxruntime")
    if version is None or not subject.onnx:
        return None
    rows = [row for row in tables.onnxruntime if not row.unconfirmed]
    below = [row for row in rows if Version(row.onnxruntime) <= version]
    above = [row for row in rows if Version(row.onnxruntime) >= version]
    opinions = []
    for workload, ir in sorted(subject.onnx.items()):
        reads = max(below, key=lambda row: row.ir, default=None)
        limit = min(above, key=lambda row: row.ir, default=None)
        what = f"{workload} is ONNX IR {ir}"
        if reads is not None and ir <= reads.ir:
            reason = f"{what}, and onnxruntime {version} reads up to {reads.ir} at least"
            opinions.append(Opinion("ok", reason, (reads,)))
        elif limit is not None and ir > limit.ir:
            reason = f"{what}, and onnxruntime {version} reads up to {limit.ir} at most"
            opinions.append(Opinion("fail", reason, (limit,)))
        else:
            known = tuple(row for row in (reads, limit) if row is not None)
            opinions.append(Opinion("unknown", f"{what}; what onnxruntime {version} reads is not in the table", known))
    return _worst(opinions)


def python_range(subject: Subject, tables: Tables) -> Opinion | None:
    """There has to be a wheel of the pinned torch for the base image's Python: for bases and releases we know."""
    row = _torch(subject.runtime, tables)
    base = next((row for row in tables.bases if row.base == subject.runtime.base), None)
    if row is None or row.python is None or base is None or row.unconfirmed or base.unconfirmed:
        return None
    status = "ok" if base.python in row.python else "fail"
    reason = f"torch {row.torch} has wheels for Python {', '.join(row.python)}, and {base.base} has {base.python}"
    return Opinion(status, reason, (row, base))


def known_conflicts(subject: Subject, tables: Tables) -> Opinion | None:
    """The runtime's requirements must not hold versions that are known not to work together.

    A row's first component is the one that breaks: without it among the requirements the row does not apply. The
    others may come in as its dependencies, in any version.
    """
    if subject.runtime.requirements is None:
        if Tier.STATIC not in subject.tiers:
            return None
        what = "an image" if subject.runtime.image is not None else "in place"
        reason = f"the runtime {subject.runtime.name} is {what}: its versions are not known before it runs"
        return Opinion("unknown", reason)
    pins = subject.pins
    if not pins.versions:
        return Opinion("unknown", f"the runtime {subject.runtime.name} pins no version")
    rows = [row for row in tables.conflicts if row.tier is None or Tier(row.tier) in subject.tiers]
    opinions = []
    for row in rows:
        fits = [_fits(pins, name, specifier) for name, specifier in row.components.items()]
        broken = next(iter(row.components))
        if False in fits or (broken not in pins.versions and broken not in pins.open):
            continue
        what = " with ".join(f"{name} {pins.versions.get(name, 'of any version')}" for name in row.components)
        if None in fits:
            opinions.append(Opinion("unknown", f"{what}: {row.effect} if the unpinned one comes to match", (row,)))
        elif row.unconfirmed:
            opinions.append(Opinion("unknown", f"{what}: {row.effect} (unconfirmed)", (row,)))
        else:
            opinions.append(Opinion("fail", f"{what}: {row.effect}", (row,)))
    if opinions:
        return _worst(opinions)
    loose = f" ({len(pins.open)} more are not pinned: {', '.join(pins.open)})" if pins.open else ""
    reason = f"{len(pins.versions)} pinned components looked up in {len(rows)} known conflicts{loose}: no row applies"
    return Opinion("ok", reason, tuple(rows))


RULES = {
    "cuda-driver": cuda_driver,
    "known-conflicts": known_conflicts,
    "onnx-ir": onnx_ir,
    "python": python_range,
    "triton-target": triton_target,
}


def _cuda(subject: Subject, tables: Tables) -> tuple[str | None, tuple[Row, ...]]:
    """The CUDA that the runtime states, or else that its pinned torch brings, with the row that says so."""
    stated = subject.runtime.values.get("cuda")
    row = _torch(subject.runtime, tables)
    if stated is not None or row is None or row.unconfirmed:
        return stated, ()
    return row.cuda, (row,)


def pinned_triton(runtime: Runtime, tables: Tables) -> Version | None:
    """The triton that a runtime pins, or else that its pinned torch brings; None where neither is known."""
    return _triton(runtime, tables)[0]


def _triton(runtime: Runtime, tables: Tables) -> tuple[Version | None, tuple[Row, ...]]:
    """The triton that the runtime pins, or else that its pinned torch brings, with the row that says so."""
    pins, row = read_pins(runtime.requirements or ()), _torch(runtime, tables)
    if "triton" in pins.versions or "triton" in pins.open or row is None or row.unconfirmed:
        return pins.versions.get("triton"), ()
    return Version(row.triton), (row,)


def _torch(runtime: Runtime, tables: Tables) -> Torch | None:
    # A local version (2.11.0+cu128) is another wheel than the default one that the table describes.
    pinned = read_pins(runtime.requirements or ()).versions.get("torch")
    return next((row for row in tables.torch if Version(row.torch) == pinned), None)


def _target(
    target: str,
    triton: Version,
    ptxas: str,
    blackwell: str | None,
    since: str | None,
    tables: Tables,
    rows: tuple[Row, ...],
) -> Opinion:
    capability = _capability(target)
    assembler = Version(blackwell if blackwell and since and capability >= Version(since) else ptxas)
    row = next((row for row in tables.capabilities if Version(row.capability) == capability), None)
    what = f"{target} with the ptxas {assembler} of triton {triton}"
    early = row is not None and row.seen is not None and Version(row.first) <= minor(assembler) < Version(row.seen)
    if row is None or row.unconfirmed or early:
        state = "not in the table" if row is None else "unconfirmed in the table"
        return Opinion(
            "unknown", f"{what}: compute capability {capability} is {state}", (*rows, *([row] if row else []))
        )
    if minor(assembler) < Version(row.first):
        return Opinion("fail", f"{what}: needs CUDA {row.first} or newer", (*rows, row))
    if row.last is not None and minor(assembler) > Version(row.last):
        return Opinion("fail", f"{what}: dropped after CUDA {row.last}", (*rows, row))
    return Opinion("ok", f"{what}: taken", (*rows, row))


def _linked(target: str, triton: Version, row: Triton, brought: tuple[Row, ...]) -> Opinion:
    """For AMD's cards there is no assembler to choose: the wheel has its linker, or needs one of the system."""
    if row.lld:
        return Opinion("ok", f"{target} with the linker of triton {triton}: taken", (*brought, row))
    return Opinion("fail", f"{target} with triton {triton}: its wheel has no linker (ld.lld)", (*brought, row))


def _capability(target: str) -> Version:
    """sm_75 is 7.5, sm_100 is 10.0; anything else comes last."""
    if not target.startswith("sm_"):
        return Version("999")
    digits = target.removeprefix("sm_")
    return Version(f"{digits[:-1]}.{digits[-1]}")


def _within(version: Version, wanted: Version) -> bool:
    """Is ``version`` one of ``wanted``: 12.8.1 of 12.8, and 12.8.1 of 12.8.1? A row that says less speaks for all."""
    length = min(len(wanted.release), len(version.release))
    return version.release[:length] == wanted.release[:length]


def _fits(pins: Pins, name: str, specifier: str) -> bool | None:
    """Whether the pinned version matches; None when it is not pinned, and could be any."""
    version = pins.versions.get(name)
    return None if version is None else SpecifierSet(specifier).contains(version, prereleases=True)


def _worst(opinions: Iterable[Opinion]) -> Opinion:
    """One opinion of several: the worst status, the reasons for it, and all the rows they rest on."""
    given = list(opinions)
    status = max((opinion.status for opinion in given), key=_RANK.__getitem__)
    decisive = [opinion for opinion in given if opinion.status == status]
    rows: list[Row] = []
    for opinion in decisive:
        rows += [row for row in opinion.rows if row not in rows]
    return Opinion(status, "; ".join(opinion.reason for opinion in decisive), tuple(rows))
