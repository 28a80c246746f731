"""What a workload file of kind pytest declares: a test suite as it is, of which each file is a case."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from compat.model import Tier
from compat.plan.demands import check_keys, configurations, is_tiers, names, need, required
from compat.plan.shapes import is_json
from compat.plan.workload import Workload

if TYPE_CHECKING:
    from compat.model import Metric
    from compat.plan.literals import Declarations

__all__ = ["SUITE_NAMES", "suite_of"]

SUITE_NAMES = frozenset({"CASES", "COMPONENTS", "IMPORTS", "KIND", "METRICS", "TIERS"})
_CASE_KEYS = {"module", "options", "path", "tiers"}
_MODULE = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")


def suite_of(declared: Declarations, metrics: tuple[Metric, ...]) -> Workload:
    """The suite that a file declares. ContentError where a declaration is not what it has to be.

    A case names a ``module`` that the runtime has, or a ``path`` beside the declaring file: then its parameters get
    ``files``, the sha256 of each file in the same folder by its path below it, which the probe compares.
    """
    for name in declared.values:
        need(declared, name, name in SUITE_NAMES, f"a file of kind pytest declares {', '.join(sorted(SUITE_NAMES))}")
    tiers = required(declared, "TIERS")
    need(declared, "TIERS", is_tiers(tiers, ("cpu", "gpu")), "TIERS has 'cpu', 'gpu' or both")
    cases = {
        case: _case(declared, case, params, tuple(tiers)) for case, params in configurations(declared, "CASES").items()
    }
    return Workload(
        name=f"pytest:{declared.path.stem}",
        path=declared.path,
        digest=declared.digest,
        tiers=tuple(Tier(tier) for tier in tiers),
        cases=cases,
        own_metrics=metrics,
        components=names(declared, "COMPONENTS"),
        imports=names(declared, "IMPORTS", default=()),
        tolerance=0.0,
        seeds=1,
        artifact=None,
        onnx_ir=None,
    )


def _case(declared: Declarations, case: str, params: dict[str, Any], tiers: tuple[str, ...]) -> dict[str, Any]:
    label = f"CASES[{case!r}]"
    check_keys(declared, "CASES", label, params, _CASE_KEYS, set())
    need(declared, "CASES", is_json(params), f"{label} has plain values")
    need(declared, "CASES", ("module" in params) != ("path" in params), f"{label} has either module or path")
    options = params.get("options", ())
    good = isinstance(options, tuple | list) and all(isinstance(option, str) for option in options)
    need(declared, "CASES", good, f"{label}['options'] is a tuple of texts")
    need(declared, "CASES", is_tiers(params.get("tiers", tiers), tiers), f"{label}['tiers'] has some of the file's")
    if "module" in params:
        named = isinstance(params["module"], str) and _MODULE.fullmatch(params["module"])
        need(declared, "CASES", bool(named), f"{label}['module'] is the name of a module")
        return params
    path = params["path"]
    below = isinstance(path, str) and not {"", "..", "."} & set(path.split("/"))
    need(declared, "CASES", below, f"{label}['path'] is a path below the file's own folder")
    place = declared.path.parent / path
    need(declared, "CASES", place.is_file(), f"{label}['path'] is a file; {place} is none")
    need(declared, "CASES", "/" in path, f"{label}['path'] is in a folder of its own, with all that it needs")
    return {**params, "files": _files(place.parent)}


def _files(folder: Path) -> dict[str, str]:
    """sha256 of each file below a folder but compiled ones, by its path below it."""
    found = [path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(found)}
