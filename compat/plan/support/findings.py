"""Findings: every rule, asked of both arms of a cell."""

from __future__ import annotations

from typing import TYPE_CHECKING

from compat.model import Arm, Finding
from compat.plan.support.rules import RULES
from compat.plan.support.subject import Subject

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from compat.model import Cell, Runtime, Tier
    from compat.plan.select import Selected
    from compat.plan.support.tables import Tables

__all__ = ["find"]


def find(
    cell: Cell,
    runtimes: Mapping[str, Runtime],
    selected: Iterable[Selected],
    tiers: frozenset[Tier],
    tables: Tables,
    gpus: Sequence[str] = (),
) -> list[Finding]:
    """What the tables say of the cell; ``selected`` are the workloads that it runs, ``gpus`` the cards of the nodes."""
    workloads = list(selected)
    targets = {each.workload.name: each.targets for each in workloads if each.targets}
    onnx = {each.workload.name: each.workload.onnx_ir for each in workloads if each.workload.onnx_ir is not None}
    findings = []
    for arm, stack in ((Arm.KNOWN_GOOD, cell.known_good), (Arm.CANDIDATE, cell.stack)):
        subject = Subject(runtimes[stack["runtime"]], stack, tiers, targets, onnx, gpus)
        for name, rule in sorted(RULES.items()):
            opinion = rule(subject, tables)
            if opinion is not None:
                source = "; ".join(dict.fromkeys(row.cited for row in opinion.rows)) or "the tables have no row for it"
                findings.append(
                    Finding(cell.id, arm, name, opinion.status, opinion.reason, source, opinion.level, opinion.remedy)
                )
    return findings
