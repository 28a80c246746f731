"""What is not as it should be with one case that has an oracle, run by a probe on a CPU."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from compat.judge.arrays import not_finite, relative_l2
from compat.model import Case, FaultKind
from compat.run.session import Session

__all__ = ["wrong"]


def wrong(session: Session, path: Path, case: Case, seconds: float = 120.0) -> str:
    """Its fault, or what it returned that its reference does not allow; empty if nothing is wrong.

    What has no reference is compared between arms only, and here there is one.
    """
    result, frames = session.run(case, path, None, seconds)
    if result.fault is not None:
        assert result.fault.kind is not FaultKind.INFRASTRUCTURE, result.fault  # that says nothing about the case
        return f"{result.fault.kind.value} in {result.fault.stage}: {result.fault.detail}"
    # How a library splits its work is its own affair: a change of that shows between the arms.
    looked_at = (
        ("nondeterministic", "batch_mismatches") if case.workload.startswith("kernel:") else ("nondeterministic",)
    )
    mismatches = {m.metric: m.samples for m in result.measurements if m.metric in looked_at}
    if any(samples != (0.0,) for samples in mismatches.values()):
        return str(mismatches)
    arrays = {
        (head.name, head.seed, head.reference): np.frombuffer(frame, head.dtype).reshape(head.shape)
        for head, frame in zip(result.outputs, frames, strict=True)
        if head.dtype != "utf-8"  # what a model loaded
    }
    problems = []
    for (name, seed, is_reference), value in arrays.items():
        expected = arrays.get((name, seed, True))
        if is_reference and value.dtype.kind == "f" and value.dtype.itemsize < 8:
            problems.append(f"the reference of {name} is {value.dtype}, and the judge takes float64 only")
        if is_reference or expected is None:
            continue
        if value.shape != expected.shape:
            problems.append(f"{name} is {value.shape}, the reference {expected.shape}")
        elif value.dtype.kind not in "fc":
            problems += [f"{name} differs"] if not np.array_equal(value, expected) else []
        elif (not_finite(value) != not_finite(expected)).any():
            problems.append(f"{name} has NaN or Inf in other places")
        elif value.size and not relative_l2(value, expected) <= case.tolerance:
            problems.append(f"{name} is off by {relative_l2(value, expected):.3g}, allowed {case.tolerance:.3g}")
    return "; ".join(problems)
