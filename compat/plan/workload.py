"""A Workload: one content file, as planning sees it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from compat.model import Artifact, Metric, Output, Tier
    from compat.plan.cost import Cost

__all__ = ["Workload"]


@dataclass(frozen=True)
class Workload:
    """One content file. ``cases`` are its CASES by id, ``configurations`` a kernel's, which are compiled ahead of time.

    ``tolerance`` is that of a case that names none; None where its type and the length of its sums decide. ``items`` is
    what a call works off: a number, or the name of a parameter. ``golden`` are outputs by case id; None where the file
    declares none.
    """

    name: str  # kernel:matmul, operator:softmax, model:minilm, loader:onnx_file, pytest:sympy_suite
    path: Path
    digest: str
    tiers: tuple[Tier, ...]
    cases: dict[str, dict[str, Any]]
    own_metrics: tuple[Metric, ...]  # those it declares itself; compat.plan.promised has all of a case's
    components: tuple[str, ...]
    imports: tuple[str, ...]
    tolerance: float | None
    seeds: int
    artifact: Artifact | None
    onnx_ir: int | None
    timed: frozenset[Tier] = frozenset()  # in which tiers speed and leaks are measured
    all_gpus: bool = False
    items: float | str | None = None
    splits: bool = False
    oracle: bool = False
    golden: dict[str, tuple[Output, ...]] | None = None
    configurations: dict[str, dict[str, Any]] = field(default_factory=dict)
    cost: Cost | None = None

    @property
    def kind(self) -> str:
        """``kernel``, ``operator``, ``model``, ``loader`` or ``pytest``."""
        return self.name.partition(":")[0]

    @property
    def has_targets(self) -> bool:
        """Whether it is a kernel, or has cases that are ``per_target``."""
        return self.kind == "kernel" or self.per_target(self.tiers)

    def per_target(self, tiers: Iterable[Tier]) -> bool:
        """Whether it has cases for each target in one of these tiers."""
        asked = {tier.value for tier in tiers if tier in self.tiers}
        each = [params.get("tiers", asked) for params in self.cases.values() if params.get("per_target")]
        return any(asked & set(own) for own in each)

    @property
    def stem(self) -> str:
        """The file's name without its ending."""
        return self.name.partition(":")[2]
