"""Selections: which workloads a matrix runs, and with what options."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from compat.errors import MatrixError
from compat.plan.words import suggest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from compat.plan.schema import MatrixSpec
    from compat.plan.workload import Workload
    from compat.plan.yaml_file import YamlFile

__all__ = ["Selected", "select_workloads"]


@dataclass(frozen=True)
class Selected:
    """A workload with the options of the last selection that matches it. ``timeout`` is in seconds."""

    workload: Workload
    targets: tuple[str, ...]
    timeout: float
    required: bool
    selection: int  # which of the matrix's
    sentinel: bool = False


def select_workloads(file: YamlFile, spec: MatrixSpec, content: Mapping[str, Workload]) -> dict[str, Selected]:
    """The selected workloads by name.

    MatrixError when a selection matches nothing or what it matches runs nowhere, a kernel has no targets, targets are
    of no use, or the model axis and the models that there are or that are selected do not agree.
    """
    models = _models(file, spec, content)
    selected: dict[str, Selected] = {}
    for index, selection in enumerate(spec.workloads):
        where, label = file.where("workloads", index), f"workloads[{index}]"
        names = sorted(name for name in content if fnmatchcase(name, selection.select))
        if not names:
            kinds = {f"{workload.kind}:*" for workload in content.values()}
            problem = f"{label} selects {selection.select!r}, which is no workload"
            raise MatrixError(where, problem, suggest(selection.select, {*content, *kinds}))
        if all(content[name].kind == "model" and content[name].stem not in models for name in names):
            problem = f"{label} selects only models that axes.model does not name ({', '.join(names)})"
            raise MatrixError(where, problem, "add them to axes.model, or remove the selection")
        kernels = [name for name in names if content[name].kind == "kernel"]
        if kernels and not selection.targets:
            problem = f"{label} selects kernels ({', '.join(kernels)}) and names no targets"
            raise MatrixError(where, problem, "add targets: [sm_80, ...]")
        if selection.targets and not any(content[name].has_targets for name in names):
            problem = f"{label} names targets and selects nothing that is for a target"
            raise MatrixError(file.where("workloads", index, "targets"), problem, "leave targets out")
        for name in names:
            targets = tuple(selection.targets or ()) if content[name].has_targets else ()
            selected[name] = Selected(
                content[name], targets, selection.timeout, selection.required, index, selection.sentinel
            )
    for model, where in models.items():
        if f"model:{model}" not in selected:
            raise MatrixError(where, f"the model {model!r} is on an axis and no selection runs it", "select model:*")
    return selected


def _models(file: YamlFile, spec: MatrixSpec, content: Mapping[str, Workload]) -> dict[str, str]:
    """The models that the matrix names, each with ``file:line``."""
    named = [(value, file.where("axes", "model", index)) for index, value in enumerate(spec.axes.get("model", ()))]
    named += [
        (entry["model"], file.where("include", index, "model"))
        for index, entry in enumerate(spec.include)
        if "model" in entry
    ]
    for model, where in named:
        if f"model:{model}" not in content:
            other = content.get(f"operator:{model}")
            problem = f"the model {model!r} needs workloads/{model}.py with KIND = 'model', or a line under models"
            if other is not None:
                problem += f", and {other.path} is of kind operator"
            stems = [workload.stem for workload in content.values() if workload.kind == "model"]
            raise MatrixError(where, problem, suggest(model, stems) if stems else "add that file")
    return dict(reversed(named))
