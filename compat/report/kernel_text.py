"""A kernel as text: its cases, what it compiles to, and how fast it could be."""

from __future__ import annotations

from typing import TYPE_CHECKING

from compat.model import Tier
from compat.plan.roofline import roofline

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from compat.probe.protocol import CaseResult
    from compat.run.kernel import Inspected

__all__ = ["kernel_text"]

_COLUMNS = ("matrix_instructions", "scalar_dots", "registers", "spills", "shared_memory", "occupancy", "atomics")
_HEADS = ("matrix", "scalar dots", "registers", "spills B", "shared B", "warps", "atomics", "code B", "seconds", "PTX")


def kernel_text(found: Inspected) -> str:
    """Everything that ``compat kernel`` prints."""
    from compat.plan.literals import read_declarations

    summary = read_declarations(found.workload.path, ()).docstring.splitlines()[0]
    lines = [f"{found.workload.name}: {summary}", str(found.workload.path), "", "Cases"]
    lines += _table(_cases(found))
    lines += ["", f"Compiled by {found.compiler}"]
    lines += _table([("configuration", *_HEADS), *(_compiled(case.id, result) for case, result in found.compiled)])
    lines += _estimates(found)
    return "\n".join(lines)


def _cases(found: Inspected) -> list[tuple[str, ...]]:
    """A row for each case, with the tiers that it runs in, which are one name here."""
    rows: dict[str, tuple[list[str], float]] = {}
    for case in found.cases:
        tiers, _ = rows.setdefault(case.id.removesuffix("-gpu"), ([], case.tolerance))
        tiers.append(case.tier.value)
    return [(name, ", ".join(tiers), f"tolerance {tolerance:.2g}") for name, (tiers, tolerance) in rows.items()]


def _compiled(name: str, result: CaseResult) -> tuple[str, ...]:
    if result.fault is not None:
        return (name, f"{result.fault.kind.value} in {result.fault.stage}: {result.fault.detail}")
    values = {measurement.metric: measurement.samples[0] for measurement in result.measurements}
    cells = [f"{values[column]:g}" if column in values else "-" for column in (*_COLUMNS, "code_size")]
    return (name, *cells, f"{values['compile_time']:.2f}", result.took.get("PTX", "-"))


def _estimates(found: Inspected) -> list[str]:
    """The least time of the cases that a GPU runs, on a card of each target."""
    if found.workload.cost is None:
        return ["", "No roofline: the file declares no COST"]
    lines: list[str] = []
    for target, card in found.cards.items():
        own = [result for case, result in found.compiled if case.params["target"] == target and result.fault is None]
        measured = [measurement for result in own for measurement in result.measurements]
        matrix = any(each.metric == "matrix_instructions" and each.samples[0] > 0 for each in measured)
        note = ", unconfirmed" if card.unconfirmed else ""
        lines += ["", f"At least, on {card.card} ({target}{note}; {card.cited})"]
        rows = []
        for case in found.cases:
            if case.tier is Tier.GPU:
                line = roofline(found.workload.cost, case.params, card, matrix=matrix)
                size = f"{line.operations:.3g} operations, {line.bytes:.3g} B"
                rows.append(
                    (case.id.removesuffix("-gpu"), f"{line.seconds * 1e6:.3g} us", f"bound by {line.bound}", size)
                )
        lines += _table(rows)
    return lines


def _table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows whose columns stand under each other; the last column of a row may be of any length."""
    widths = [max((len(row[at]) for row in rows if len(row) > at + 1), default=0) for at in range(_longest(rows))]
    padded = ([cell.ljust(width) for cell, width in zip(row, widths, strict=False)] for row in rows)
    return ["  " + "  ".join(row).rstrip() for row in padded]


def _longest(rows: Iterable[Sequence[str]]) -> int:
    return max((len(row) for row in rows), default=0)
