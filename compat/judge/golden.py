"""Golden outputs: what a case is known to return, to the bit. Another is *changed*, which is no failure by itself."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from compat.judge.admit import Pair
from compat.judge.arrays import Arrays, UnreadableOutputError, relative_l2
from compat.judge.outcome import Outcome
from compat.judge.text import clip
from compat.model import Case, Evidence, NumericsPolicy, Output, Status

__all__ = ["against_golden"]

_FAIL = "fail"  # NumericsPolicy.golden

Key = tuple[str, int]  # name, seed


def against_golden(
    outcome: Outcome, pairs: Sequence[Pair], case: Case, policy: NumericsPolicy, arrays: Arrays
) -> Outcome:
    """``outcome``, a PASS of the outputs of a case with golden ones, with what they say of it.

    By policy ``fail`` a change is REGRESS, one that the known-good arm has too is PREEXISTING, and an output that has
    no golden one is MISSING.
    """
    golden = {(o.name, o.seed): o for o in case.golden or ()}
    returned = {(o.name, o.seed) for o in pairs[0].known_good.outputs if not o.reference}
    good = _changed([pair.known_good for pair in pairs], golden)
    new = _changed([pair.candidate for pair in pairs], golden)
    lacking = _named(returned - golden.keys())
    said, status = "as the golden output", outcome.status
    if new:
        both = new.keys() <= good.keys()
        said = f"changed from golden{' in both arms' if both else ''}: {_how(new, golden, arrays)}"
        status = Status.PREEXISTING if both else Status.REGRESS
    elif good:
        said, status = f"changed from golden in the known-good arm only: {_named(good)}", Status.FIXED
    if lacking:
        said += f"; the golden file lacks {lacking}"
        status = Status.MISSING if status in (Status.PASS, Status.FIXED) else status
    if golden.keys() - returned:
        said += f"; the golden file has {_named(golden.keys() - returned)}, which the case does not return"
    reason = f"{outcome.reason}; {said}"
    return replace(outcome, reason=reason, status=status if policy.golden == _FAIL else outcome.status)


def _changed(runs: Sequence[Evidence], golden: dict[Key, Output]) -> dict[Key, Output]:
    """The outputs of any run that are not the golden ones of their name and seed."""
    return {
        (o.name, o.seed): o
        for run in runs
        for o in run.outputs
        if not o.reference and (known := golden.get((o.name, o.seed))) is not None and not _same(o, known)
    }


def _same(output: Output, golden: Output) -> bool:
    """Whether it is the same to the bit. A type that safetensors does not have is there as its bytes."""
    as_bytes = golden.dtype == "|u1" and len(golden.shape) == 1
    alike = (output.dtype, output.shape) == (golden.dtype, golden.shape)
    return output.digest == golden.digest and (alike or as_bytes)


def _how(changed: dict[Key, Output], golden: dict[Key, Output], arrays: Arrays) -> str:
    """What changed, and by how much at most where the store has the golden tensors too."""
    apart = []
    for key, output in changed.items():
        try:
            a, b = arrays.value(output), arrays.value(golden[key])
        except UnreadableOutputError:
            continue
        if isinstance(a, np.ndarray) and isinstance(b, np.ndarray) and a.shape == b.shape:
            apart.append(relative_l2(a, b))
    by = f" (relative L2 difference {max(apart):.3g})" if apart else ""
    return f"{_named(changed)}{by}"


def _named(keys: Iterable[Key]) -> str:
    return clip(", ".join(f"{name} (seed {seed})" for name, seed in sorted(keys)))
