"""What the rings' designs can say of cells whose stacks cannot share a node, looked at before anything is measured."""

from __future__ import annotations

from typing import TYPE_CHECKING

from compat.errors import MatrixError
from compat.model import Design, DesignPolicy, Kind, Rejection

if TYPE_CHECKING:
    from collections.abc import Sequence

    from compat.model import Item, Policy, Ring
    from compat.plan.schema import MatrixSpec
    from compat.plan.yaml_file import YamlFile

__all__ = ["check_controls", "undecidable"]


def check_controls(file: YamlFile, spec: MatrixSpec) -> None:
    """MatrixError for a ring whose control group cannot be one."""
    fewest = spec.policy.design.nodes or DesignPolicy().nodes
    for index, ring in enumerate(spec.rings):
        if ring.controls is None:
            continue
        controls = ring.controls.minimum_nodes or ring.minimum_nodes
        for name, count, path in (
            ("upgraded", ring.minimum_nodes, ("minimum_nodes",)),
            ("control", controls, ("controls", "minimum_nodes")),
        ):
            if count < fewest:
                problem = f"the ring {ring.name!r} has at least {count} {name} nodes, its design needs {fewest}"
                remedy = f"say minimum_nodes: {fewest} or more, or leave controls out and compare node by node"
                raise MatrixError(file.where("rings", index, *path), problem, remedy)
        own, others = ring.nodes.labels, ring.controls.labels
        if not any(own[key] != value for key, value in others.items() if key in own):
            problem = f"a node may be a control of the ring {ring.name!r} and one of its own"
            raise MatrixError(
                file.where("rings", index, "controls"), problem, "give both the same label with different values"
            )


def undecidable(rings: Sequence[Ring], items: Sequence[Item], policy: Policy) -> list[Rejection]:
    """What a ring asks for in vain: limits below what a node can tell by itself, controls for nothing."""
    found = []
    for ring in rings:
        own = [item for item in items if item.cell.phased and item.case.tier in ring.tiers]
        if ring.controls and not own:
            reason = "it has controls, and no cell in which the driver or the firmware changes: they are not measured"
            found.append(Rejection(f"ring {ring.name}: controls", reason, ring=ring.name))
        narrow = sorted(
            {
                metric.name
                for item in own
                if item.required and item.cell.required
                for metric in item.case.metrics
                if metric.gated and metric.kind is Kind.SAMPLED
                if not (policy.of(item.case.workload).metric(metric.name).margin >= policy.design.least)
            }
        )
        if narrow and ring.design is Design.ABA:
            least = f"{100 * policy.design.least:g} %"
            reason = (
                f"before, after and back again on one node tell changes of {least} or more, and the margin of "
                f"{', '.join(narrow)} is less; give the ring controls, or a margin of {least}"
            )
            found.append(Rejection(f"ring {ring.name}: driver", reason, blocking=True, ring=ring.name))
    return found
