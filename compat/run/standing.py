"""How a node stands to cells whose stacks cannot share it: in which phase it is, and which arm that runs.

An upgraded node tells its phase by its driver, so before and after are one run, with a reboot between them. A control
node keeps its driver, so somebody has to say when the others were upgraded.
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass, replace

from compat.errors import UsageError
from compat.judge.sampling import runs_wanted
from compat.model import Arm, Cell, Design, Evidence, Item, Node, Phase, Plan, Ring
from compat.model.moments import zoned

__all__ = ["Standing", "standings"]


@dataclass(frozen=True)
class Standing:
    """The phase that a node is in, for a cell, and the arm that it runs in it."""

    phase: Phase
    arm: Arm
    session: str = ""  # that its runs belong to: when it began (the stored design)


def standings(
    plan: Plan,
    items: Sequence[Item],
    ring: Ring,
    node: Node,
    evidence: Sequence[Evidence],
    asked: Phase | None,
    now: datetime.datetime,
) -> dict[str, Standing]:
    """By cell, for the cells of ``items`` that run in phases. Each of them has an arm that the node can run.

    ``evidence`` is what there is of the plan on this node; ``asked`` is what the operator says; ``now`` is in UTC.
    UsageError where the operator and the node contradict each other, or a control node's operator says nothing.
    """
    cells = {item.cell.id: item.cell for item in items if item.cell.phased}
    if not cells:
        if asked is not None:
            problem = f"no cell that can run on {node.hostname} runs in phases: both arms run at once"
            raise UsageError("phase", problem, "leave --phase away")
        return {}
    control = ring.is_control(node)
    after = {e.item for e in evidence if e.node == node.id and e.phase is Phase.AFTER}
    keys = {name: {item.key for item in items if item.cell.id == name} for name in cells}
    found = {
        name: _of_control(cell, node, asked) if control else _of_upgraded(cell, ring, node, bool(after & keys[name]))
        for name, cell in cells.items()
    }
    for name, standing in found.items():
        if standing.phase is Phase.AFTER and ring.design is not Design.STORED:
            _check_before(plan, [item for item in items if item.cell.id == name], node, evidence)
        if asked not in (None, standing.phase):
            problem = f"node {node.hostname} has driver {node.driver}: it is in the phase {standing.phase.value}, not "
            raise UsageError("phase", problem + asked.value, "leave --phase away: its driver tells the phase")
    if ring.design is Design.STORED:
        own = [e for e in evidence if e.node == node.id]
        return {name: replace(one, session=_session(plan, one.phase, own, now)) for name, one in found.items()}
    return found


def _session(plan: Plan, phase: Phase, own: Sequence[Evidence], now: datetime.datetime) -> str:
    """The session that goes on, or a new one: what begins soon after another is one with it."""
    began = {at: e.session for e in own if e.phase is phase and (at := zoned(e.session)) is not None}
    last = max(began, default=None)
    if last is not None and (now - last).total_seconds() < plan.policy.stored.apart:
        return began[last]
    return now.isoformat(timespec="seconds")


def _check_before(plan: Plan, items: Sequence[Item], node: Node, evidence: Sequence[Evidence]) -> None:
    """UsageError where a node was not measured wholly before its upgrade: then nothing after it can be compared."""
    for item in items:
        own = [e for e in evidence if (e.node, e.item, e.phase) == (node.id, item.key, Phase.BEFORE)]
        wanted = runs_wanted(item, plan.policy)
        if len(own) < wanted and not any(e.fault for e in own):
            problem = f"has {len(own)} of the {wanted} runs of {item.key} before the upgrade"
            remedy = "finish them before it: roll the node back, and measure once more"
            raise UsageError(f"node {node.hostname}", problem, remedy)


def _of_control(cell: Cell, node: Node, asked: Phase | None) -> Standing:
    if asked not in (Phase.BEFORE, Phase.AFTER):
        problem = f"node {node.hostname} is a control, whose driver does not tell whether the others were upgraded"
        raise UsageError("phase", problem, "say --phase before or --phase after")
    driver = cell.known_good.get("driver")
    if node.driver != driver:
        problem = f"is a control and has driver {node.driver}, a control keeps {driver}"
        raise UsageError(f"node {node.hostname}", problem, "roll it back, or label it as one that is upgraded")
    return Standing(asked, Arm.KNOWN_GOOD)


def _of_upgraded(cell: Cell, ring: Ring, node: Node, was_after: bool) -> Standing:
    if node.driver == cell.stack.get("driver"):
        return Standing(Phase.AFTER, Arm.CANDIDATE)
    if not was_after or ring.design is Design.STORED:
        return Standing(Phase.BEFORE, Arm.KNOWN_GOOD)
    if ring.design is Design.CONTROL:
        problem = f"was rolled back to driver {node.driver}, and the control design measures before and after"
        raise UsageError(f"node {node.hostname}", problem, "judge what there is, or measure afresh with --fresh")
    return Standing(Phase.BACK, Arm.KNOWN_GOOD)
