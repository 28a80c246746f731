"""From a Matrix to a Plan: cells with their cases, what is left out and why, and what the tables say."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from compat.errors import MatrixError
from compat.model import SCHEMA_VERSION, Item, Plan, Rejection, Runtime, Tier
from compat.plan.cases import cases_of
from compat.plan.cells import make_cells, unplaced
from compat.plan.content import read_content
from compat.plan.designs import undecidable
from compat.plan.given import given_models
from compat.plan.lacking import assembler_of, lacking
from compat.plan.policy import build_policy, with_gates
from compat.plan.rings import make_rings, not_taken
from compat.plan.select import Selected, select_workloads
from compat.plan.support.findings import find
from compat.plan.support.subject import brought_by
from compat.plan.support.tables import load_tables
from compat.plan.support.window import windows

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from pathlib import Path

    from compat.model import Case, Cell, Node, Ring, Stack, Window
    from compat.plan.load import Matrix
    from compat.plan.schema import MatrixSpec
    from compat.plan.support.tables import Tables
    from compat.plan.yaml_file import YamlFile

__all__ = ["MAX_ITEMS", "build_plan"]

MAX_ITEMS = 500_000  # cases of all cells, for each ring that they are of: each is measured in pairs


def build_plan(matrix: Matrix, *, node: Node | None = None, content: Sequence[Path] = (), compat_version: str) -> Plan:
    """The plan of ``matrix``; see ``compat.plan.build_plan``."""
    file, spec, points = matrix.file, matrix.spec, matrix.points
    _ = points.points  # too many of them are said before anything is read for them
    known = read_content(content)
    selected = select_workloads(file, spec, known | given_models(file, spec, known))
    tables = load_tables(tuple(matrix.path.parent / folder for folder in spec.tables))
    tiers = frozenset(Tier(tier) for ring in spec.rings for tier in ring.tiers)
    runtimes = _runtimes(spec, tiers, selected.values(), tables)
    gpus = tuple(dict.fromkeys(name for ring in spec.rings for name in ring.nodes.gpu))
    assemblers = any(runtime.assembler for runtime in runtimes.values())
    cases = {
        name: [
            with_gates(case, spec, each.selection) for case in cases_of(each.workload, tiers, each.targets, assemblers)
        ]
        for name, each in selected.items()
    }
    measured = {name: [metric for case in each for metric in case.metrics] for name, each in cases.items()}
    policy = build_policy(file, spec, {name: (each.selection, measured[name]) for name, each in selected.items()})
    without_model = any(each.workload.kind != "model" for each in selected.values())
    rollbacks = any(each.workload.kind == "loader" and cases[name] for name, each in selected.items())
    cells, routes, uncomparable = make_cells(points, without_model=without_model, rollbacks=rollbacks)
    rings = make_rings(spec, points, cells, routes)
    rejections = [*points.rejections, *uncomparable, *_not_planned(selected, cases, tiers, cells)]
    rejections += not_taken(points)
    items: list[Item] = []
    left_out: dict[tuple[str, str], list[str]] = {}
    findings = []
    for cell in cells:
        runs = [each for each in selected.values() if _runs_in(each, cell)]
        if not cell.rollback:  # whose stacks are those of another cell
            findings += find(cell, runtimes, runs, tiers, tables, gpus)
        reason = unplaced(cell, node) if node is not None else None
        if reason is not None:
            # Its items are left out: run here, they would be evidence of a stack that this node is not.
            rejections.append(Rejection(cell.id, f"unplaced: {reason}", blocking=cell.required))
            continue
        for each in runs:
            for case in cases[each.workload.name]:
                lacks = lacking(case, cell, runtimes, tables)
                if lacks is None:
                    items.append(_item(cell, each, case))
                    if len(items) > MAX_ITEMS:
                        raise _too_many(file, len(cells))
                else:
                    left_out.setdefault((cell.id, lacks), []).append(f"{case.workload}[{case.id}]")
    if len(rings) * len(items) > MAX_ITEMS < sum(ring.has(item.cell.id) for ring in rings for item in items):
        raise _too_many(file, len(cells))
    if not cells:
        raise MatrixError(file.where("axes"), "the matrix is empty: no cell is left to compare", "exclude less")
    rejections += [Rejection(f"{cell}: {_some(names)}", reason) for (cell, reason), names in sorted(left_out.items())]
    rejections += _without_evidence(rings, items)
    rejections += undecidable(rings, items, policy)
    if not all(ring.on_paper for ring in rings):
        rejections += _without_items(cells, items, {rejection.what for rejection in rejections})
    return Plan(
        schema_version=SCHEMA_VERSION,
        name=spec.name,
        matrix_digest=matrix.digest,
        compat_version=compat_version,
        known_good=points.known_good,
        candidate=points.candidate,
        runtimes=runtimes,
        rings=rings,
        policy=policy,
        items=tuple(sorted(items, key=lambda item: item.key)),
        findings=tuple(findings),
        rejections=tuple(rejections),
        content={name: each.workload.digest for name, each in sorted(selected.items()) if cases[name]},
        routes=routes,
        cells=tuple(cells),
        windows=_windows(points.known_good, points.candidate, tables),
    )


def _too_many(file: YamlFile, cells: int) -> MatrixError:
    problem = f"the plan comes to more than {MAX_ITEMS} cases of all rings, in {cells} cells"
    return MatrixError(file.where("axes"), problem, "say coverage: changed, or select fewer workloads")


def _runs_in(selected: Selected, cell: Cell) -> bool:
    """A model runs in the cells of that model; all else in the one cell of a stack that has no model.

    Of that, loaders also run on the way back, and not where only the node changes: what they compare is two runtimes.
    """
    if selected.workload.kind == "loader":
        return cell.model is None and cell.stack["runtime"] != cell.known_good["runtime"] and not cell.phased
    if cell.rollback:
        return False
    model = selected.workload.stem if selected.workload.kind == "model" else None
    return cell.model == model


def _item(cell: Cell, selected: Selected, case: Case) -> Item:
    key = f"{cell.id}/{case.workload}[{case.id}]"
    required = cell.required and selected.required
    return Item(key, cell, case, selected.timeout, required, selected.sentinel)


def _not_planned(
    selected: Mapping[str, Selected],
    cases: Mapping[str, Sequence[Case]],
    tiers: frozenset[Tier],
    cells: Sequence[Cell],
) -> list[Rejection]:
    rejections: list[Rejection] = []
    elsewhere: list[str] = []
    asked = ", ".join(sorted(tier.value for tier in tiers))
    for name, each in sorted(selected.items()):
        if not any(_runs_in(each, cell) for cell in cells):
            if each.workload.kind == "model":
                elsewhere.append(name)
            else:
                rejections.append(Rejection(name, "it compares two runtimes, and no cell has two that share a node"))
        elif not each.targets and each.workload.per_target(tiers):
            rejections.append(Rejection(name, "it has cases for each target, and its selection names no targets"))
        elif not cases[name]:
            has = ", ".join(tier.value for tier in each.workload.tiers)
            rejections.append(Rejection(name, f"it runs in the tiers {has}, and the rings ask for {asked}"))
    if elsewhere:
        rejections.append(Rejection(", ".join(elsewhere), "selected, and no cell has such a model"))
    return rejections


def _some(names: Sequence[str]) -> str:
    """One case by name, and how many more there are."""
    return names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"


def _without_evidence(rings: Sequence[Ring], items: Sequence[Item]) -> list[Rejection]:
    planned = {item.case.tier for item in items if item.required}
    return [
        Rejection(
            f"ring {ring.name}: tier {tier.value}",
            f"the ring asks for {tier.value} evidence, and no required case gives any",
            blocking=True,
            ring=ring.name,
        )
        for ring in rings
        for tier in ring.tiers
        if tier is not Tier.STATIC and tier not in planned
    ]


def _without_items(cells: Sequence[Cell], items: Sequence[Item], said: Collection[str]) -> list[Rejection]:
    """Required cells in which nothing runs: nobody could say that they are good."""
    busy = {item.cell.id for item in items}
    empty = (cell for cell in cells if cell.required and cell.id not in busy | set(said))
    return [Rejection(cell.id, "no case that was selected runs in it", blocking=True) for cell in empty]


def _windows(known_good: Stack, candidate: Stack, tables: Tables) -> tuple[Window, ...]:
    """Of the known-good's values, and of those that the candidate has in their place."""
    found = (*windows(known_good, tables), *windows(candidate, tables))
    return tuple(dict.fromkeys(found))


def _runtimes(
    spec: MatrixSpec, tiers: frozenset[Tier], selected: Iterable[Selected], tables: Tables
) -> dict[str, Runtime]:
    compiled = Tier.AOT in tiers and any(each.workload.kind == "kernel" for each in selected)
    made = [
        Runtime(
            name=name,
            image=runtime.image,
            base=runtime.base,
            requirements=None if runtime.requirements is None else tuple(runtime.requirements),
            python=(runtime.python or "") if runtime.in_place else None,
            values=dict(runtime.realised()),
            env=dict(runtime.env),
            cuda_compat=runtime.cuda_compat,
            ptx=runtime.ptx,
            assembler=assembler_of(runtime.realised().get("cuda"), tables) if compiled else None,
        )
        for name, runtime in sorted(spec.runtimes.items())
    ]
    return {runtime.name: replace(runtime, brings=brought_by(runtime, tables)) for runtime in made}
