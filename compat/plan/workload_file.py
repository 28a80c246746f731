"""A workload file: what it declares, as a Workload."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from compat.model import STANDARD_NAMES, Artifact, Direction, Kind, Metric, Tier
from compat.model.backends import BACKENDS, EAGER
from compat.plan.demands import (
    SHA256,
    check_keys,
    is_tiers,
    names,
    need,
    parameters,
    required,
    required_types,
    seeds,
    splits,
)
from compat.plan.golden import read_golden
from compat.plan.shapes import is_count, is_limit, is_text_map
from compat.plan.suite_file import suite_of
from compat.plan.workload import Workload

if TYPE_CHECKING:
    from compat.model import Output
    from compat.plan.literals import Declarations

__all__ = ["RESERVED_METRICS", "WORKLOAD_NAMES", "workload_of"]

WORKLOAD_NAMES = frozenset(
    {
        "ARTIFACT",
        "CASES",
        "COMPONENTS",
        "GOLDEN",
        "GPUS",
        "IMPORTS",
        "ITEMS",
        "KIND",
        "METRICS",
        "ONNX_IR",
        "SEEDS",
        "TIERS",
        "TIMED",
        "TOLERANCE",
    }
)
# Words that mean something else in a policy or a comparison, and what the harness measures itself.
RESERVED_METRICS = (
    frozenset(
        {
            "environment",
            "execution",
            "faults",
            "numerics",
            "outputs",
            "pairs_per_generation",
            "pass_alpha",
            "regress_alpha",
            "rounds",
        }
    )
    | STANDARD_NAMES
)

_METRIC = re.compile(r"[a-z][a-z0-9_]*")
_PINNED = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*==[A-Za-z0-9.+!-]+")
_METRIC_KEYS = {"direction", "gated", "kind", "name", "unit"}
_TIERS = ("cpu", "gpu")


def workload_of(declared: Declarations) -> Workload:
    """The workload that a file declares. ContentError where a declaration is not what it has to be."""
    kind = required(declared, "KIND")
    said = "KIND is 'operator', 'model', 'loader' or 'pytest'"
    need(declared, "KIND", kind in ("operator", "model", "loader", "pytest"), said)
    if kind == "pytest":
        return suite_of(declared, _metrics(declared))
    tiers = required(declared, "TIERS")
    need(declared, "TIERS", is_tiers(tiers, _TIERS), "TIERS has 'cpu', 'gpu' or both")
    cases = parameters(declared, tuple(tiers))
    if kind == "model":
        _check_backends(declared, cases)
    tolerance = declared.values.get("TOLERANCE")
    if tolerance is None:
        required_types(declared, cases)
    else:
        need(declared, "TOLERANCE", is_limit(tolerance), "TOLERANCE is a number, 0 or more")
    timed = () if _is_loader(declared, kind) else _timed(declared, tuple(tiers))
    gpus = declared.values.get("GPUS", "each")
    need(declared, "GPUS", gpus in ("each", "all"), "GPUS is 'each' or 'all'")
    onnx_ir = declared.values.get("ONNX_IR")
    need(declared, "ONNX_IR", onnx_ir is None or is_count(onnx_ir), "ONNX_IR is a whole number above 0")
    return Workload(
        name=f"{kind}:{declared.path.stem}",
        path=declared.path,
        digest=declared.digest,
        tiers=tuple(Tier(tier) for tier in tiers),
        cases=cases,
        own_metrics=_metrics(declared),
        components=names(declared, "COMPONENTS"),
        imports=names(declared, "IMPORTS", default=()),
        tolerance=None if tolerance is None else float(tolerance),
        seeds=seeds(declared),
        artifact=_artifact(declared),
        onnx_ir=onnx_ir,
        timed=frozenset(map(Tier, timed)),
        all_gpus=gpus == "all",
        items=_items(declared, cases, bool(timed)),
        splits=splits(declared),
        oracle="reference" in declared.functions,
        golden=_golden(declared),
    )


def _check_backends(declared: Declarations, cases: dict[str, dict[str, Any]]) -> None:
    """What a model's case is compiled by, and whether it is there for that only."""
    for case, params in cases.items():
        label, backend, cold = f"CASES[{case!r}]", params.get("backend", EAGER), params.get("cold", False)
        known = backend in BACKENDS
        need(declared, "CASES", known, f"{label}['backend'] is one of {', '.join(BACKENDS)} (found {backend!r})")
        need(declared, "CASES", isinstance(cold, bool), f"{label}['cold'] is True or False")
        compiles = not cold or backend != EAGER
        need(declared, "CASES", compiles, f"{label}['cold'] goes with a backend that compiles, which {EAGER} does not")


def _is_loader(declared: Declarations, kind: str) -> bool:
    """Whether it is of kind loader, which saves what it loads. What is of interest is its ``load_time``."""
    saves = declared.functions.get("save")
    if kind != "loader":
        need(declared, "save", saves is None, "a function save only in a file of kind loader")
        return False
    where = "save" if saves is not None else "KIND"
    need(declared, where, saves == ("params", "tools"), "a loader has a function save with the arguments params, tools")
    for name in ("ARTIFACT", "ITEMS", "SEEDS", "TIMED"):
        there = name in declared.values
        need(declared, name, not there, f"no {name} in a loader, which loads what save() writes and is not timed")
    return True


def _timed(declared: Declarations, tiers: tuple[str, ...]) -> tuple[str, ...]:
    """The tiers in which speed is measured: all, none, or those that are named."""
    timed = declared.values.get("TIMED", True)
    if isinstance(timed, bool):
        return tiers if timed else ()
    need(declared, "TIMED", is_tiers(timed, tiers), f"TIMED is True, False, or some of {', '.join(tiers)}")
    return tuple(timed)


def _items(declared: Declarations, cases: dict[str, dict[str, Any]], timed: bool) -> float | str | None:
    items = declared.values.get("ITEMS")
    if items is None:
        return None
    need(declared, "ITEMS", timed, "ITEMS goes with a TIMED that is not False")
    if isinstance(items, str):
        for case, params in cases.items():
            need(
                declared, "ITEMS", is_count(params.get(items)), f"CASES[{case!r}][{items!r}] is a whole number above 0"
            )
        return items
    need(declared, "ITEMS", is_limit(items) and items > 0, "ITEMS is a number above 0, or the name of a parameter")
    return float(items)


def _golden(declared: Declarations) -> dict[str, tuple[Output, ...]] | None:
    entry = declared.values.get("GOLDEN")
    if entry is None:
        return None
    need(declared, "GOLDEN", is_text_map(entry), "GOLDEN is a dict of text")
    check_keys(declared, "GOLDEN", "GOLDEN", entry, {"path", "sha256"}, {"path", "sha256"})
    parts = entry["path"].split("/")
    need(declared, "GOLDEN", not {"", "..", "."} & set(parts), "GOLDEN['path'] is a path below the file's own folder")
    need(declared, "GOLDEN", bool(SHA256.fullmatch(entry["sha256"])), "GOLDEN['sha256'] is 64 hex digits")
    where = f"{declared.path}:{declared.lines['GOLDEN']}"
    return read_golden(declared.path.parent.joinpath(*parts), entry["sha256"], where)


def _metrics(declared: Declarations) -> tuple[Metric, ...]:
    entries = declared.values.get("METRICS", ())
    need(declared, "METRICS", isinstance(entries, tuple | list), "METRICS is a tuple of dicts")
    metrics: dict[str, Metric] = {}
    for index, entry in enumerate(entries):
        label = f"METRICS[{index}]"
        need(declared, "METRICS", isinstance(entry, dict), f"{label} is a dict")
        check_keys(declared, "METRICS", label, entry, _METRIC_KEYS, _METRIC_KEYS - {"gated"})
        name = entry["name"]
        good = (
            isinstance(name, str) and _METRIC.fullmatch(name) and name not in RESERVED_METRICS and name not in metrics
        )
        need(declared, "METRICS", bool(good), f"{label}['name'] is a new word of lower-case letters, digits and _")
        need(declared, "METRICS", isinstance(entry["unit"], str), f"{label}['unit'] is text")
        directions, kinds = [d.value for d in Direction], [k.value for k in Kind]
        need(declared, "METRICS", entry["direction"] in directions, f"{label}['direction'] is one of {directions}")
        need(declared, "METRICS", entry["kind"] in kinds, f"{label}['kind'] is one of {kinds}")
        gated = entry.get("gated", True)
        need(declared, "METRICS", isinstance(gated, bool), f"{label}['gated'] is True or False")
        metrics[name] = Metric(name, entry["unit"], Direction(entry["direction"]), Kind(entry["kind"]), gated)
    return tuple(metrics.values())


def _artifact(declared: Declarations) -> Artifact | None:
    entry = declared.values.get("ARTIFACT")
    if entry is None:
        return None
    need(declared, "ARTIFACT", isinstance(entry, dict), "ARTIFACT is a dict")
    keys = {"package", "path", "sha256"}
    check_keys(declared, "ARTIFACT", "ARTIFACT", entry, keys, keys)
    need(declared, "ARTIFACT", is_text_map(entry), "ARTIFACT has text values")
    need(declared, "ARTIFACT", bool(_PINNED.fullmatch(entry["package"])), "ARTIFACT['package'] is name==version")
    outside = entry["path"].startswith("/") or ".." in entry["path"].split("/") or not entry["path"]
    need(declared, "ARTIFACT", not outside, "ARTIFACT['path'] is a path inside the wheel")
    need(declared, "ARTIFACT", bool(SHA256.fullmatch(entry["sha256"])), "ARTIFACT['sha256'] is 64 hex digits")
    return Artifact(entry["package"], entry["path"], entry["sha256"])
