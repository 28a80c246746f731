"""Triton: the assemblers in its wheel, and the cards that kernels are compiled for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from packaging.specifiers import SpecifierSet
from packaging.version import Version

from compat.plan.support.pins import minor
from compat.plan.support.subject import Opinion, Subject, triton_of, worst

if TYPE_CHECKING:
    from compat.plan.support.rows import Row, Triton
    from compat.plan.support.tables import Tables

__all__ = ["triton_target"]


def triton_target(subject: Subject, tables: Tables) -> Opinion | None:
    """The assemblers in triton's wheel have to take the targets of the cell's kernels."""
    targets = sorted({target for targets in subject.targets.values() for target in targets}, key=_capability)
    if not targets:
        return None
    version, brought = triton_of(subject.runtime, tables)
    if version is None:
        return None
    row = next((row for row in tables.triton if version in SpecifierSet(row.triton)), None)
    if row is None or row.unconfirmed:
        return Opinion("unknown", f"triton {version} is not in the table of its assemblers", brought)
    return worst(
        _target(target, version, row.ptxas, row.blackwell, row.since, tables, (*brought, row))
        if target.startswith("sm_")
        else _linked(target, version, row, brought)
        for target in targets
    )


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
