"""Numerics: what a case returned, candidate against known-good, and against an oracle where the case has one.

Text, integers and booleans must be equal. A floating-point output with a reference is judged by each arm's error
against the known-good arm's reference (an upgrade that breaks the oracle must not excuse itself); one without by the
candidate's difference from the known-good arm. Where anything differs in dtype, shape or kind of non-finite value, no
tolerance applies. Every pair is compared, and the worst process counts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from compat.judge.admit import Pair
from compat.judge.arrays import Array, Arrays, UnreadableOutputError, described, largest, not_finite, relative_l2
from compat.judge.closeness import closeness
from compat.judge.golden import against_golden
from compat.judge.outcome import SEVERITY, Outcome
from compat.judge.returned import expects_outputs, lacking, unsteady
from compat.judge.sides import Found, Sides, against_exact_reference, against_known_good, against_reference
from compat.judge.text import changed_text, plural
from compat.model import Case, Evidence, NumericsPolicy, Output, Status

__all__ = ["METRIC", "judge_alone", "judge_outputs"]

METRIC = "outputs"

_FLOATING = "fc"


def judge_outputs(
    pairs: Sequence[Pair], case: Case, policy: NumericsPolicy, blob: Callable[[str], bytes]
) -> Outcome | None:
    """The outputs of one item on one node, from its clean pairs; None where the tier has none and there are none."""
    runs = [run for pair in pairs for run in (pair.known_good, pair.candidate)]
    if not any(run.outputs for run in runs):
        if not expects_outputs(case):
            return None
        return _outcome(Found(Status.MISSING, "no run returned any"), "", case, pairs)
    if not case.tolerance >= 0:
        return _outcome(Found(Status.INVALID, f"the case's tolerance is {case.tolerance}"), "", case, pairs)
    lost = lacking(pairs, case)
    if lost is not None:
        return _outcome(Found(*lost), "", case, pairs)
    arrays = Arrays(blob)
    try:
        names = sorted({o.name for o in runs[0].outputs if not o.reference})
        found = [_judge_name(name, pairs, case, policy, arrays) for name in names]
    except UnreadableOutputError as error:
        return _outcome(Found(Status.INVALID, str(error)), "", case, pairs)
    worst = min(found, key=lambda f: (SEVERITY.index(f.status), -(f.candidate or 0.0), f.said))
    others = sum(f.status is worst.status for f in found) - 1
    note = f"; and {plural(others, 'other output')}" if others and worst.status is not Status.PASS else ""
    outcome = _outcome(worst, note + unsteady(pairs), case, pairs)
    if case.golden is not None and outcome.status is Status.PASS:
        outcome = against_golden(outcome, pairs, case, policy, arrays)
    return replace(outcome, closeness=closeness(pairs, arrays))


def judge_alone(runs: Sequence[Evidence], case: Case, blob: Callable[[str], bytes]) -> Outcome | None:
    """The candidate's outputs where the known-good arm has none: None if nothing speaks against them."""
    if any(not run.outputs for run in runs) and expects_outputs(case):
        return Outcome(METRIC, Status.MISSING, f"{METRIC}: the candidate returned none")
    arrays = Arrays(blob)
    try:
        for run in runs:
            oracle = {(o.name, o.seed): arrays.value(o) for o in run.outputs if o.reference}
            for output in run.outputs:
                value, reference = arrays.value(output), oracle.get((output.name, output.seed))
                if output.reference or isinstance(value, str) or value.dtype.kind not in _FLOATING:
                    continue
                if not isinstance(reference, np.ndarray):
                    wrong = bool(not_finite(value).any())
                elif reference.shape != value.shape:
                    wrong = True
                else:
                    wrong = bool((not_finite(value) != not_finite(reference)).any()) or not (
                        relative_l2(value, reference) <= case.tolerance
                    )
                if wrong:
                    said = f"{METRIC}: {output.name} is wrong in the candidate, and the known-good arm has none"
                    return Outcome(METRIC, Status.PREEXISTING, said)
    except UnreadableOutputError as error:
        return Outcome(METRIC, Status.INVALID, f"{METRIC}: {error}")
    return None


def _outcome(found: Found, note: str, case: Case, pairs: Sequence[Pair]) -> Outcome:
    def number(value: float | None) -> float | str | None:
        return value if value is None or np.isfinite(value) else str(value)

    return Outcome(
        METRIC,
        found.status,
        f"{METRIC}: {found.said}{note}",
        known_good=number(found.known_good),
        candidate=number(found.candidate),
        limit=float(case.tolerance) if np.isfinite(case.tolerance) else None,
        pairs=len(pairs),
    )


def _judge_name(name: str, pairs: Sequence[Pair], case: Case, policy: NumericsPolicy, arrays: Arrays) -> Found:
    """One output over all pairs and seeds."""
    processes: list[list[Sides]] = []
    changed, seen = False, set()
    for pair in pairs:
        process = []
        same = tuple(o for run in (pair.known_good, pair.candidate) for o in run.outputs if o.name == name)
        if same in seen:
            continue
        seen.add(same)
        good, new = _named(pair.known_good, name, False), _named(pair.candidate, name, False)
        oracle, own = _named(pair.known_good, name, True), _named(pair.candidate, name, True)
        for seed, a in sorted(good.items()):
            b = new[seed]
            x, y = arrays.value(a), arrays.value(b)
            if isinstance(x, str) or isinstance(y, str):
                if not (isinstance(x, str) and isinstance(y, str)):
                    return Found(Status.REGRESS, f"{name} is of another type: {described(x)} -> {described(y)}")
                if x != y:
                    return Found(_blame(a, pairs), f"{name} changed: {changed_text(x, y)}")
                continue
            if x.dtype != y.dtype or x.shape != y.shape:
                what = "type" if x.shape == y.shape else "shape" if x.dtype == y.dtype else "type and shape"
                said = f"{name} is of another {what}: {described(x)} -> {described(y)}"
                if _looks(name, pairs, "candidate") == 1:
                    return Found(Status.REGRESS, said)
                return Found(Status.FLAKY, f"{said}, in pair {pair.number} and not in each")
            changed = changed or a.digest != b.digest
            if x.dtype.kind not in _FLOATING and seed in oracle:
                told = against_exact_reference(name, x, y, arrays.value(oracle[seed]))
                if told is not None:
                    return told
            if x.dtype.kind not in _FLOATING:
                if a.digest != b.digest:
                    wrong = int(np.count_nonzero(x != y))
                    return Found(
                        _blame(a, pairs), f"{name} differs in {wrong} of {x.size} elements: {_first(name, x, y)}"
                    )
                continue
            process.append(Sides(x, y, _oracle(name, x, seed, oracle, own, case, arrays)))
        processes.append(process)
    if len({len(process) for process in processes}) > 1:
        return Found(Status.INVALID, f"{name} has another dtype from run to run")
    if not processes[0]:
        return Found(Status.PASS, f"{name} is bitwise equal")
    if any(sides.reference is not None for process in processes for sides in process):
        return against_reference(name, processes, case, policy, changed)
    return against_known_good(name, processes, case, changed)


def _looks(name: str, pairs: Sequence[Pair], arm: str) -> int:
    """How many types and shapes an output has over the runs of an arm, seed by seed at most."""
    seen: dict[int, set[tuple[str, tuple[int, ...]]]] = {}
    for pair in pairs:
        for output in getattr(pair, arm).outputs:
            if output.name == name and not output.reference:
                seen.setdefault(output.seed, set()).add((output.dtype, output.shape))
    return max(map(len, seen.values()), default=0)


def _blame(output: Output, pairs: Sequence[Pair]) -> Status:
    """What a change of a known-good output that must be exact comes to: nothing new if it changes by itself."""
    seen: dict[str, set[str]] = {}
    for pair in pairs:
        digests = (
            o.digest
            for o in pair.known_good.outputs
            if (o.name, o.seed, o.reference) == (output.name, output.seed, False)
        )
        seen.setdefault(pair.known_good.inputs, set()).update(digests)
    return Status.PREEXISTING if any(len(digests) > 1 for digests in seen.values()) else Status.REGRESS


def _named(run: Evidence, name: str, reference: bool) -> dict[int, Output]:
    return {o.seed: o for o in run.outputs if o.name == name and o.reference is reference}


def _oracle(
    name: str,
    value: Array,
    seed: int,
    oracle: dict[int, Output],
    own: dict[int, Output],
    case: Case,
    arrays: Arrays,
) -> Array | None:
    """The known-good arm's reference, if the candidate's says the same within the tolerance."""
    if seed not in oracle:
        return None
    first, second = (_reference(name, output, value, arrays) for output in (oracle[seed], own[seed]))
    if (not_finite(first) != not_finite(second)).any() or not relative_l2(second, first) <= case.tolerance:
        raise UnreadableOutputError(f"the reference of {name} differs between the arms: {largest(name, first, second)}")
    return first


def _reference(name: str, output: Output, value: Array, arrays: Arrays) -> Array:
    reference = arrays.value(output)
    if isinstance(reference, str) or reference.dtype.kind not in _FLOATING or reference.real.itemsize < 8:
        raise UnreadableOutputError(f"the reference of {name} is {output.dtype}, expected float64")
    if reference.shape != value.shape:
        shapes = f"shape {list(reference.shape)}, the output {list(value.shape)}"
        raise UnreadableOutputError(f"the reference of {name} has {shapes}")
    return reference


def _first(name: str, x: Array, y: Array) -> str:
    if x.dtype.kind in "iub":
        return largest(name, x, y)
    index = np.unravel_index(int(np.argmax((x != y).ravel())), x.shape)
    return f"{name}{[int(i) for i in index]}: {x[index]!s} -> {y[index]!s}"
