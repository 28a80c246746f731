"""Whatever a runtime says of itself, there is a verdict, and it can be written down. It is never GO by garbage."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from compat.judge.centre import centre
from compat.model import Arm, Decision, Evidence, Output, canonical

from .build import POOL, World, samples, world

BOTH = (Arm.KNOWN_GOOD, Arm.CANDIDATE)


def outputs(w: World, arms: tuple[Arm, ...], **fields: object) -> World:
    def change(record: Evidence) -> Evidence:
        return replace(record, outputs=tuple(replace(o, **fields) for o in record.outputs))  # type: ignore[arg-type]

    for arm in arms:
        w.edit(change, of=POOL, arm=arm)
    return w


@pytest.mark.parametrize("arms", [(Arm.CANDIDATE,), BOTH], ids=["candidate", "both"])
@pytest.mark.parametrize(
    "fields",
    [
        {"dtype": "i4,,"},
        {"dtype": "(-1,)f4"},
        {"dtype": "f4" * 1000},
        {"shape": (1,) * 70},
        {"shape": (0, 2**40, 2**40)},
        {"shape": (2**62, 2**62)},
        {"dtype": "<U2", "shape": (24, 2)},
    ],
)
def test_headers_that_no_array_has_hold_the_ring(fields: dict[str, object], arms: tuple[Arm, ...]) -> None:
    verdict = outputs(world(), arms, **fields).verdict()
    assert verdict.decision in (Decision.HOLD, Decision.NO_GO)
    assert canonical(verdict)


def test_words_in_an_array_beside_words_are_compared() -> None:
    w = world()
    value = np.array(["a", "b"])
    made = (w.store("y", value), replace(w.store("y*", value), reference=True))
    assert isinstance(made[0], Output)
    w.edit(lambda record: replace(record, outputs=made), of=POOL)
    assert canonical(w.verdict())


@pytest.mark.parametrize("arm", BOTH)
@pytest.mark.parametrize("value", [1e-300, 5e-324, 1e300, 1.7e308])
@pytest.mark.parametrize("metric", ["latency", "throughput", "memory"])
def test_numbers_that_nothing_takes_hold_the_ring(metric: str, value: float, arm: Arm) -> None:
    verdict = world().edit(samples(metric, *[value] * 5), of=POOL, arm=arm).verdict()
    assert canonical(verdict)
    if metric != "memory" or value > 1:
        assert verdict.decision is not Decision.GO


def test_what_is_equal_but_for_rounding_is_no_certainty() -> None:
    """0.1 + 0.2 is not 0.3, and a coarse clock's values are no proof."""
    exact, rounded = (centre([0.3, middle, 0.3, 0.7, 0.2]) for middle in (0.3, 0.1 + 0.2))
    assert exact is not None
    assert rounded is not None
    assert rounded.error == pytest.approx(exact.error)
    assert rounded.p_worse(0.0) == pytest.approx(exact.p_worse(0.0))
    flat = centre([0.1 + 0.2, 0.3, 0.3])
    assert flat is not None
    assert flat.error == 0.0
