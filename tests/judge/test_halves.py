"""What the candidate did without its other arm counts, but for its speed: a killed run leaves such halves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from compat.judge.sampling import wanted
from compat.model import Arm, Decision, EventKind, Evidence, HealthEvent, Item, Status, Waiver

from .build import MATMUL, MEMORY, POOL, SPILLS, TEXT, World, drop, faulting, outputs_of, plan, samples, scaled, world

Change = Callable[[Evidence], Evidence]


def with_halves(
    change: Change | None = None, of: Item = POOL, arm: Arm = Arm.CANDIDATE, w: World | None = None, count: int = 2
) -> World:
    """Runs of one arm after all pairs, ``change``d."""
    w = w or world()
    there = [e for e in w.evidence if e.item == of.key and e.arm is arm][:count]
    for number, record in enumerate(there, 50):
        half = replace(record, pair=number, generation=50, measurements=_other(record))
        w.evidence.append(change(half) if change else half)
    return w


def _other(record: Evidence) -> tuple[object, ...]:
    """Samples that are another run's, by a bit: they were measured, too."""
    return tuple(
        replace(m, samples=tuple(s * (1 + 1e-6) if s % 1 else s for s in m.samples)) for m in record.measurements
    )


def statuses(w: World) -> dict[tuple[str, str], Status]:
    return {(c.item, c.metric): c.status for c in w.verdict().comparisons if c.status is not Status.PASS}


def garbage(w: World, of: Item) -> Change:
    values = outputs_of(of)
    made = tuple(w.store(name, value if name.endswith("*") else _garbage(value)) for name, value in values.items())
    return lambda record: replace(record, outputs=made)


def _garbage(value: object) -> object:
    return "garbage" if isinstance(value, str) else np.full_like(value, 7)


def nonfinite(w: World) -> Change:
    values = outputs_of(POOL)
    values["y"] = np.where(values["y"] > 0.9, np.nan, values["y"]).astype("f4")
    made = tuple(w.store(name, value) for name, value in values.items())
    return lambda record: replace(record, outputs=made)


@pytest.mark.parametrize("of", [POOL, TEXT, MATMUL])
def test_a_half_that_is_as_it_should_be_changes_nothing(of: Item) -> None:
    """Neither by being there nor in what is said: pairs are counted as before, and who resumes is GO."""
    before, after = world().verdict(), with_halves(of=of).verdict()
    assert (before.decision, after.decision) == (Decision.GO, Decision.GO)
    rest = [(c, d) for c, d in zip(before.comparisons, after.comparisons, strict=True) if c != d]
    assert [(c.metric, c.status) for c, _ in rest] == [("execution", Status.PASS)]  # it says how many runs there were
    w = with_halves(of=of)
    own = [e for e in w.evidence if e.item == of.key]
    assert wanted(w.plan, of, own).pairs <= len({e.pair for e in own})  # nothing more is measured for its sake


def test_garbage_that_a_half_returned_is_no_go() -> None:
    for of in (POOL, TEXT):
        w = world()
        verdict = with_halves(garbage(w, of), of, w=w).verdict()
        assert verdict.decision is Decision.NO_GO
        (found,) = [c for c in verdict.comparisons if c.status is Status.REGRESS]
        assert (found.item, found.metric) == (of.key, "outputs")
        assert found.reason.endswith("; with 2 runs of the candidate that no pair compares")


def test_one_half_is_enough() -> None:
    w = world()
    assert with_halves(garbage(w, POOL), w=w, count=1).verdict().decision is Decision.NO_GO


def test_what_is_not_finite_in_a_half_is_no_go_and_has_no_speed() -> None:
    w = world()
    found = statuses(with_halves(nonfinite(w), w=w))
    assert found[POOL.key, "outputs"] is Status.REGRESS
    assert found[POOL.key, "latency"] is Status.INCONCLUSIVE


def test_exact_and_bounded_metrics_of_a_half_count_and_its_speed_does_not() -> None:
    assert statuses(with_halves(samples(SPILLS.name, 64.0), MATMUL)) == {(MATMUL.key, SPILLS.name): Status.REGRESS}
    assert statuses(with_halves(samples(MEMORY.name, 2.0**32))) == {(POOL.key, MEMORY.name): Status.REGRESS}
    assert statuses(with_halves(scaled("latency", 1.5))) == {}


def test_a_half_that_returns_less_is_missed() -> None:
    found = statuses(with_halves(lambda e: replace(e, outputs=())))
    assert found == {(POOL.key, "outputs"): Status.MISSING}


def test_a_half_with_other_inputs_is_not_what_was_asked_for() -> None:
    verdict = with_halves(lambda e: replace(e, inputs="others")).verdict()
    assert verdict.decision is Decision.HOLD
    (found,) = [c for c in verdict.comparisons if c.status is not Status.PASS]
    said = "execution: the candidate ran alone in pair 50, with inputs that no run of the known-good arm had"
    assert (found.status, found.reason) == (Status.INVALID, f"{said}; and 1 more")


def test_faults_of_halves_count_as_ever() -> None:
    assert statuses(with_halves(faulting()))[POOL.key, "execution"] is not Status.PASS


def test_halves_never_make_anything_better() -> None:
    """What is wrong alike in each pair stays wrong, though a half is right, or wrong in another way."""
    w = world()
    w.edit(garbage(w, TEXT), of=TEXT, arm=Arm.CANDIDATE)
    right = tuple(w.store(name, value) for name, value in outputs_of(TEXT).items())
    other = (w.store("text", "a b c"), w.store("ids", np.arange(8)), w.store("plain", np.zeros(3)))
    for outputs in (right, other):
        both = with_halves(
            lambda e, own=outputs: replace(e, outputs=own), TEXT, w=replace(w, evidence=list(w.evidence))
        )  # type: ignore[misc]
        assert statuses(both) == statuses(w) == {(TEXT.key, "outputs"): Status.REGRESS}
    w = world().edit(samples(SPILLS.name, 64.0), of=MATMUL, arm=Arm.CANDIDATE)
    assert statuses(with_halves(samples(SPILLS.name, 0.0), MATMUL, w=w)) == statuses(w)


def test_a_half_of_the_known_good_arm_excuses_nothing() -> None:
    w = world()
    wrong = garbage(w, POOL)
    w.edit(wrong, of=POOL, arm=Arm.CANDIDATE)
    assert statuses(with_halves(wrong, arm=Arm.KNOWN_GOOD, w=w))[POOL.key, "outputs"] is Status.REGRESS


def test_a_run_beside_one_that_faulted_is_looked_at_where_the_fault_is_accepted() -> None:
    waived = Waiver(f"{POOL.case.workload}*", "execution", "flaky there", "ann", "2999-01-01")
    w = world()
    w.edit(faulting(), of=POOL, arm=Arm.KNOWN_GOOD, pairs=[4])
    w.waivers = (waived,)
    assert w.verdict().decision is Decision.GO
    w.edit(garbage(w, POOL), of=POOL, arm=Arm.CANDIDATE, pairs=[4])
    assert statuses(w)[POOL.key, "outputs"] is Status.REGRESS


def test_a_run_beside_one_on_a_gpu_that_was_not_sound_shows_nothing() -> None:
    w = world()
    event = HealthEvent(EventKind.ECC_UNCORRECTED, "GPU-0")
    w.edit(
        lambda e: replace(e, conditions=replace(e.conditions, events=(event,))), of=POOL, arm=Arm.KNOWN_GOOD, pairs=[9]
    )
    w.edit(garbage(w, POOL), of=POOL, arm=Arm.CANDIDATE, pairs=[9])
    assert statuses(w) == {(POOL.key, "execution"): Status.INVALID}


def test_halves_alone_are_no_pairs() -> None:
    w = world(plan(TEXT))
    w.edit(drop, arm=Arm.KNOWN_GOOD, pairs=[0]).edit(drop, arm=Arm.CANDIDATE, pairs=[1])
    assert statuses(w)[TEXT.key, "execution"] is Status.MISSING
    assert w.verdict().decision is Decision.HOLD
    w.edit(garbage(w, TEXT), arm=Arm.CANDIDATE)
    assert w.verdict().decision is Decision.NO_GO
