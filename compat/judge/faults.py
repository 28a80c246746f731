"""Faults: a case that did not produce its measurements, tried again before it counts.

The attempts that count begin with the first fault in either arm: an item that ran cleanly for nine pairs and then
crashed is tried again like one that crashed at once. Each is of another generation: of what both arms' zygotes were.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from compat.judge.outcome import Outcome
from compat.judge.text import clip, plural
from compat.judge.unsound import events_in_words
from compat.model import Arm, Evidence, Fault, FaultKind, Policy, Status

__all__ = ["METRIC", "attempts", "attempts_needed", "describe", "judge_faults"]

METRIC = "execution"


def attempts_needed(evidence: Sequence[Evidence], policy: Policy, *, interleaved: bool = True) -> int:
    """The attempts of both arms still missing since the first fault; 0 without a fault."""
    if not any(record.fault is not None for record in evidence):
        return 0
    good, new = _both(evidence, policy, interleaved)
    return max(0, policy.fault_attempts - min(len(good), len(new)))


def _both(evidence: Sequence[Evidence], policy: Policy, interleaved: bool) -> tuple[list[Evidence], list[Evidence]]:
    """The attempts of both arms; where they were not interleaved, each since its own first fault."""
    good, new = (
        attempts(evidence if interleaved else [e for e in evidence if e.arm is arm], arm, policy)
        for arm in (Arm.KNOWN_GOOD, Arm.CANDIDATE)
    )
    return good, new


def judge_faults(evidence: Sequence[Evidence], policy: Policy, *, interleaved: bool = True) -> Outcome:
    """Whether one item runs in one place: PASS, or what its faults come to, and what happened to its GPUs.

    Where the arms were not ``interleaved``, each of them has attempts of its own.
    """
    outcome = _judge(evidence, policy, interleaved)
    hard, soft = events_in_words(evidence, hard=True), events_in_words(evidence, hard=False)
    said = outcome.reason + (f"; {soft}" if soft else "")
    if hard and outcome.status is Status.REGRESS:
        said += f"; a GPU was not sound: {hard}"
    elif hard:
        rest = said.removeprefix(f"{METRIC}: ")
        return replace(outcome, status=Status.INVALID, reason=f"{METRIC}: a GPU was not sound: {hard}; {rest}")
    return replace(outcome, reason=said)


def _judge(evidence: Sequence[Evidence], policy: Policy, interleaved: bool) -> Outcome:
    faulty = [record for record in evidence if record.fault is not None]
    ours = [e.fault for e in faulty if e.fault is not None and e.fault.kind is FaultKind.INFRASTRUCTURE]
    if ours:
        return _say(Status.INVALID, f"{plural(len(ours), 'run')} failed for reasons of our own: {describe(ours)}")
    runs = Counter(record.arm for record in evidence)
    if not (runs[Arm.KNOWN_GOOD] and runs[Arm.CANDIDATE]):
        also = f", with a fault {describe(_all(faulty))}" if faulty else ""
        return _say(Status.MISSING, f"only one arm has run{also}" if evidence else "no evidence")
    if not faulty:
        return _say(Status.PASS, f"{plural(runs[Arm.CANDIDATE], 'run')} of the candidate without a fault")
    good, new = _both(evidence, policy, interleaved)
    good_faults = [e.fault for e in good if e.fault is not None]
    new_faults = [e.fault for e in new if e.fault is not None]
    # Whatever lies after the attempts that count still shows that an arm is not clean.
    good_clean = not any(e.fault for e in evidence if e.arm is Arm.KNOWN_GOOD) and len(good) >= policy.fault_needed
    new_clean = not any(e.fault for e in evidence if e.arm is Arm.CANDIDATE) and len(new) >= policy.fault_needed
    good_often, new_often = (len(x) >= policy.fault_needed for x in (good_faults, new_faults))
    counts = f"in {len(new_faults)} of {len(new)} attempts (known-good {len(good_faults)} of {len(good)})"
    if new_often and good_clean:
        return _say(Status.REGRESS, f"the candidate faulted {counts} {describe(new_faults)}", good_faults, new_faults)
    if new_often and good_often:
        alike = {f.signature for f in good_faults} & {f.signature for f in new_faults}
        said = f"both arms fault{'' if alike else ', in different ways'}: {describe(new_faults)}"
        if not alike:
            said += f"; known-good {describe(good_faults)}"
        return _say(Status.PREEXISTING, said, good_faults, new_faults)
    if attempts_needed(evidence, policy, interleaved=interleaved):
        said = f"the candidate faulted {counts}, {policy.fault_attempts} attempts are needed: "
        return _say(Status.MISSING, said + describe(new_faults or good_faults), good_faults, new_faults)
    if good_often and new_clean:
        counts = f"{len(good_faults)} of {len(good)} attempts"
        said = f"the known-good arm faulted in {counts} and the candidate in none: {describe(good_faults)}"
        if any(e.fault is None for e in evidence if e.arm is Arm.KNOWN_GOOD):
            # Where it runs at times there is something to compare with, and that was not done.
            return _say(Status.FLAKY, f"{said}; at times it ran, and was not compared", good_faults, new_faults)
        return _say(Status.FIXED, said, good_faults, new_faults)
    said = f"the candidate faulted {counts}, which is not reproduced: "
    return _say(Status.FLAKY, said + describe(new_faults or good_faults or _all(faulty)), good_faults, new_faults)


def attempts(evidence: Sequence[Evidence], arm: Arm, policy: Policy) -> list[Evidence]:
    """The first run of each generation since the first fault: runs of one generation share what may have been amiss."""
    first = min((record.pair for record in evidence if record.fault is not None), default=0)
    runs: dict[int, Evidence] = {}
    for run in sorted((e for e in evidence if e.arm is arm and e.pair >= first), key=lambda e: e.pair):
        runs.setdefault(run.generation, run)
    return list(runs.values())[: policy.fault_attempts]


def _all(faulty: Sequence[Evidence]) -> list[Fault]:
    return [e.fault for e in faulty if e.fault is not None]


def describe(faults: Sequence[Fault]) -> str:
    """The commonest fault, with where it happened and the last line that it printed."""
    counts = Counter(fault.signature for fault in faults)
    commonest = min(counts, key=lambda signature: (-counts[signature], signature))
    fault = min((f for f in faults if f.signature == commonest), key=lambda f: (f.detail, f.output))
    named = f"{fault.kind.value} ({fault.signal})" if fault.signal else fault.kind.value
    said = f"at stage {fault.stage}: {named}: {clip(fault.detail)}"
    lines = [line for line in fault.output.splitlines() if line.strip()]
    if lines and clip(lines[-1]) not in said:
        said += f"; it printed {clip(lines[-1])!r} last"
    if len(counts) > 1:
        said += f"; and {plural(len(counts) - 1, 'other kind')} of fault"
    return said


def _say(status: Status, said: str, good: Sequence[Fault] = (), new: Sequence[Fault] = ()) -> Outcome:
    def named(faults: Sequence[Fault]) -> str | None:
        return min(fault.signature for fault in faults) if faults else None

    return Outcome(METRIC, status, f"{METRIC}: {said}", known_good=named(good), candidate=named(new))
