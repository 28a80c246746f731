"""Content: the kernels and workloads there are, as their files declare them. Nothing is executed.

A kernel file declares ``COMPONENTS``, ``AOT`` and optionally ``IMPORTS`` and ``KERNEL``. A workload file declares
``KIND``, ``TIERS``, ``CASES``, ``TOLERANCE``, ``COMPONENTS`` and optionally ``IMPORTS``, ``SEEDS``, ``TIMED``,
``ITEMS``, ``METRICS``, ``ARTIFACT``, ``ONNX_IR`` (the IR version of its ONNX artifact) and ``GOLDEN``; a function
``split(params, tools)`` declares that its batch can be split.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from compat.errors import ContentError
from compat.model import STANDARD_NAMES, Artifact, Direction, Kind, Metric, Output, Tier
from compat.paths import content_folder
from compat.plan.golden import read_golden
from compat.plan.literals import Declarations, read_declarations
from compat.plan.shapes import is_count, is_json, is_limit, is_text_map

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = ["KERNEL_NAMES", "RESERVED_METRICS", "WORKLOAD_NAMES", "Workload", "read_content", "read_file"]

KERNEL_NAMES = frozenset({"AOT", "COMPONENTS", "IMPORTS", "KERNEL"})
WORKLOAD_NAMES = frozenset(
    {
        "ARTIFACT",
        "CASES",
        "COMPONENTS",
        "GOLDEN",
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

_STEM = re.compile(r"[a-z][a-z0-9_]*")
_CASE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.,=+-]*")
_METRIC = re.compile(r"[a-z][a-z0-9_]*")
_MODULE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*")
_PINNED = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*==[A-Za-z0-9.+!-]+")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_AOT_KEYS = {"constexprs", "divisible", "num_stages", "num_warps", "signature"}
_METRIC_KEYS = {"direction", "gated", "kind", "name", "unit"}


@dataclass(frozen=True)
class Workload:
    """One content file. ``cases`` are its CASES, or a kernel's AOT configurations, by id.

    ``items`` is what a call works off: a number, or the name of a parameter. ``golden`` are outputs by case id; None
    where the file declares none.
    """

    name: str  # kernel:matmul, operator:softmax, model:minilm
    path: Path
    digest: str
    tiers: tuple[Tier, ...]
    cases: dict[str, dict[str, Any]]
    own_metrics: tuple[Metric, ...]  # those it declares itself; compat.plan.promised has all of a case's
    components: tuple[str, ...]
    imports: tuple[str, ...]
    tolerance: float
    seeds: int
    artifact: Artifact | None
    onnx_ir: int | None
    timed: bool = False
    items: float | str | None = None
    splits: bool = False
    oracle: bool = False
    golden: dict[str, tuple[Output, ...]] | None = None

    @property
    def kind(self) -> str:
        """``kernel``, ``operator`` or ``model``."""
        return self.name.partition(":")[0]

    @property
    def stem(self) -> str:
        """The file's name without its ending."""
        return self.name.partition(":")[2]


def read_content(site: Sequence[Path] = ()) -> dict[str, Workload]:
    """All workloads by name: those we ship, then those in ``kernels/`` and ``workloads/`` of each site folder.

    ContentError when a file is not what it has to be, a folder has neither, or two files give the same name.
    """
    folders = [(content_folder("kernels"), True), (content_folder("workloads"), False)]
    for folder in site:
        found = [(folder / "kernels", True), (folder / "workloads", False)]
        if not any(path.is_dir() for path, _ in found):
            raise ContentError(str(folder), "expected a folder with kernels/ or workloads/ in it", "check the path")
        folders += [(path, kernels) for path, kernels in found if path.is_dir()]
    content: dict[str, Workload] = {}
    for folder, kernels in folders:
        for path in _files(folder):
            workload = read_file(path, kernel=kernels)
            other = content.setdefault(workload.name, workload)
            if other is not workload:
                raise ContentError(f"{path}:1", f"{workload.name} is also defined by {other.path}", "rename one file")
    return content


def _files(folder: Path) -> list[Path]:
    """Its Python files; an empty answer must not come from a folder that could not be read."""
    try:
        paths = sorted(folder.iterdir())
    except OSError as error:
        raise ContentError(str(folder), f"the folder cannot be read: {error.strerror}", "check its rights") from None
    return [path for path in paths if path.suffix == ".py" and not path.name.startswith(("_", "."))]


def read_file(path: Path, *, kernel: bool) -> Workload:
    """The workload that the file at ``path`` declares."""
    if not _STEM.fullmatch(path.stem):
        raise ContentError(str(path), "expected a file name of lower-case letters, digits and _", "rename the file")
    declared = read_declarations(path, KERNEL_NAMES if kernel else WORKLOAD_NAMES)
    if not declared.docstring.strip():
        raise ContentError(f"{path}:1", "the docstring is missing", "say in its first line what the file is")
    return _kernel(declared) if kernel else _workload(declared)


def _kernel(declared: Declarations) -> Workload:
    cases = _cases(declared, "AOT")
    for case, config in cases.items():
        _keys(declared, "AOT", f"AOT[{case!r}]", config, _AOT_KEYS, {"constexprs", "signature"})
        signature = config["signature"]
        _need(declared, "AOT", is_text_map(signature), f"AOT[{case!r}]['signature'] maps arguments to type names")
        _need(declared, "AOT", isinstance(config["constexprs"], dict), f"AOT[{case!r}]['constexprs'] is a dict")
        for key in ("num_warps", "num_stages"):
            _need(declared, "AOT", is_count(config.get(key, 1)), f"AOT[{case!r}][{key!r}] is a whole number above 0")
        divisible = config.get("divisible", ())
        good = isinstance(divisible, tuple | list) and all(
            isinstance(name, str) and name in signature for name in divisible
        )
        _need(declared, "AOT", good, f"AOT[{case!r}]['divisible'] names arguments of its signature")
    if "KERNEL" in declared.values:
        kernel = declared.values["KERNEL"]
        _need(declared, "KERNEL", isinstance(kernel, str) and kernel.isidentifier(), "KERNEL names a function")
    return Workload(
        name=f"kernel:{declared.path.stem}",
        path=declared.path,
        digest=declared.digest,
        tiers=(Tier.AOT,),
        cases=cases,
        own_metrics=(),
        components=_names(declared, "COMPONENTS"),
        imports=_names(declared, "IMPORTS", default=()),
        tolerance=0.0,
        seeds=1,
        artifact=None,
        onnx_ir=None,
    )


def _workload(declared: Declarations) -> Workload:
    kind = _required(declared, "KIND")
    _need(declared, "KIND", kind in ("operator", "model"), "KIND is 'operator' or 'model'")
    tiers = _required(declared, "TIERS")
    good = isinstance(tiers, tuple | list) and len(tiers) > 0 and len(set(map(repr, tiers))) == len(tiers)
    _need(declared, "TIERS", good and all(tier in ("cpu", "gpu") for tier in tiers), "TIERS has 'cpu', 'gpu' or both")
    cases = _cases(declared, "CASES")
    for case, params in cases.items():
        _need(declared, "CASES", is_json(params), f"CASES[{case!r}] has only what JSON has: no sets, bytes, NaN")
        tolerance = params.get("tolerance", 0.0)
        _need(declared, "CASES", is_limit(tolerance), f"CASES[{case!r}]['tolerance'] is a number, 0 or more")
    tolerance = _required(declared, "TOLERANCE")
    _need(declared, "TOLERANCE", is_limit(tolerance), "TOLERANCE is a number, 0 or more")
    seeds = declared.values.get("SEEDS", 1)
    _need(declared, "SEEDS", is_count(seeds), "SEEDS is a whole number above 0")
    timed = declared.values.get("TIMED", True)
    _need(declared, "TIMED", isinstance(timed, bool), "TIMED is True or False")
    onnx_ir = declared.values.get("ONNX_IR")
    _need(declared, "ONNX_IR", onnx_ir is None or is_count(onnx_ir), "ONNX_IR is a whole number above 0")
    return Workload(
        name=f"{kind}:{declared.path.stem}",
        path=declared.path,
        digest=declared.digest,
        tiers=tuple(Tier(tier) for tier in tiers),
        cases=cases,
        own_metrics=_metrics(declared),
        components=_names(declared, "COMPONENTS"),
        imports=_names(declared, "IMPORTS", default=()),
        tolerance=float(tolerance),
        seeds=seeds,
        artifact=_artifact(declared),
        onnx_ir=onnx_ir,
        timed=timed,
        items=_items(declared, cases, timed),
        splits=_splits(declared),
        oracle="reference" in declared.functions,
        golden=_golden(declared),
    )


def _items(declared: Declarations, cases: dict[str, dict[str, Any]], timed: bool) -> float | str | None:
    items = declared.values.get("ITEMS")
    if items is None:
        return None
    _need(declared, "ITEMS", timed, "ITEMS goes with TIMED = True")
    if isinstance(items, str):
        for case, params in cases.items():
            _need(
                declared, "ITEMS", is_count(params.get(items)), f"CASES[{case!r}][{items!r}] is a whole number above 0"
            )
        return items
    _need(declared, "ITEMS", is_limit(items) and items > 0, "ITEMS is a number above 0, or the name of a parameter")
    return float(items)


def _splits(declared: Declarations) -> bool:
    arguments = declared.functions.get("split")
    _need(
        declared, "split", arguments in (None, ("params", "tools")), "a function split has the arguments params, tools"
    )
    return arguments is not None


def _golden(declared: Declarations) -> dict[str, tuple[Output, ...]] | None:
    entry = declared.values.get("GOLDEN")
    if entry is None:
        return None
    _need(declared, "GOLDEN", is_text_map(entry), "GOLDEN is a dict of text")
    _keys(declared, "GOLDEN", "GOLDEN", entry, {"path", "sha256"}, {"path", "sha256"})
    parts = entry["path"].split("/")
    _need(declared, "GOLDEN", not {"", "..", "."} & set(parts), "GOLDEN['path'] is a path below the file's own folder")
    _need(declared, "GOLDEN", bool(_SHA256.fullmatch(entry["sha256"])), "GOLDEN['sha256'] is 64 hex digits")
    where = f"{declared.path}:{declared.lines['GOLDEN']}"
    return read_golden(declared.path.parent.joinpath(*parts), entry["sha256"], where)


def _metrics(declared: Declarations) -> tuple[Metric, ...]:
    entries = declared.values.get("METRICS", ())
    _need(declared, "METRICS", isinstance(entries, tuple | list), "METRICS is a tuple of dicts")
    metrics: dict[str, Metric] = {}
    for index, entry in enumerate(entries):
        label = f"METRICS[{index}]"
        _need(declared, "METRICS", isinstance(entry, dict), f"{label} is a dict")
        _keys(declared, "METRICS", label, entry, _METRIC_KEYS, _METRIC_KEYS - {"gated"})
        name = entry["name"]
        good = (
            isinstance(name, str) and _METRIC.fullmatch(name) and name not in RESERVED_METRICS and name not in metrics
        )
        _need(declared, "METRICS", bool(good), f"{label}['name'] is a new word of lower-case letters, digits and _")
        _need(declared, "METRICS", isinstance(entry["unit"], str), f"{label}['unit'] is text")
        directions, kinds = [d.value for d in Direction], [k.value for k in Kind]
        _need(declared, "METRICS", entry["direction"] in directions, f"{label}['direction'] is one of {directions}")
        _need(declared, "METRICS", entry["kind"] in kinds, f"{label}['kind'] is one of {kinds}")
        gated = entry.get("gated", True)
        _need(declared, "METRICS", isinstance(gated, bool), f"{label}['gated'] is True or False")
        metrics[name] = Metric(name, entry["unit"], Direction(entry["direction"]), Kind(entry["kind"]), gated)
    return tuple(metrics.values())


def _artifact(declared: Declarations) -> Artifact | None:
    entry = declared.values.get("ARTIFACT")
    if entry is None:
        return None
    _need(declared, "ARTIFACT", isinstance(entry, dict), "ARTIFACT is a dict")
    keys = {"package", "path", "sha256"}
    _keys(declared, "ARTIFACT", "ARTIFACT", entry, keys, keys)
    _need(declared, "ARTIFACT", is_text_map(entry), "ARTIFACT has text values")
    _need(declared, "ARTIFACT", bool(_PINNED.fullmatch(entry["package"])), "ARTIFACT['package'] is name==version")
    outside = entry["path"].startswith("/") or ".." in entry["path"].split("/") or not entry["path"]
    _need(declared, "ARTIFACT", not outside, "ARTIFACT['path'] is a path inside the wheel")
    _need(declared, "ARTIFACT", bool(_SHA256.fullmatch(entry["sha256"])), "ARTIFACT['sha256'] is 64 hex digits")
    return Artifact(entry["package"], entry["path"], entry["sha256"])


def _cases(declared: Declarations, name: str) -> dict[str, dict[str, Any]]:
    cases = _required(declared, name)
    _need(declared, name, isinstance(cases, dict) and len(cases) > 0, f"{name} is a dict with at least one case")
    for case, params in cases.items():
        good = isinstance(case, str) and _CASE_ID.fullmatch(case)
        _need(declared, name, bool(good), f"{name} has ids of letters, digits and _ . , = + - (found {case!r})")
        _need(declared, name, isinstance(params, dict), f"{name}[{case!r}] is a dict")
    return dict(cases)


def _names(declared: Declarations, name: str, default: tuple[str, ...] | None = None) -> tuple[str, ...]:
    value = _required(declared, name) if default is None else declared.values.get(name, default)
    good = isinstance(value, tuple | list) and all(isinstance(item, str) and item for item in value)
    _need(declared, name, good and (default is not None or len(value) > 0), f"{name} is a tuple of names")
    if name == "IMPORTS":
        _need(declared, name, all(_MODULE.fullmatch(item) for item in value), "IMPORTS is a tuple of module names")
    return tuple(value)


def _required(declared: Declarations, name: str) -> Any:
    if name not in declared.values:
        raise declared.error(name, f"{name} is missing", f"declare {name} = ... at the top level")
    return declared.values[name]


def _need(declared: Declarations, name: str, good: bool, expected: str) -> None:
    if not good:
        raise declared.error(name, f"expected: {expected}")


def _keys(
    declared: Declarations, name: str, label: str, entry: dict[Any, Any], allowed: set[str], required: set[str]
) -> None:
    unknown, missing = sorted(map(repr, entry.keys() - allowed)), sorted(map(repr, required - entry.keys()))
    if unknown:
        raise declared.error(
            name, f"{label} has the unknown key {unknown[0]}", f"expected {', '.join(sorted(allowed))}"
        )
    if missing:
        raise declared.error(name, f"{label} lacks the key {missing[0]}", "add it")
