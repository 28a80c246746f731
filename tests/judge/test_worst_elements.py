"""The elements that are farthest from what they should be."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from compat.judge.worst_elements import WorstElements, worst_elements
from compat.model import Arm, Evidence

from .build import POOL, TEXT, World, faulting, plan, world

ORACLE = np.linspace(-1.0, 1.0, 96).reshape(8, 12)
GOOD = ORACLE.astype("f4")
TOLERANCE = 1e-5


def ran(known_good: dict[str, Any], candidate: dict[str, Any]) -> World:
    """A world in which the arms returned these; ``y_ref`` is the oracle of ``y``."""
    made = world(plan(POOL), pairs=2)
    made.edit(made.returns(**known_good), arm=Arm.KNOWN_GOOD)
    return made.edit(made.returns(**candidate), arm=Arm.CANDIDATE)


def worst(made: World, **more: Any) -> tuple[WorstElements, ...]:
    return worst_elements(made.evidence, TOLERANCE, made.blobs.__getitem__, **more)


def test_the_worst_elements_are_those_that_were_spoilt_worst_first() -> None:
    bad = GOOD.copy()
    bad[2, 3], bad[7, 11], bad[0, 0] = 5.0, 9.0, -1.5
    (found,) = worst(ran({"y": GOOD, "y_ref": ORACLE}, {"y": bad, "y_ref": ORACLE}))
    assert (found.output, found.size, found.beyond, found.said) == ("y", 96, 3, "")
    assert [element.index for element in found.elements] == [(7, 11), (2, 3), (0, 0)]  # and none that is near enough
    first = found.elements[0]
    assert (first.known_good, first.candidate, first.reference) == ("1.0", "9.0", "1.0")
    assert first.apart == 8.0
    assert found.allowed == pytest.approx(TOLERANCE * math.sqrt(np.mean(ORACLE**2)))


def test_without_a_reference_it_is_the_difference_of_the_arms() -> None:
    bad = GOOD.copy()
    bad[1, 1] += 1.0
    (found,) = worst(ran({"y": GOOD}, {"y": bad}))
    assert [element.index for element in found.elements] == [(1, 1)]
    assert found.elements[0].reference is None
    assert found.beyond == 1


def test_where_every_element_is_as_far_as_allowed_the_whole_is_at_its_tolerance() -> None:
    should = np.array([3.0, -4.0, 12.0, 1.0])
    for factor, beyond in ((0.999, 0), (1.001, 4)):
        off = should + factor * TOLERANCE * math.sqrt(np.mean(should**2))
        assert bool(np.linalg.norm(off - should) <= TOLERANCE * np.linalg.norm(should)) is (beyond == 0)
        (found,) = worst(ran({"y": should}, {"y": off}))
        assert found.beyond == beyond


def test_what_is_the_same_is_not_listed() -> None:
    assert worst(ran({"y": GOOD}, {"y": GOOD})) == ()
    nan = GOOD.copy()
    nan[0, 0] = np.nan
    nan[0, 1] = -np.inf
    assert worst(ran({"y": nan}, {"y": nan})) == ()


@pytest.mark.parametrize("kind", [np.nan, np.inf, -np.inf])
def test_a_value_of_another_kind_is_worst_of_all(kind: float) -> None:
    bad = GOOD.copy()
    bad[4, 4], bad[5, 5] = kind, 1e30
    (found,) = worst(ran({"y": GOOD}, {"y": bad}))
    assert [element.index for element in found.elements] == [(4, 4), (5, 5)]
    assert math.isinf(found.elements[0].apart)
    assert found.beyond == 2


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        (np.array([1, 2, 3]), np.array([1, 2, 4])),
        (np.array([2**62 + 1, 0]), np.array([2**62, 0])),
        (np.array([True, False]), np.array([True, True])),
        (np.array(["a", "b"]), np.array(["a", "c"])),
        (np.array([b"a", b"b"]), np.array([b"a", b"c"])),
        (np.array([1, 2], "u1"), np.array([1, 255], "u1")),
    ],
)
def test_what_must_be_exact_is_beyond_by_any_difference(good: Any, bad: Any) -> None:
    (found,) = worst(ran({"y": good}, {"y": bad}))
    assert (found.beyond, found.allowed, len(found.elements)) == (1, 0.0, 1)
    assert found.elements[0].apart > 0
    assert found.elements[0].known_good != found.elements[0].candidate


def test_a_scalar_has_no_index_and_complex_numbers_have_a_distance() -> None:
    (found,) = worst(ran({"y": np.array(1 + 1j)}, {"y": np.array(1 + 4j)}))
    assert found.elements[0].index == ()
    assert found.elements[0].apart == 3.0


def test_of_elements_that_are_alike_the_first_are_shown() -> None:
    (found,) = worst(ran({"y": GOOD}, {"y": GOOD + np.float32(8)}), most=3)
    assert len(found.elements) == 3
    (found,) = worst(ran({"y": np.zeros(1000)}, {"y": np.ones(1000)}))
    assert [element.index for element in found.elements] == [(0,), (1,), (2,), (3,), (4,)]


def test_the_worst_run_of_an_output_is_shown() -> None:
    made = ran({"y": GOOD}, {"y": GOOD})
    slight, gross = GOOD.copy(), GOOD.copy()
    slight[0, 0] += 0.5
    gross[3, 3] += 50.0
    made.edit(made.returns(y=slight), arm=Arm.CANDIDATE, pairs=[0])
    made.edit(made.returns(y=gross), arm=Arm.CANDIDATE, pairs=[1])
    (found,) = worst(made)
    assert (found.pair, found.elements[0].index) == (1, (3, 3))


def test_what_was_wrong_in_the_known_good_arm_is_ranked_by_it() -> None:
    bad = GOOD.copy()
    bad[6, 6] = 7.0
    made = ran({"y": bad, "y_ref": ORACLE}, {"y": GOOD, "y_ref": ORACLE})
    (found,) = worst(made, of=Arm.KNOWN_GOOD)
    assert (found.arm, found.elements[0].index, found.beyond) == (Arm.KNOWN_GOOD, (6, 6), 1)


def test_another_shape_says_that_there_are_no_elements_and_a_text_has_none() -> None:
    (found,) = worst(ran({"y": GOOD}, {"y": GOOD.ravel()}))
    assert found.elements == ()
    assert found.said.startswith("it is of another shape: float32 [8, 12]")
    assert worst(ran({"y": "a b"}, {"y": "a c"})) == ()


def test_another_type_of_the_same_shape_is_put_side_by_side() -> None:
    (found,) = worst(ran({"y": np.array([1, 2, 300])}, {"y": np.array([1, 2, 44], "u1")}))
    assert [(e.known_good, e.candidate) for e in found.elements] == [("300", "44")]


def test_bytes_that_are_gone_or_changed_say_so() -> None:
    bad = GOOD.copy()
    bad[0, 0] = 2.0
    made = ran({"y": GOOD}, {"y": bad})
    (name,) = {o.digest for run in made.evidence if run.arm is Arm.CANDIDATE for o in run.outputs}
    made.blobs[name] = b""
    (found,) = worst(made)
    assert found.elements == ()
    assert found.said == "the bytes of y are not what their digest says: its elements cannot be shown"
    del made.blobs[name]
    (found,) = worst(made)
    assert "cannot be read" in found.said


def test_runs_that_faulted_are_passed_over_and_others_take_their_place() -> None:
    bad = GOOD.copy()
    bad[0, 0] = 2.0
    made = ran({"y": GOOD}, {"y": bad}).edit(faulting(), arm=Arm.KNOWN_GOOD, pairs=[1])
    (found,) = worst(made)
    assert found.beyond == 1
    made.edit(faulting(), arm=Arm.KNOWN_GOOD)
    assert worst(made) == ()


def test_several_outputs_are_told_by_their_names() -> None:
    made = world(plan(TEXT))
    wrong = {"text": "a b c", "ids": np.arange(12).reshape(3, 4)[::-1].copy(), "plain": GOOD + np.float32(1)}
    made.edit(made.returns(**wrong), arm=Arm.CANDIDATE)
    assert [one.output for one in worst(made)] == ["ids", "plain"]


def test_an_empty_output_has_none() -> None:
    assert worst(ran({"y": np.zeros((0, 3))}, {"y": np.zeros((0, 3))})) == ()


def test_large_outputs_are_looked_at_within_bounds() -> None:
    made = ran({"y": np.zeros(1 << 20)}, {"y": np.zeros(1 << 20)})
    first = next(run for run in made.evidence if run.arm is Arm.CANDIDATE)
    runs: list[Evidence] = [run for run in made.evidence if run.arm is Arm.KNOWN_GOOD]
    for number in range(40):
        value = np.zeros(1 << 20)
        value[number] = 1.0
        runs.append(replace(first, pair=100 + number, outputs=(made.store("y", value),)))
    read: list[str] = []

    def blob(name: str) -> bytes:
        read.append(name)
        return made.blobs[name]

    (found,) = worst_elements(runs, TOLERANCE, blob)
    assert found.beyond == 1
    assert len(read) < 15
    assert (found.looked, found.values) == (len(read) - 1, 40)  # of the other arm there is one value


def test_a_run_that_was_not_read_is_told_even_where_those_before_it_are_good(monkeypatch: pytest.MonkeyPatch) -> None:
    bad = GOOD.copy()
    bad[0, 0] = 2.0
    made = ran({"y": GOOD}, {"y": GOOD})
    made.edit(made.returns(y=bad), arm=Arm.CANDIDATE, pairs=[1])
    (found,) = worst(made)
    assert (found.beyond, found.looked, found.values) == (1, 2, 2)
    monkeypatch.setattr("compat.judge.worst_elements._MOST_BYTES", 1)
    (found,) = worst(made)
    assert (found.elements, found.looked, found.values) == ((), 1, 2)
    assert found.said == "no element is apart in what was read"


def test_what_is_too_large_is_not_read_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    made = ran({"y": GOOD}, {"y": GOOD + np.float32(1)})
    made.blobs.clear()
    monkeypatch.setattr("compat.judge.worst_elements._MOST_VALUE", 32 * GOOD.size - 1)
    (found,) = worst(made)
    assert (found.elements, found.said) == ((), "96 elements are too many to be looked at")


def test_a_large_output_takes_nothing_from_a_small_one(monkeypatch: pytest.MonkeyPatch) -> None:
    slight, gross = GOOD.copy(), GOOD.copy()
    slight[0, 0] += 0.5
    gross[3, 3] += 50.0
    large = np.zeros(1 << 12)
    made = ran({"a": large, "y": GOOD}, {"a": large, "y": GOOD})
    made.edit(made.returns(a=large + 1, y=slight), arm=Arm.CANDIDATE, pairs=[0])
    made.edit(made.returns(a=large + 2, y=gross), arm=Arm.CANDIDATE, pairs=[1])
    monkeypatch.setattr("compat.judge.worst_elements._MOST_BYTES", 32 * ((1 << 12) + 2 * GOOD.size))
    first, second = worst(made)
    assert (first.output, first.elements[0].apart, first.looked, first.values) == ("a", 1.0, 1, 2)
    assert (second.output, second.elements[0].index, second.looked, second.values) == ("y", (3, 3), 2, 2)
