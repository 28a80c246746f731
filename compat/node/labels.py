"""Another node from the labels that it has in Kubernetes: those of GPU Feature Discovery, and a few of the kubelet.

https://github.com/NVIDIA/k8s-device-plugin/tree/main/docs/gpu-feature-discovery names them. Older releases spell some
in another way; where a node has both spellings, the newer one counts.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from compat.errors import UsageError
from compat.model.inventory import DriverFacts, GpuFacts, Inventory, Machine, Mode

__all__ = ["from_labels", "read_labels"]

_OURS = "nvidia.com/"
_KERNEL = "feature.node.kubernetes.io/kernel-version.full"
_MOST_GPUS = 64  # of one node; a label that says more is not believed
_MIB = 1 << 20
_REMEDY = "give a mapping of labels, or what kubectl get node NAME -o json prints"


def read_labels(path: Path) -> dict[str, str]:
    """The labels in a JSON or YAML file: a mapping of them, or a whole Node. UsageError where there are none."""
    import yaml

    try:
        said = path.read_text(encoding="utf-8")
    except OSError as problem:
        raise UsageError(str(path), f"cannot be read: {problem.strerror}", _REMEDY) from problem
    except UnicodeDecodeError as problem:
        raise UsageError(str(path), "is not text in UTF-8", _REMEDY) from problem
    try:
        # Values as they are spelt: YAML would take the revision 06 for a number.
        found: Any = json.loads(said) if said.lstrip().startswith("{") else yaml.load(said, yaml.BaseLoader)  # noqa: S506
    except (ValueError, yaml.YAMLError, RecursionError) as problem:
        raise UsageError(str(path), "is neither JSON nor YAML", _REMEDY) from problem
    if isinstance(found, dict) and isinstance(found.get("metadata"), dict):
        found = found["metadata"].get("labels")
    if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
        raise UsageError(str(path), "has no labels: names with a text each", _REMEDY)
    return {str(key): value for key, value in found.items()}


def from_labels(labels: Mapping[str, str]) -> Inventory:
    """What labels say of a node. Everything else of it was not read."""
    said = {key.removeprefix(_OURS): value for key, value in labels.items() if key.startswith(_OURS)}
    return Inventory(
        source="labels",
        machine=Machine(hostname=labels.get("kubernetes.io/hostname"), kernel=labels.get(_KERNEL)),
        driver=DriverFacts(version=_driver(said), cuda=_cuda(said)),
        gpus=_gpus(said),
        labels=dict(sorted(labels.items())),
    )


def _driver(said: Mapping[str, str]) -> str | None:
    new, old = "cuda.driver-version", "cuda.driver"
    return (
        said.get(f"{new}.full")
        or _joined(said, f"{new}.major", f"{new}.minor", f"{new}.revision")
        or _joined(said, f"{old}.major", f"{old}.minor", f"{old}.rev")
    )


def _cuda(said: Mapping[str, str]) -> str | None:
    """The newest CUDA of the driver, which is what the labels call the runtime's version."""
    new, old = "cuda.runtime-version", "cuda.runtime"
    full = (said.get(f"{new}.full") or "").split(".")
    if len(full) >= 2:
        return ".".join(full[:2])
    return _joined(said, f"{new}.major", f"{new}.minor") or _joined(said, f"{old}.major", f"{old}.minor")


def _joined(said: Mapping[str, str], *names: str) -> str | None:
    """``570.124.06`` from its parts. The third may be missing or empty: some versions have two."""
    parts = [said.get(name, "") for name in names]
    return ".".join(part for part in parts if part) if all(parts[:2]) else None


def _gpus(said: Mapping[str, str]) -> tuple[GpuFacts, ...] | None:
    count = _number(said.get("gpu.count"))
    if count is None or count > _MOST_GPUS:
        return None
    memory = _number(said.get("gpu.memory"))
    whole = said.get("mig.strategy") != "single"  # else the labels are an instance's
    facts = GpuFacts(
        product=said.get("gpu.product"),
        architecture=said.get("gpu.family"),
        compute_capability=_joined(said, "gpu.compute.major", "gpu.compute.minor"),
        memory_bytes=memory * _MIB if memory is not None and whole else None,
        mig=None if whole else Mode("on"),
    )
    return (facts,) * count


def _number(said: str | None) -> int | None:
    return int(said) if said is not None and said.isascii() and said.isdecimal() else None
