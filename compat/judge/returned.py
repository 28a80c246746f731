"""What the runs returned, before any value is read: expected minus observed, and what differs from run to run."""

from __future__ import annotations

from collections.abc import Sequence

from compat.judge.admit import Pair
from compat.judge.text import clip, plural
from compat.model import Case, Evidence, Status, Tier

__all__ = ["expects_outputs", "lacking", "unsteady"]


def expects_outputs(case: Case) -> bool:
    """Whether cases of this tier return something: those that are run, not those that are only compiled."""
    return case.tier in (Tier.CPU, Tier.GPU, Tier.INTERPRETED)


def lacking(pairs: Sequence[Pair], case: Case) -> tuple[Status, str] | None:
    """Expected minus observed: every run of both arms returns the same outputs, for every seed."""
    expected = _keys(pairs[0].known_good, False)
    oracle = _keys(pairs[0].known_good, True)
    for pair in pairs:
        for run in (pair.known_good, pair.candidate):
            for keys, should in ((_keys(run, False), expected), (_keys(run, True), oracle)):
                if len(set(keys)) != len(keys):
                    return Status.INVALID, f"pair {pair.number} ({run.arm.value}) returned an output twice"
                if keys != should:
                    differ = ", ".join(sorted({f"{name} (seed {seed})" for name, seed in set(keys) ^ set(should)}))
                    said = f"not every run returned the same: {clip(differ)} in pair {pair.number} ({run.arm.value})"
                    return Status.MISSING, said
    if case.oracle and not oracle:
        return Status.MISSING, "the case has an oracle, and no run returned a reference"
    if not set(oracle) <= set(expected):
        return Status.INVALID, "a reference belongs to no output"
    seeds = {name: {seed for other, seed in expected if other == name} for name, _ in expected}
    for name, have in sorted(seeds.items()):
        if len(have) < case.seeds:
            return Status.MISSING, f"{name} is there for {len(have)} of {plural(case.seeds, 'seed')}"
    if not expected:
        return Status.MISSING, "only references were returned"
    return None


def unsteady(pairs: Sequence[Pair]) -> str:
    """Outputs that differ between processes of one arm though the inputs were the same."""
    notes = []
    for arm, runs in (("known-good", [p.known_good for p in pairs]), ("candidate", [p.candidate for p in pairs])):
        seen: dict[tuple[str, str, int], set[str]] = {}
        for run in runs:
            for o in run.outputs:
                if not o.reference:
                    seen.setdefault((run.inputs, o.name, o.seed), set()).add(o.digest)
        names = sorted({name for (_, name, _), digests in seen.items() if len(digests) > 1})
        if names:
            notes.append(f"; {arm} differs from run to run in {clip(', '.join(names))}")
    return "".join(notes)


def _keys(run: Evidence, reference: bool) -> list[tuple[str, int]]:
    return sorted((o.name, o.seed) for o in run.outputs if o.reference is reference)
