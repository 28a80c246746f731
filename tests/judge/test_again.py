from __future__ import annotations

from dataclasses import fields, replace

import pytest

from compat.judge.again import Again, beside
from compat.model import Decision, Status, Verdict
from tests.store.build import COMPARISON, VERDICT

OTHER = replace(COMPARISON, metric="memory", status=Status.PASS)
FULL = replace(VERDICT, comparisons=(COMPARISON, OTHER), judge="a" * 64, records={"n1": 4})


def test_the_same_is_the_same_whoever_judged_and_when() -> None:
    found = beside(FULL, replace(FULL, judge="b" * 64, judged_at="2030-01-01T00:00:00Z"))
    assert found == Again(decision=False, comparisons=(), other=())
    assert found.same


def test_another_decision() -> None:
    found = beside(FULL, replace(FULL, decision=Decision.GO))
    assert (found.decision, found.same) == (True, False)


def test_comparisons_that_changed_came_and_went() -> None:
    now = (replace(COMPARISON, status=Status.PASS, reason="as fast"), replace(OTHER, metric="throughput"))
    found = beside(FULL, replace(FULL, comparisons=now))
    assert found.comparisons == (
        f"{COMPARISON.item} latency: was regress, is pass: as fast",
        f"{COMPARISON.item} memory: was pass, is not compared",
        f"{COMPARISON.item} throughput: was not compared, is pass",
    )
    assert not found.same


def test_a_comparison_in_other_words_or_with_another_number_is_no_less_a_difference() -> None:
    for change in ({"reason": "slow"}, {"limit": 0.04}, {"pairs": 11}, {"known_good": 0.1000002}, {"candidate": "1.6"}):
        found = beside(FULL, replace(FULL, comparisons=(replace(COMPARISON, **change), OTHER)))
        assert (found.comparisons, found.other) == ((), ("comparisons",))


def test_the_last_digits_of_what_a_library_computed_are_no_difference() -> None:
    was = replace(COMPARISON, reason="slower by 20.1 % (0.1 to 0.3)")
    now = replace(was, effect=was.effect + 1e-12, reason="slower by 20.2 % (0.1 to 0.3)")
    verdict = replace(FULL, comparisons=(was, OTHER), reasons=(was.reason,))
    found = beside(verdict, replace(verdict, comparisons=(now, OTHER), reasons=(now.reason,)))
    assert found == Again(decision=False, comparisons=(), other=(), rounding=True)
    assert found.same
    assert not beside(verdict, replace(verdict, comparisons=(now, OTHER), evidence="0" * 64)).same  # no number
    assert not beside(verdict, replace(verdict, reasons=("faster by 20.1 % (0.1 to 0.3)",))).same


@pytest.mark.parametrize("field", [f.name for f in fields(Verdict) if f.name not in ("judge", "judged_at")])
def test_every_field_counts(field: str) -> None:
    found = beside(FULL, replace(FULL, **{field: "another" if field != "comparisons" else ()}))
    assert not found.same


def test_what_an_older_verdict_did_not_say_yet_is_no_difference() -> None:
    assert beside(replace(FULL, records={}, judge=""), FULL).same
    assert not beside(FULL, replace(FULL, records={})).same
