"""Tier ``static``: what the tables say of each cell, as comparisons of the two arms."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from compat.model import Arm, Cell, Comparison, Finding, Plan, Ring, Status, Tier

__all__ = ["judge_tables", "table_comparison"]

_WORST = ("fail", "unknown", "ok")


def judge_tables(plan: Plan, ring: Ring) -> list[Comparison]:
    """One comparison per cell and rule.

    A failure that the known-good arm does not have gates in every ring. What is unknown, or fails in both arms, is
    never taken for ok: it gates where the ring asks for tier static, and there a required cell without findings is
    missing. What the tables say of a cell, they say of its way back.
    """
    cells = {name: cell for name, cell in plan.every_cell().items() if ring.has(name)}
    asked = Tier.STATIC in ring.tiers
    rules: dict[tuple[str, str], list[Finding]] = {}
    for finding in plan.findings:
        if not ring.has(finding.cell):
            continue
        rules.setdefault((finding.cell, finding.rule), []).append(finding)
    found = []
    for (cell, rule), findings in sorted(rules.items()):
        status, said = _status(findings)
        gates = asked or status in (Status.REGRESS, Status.PASS, Status.FIXED)
        found.append(table_comparison(cell, f"static:{rule}", status, said, _required(cells, cell) and gates))
    if asked:
        silent = sorted(
            {name for name, cell in cells.items() if cell.required and not cell.rollback}
            - {f.cell for f in plan.findings}
        )
        said = "no table says anything of this cell, and the ring asks for tier static"
        found += [table_comparison(cell, "static:tables", Status.MISSING, said, True) for cell in silent]
    return found


def _required(cells: Mapping[str, Cell], name: str) -> bool:
    return name in cells and cells[name].required


def _worst(findings: Iterable[Finding]) -> tuple[str, str]:
    """The worst word of some findings with its reason; unknown words count as unknown, no findings too."""
    ranked = [(f.status if f.status in _WORST else "unknown", _said(f), f.source) for f in findings]
    if not ranked:
        return "unknown", "the tables say nothing"
    status, reason, source = min(ranked, key=lambda r: (_WORST.index(r[0]), r[1], r[2]))
    return status, f"{reason} ({source})"


def _said(finding: Finding) -> str:
    """Its reason; where it is not ok, with what would be."""
    return (
        f"{finding.reason}; ok would be {finding.remedy}"
        if finding.remedy and finding.status != "ok"
        else finding.reason
    )


def _status(findings: list[Finding]) -> tuple[Status, str]:
    good, why_good = _worst(f for f in findings if f.arm is Arm.KNOWN_GOOD)
    new, why_new = _worst(f for f in findings if f.arm is Arm.CANDIDATE)
    if new == "fail":
        if good == "fail":
            return Status.PREEXISTING, f"the tables refuse both arms: {why_new}"
        return Status.REGRESS, f"the tables refuse the candidate: {why_new}; known-good is {good}"
    if new != "ok":
        return Status.INCONCLUSIVE, f"unknown for the candidate, which is not taken for ok: {why_new}"
    if good == "fail":
        return Status.FIXED, f"the tables refuse the known-good arm only: {why_good}"
    return Status.PASS, why_new


def table_comparison(cell: str, metric: str, status: Status, said: str, required: bool) -> Comparison:
    """What the tables say of a cell, as a comparison; ``metric`` is ``static:`` and the rule."""
    return Comparison(
        item=cell,
        cell=cell,
        workload="static",
        case=metric.removeprefix("static:"),
        tier=Tier.STATIC,
        metric=metric,
        status=status,
        reason=f"{metric}: {said}",
        required=required,
    )
