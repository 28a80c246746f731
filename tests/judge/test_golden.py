"""Golden outputs: changed is said, and fails only by policy."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from compat.judge.admit import in_pairs
from compat.judge.numerics import judge_outputs
from compat.judge.outcome import Outcome
from compat.model import Arm, NumericsPolicy, Output, Status, digest

from .build import TEXT, World, plan, world

Y = np.linspace(-3.0, 1.0, 96).astype("f4")
NEAR = np.nextafter(Y, np.float32(2))
POLICIES = {"note": NumericsPolicy(), "fail": NumericsPolicy(golden="fail")}


def golden(name: str, value: Any, seed: int = 0) -> Output:
    return Output(name, value.dtype.str, value.shape, digest(value.tobytes()), seed)


def judged(good: Any, new: Any, known: tuple[Output, ...] | None, policy: str = "note", **more: Any) -> Outcome:
    w = world(plan(TEXT), pairs=2)
    w.edit(w.returns(y=good, **more), arm=Arm.KNOWN_GOOD).edit(w.returns(y=new, **more), arm=Arm.CANDIDATE)
    return found(w, known, policy)


def found(w: World, known: tuple[Output, ...] | None, policy: str) -> Outcome:
    case = replace(TEXT.case, golden=known)
    outcome = judge_outputs(in_pairs(w.evidence)[0], case, POLICIES[policy], w.blobs.__getitem__)
    assert outcome is not None
    return outcome


@pytest.mark.parametrize(
    ("good", "new", "said", "failed"),
    [
        (Y, Y, "; as the golden output", Status.PASS),
        (Y, NEAR, "; changed from golden: y (seed 0)", Status.REGRESS),
        (NEAR, NEAR, "; changed from golden in both arms: y (seed 0)", Status.PREEXISTING),
        (NEAR, Y, "; changed from golden in the known-good arm only: y (seed 0)", Status.FIXED),
    ],
)
def test_what_a_golden_output_says(good: Any, new: Any, said: str, failed: Status) -> None:
    noted = judged(good, new, (golden("y", Y),))
    assert noted.status is Status.PASS
    assert said in noted.reason
    assert judged(good, new, (golden("y", Y),), "fail").status is failed


def test_how_much_it_changed_is_said_where_the_store_has_the_golden_tensor() -> None:
    assert "relative L2" not in judged(NEAR, NEAR, (golden("y", Y),)).reason
    w = world(plan(TEXT), pairs=2)
    w.edit(w.returns(y=NEAR))
    w.store("y", Y)
    assert (
        "changed from golden in both arms: y (seed 0) (relative L2 difference "
        in found(w, (golden("y", Y),), "note").reason
    )


def test_another_type_or_shape_of_the_same_bytes_is_a_change() -> None:
    assert "; changed from golden" in judged(Y, Y, (golden("y", Y.reshape(8, 12)),)).reason
    assert "; changed from golden" in judged(Y, Y, (golden("y", Y.view("i4")),)).reason


def test_text_is_there_as_its_bytes() -> None:
    known = (golden("y", Y), golden("text", np.frombuffer(b"a b c", np.uint8)))
    assert "as the golden output" in judged(Y, Y, known, text="a b c").reason
    assert "changed from golden in both arms: text (seed 0)" in judged(Y, Y, known, text="a b d").reason


@pytest.mark.parametrize(("policy", "status"), [("note", Status.PASS), ("fail", Status.MISSING)])
def test_an_output_without_a_golden_one_is_said(policy: str, status: Status) -> None:
    outcome = judged(Y, Y, (), policy)
    assert outcome.status is status
    assert outcome.reason.endswith("; the golden file lacks y (seed 0)")


def test_a_golden_output_that_is_not_returned_is_said() -> None:
    outcome = judged(Y, Y, (golden("y", Y), golden("z", Y)), "fail")
    assert outcome.status is Status.PASS
    assert outcome.reason.endswith("; the golden file has z (seed 0), which the case does not return")


def test_without_a_declaration_nothing_is_said() -> None:
    assert judged(Y, Y, None, "fail").reason == "outputs: y is bitwise equal"


def test_what_fails_by_itself_stays_what_it_is() -> None:
    outcome = judged(Y, Y + 1, (golden("y", Y),))
    assert outcome.status is Status.REGRESS
    assert "golden" not in outcome.reason
