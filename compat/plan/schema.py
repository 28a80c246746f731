"""The shape of a matrix file, for pydantic and for editors.

Only what can be said of one part at a time is checked here; what parts say of each other is checked in
``compat.plan.check`` and ``compat.plan.policy``. Run as a module it prints the JSON Schema that
``matrices/matrix.schema.json`` has to be.
"""

from __future__ import annotations

import json
import sys
from typing import Annotated, Any, Literal

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from pydantic import AfterValidator, Field, model_validator

from compat.plan.fields import (
    Axis,
    Count,
    Coverage,
    Digest,
    Duration,
    Line,
    Pin,
    Point,
    Slug,
    Spec,
    Target,
    Text,
    Value,
    Values,
    Variable,
    distinct,
)
from compat.plan.policy_schema import PolicySpec, WorkloadPolicySpec

__all__ = [
    "FOLDERS",
    "FORMS",
    "MAX_AXES",
    "MAX_RINGS",
    "ControlsSpec",
    "MatrixSpec",
    "ModelSpec",
    "NodesSpec",
    "RingSpec",
    "RuntimeSpec",
    "SelectionSpec",
    "json_schema",
]


MAX_AXES = 100
MAX_RINGS = 50
FORMS = ("onnx", "safetensors", "exported")  # of a model that is a file: each has content of its own
FOLDERS = ("onnx", "safetensors")  # those that may be a folder of files that belong together


class RuntimeSpec(Spec):
    """One runtime: an image as it is, requirements on a base, or in place."""

    image: Text | None = Field(default=None, description="a container image, by digest where you can")
    base: Text | None = Field(
        default=None, description="the image that requirements are installed on, such as debian:bookworm"
    )
    requirements: list[Pin] | None = Field(default=None, description="distributions to install, each as name==version")
    in_place: Literal[True] | None = Field(default=None, description="the machine, pod or job we are in is the runtime")
    python: Text | None = Field(default=None, description="in place: the interpreter to use; ours when left out")
    env: dict[Variable, Line] = Field(default={}, description="environment variables; a secret only as env:NAME")
    values: dict[Axis, Value] = Field(default={}, description="the values of the axes that this runtime realises")
    cuda: Value | None = Field(default=None, description="short for values: {cuda: ...}")
    cuda_compat: bool | None = Field(
        default=None, description="whether it has NVIDIA's cuda-compat package; requirements never bring it"
    )
    ptx: bool = Field(default=False, description="whether the driver has to compile PTX of its CUDA")

    @model_validator(mode="after")
    def _one_way(self) -> RuntimeSpec:
        ways = [name for name in ("image", "requirements", "in_place") if getattr(self, name) is not None]
        if len(ways) != 1:
            found = " and ".join(ways) or "none"
            raise ValueError(f"expected one of image, requirements and in_place, found {found}")
        if self.base is not None and self.requirements is None:
            raise ValueError("base is what requirements are installed on; write requirements too, or leave it out")
        if self.python is not None and not self.in_place:
            raise ValueError("python is for in_place: true; leave it out")
        if self.cuda is not None and "cuda" in self.values:
            raise ValueError("cuda is there twice; write it as cuda or in values")
        seen = set()
        for pin in self.requirements or ():
            name = canonicalize_name(Requirement(pin).name)
            if name in seen:
                raise ValueError(f"the requirement {name} is there twice; keep one of them")
            seen.add(name)
        return self

    def realised(self) -> dict[str, str]:
        """Axis -> value that this runtime brings."""
        return self.values if self.cuda is None else {**self.values, "cuda": self.cuda}


class ModelSpec(Spec):
    """A model that is a file of a known form, or a folder of such files: run as it is."""

    onnx: Text | None = Field(
        default=None,
        description="an ONNX file, by its path from the matrix's folder; or a folder with one and its weights",
    )
    safetensors: Text | None = Field(default=None, description="a safetensors file, or a folder of them")
    exported: Text | None = Field(default=None, description="a program that torch.export saved (pt2)")
    sha256: Digest | None = Field(default=None, description="what the file has to be; planning takes what it is")
    tolerance: float | None = Field(default=None, ge=0, lt=1, description="relative L2 difference of an output")
    sizes: dict[Text, Count] = Field(default={}, description="onnx: the sizes of dimensions that have a name; else 2")
    below: Count = Field(default=2, description="onnx: integer inputs are 0 or more, and below this")

    @model_validator(mode="after")
    def _one_form(self) -> ModelSpec:
        forms = [name for name in FORMS if getattr(self, name) is not None]
        if len(forms) != 1:
            raise ValueError(f"expected one of {', '.join(FORMS)}, found {' and '.join(forms) or 'none'}")
        if forms != ["onnx"] and {"sizes", "below"} & self.model_fields_set:
            raise ValueError("sizes and below are for onnx; leave them out")
        path = self.form()[1]
        if path.startswith("/") or ".." in path.split("/"):
            raise ValueError(f"{path!r} is not below the matrix's folder; write a path without a leading / and ..")
        return self

    def form(self) -> tuple[str, str]:
        """Which form it has, and its path."""
        return next((name, path) for name in FORMS if (path := getattr(self, name)) is not None)


class SelectionSpec(Spec):
    """Workloads by name. A workload that several selections match follows the last of them."""

    select: Text = Field(description="names such as kernel:matmul, or a pattern such as model:*")
    targets: Annotated[list[Target], Field(min_length=1), AfterValidator(distinct)] | None = Field(
        default=None,
        description="GPUs that kernels are compiled for, and that libraries need code for, such as [sm_80, sm_90]",
    )
    timeout: Duration = Field(default=300.0, description="for one run of a case in one arm")
    required: bool = Field(default=True, description="false: measured and shown, and never in the way of GO")
    sentinel: bool = Field(
        default=False, description="work that the upgrade does not touch: it shows how a session was (design: stored)"
    )
    policy: WorkloadPolicySpec = Field(
        default=WorkloadPolicySpec(), description="limits of these workloads that are not the matrix's"
    )


class NodesSpec(Spec):
    """Which nodes a ring has."""

    labels: dict[Text, Line] = Field(default={}, description="labels that every node of the ring carries")
    gpu: list[Line] = Field(default=[], description="their cards, as nvidia-smi names them, such as NVIDIA H100*")


class ControlsSpec(Spec):
    """Nodes that are not upgraded: what happens to all nodes between before and after is not the upgrade's doing."""

    labels: Annotated[dict[Text, Line], Field(min_length=1)] = Field(description="labels that every control carries")
    minimum_nodes: Count | None = Field(default=None, description="as many as the ring's own, if it is not said")


class RingSpec(Spec):
    """A ring of nodes, and the evidence it asks for."""

    name: Slug
    after: Slug | None = Field(default=None, description="the ring that comes before")
    tiers: Annotated[
        list[Literal["static", "aot", "interpreted", "cpu", "gpu"]], Field(min_length=1), AfterValidator(distinct)
    ]
    coverage: Coverage = Field(
        default="full",
        description="the points that it takes: full; changed (on the way to the candidate); pairwise; 3-wise to 6-wise",
    )
    minimum_nodes: Count = 1
    budget: Duration = Field(default=1200.0, description="time that a node may spend measuring")
    nodes: NodesSpec = NodesSpec()
    gpus: Count | None = Field(default=None, description="GPUs of each node that are measured; all, if it is not said")
    design: Literal["control", "aba", "stored"] | None = Field(
        default=None, description="where a driver changes: control where there are controls, else aba; or stored"
    )
    controls: ControlsSpec | None = Field(
        default=None, description="nodes that are not upgraded, for a change of the driver: measured before and after"
    )
    soak: Duration | None = Field(
        default=None, description="how long the upgrade stays in this ring, once it is GO, before the next one takes it"
    )
    valid: Duration | None = Field(
        default=None, description="how old this ring's GO may be when the next ring asks for it; any age, if not said"
    )
    rehearsal: Duration | None = Field(
        default=None, description="how old a rehearsal of the rollback on a node of this ring may be; none is asked for"
    )
    attested: bool = Field(default=False, description="whether the next ring asks for a signed verdict of this one")


class MatrixSpec(Spec):
    """A matrix file."""

    name: Slug
    axes: Annotated[dict[Axis, Values], Field(min_length=1, max_length=MAX_AXES)] = Field(
        description="axis -> values. runtime is needed; model, driver, cuda, firmware and your own are not"
    )
    known_good: Point = Field(description="the stack that works; axes with one value fill themselves in")
    candidate: Point = Field(description="the stack to judge; axes with one value fill themselves in")
    exclude: list[Point] = Field(default=[], description="points to leave out, as GitHub Actions does it")
    include: list[Point] = Field(default=[], description="points to add, as GitHub Actions does it")
    runtimes: Annotated[dict[Value, RuntimeSpec], Field(min_length=1)]
    models: dict[Value, ModelSpec] = Field(default={}, description="models that are files, by name")
    tables: list[Text] = Field(
        default=[], description="folders with support tables of your own, by their paths from the matrix's folder"
    )
    workloads: Annotated[list[SelectionSpec], Field(min_length=1)]
    rings: Annotated[list[RingSpec], Field(min_length=1, max_length=MAX_RINGS)]
    policy: PolicySpec = PolicySpec()


def json_schema() -> str:
    """The JSON Schema of a matrix file (draft 2020-12), as the text of ``matrices/matrix.schema.json``."""
    schema: dict[str, Any] = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    schema.update(MatrixSpec.model_json_schema())
    return json.dumps(schema, indent=2, sort_keys=True) + "\n"


if __name__ == "__main__":
    sys.stdout.write(json_schema())
