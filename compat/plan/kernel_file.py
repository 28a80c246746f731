"""A kernel file: its configurations that are compiled ahead of time, and its cases, as a Workload."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from compat.model import Tier
from compat.plan.cost import Cost
from compat.plan.demands import check_keys, configurations, names, need, parameters, required_types, seeds, splits
from compat.plan.shapes import is_count, is_text_map
from compat.plan.workload import Workload

if TYPE_CHECKING:
    from compat.plan.literals import Declarations

__all__ = ["KERNEL_NAMES", "kernel_of"]

KERNEL_NAMES = frozenset({"AOT", "CASES", "COMPONENTS", "COST", "IMPORTS", "KERNEL", "NEEDS", "SEEDS"})

_AOT_KEYS = {"constexprs", "divisible", "kernel", "num_stages", "num_warps", "signature", "since"}
_TIERS = ("interpreted", "gpu")


def kernel_of(declared: Declarations) -> Workload:
    """The workload that a kernel file declares. ContentError where a declaration is not what it has to be."""
    cases: dict[str, dict[str, Any]] = {}
    if "CASES" in declared.values:
        cases = parameters(declared, _TIERS)
        required_types(declared, cases)
        for case, params in cases.items():
            needs = params.get("needs", ())
            good = isinstance(needs, tuple | list) and all(isinstance(word, str) for word in needs)
            need(declared, "CASES", good, f"CASES[{case!r}]['needs'] is a tuple of names")
        for function in ("prepare", "reference"):
            found = declared.functions.get(function) == ("params", "tools")
            need(declared, "CASES", found, f"a kernel with CASES has a function {function}(params, tools)")
    if "KERNEL" in declared.values:
        kernel = declared.values["KERNEL"]
        need(declared, "KERNEL", isinstance(kernel, str) and kernel.isidentifier(), "KERNEL names a function")
    needs = names(declared, "NEEDS", default=())
    return Workload(
        name=f"kernel:{declared.path.stem}",
        path=declared.path,
        digest=declared.digest,
        tiers=(Tier.AOT, Tier.INTERPRETED, Tier.GPU) if cases else (Tier.AOT,),
        cases={case: {**params, "needs": (*needs, *params.get("needs", ()))} for case, params in cases.items()},
        own_metrics=(),
        components=names(declared, "COMPONENTS"),
        imports=names(declared, "IMPORTS", default=()),
        tolerance=None,
        seeds=seeds(declared),
        artifact=None,
        onnx_ir=None,
        timed=frozenset({Tier.GPU} if cases else ()),
        splits=splits(declared),
        oracle=bool(cases),
        configurations=_configurations(declared),
        cost=_cost(declared, cases),
    )


def _configurations(declared: Declarations) -> dict[str, dict[str, Any]]:
    found = configurations(declared, "AOT")
    for name, config in found.items():
        label = f"AOT[{name!r}]"
        check_keys(declared, "AOT", label, config, _AOT_KEYS, {"constexprs", "signature"})
        signature = config["signature"]
        need(declared, "AOT", is_text_map(signature), f"{label}['signature'] maps arguments to type names")
        need(declared, "AOT", isinstance(config["constexprs"], dict), f"{label}['constexprs'] is a dict")
        for key in ("num_warps", "num_stages", "since"):
            need(declared, "AOT", is_count(config.get(key, 1)), f"{label}[{key!r}] is a whole number above 0")
        divisible = config.get("divisible", ())
        good = isinstance(divisible, tuple | list) and all(
            isinstance(argument, str) and argument in signature for argument in divisible
        )
        need(declared, "AOT", good, f"{label}['divisible'] names arguments of its signature")
        kernel = config.get("kernel", "")
        good = isinstance(kernel, str) and ("kernel" not in config or kernel in declared.functions)
        need(declared, "AOT", good, f"{label}['kernel'] names a function of the file")
    return found


def _cost(declared: Declarations, cases: dict[str, dict[str, Any]]) -> Cost | None:
    entry = declared.values.get("COST")
    if entry is None:
        return None
    need(declared, "COST", is_text_map(entry), "COST is a dict of text")
    check_keys(declared, "COST", "COST", entry, {"bytes", "operations"}, {"bytes", "operations"})
    cost = Cost(entry["operations"], entry["bytes"])
    for case, params in cases.items():
        try:
            cost.of(params)
        except ValueError as problem:
            raise declared.error("COST", f"it does not fit CASES[{case!r}]: {problem}", "correct the formula") from None
    return cost
