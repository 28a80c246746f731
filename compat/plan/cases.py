"""Cases: the parameterisations of a workload that a plan runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from compat.errors import ContentError
from compat.model import Case, Tier
from compat.plan.promised import promised

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from compat.plan.content import Workload

__all__ = ["cases_of"]


def cases_of(workload: Workload, tiers: Collection[Tier], targets: Sequence[str] = ()) -> tuple[Case, ...]:
    """The cases that give evidence of one of ``tiers``; empty when the workload runs in none of them.

    A kernel has one for each configuration and target. A workload has one for each of its cases and tiers; when it
    runs on CPU and GPU both, the ids of the latter end in ``-gpu``. ContentError when two cases get the same id.
    """
    planned = [tier for tier in workload.tiers if tier in tiers]
    cases: dict[str, Case] = {}
    for tier in planned:
        for name, params in workload.cases.items():
            if tier is Tier.AOT:
                variants = [(f"{name}-{target}", {**params, "target": target}) for target in targets]
            else:
                variants = [(f"{name}-gpu" if tier is Tier.GPU and len(planned) > 1 else name, params)]
            for case_id, values in variants:
                if case_id in cases:
                    raise ContentError(
                        f"{workload.path}:1", f"two cases come to the id {case_id!r}", "rename one of the two"
                    )
                cases[case_id] = Case(
                    workload=workload.name,
                    id=case_id,
                    tier=tier,
                    params=values,
                    metrics=promised(workload, tier),
                    components=workload.components,
                    tolerance=float(params.get("tolerance", workload.tolerance)),
                    seeds=workload.seeds,
                    artifact=workload.artifact,
                    content=workload.digest,
                    imports=workload.imports,
                    golden=None if workload.golden is None else workload.golden.get(case_id, ()),
                    oracle=workload.oracle,
                )
    return tuple(cases.values())
