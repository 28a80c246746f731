"""Models that a matrix names by a line: a file or a folder of a known form, run by the content for that form."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from compat.errors import MatrixError
from compat.files import files_digest
from compat.model import Artifact
from compat.paths import content_folder
from compat.plan.content import read_file
from compat.plan.schema import FOLDERS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from compat.plan.schema import MatrixSpec, ModelSpec
    from compat.plan.workload import Workload
    from compat.plan.yaml_file import YamlFile

__all__ = ["given_models"]


def given_models(file: YamlFile, spec: MatrixSpec, content: Mapping[str, Workload]) -> dict[str, Workload]:
    """A workload for each model of the matrix's ``models``, by name (``model:NAME``).

    MatrixError where a file is not there, is not what the matrix says, or has the name of a model that there is.
    """
    found = {}
    named = {*spec.axes.get("model", ()), *(point["model"] for point in spec.include if "model" in point)}
    for name, model in spec.models.items():
        if name not in named:
            raise MatrixError(file.where("models", name), f"no cell has the model {name!r}", "add it to axes.model")
        if f"model:{name}" in content:
            other = content[f"model:{name}"].path.name
            raise MatrixError(file.where("models", name), f"{name!r} is a model already, of {other}", "rename it")
        found[f"model:{name}"] = _workload(file, name, model)
    return found


def _workload(file: YamlFile, name: str, model: ModelSpec) -> Workload:
    form, path = model.form()
    where = file.where("models", name, form)
    place = file.path.parent / path
    whole = form in FOLDERS and place.is_dir()
    if not (place.is_file() or whole):
        what = "a file or a folder" if form in FOLDERS else "a file"
        raise MatrixError(where, f"{path!r} is not {what} beside the matrix", "write its path from the matrix's folder")
    if whole and any(below.is_symlink() for below in place.rglob("*")):
        raise MatrixError(where, f"{path!r} has links in it", "put the files themselves there")
    try:
        digest = files_digest(place)
    except OSError as problem:
        raise MatrixError(where, f"{path!r} cannot be read: {problem.strerror}", "check its rights") from None
    if model.sha256 is not None and digest != model.sha256:
        raise MatrixError(
            file.where("models", name, "sha256"), f"{path!r} has the digest {digest}", "correct it, or restore the file"
        )
    shipped = read_file(content_folder("workloads") / "given" / f"{form}.py", kernel=False)
    cases = {case: _with(params, model) for case, params in shipped.cases.items()}
    tolerance = shipped.tolerance if model.tolerance is None else model.tolerance
    return replace(shipped, name=f"model:{name}", cases=cases, tolerance=tolerance, artifact=Artifact("", path, digest))


def _with(params: Mapping[str, Any], model: ModelSpec) -> dict[str, Any]:
    """The parameters of a case of the form, with what the matrix says of the model."""
    said = {"sizes": dict(model.sizes), "below": model.below}
    return {name: said.get(name, value) for name, value in params.items()}
