"""What the rings' designs can say of cells whose stacks cannot share a node, looked at before anything is measured."""

from __future__ import annotations

from typing import TYPE_CHECKING

from compat.errors import MatrixError
from compat.model import FEWEST_UNITS, SENTINEL_METRIC, Design, DesignPolicy, Kind, Rejection

if TYPE_CHECKING:
    from collections.abc import Sequence

    from compat.model import Item, Policy, Ring
    from compat.plan.schema import MatrixSpec
    from compat.plan.yaml_file import YamlFile

__all__ = ["check_controls", "undecidable"]


def check_controls(file: YamlFile, spec: MatrixSpec) -> None:
    """MatrixError for a ring whose control group cannot be one."""
    fewest = spec.policy.design.nodes or DesignPolicy().nodes
    sentinel = next((index for index, each in enumerate(spec.workloads) if each.sentinel), None)
    if sentinel is not None and not any(ring.design == "stored" for ring in spec.rings):
        problem = f"workloads[{sentinel}] is a sentinel, and no ring compares stored sessions"
        raise MatrixError(file.where("workloads", sentinel, "sentinel"), problem, "leave it out, or say design: stored")
    for index, ring in enumerate(spec.rings):
        if (ring.design == "control") is not (ring.controls is not None) and None not in (ring.design, ring.controls):
            problem = f"the ring {ring.name!r} has controls, and its design is {ring.design}"
            raise MatrixError(file.where("rings", index, "design"), problem, "leave one of them out")
        if ring.controls is None:
            if ring.design == "control":
                problem = f"the ring {ring.name!r} has the design control, and no controls"
                raise MatrixError(file.where("rings", index, "design"), problem, "add controls: {labels: {...}}")
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
        own = [i for i in items if i.cell.phased and i.case.tier in ring.tiers and ring.has(i.cell.id)]
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
        if own and ring.design is Design.STORED:
            found += _sentinels(ring, own, policy)
        generations = policy.rounds[0] // policy.pairs_per_generation
        if generations < FEWEST_UNITS and any(_judged_by_samples(item) for item in own):
            reason = (
                f"a phase of {policy.rounds[0]} runs, {policy.pairs_per_generation} to a generation, has {generations} "
                f"generations, {FEWEST_UNITS} are needed; raise the first of policy.rounds"
            )
            found.append(Rejection(f"ring {ring.name}: driver", reason, blocking=True, ring=ring.name))
    firmware = sorted({i.cell.id for i in items if i.cell.stack.get("firmware") != i.cell.known_good.get("firmware")})
    found += [
        Rejection(name, "the firmware of a node is not read yet: it can be measured nowhere", blocking=True)
        for name in firmware
    ]
    return found


def _judged_by_samples(item: Item) -> bool:
    return any(metric.gated and metric.kind is Kind.SAMPLED for metric in item.case.metrics)


def _sentinels(ring: Ring, own: Sequence[Item], policy: Policy) -> list[Rejection]:
    """Whether there is enough that shows how a session was, and something beside it."""
    shown = [item for item in own if item.sentinel and any(m.name == SENTINEL_METRIC for m in item.case.metrics)]
    if len(shown) < policy.stored.sentinels:
        reason = (
            f"sessions are compared by what the upgrade does not touch: it has {len(shown)} cases with a "
            f"{SENTINEL_METRIC}, {policy.stored.sentinels} are needed; mark workloads with sentinel: true"
        )
    elif all(item.sentinel for item in own):
        reason = "every workload is a sentinel, and nothing is left whose speed is judged"
    else:
        return []
    return [Rejection(f"ring {ring.name}: sentinels", reason, blocking=True, ring=ring.name)]
