"""Writes golden outputs: what the known-good arm of a run returned, as the tensors of a safetensors file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from compat.errors import UsageError
from compat.model import Arm, Evidence, Item, Output, digest
from compat.patterns import name_pattern
from compat.plan.golden import DTYPES, tensor_name

if TYPE_CHECKING:
    from compat.store.documents import Store

__all__ = ["golden_tensors"]

_WHERE = "golden"


def golden_tensors(store: Store, pattern: str = "*", plan: str | None = None) -> bytes:
    """The golden file of the workload that ``pattern`` selects: ``CASE/OUTPUT/SEED`` for every output of its cases.

    ``pattern`` is one of ``compat.patterns``, over the names of items; ``plan`` the digest of a plan, or its start.
    References are no outputs. UsageError when the pattern selects no workload or several, when a case has no run of
    the known-good arm without a fault, and when its runs do not agree to the bit: then nothing is golden.
    """
    import numpy as np
    from safetensors.numpy import save

    chosen = store.plan(plan)
    wild = name_pattern(pattern)
    items = {item.key: item for item in chosen.items if wild.fullmatch(item.key)}
    workloads = sorted({item.case.workload for item in items.values()})
    if len(workloads) != 1:
        found = f"several workloads: {', '.join(workloads)}" if workloads else "no case"
        raise UsageError(_WHERE, f"{pattern!r} selects {found}", "select the cases of one, such as '*/model:minilm*'")
    runs = store.runs(digest(chosen))
    tensors = {}
    for key, item in sorted(items.items()):
        good = [run for run in runs.get(key, ()) if run.arm is Arm.KNOWN_GOOD and run.fault is None]
        for output in _agreed(item, good):
            data = store.blob(output.digest)
            plain = output.dtype in DTYPES.values()
            array = np.frombuffer(data, output.dtype if plain else np.uint8)
            tensors[tensor_name(item.case.id, output)] = array.reshape(output.shape) if plain else array
    written: bytes = save(tensors)
    return written


def _agreed(item: Item, runs: list[Evidence]) -> list[Output]:
    """The outputs of a case, which every run returned alike."""
    returned = [{output for output in run.outputs if not output.reference} for run in runs]
    if not returned or not returned[0]:
        problem = "has no run of the known-good arm that returned something"
        raise UsageError(_WHERE, f"{item.key} {problem}", "measure it first, or select other cases with --case")
    differ = {output.name for other in returned[1:] for output in other ^ returned[0]}
    if differ:
        problem = f"does not return the same each time in the known-good arm ({', '.join(sorted(differ))})"
        raise UsageError(_WHERE, f"{item.key} {problem}", "select other cases with --case")
    return sorted(returned[0], key=lambda output: (output.name, output.seed))
