"""A plan as Kubernetes Jobs: one for each image and node selector, whose indices are the shards.

Both arms of a pair run in one pod, in place: in virtual environments, or with interpreters of the image. A pod has no
privileges, no token and no engine's socket. Nodes are chosen by the label of GPU Feature Discovery for their driver and
by those of the ring, GPUs come from the device plugin, and no two of our pods share a node. A Job of a node after its
upgrade waits until that node has the label of the new driver.
"""

from __future__ import annotations

import re
from typing import Any

from compat.errors import UsageError
from compat.plan.batches import Batch
from compat.report.plan_formats import Asked, PlanFormat
from compat.report.plan_formats.words import dump, job_command, minutes, no_images, safe_name, targets

__all__ = ["DRIVER_LABEL", "FORMAT"]

DRIVER_LABEL = "nvidia.com/cuda.driver-version.full"
_HOST = "kubernetes.io/hostname"
_OURS = {"app.kubernetes.io/name": "gpu-compat"}
_USER = 10001
_STORES, _CACHE = "/evidence", "/cache"
_CPU, _MEMORY = "2", "8Gi"  # what a pod asks for: two arms take turns

_VALUE = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")
_KEY = re.compile(r"([a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")


def _render(asked: Asked) -> str:
    no_images(asked, "a pod")
    if not asked.image:
        problem = "pods need an image: one that has gpu-compat, the matrix file and what it names"
        raise UsageError("format k8s", problem, "say --image REPOSITORY/NAME@sha256:...")
    if not asked.claim:
        problem = "pods need a volume for their evidence, that all of them can write to"
        raise UsageError("format k8s", problem, "say --claim NAME, of a PersistentVolumeClaim with ReadWriteMany")
    jobs = [_job(asked, batch, host) for batch, host in targets(asked)]
    return dump(*jobs)


def _job(asked: Asked, batch: Batch, host: str | None) -> dict[str, Any]:
    labels = {**_OURS, "gpu-compat/plan": safe_name("plan", asked.plan.name, asked.plan.matrix_digest)}
    if batch.phase:
        labels["gpu-compat/phase"] = batch.phase.value
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": safe_name("compat", asked.plan.name, batch.ring, batch.key, host or "", str(asked.image)),
            "labels": labels,
        },
        "spec": {
            "completions": asked.shards,
            # Those of one node come one after the other. A shard that cannot be measured holds the ring: the rest is
            # stopped, nothing is tried again by itself, and the same Jobs again go on from the evidence.
            "parallelism": 1 if host else asked.shards,
            "completionMode": "Indexed",
            "backoffLimit": 0,
            "template": {"metadata": {"labels": labels}, "spec": _pod(asked, batch, host)},
        },
    }


def _pod(asked: Asked, batch: Batch, host: str | None) -> dict[str, Any]:
    shard = f'"$((JOB_COMPLETION_INDEX + 1))/{asked.shards}"'
    store = f'{_STORES}/{_folder(asked)}/"$((JOB_COMPLETION_INDEX + 1))-of-{asked.shards}"'
    script = f"exec {job_command(asked, batch, shard, store, '--engine', 'venv')}"
    gpus = {"nvidia.com/gpu": batch.gpus} if batch.gpus else {}
    closed = {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": True,
    }
    tolerations = [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}] if batch.gpus else []
    return {
        "restartPolicy": "Never",
        "activeDeadlineSeconds": 60 * minutes(batch),  # of a pod, so that waiting for a node does not count
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "nodeSelector": _selector(batch, host),
        "affinity": {
            "podAntiAffinity": {
                "requiredDuringSchedulingIgnoredDuringExecution": [
                    {"labelSelector": {"matchLabels": dict(_OURS)}, "topologyKey": _HOST}
                ]
            }
        },
        **({"tolerations": tolerations} if tolerations else {}),
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": _USER,
            "runAsGroup": _USER,
            "fsGroup": _USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [
            {
                "name": "measure",
                "image": asked.image,
                # Kubernetes would put variables of its own in place of $(NAME): twice the dollar is one.
                "command": ["/bin/sh", "-c", script.replace("$(", "$$(")],
                "env": [
                    {"name": "HOME", "value": _CACHE},
                    {"name": "COMPAT_CACHE", "value": f"{_CACHE}/compat"},
                    # A pod's own name is another one each time.
                    {"name": "COMPAT_NODE", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}},
                ],
                "resources": {
                    "requests": {"cpu": _CPU, "memory": _MEMORY, **gpus},
                    "limits": {"memory": _MEMORY, **gpus},
                },
                "securityContext": closed,
                "volumeMounts": [
                    {"name": "evidence", "mountPath": _STORES},
                    {"name": "cache", "mountPath": _CACHE},
                    {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108 - in the pod, an empty volume of its own
                ],
            }
        ],
        "volumes": [
            {"name": "evidence", "persistentVolumeClaim": {"claimName": _dns("claim", str(asked.claim))}},
            {"name": "cache", "emptyDir": {}},
            {"name": "tmp", "emptyDir": {}},
        ],
    }


def _folder(asked: Asked) -> str:
    """Where the stores of this ring are, on the volume: those of another matrix are elsewhere."""
    return safe_name(asked.plan.name, asked.ring.name)


def _selector(batch: Batch, host: str | None) -> dict[str, str]:
    """What the node has to have. UsageError for what no label of Kubernetes can be."""
    wanted = dict(batch.labels)
    if batch.driver:
        wanted[DRIVER_LABEL] = batch.driver
    if host:
        wanted[_HOST] = host
    for key, value in wanted.items():
        if not (_KEY.fullmatch(key) and (not value or _VALUE.fullmatch(value))):
            problem = f"{key}={value} is no label that a node of Kubernetes can have"
            raise UsageError(f"ring {batch.ring}", problem, "use up to 63 letters, digits and . _ -")
    return dict(sorted(wanted.items()))


def _dns(what: str, name: str) -> str:
    if not re.fullmatch(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?", name):
        raise UsageError(what, f"{name!r} is no name in Kubernetes", "use lower-case letters, digits, . and -")
    return name


FORMAT = PlanFormat("k8s", "Kubernetes Jobs", _render)
