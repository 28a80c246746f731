"""Cases: the parameterisations of a workload that a plan runs."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from compat.errors import ContentError
from compat.model import Case, Loads, Tier
from compat.model.backends import INDUCTOR, compiled_by, is_cold
from compat.plan.promised import promised
from compat.plan.tolerances import tolerance_of

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from compat.plan.workload import Workload

__all__ = ["cases_of"]


def cases_of(
    workload: Workload, tiers: Collection[Tier], targets: Sequence[str] = (), assemblers: bool = False
) -> tuple[Case, ...]:
    """The cases that give evidence of one of ``tiers``; empty when the workload runs in none of them.

    A kernel has one for each configuration and target; with ``assemblers`` a second one, whose id ends in ``-cuda``,
    for the ptxas of the CUDA that a runtime states. A workload has one for each of its cases and tiers, of those that
    are ``per_target`` one for each target; when it runs on CPU and GPU both, the ids of the latter end in ``-gpu``.
    ContentError when two cases get the same id.
    """
    planned = [tier for tier in workload.tiers if tier in tiers]
    cases: dict[str, Case] = {}
    for tier in planned:
        parameters = workload.configurations if tier is Tier.AOT else workload.cases
        for name, params in parameters.items():
            if tier is Tier.AOT:
                variants = _compiled(name, params, targets, assemblers)
            elif tier.value in params.get("tiers", (tier.value,)):
                variants = _placed(f"{name}-gpu" if tier is Tier.GPU and len(planned) > 1 else name, params, targets)
            else:
                continue
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
                    metrics=promised(workload, tier, values),
                    components=workload.components,
                    tolerance=_tolerance(workload, tier, params),
                    seeds=workload.seeds,
                    artifact=workload.artifact,
                    content=workload.digest,
                    imports=_imports(workload, tier),
                    golden=None if workload.golden is None else workload.golden.get(case_id, ()),
                    oracle=workload.oracle and tier is not Tier.AOT,
                    all_gpus=workload.all_gpus and tier is Tier.GPU,
                    loads=_loads(workload, params),
                )
    return tuple(cases.values())


def _loads(workload: Workload, params: Mapping[str, Any]) -> Loads | None:
    """Whose files a case loads: a loader's are the known-good arm's, and torch's compiler has a cache for each arm."""
    if workload.kind == "loader":
        return Loads.KNOWN_GOOD
    warm = compiled_by(workload.name, params) == INDUCTOR and not is_cold(workload.name, params)
    return Loads.OWN if warm else None


def _placed(case_id: str, params: Mapping[str, Any], targets: Sequence[str]) -> list[tuple[str, dict[str, Any]]]:
    """A case once, or one that is ``per_target`` for each target."""
    if not params.get("per_target"):
        return [(case_id, dict(params))]
    return [(f"{case_id}-{target}", {**params, "target": target}) for target in targets]


def _compiled(
    name: str, config: Mapping[str, Any], targets: Sequence[str], assemblers: bool
) -> list[tuple[str, dict[str, Any]]]:
    """A configuration for each target that has what it needs, with Triton's own assembler and with CUDA's."""
    found = []
    for target in targets:
        if _can(config, target):
            found.append((f"{name}-{target}", {**config, "target": target}))
            if assemblers and target.startswith("sm_"):
                found.append((f"{name}-{target}-cuda", {**config, "target": target, "assembler": "cuda"}))
    return found


def _can(config: Mapping[str, Any], target: str) -> bool:
    """Whether the hardware has what the configuration needs: ``since`` is the first compute capability that has it."""
    capability = re.fullmatch(r"sm_([0-9]+)", target)
    return capability is None or int(capability[1]) >= config.get("since", 0)


def _tolerance(workload: Workload, tier: Tier, params: Mapping[str, Any]) -> float:
    if tier is Tier.AOT:
        return 0.0
    if workload.tolerance is None or "tolerance" in params:
        return tolerance_of(params)
    return workload.tolerance


def _imports(workload: Workload, tier: Tier) -> tuple[str, ...]:
    """What may be imported before the fork. Ahead of time a kernel needs its compiler only: torch need not be there."""
    if tier is not Tier.AOT:
        return workload.imports
    return tuple(name for name in workload.imports if name in workload.components)
