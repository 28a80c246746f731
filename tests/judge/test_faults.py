"""Rule 15: faults."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from compat.judge.faults import attempts_needed, judge_faults
from compat.judge.outcome import Outcome
from compat.model import Arm, Decision, FaultKind, Policy, Ring, Status, Tier, digest

from .build import TEXT, World, drop, faulting, plan, world

GOOD, NEW = Arm.KNOWN_GOOD, Arm.CANDIDATE


def made(good: Sequence[int], new: Sequence[int], pairs: int = 3) -> World:
    """An item of the tokenizer whose arms fault in these pairs."""
    text = world(plan(TEXT))
    first = [record for record in text.evidence if record.pair == 0]
    text.evidence = [replace(record, pair=pair, generation=pair) for pair in range(pairs) for record in first]
    for arm, faulty in ((GOOD, good), (NEW, new)):
        if faulty:
            text.edit(faulting(), arm=arm, pairs=faulty)
    return text


def judged(good: Sequence[int], new: Sequence[int], pairs: int = 3) -> Outcome:
    return judge_faults(made(good, new, pairs).evidence, Policy())


@pytest.mark.parametrize(
    ("good", "new", "pairs", "status"),
    [
        ([], [], 3, Status.PASS),
        ([], [0, 1, 2], 3, Status.REGRESS),
        ([], [0, 2], 3, Status.REGRESS),
        ([], [0, 1], 2, Status.REGRESS),
        ([], [0], 3, Status.FLAKY),
        ([], [0], 2, Status.MISSING),
        ([], [0], 1, Status.MISSING),
        ([], [8, 9], 11, Status.REGRESS),
        ([], [8], 11, Status.FLAKY),
        ([], [8], 10, Status.MISSING),
        ([], [0, 9], 11, Status.FLAKY),
        ([0, 1, 2], [0, 1, 2], 3, Status.PREEXISTING),
        ([0, 1], [1, 2], 3, Status.PREEXISTING),
        ([0], [0, 1, 2], 3, Status.FLAKY),
        ([0, 1, 2], [], 3, Status.FIXED),
        ([0, 1, 2], [1], 3, Status.FLAKY),
        ([1], [], 4, Status.FLAKY),
        ([0, 1], [], 2, Status.MISSING),
    ],
)
def test_faults(good: list[int], new: list[int], pairs: int, status: Status) -> None:
    assert judged(good, new, pairs).status is status


def test_attempts_are_of_generations_of_their_own() -> None:
    """Ten pairs of one generation, with a fault in each, are one attempt; so a clean one does not count ten times."""
    text = made([], range(10), pairs=10)
    one = [replace(record, generation=1) for record in text.evidence]
    assert judge_faults(one, Policy()).status is Status.MISSING
    assert attempts_needed(one, Policy()) == 2
    three = [replace(record, generation=record.pair // 4) for record in text.evidence]
    assert judge_faults(three, Policy()).status is Status.REGRESS
    assert attempts_needed(three, Policy()) == 0
    once = made([], [3], pairs=10)
    assert judge_faults([replace(r, generation=r.pair // 4) for r in once.evidence], Policy()).status is Status.FLAKY
    again = made([], [1, 5], pairs=10)  # the second fault is not in its generation's first run
    assert judge_faults([replace(r, generation=r.pair // 4) for r in again.evidence], Policy()).status is Status.FLAKY


def test_a_reproduced_fault_says_where_and_what() -> None:
    outcome = judged([], [0, 1])
    assert outcome.reason == (
        "execution: the candidate faulted in 2 of 3 attempts (known-good 0 of 3) at stage run: crash (SIGSEGV): "
        "ended by SIGSEGV; it printed 'Segmentation fault' last"
    )
    assert (outcome.known_good, outcome.candidate) == (None, "crash/run/SIGSEGV")


def test_infrastructure_is_nobodys_fault() -> None:
    broken = made([], [0, 1, 2]).edit(faulting(FaultKind.INFRASTRUCTURE), arm=GOOD, pairs=[1])
    assert judge_faults(broken.evidence, Policy()).status is Status.INVALID


def test_a_known_good_arm_that_did_not_run_is_not_clean() -> None:
    alone = made([], [0, 1, 2]).edit(drop, arm=GOOD)
    assert judge_faults(alone.evidence, Policy()).status is Status.MISSING


def test_different_faults_in_both_arms_are_both_said() -> None:
    both = made([0, 1, 2], [0, 1, 2]).edit(faulting(FaultKind.OOM, signal=None, detail="no memory"), arm=GOOD)
    outcome = judge_faults(both.evidence, Policy())
    assert outcome.status is Status.PREEXISTING
    assert "different ways" in outcome.reason
    assert "oom: no memory" in outcome.reason


def test_one_arm_alone_or_none_is_missing() -> None:
    assert judge_faults([], Policy()).status is Status.MISSING
    assert judge_faults(made([], []).edit(drop, arm=NEW).evidence, Policy()).status is Status.MISSING


def test_a_fault_is_one_comparison_and_no_go() -> None:
    verdict = ring(made([], [0, 1, 2]))
    assert verdict[0] is Decision.NO_GO
    assert verdict[1] == ["execution"]


def test_fixed_is_go_only_when_the_candidate_is_right_by_itself() -> None:
    assert ring(made([0, 1, 2], []))[0] is Decision.GO
    wrong = made([0, 1, 2], [])
    wrong.edit(wrong.returns(y=np.array([np.nan])), arm=NEW)
    assert ring(wrong)[0] is Decision.HOLD
    silent = made([0, 1, 2], [])
    silent.edit(silent.returns(), arm=NEW)
    assert ring(silent)[0] is Decision.HOLD
    oracle = made([0, 1, 2], [])
    oracle.edit(oracle.returns(y=np.ones(4), y_ref=np.zeros(4)), arm=NEW)
    assert ring(oracle)[0] is Decision.HOLD
    right = made([0, 1, 2], [])
    right.edit(right.returns(y=np.ones(4), y_ref=np.ones(4)), arm=NEW)
    assert ring(right)[0] is Decision.GO


def test_a_flaky_item_with_wrong_outputs_is_still_wrong() -> None:
    wrong = made([], [0])
    wrong.edit(wrong.returns(y=np.ones(4)), pairs=[1, 2]).edit(wrong.returns(y=np.zeros(4)), arm=NEW, pairs=[1, 2])
    decision, metrics = ring(wrong)
    assert decision is Decision.NO_GO
    assert metrics == ["execution", "outputs"]


def ring(w: World) -> tuple[Decision, list[str]]:
    w.plan = replace(w.plan, rings=(Ring("canary", (Tier.CPU,)),))
    name = digest(w.plan)
    w.evidence = [replace(record, plan=name) for record in w.evidence]
    verdict = w.verdict()
    return verdict.decision, [c.metric for c in verdict.comparisons if c.item == TEXT.key]
