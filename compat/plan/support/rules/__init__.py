"""Rules over the support tables: pure functions from what a stack states to an opinion, or None: not applicable.

Statuses are ``ok``, ``fail`` and ``unknown``. A row that is missing or unconfirmed gives unknown, never ok.
"""

from __future__ import annotations

from compat.plan.support.rules.cuda_driver import cuda_driver
from compat.plan.support.rules.gpus import driver_gpu, gpu_code
from compat.plan.support.rules.known_conflicts import known_conflicts
from compat.plan.support.rules.known_issues import known_issues
from compat.plan.support.rules.onnx_ir import onnx_ir
from compat.plan.support.rules.python_range import python_range
from compat.plan.support.rules.triton_target import triton_target

__all__ = [
    "RULES",
    "cuda_driver",
    "driver_gpu",
    "gpu_code",
    "known_conflicts",
    "known_issues",
    "onnx_ir",
    "python_range",
    "triton_target",
]

RULES = {
    "cuda-driver": cuda_driver,
    "driver-gpu": driver_gpu,
    "gpu-code": gpu_code,
    "known-conflicts": known_conflicts,
    "known-issues": known_issues,
    "onnx-ir": onnx_ir,
    "python": python_range,
    "triton-target": triton_target,
}
