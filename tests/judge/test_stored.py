"""Rule 9: new sessions against stored ones."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from compat.judge.path import Edges, in_words
from compat.judge.stored import Session, stored
from compat.model import MetricPolicy, Policy, Status

from .build import LATENCY

POLICY = Policy()
LIMITS = MetricPolicy()
MARGIN = math.log1p(LIMITS.margin)
IGNORED = math.log1p(LIMITS.ignore)


def sessions(
    number: int,
    count: int = 1,
    shift: float = 0.0,
    name: str = "old",
    seed: int = 0,
    deviation: float = 0.01,
    session: float = 0.0,
    freedom: float = math.inf,
) -> list[Session]:
    """``session``: deviation of what everything in a session has in common, sentinels too."""
    rng = np.random.default_rng([seed, len(name), number])
    found = []
    for place in range(number):
        common = rng.normal(0.0, session)
        own = rng.normal(0.0, 1.0, count)
        if not math.isinf(freedom):
            own = rng.standard_t(freedom, count) * math.sqrt((freedom - 2.0) / freedom)
        values = -5.0 + common + shift + deviation * own
        found.append(Session(f"{name}{place}", values, common + rng.normal(0.0, 0.002, 6)))
    return found


def judged(history: list[Session], new: list[Session], measured: int = 1) -> Edges:
    return stored(history, new, LIMITS, POLICY, measured)


def share(found: Edges, status: Status) -> float:
    return float(found.came_to(status).mean())


def still(values: list[float], name: str) -> list[Session]:
    """Sessions whose sentinels do not move."""
    return [Session(f"{name}{n}", np.array([value]), np.zeros(3)) for n, value in enumerate(values)]


def test_it_is_the_prediction_test() -> None:
    rng = np.random.default_rng(4)
    old, new = list(rng.normal(0.0, 0.01, 15)), list(rng.normal(0.02, 0.01, 3))
    found = judged(still(old, "old"), still(new, "new"))
    error = float(np.std(old, ddof=1)) * math.sqrt(1 / 15 + 1 / 3)
    assert found.found.effect[0] == pytest.approx(np.mean(new) - np.mean(old))
    assert found.found.error[0] == pytest.approx(error)
    assert found.found.freedom.tolist() == [14]
    level = float(stats.t(14).sf((MARGIN - found.found.effect[0]) / error))
    for factor, passed in ((1.001, True), (0.999, False)):
        policy = replace(POLICY, pass_alpha=level * factor)
        status = stored(still(old, "old"), still(new, "new"), LIMITS, policy, 1).status[0]
        assert (status is Status.PASS) is passed


def test_unchanged_passes_and_ten_percent_is_named() -> None:
    assert share(judged(sessions(20, 500), sessions(4, 500, name="new"), 500), Status.PASS) > 0.99
    assert share(judged(sessions(20, 500), sessions(4, 500, 0.095, "new"), 500), Status.REGRESS) > 0.99


def test_what_a_session_has_in_common_is_subtracted() -> None:
    history, new = sessions(20, 500, session=0.005), sessions(2, 500, name="new", session=0.005)
    known = [replace(s, values=s.values - s.sentinels.mean()) for s in (*history, *new)]
    found = judged(history, new)
    expected = np.mean([s.values for s in known[20:]], axis=0) - np.mean([s.values for s in known[:20]], axis=0)
    assert found.found.effect == pytest.approx(expected)
    assert abs(float(np.mean(found.found.effect))) < 0.003


@pytest.mark.parametrize("by", [-0.04, 0.04])
def test_a_session_whose_sentinels_moved_is_refused(by: float) -> None:
    history, new = sessions(14, 3), sessions(2, 3, name="new")
    moved = replace(new[1], values=new[1].values + by, sentinels=new[1].sentinels + by)
    found = judged(history, [new[0], moved])
    assert found.status == (Status.INVALID,) * 3
    assert found.why[0].startswith(f"the sentinels of session new1 moved by {'-' if by < 0 else ''}")
    assert found.why[0].endswith(" %, beyond 3 %: refused")
    elsewhere = [replace(history[0], sentinels=history[0].sentinels + by), *history[1:]]
    left = judged(elsewhere, new)
    assert left.basis[0] == "2 sessions against 13 stored (1 refused by their sentinels)"
    assert left.status == judged(history[1:], new).status


def test_a_session_whose_sentinels_do_not_agree_is_refused() -> None:
    new = sessions(1, name="new")[0]
    wild = replace(new, sentinels=new.sentinels + 0.06 * np.array([1, -1] * 3))
    assert judged(sessions(14), [wild]).status == (Status.INVALID,)


@pytest.mark.parametrize("number", [0, 1, 7, 8, 11, 12])
def test_how_many_sessions_say_what(number: int) -> None:
    history = sessions(number, 200)
    same = judged(history, sessions(3, 200, name="new"), 1)
    worse = judged(history, sessions(3, 200, 0.2, "new"), 1)
    assert Status.PASS not in worse.status
    assert Status.REGRESS not in same.status
    assert (share(same, Status.PASS) > 0.9) is (number >= Policy().stored.passes)
    assert (share(worse, Status.REGRESS) > 0.9) is (number >= Policy().stored.regresses)
    if number < Policy().stored.regresses:
        said = f"3 sessions against {number} stored: 8 are needed to find a change, 12 to pass"
        assert set(same.why) == set(worse.why) == {said}
    elif number < Policy().stored.passes:
        assert Status.PASS not in same.status
        assert f"{number} of the 12 stored sessions that may pass it" in same.why


def test_refused_sessions_do_not_count() -> None:
    history = sessions(12, 3)
    history[0] = replace(history[0], sentinels=history[0].sentinels + 0.1)
    assert Status.PASS not in judged(history, sessions(3, 3, name="new")).status


def test_one_new_session_may_pass_and_never_regresses() -> None:
    assert share(judged(sessions(20, 300), sessions(1, 300, name="new"), 300), Status.PASS) > 0.8
    found = judged(sessions(20, 300), sessions(1, 300, 0.2, "new"), 300)
    assert set(found.status) == {Status.INCONCLUSIVE}
    assert set(found.why) == {"one new session may be the odd one: a second has to confirm it"}
    assert found.flagged.all()


def test_every_new_session_has_to_be_worse_than_all_stored_ones() -> None:
    history, new = sessions(20), sessions(3, 1, 0.2, "new")
    assert judged(history, new).status == (Status.REGRESS,)
    mixed = [replace(new[0], values=history[3].values), *new[1:]]
    found = judged(history, mixed).at(0)
    assert found.status is Status.INCONCLUSIVE
    assert found.why == "not every new session is worse than all stored ones"


@pytest.mark.parametrize("number", [12, 20, 40])
@pytest.mark.parametrize("new", [1, 2, 4])
def test_false_pass_at_the_margin(number: int, new: int) -> None:
    # The noise of the sentinels is one for all measurements of a session, so many sessions are drawn.
    found = [
        share(judged(sessions(number, 500, seed=seed), sessions(new, 500, MARGIN, "new", seed)), Status.PASS)
        for seed in range(150)
    ]
    assert np.mean(found) == pytest.approx(POLICY.pass_alpha, abs=0.006)


@pytest.mark.parametrize("freedom", [math.inf, 5.0, 3.0])
@pytest.mark.parametrize("number", [8, 12, 40])
def test_false_alarms_of_a_hundred_measurements_in_which_nothing_changed(number: int, freedom: float) -> None:
    count = 100_000
    found = judged(
        sessions(number, count, freedom=freedom), sessions(2, count, name="new", freedom=freedom), measured=100
    )
    assert share(found, Status.REGRESS) <= POLICY.regress_alpha / 100


def test_the_order_of_the_sessions_does_not_matter() -> None:
    history, new = sessions(14, 50), sessions(3, 50, 0.03, "new")
    found = judged(history[::-1], new[::-1])
    assert found.status == judged(history, new).status
    assert found.found.effect == pytest.approx(judged(history, new).found.effect)


@pytest.mark.parametrize("shift", [0.0, 0.5])
def test_a_session_that_is_there_twice_is_refused(shift: float) -> None:
    history, new = sessions(12, 2), sessions(2, 2, shift, "new")
    by_name = judged([*history, replace(history[0], values=history[0].values + 0.001)], new)
    assert (set(by_name.status), by_name.why[0]) == ({Status.INVALID}, "session old0 is there 2 times")
    as_both = judged([*history, replace(new[0], values=new[0].values + 0.001)], new)
    assert set(as_both.status) == {Status.INVALID}
    copied = judged([*history, replace(history[0], name="other")], new)
    assert (set(copied.status), copied.why[0]) == ({Status.INVALID}, "session other is a copy of session old0")


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("old", [True, False])
@pytest.mark.parametrize("shift", [0.0, 0.5])
def test_what_is_not_finite_is_invalid_and_the_others_are_judged(old: bool, value: float, shift: float) -> None:
    history, new = sessions(14, 4), sessions(2, 4, shift, "new")
    clean = judged(history, new)
    (history if old else new)[1].values[2] = value
    found = judged(history, new)
    assert (found.status[2], found.why[2]) == (Status.INVALID, "not every value is finite")
    for row in (0, 1, 3):
        assert found.at(row) == clean.at(row)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_sentinels_that_are_not_finite_refuse_their_session(value: float) -> None:
    history, new = sessions(14, 2), sessions(2, 2, name="new")
    history[3].sentinels[1] = value
    assert judged(history, new).basis[0] == "2 sessions against 13 stored (1 refused by their sentinels)"
    new[1].sentinels[0] = value
    found = judged(history, new)
    assert set(found.status) == {Status.INVALID}
    assert found.why[0] == "the sentinels of session new1 moved by what is not a number, beyond 3 %: refused"


@pytest.mark.parametrize("shift", [0.0, 0.5])
def test_without_any_variance_nothing_is_said(shift: float) -> None:
    rng = np.random.default_rng(0)
    history = [Session(f"old{n}", np.zeros(1), rng.normal(0.0, 1e-12, 4)) for n in range(14)]
    new = [Session(f"new{n}", np.full(1, shift), rng.normal(0.0, 1e-12, 4)) for n in range(2)]
    found = judged(history, new).at(0)
    assert (found.status, found.centre) == (Status.INCONCLUSIVE, None)
    assert found.why == "without any variance nothing can be said"


def test_without_sentinels_nothing_is_judged() -> None:
    history, new = (
        [replace(s, sentinels=s.sentinels[:2]) for s in group] for group in (sessions(14), sessions(2, name="new"))
    )
    found = judged(history, new).at(0)
    assert (found.status, found.why) == (Status.MISSING, "2 sentinels a session, 3 are needed")


def test_sessions_of_different_layouts_are_an_error() -> None:
    with pytest.raises(ValueError, match="2 different layouts of sessions"):
        judged(sessions(12, 2), sessions(1, 3, name="new"))
    with pytest.raises(ValueError, match="0 new sessions"):
        judged(sessions(12, 2), [])


def test_families_moderate_the_variances() -> None:
    history, new = sessions(12, 200), sessions(2, 200, 0.05, "new")
    plain = share(judged(history, new, 200), Status.REGRESS)
    shrunk = share(stored(history, new, LIMITS, POLICY, 200, ["latency"] * 200), Status.REGRESS)
    assert shrunk > plain + 0.05


def test_in_words() -> None:
    said = in_words(LATENCY, judged(sessions(14), sessions(2, 1, 0.1, "new")).at(0), LIMITS)
    assert said.status is Status.REGRESS
    assert said.reason.startswith("latency ")
    assert " % slower (95 % interval " in said.reason
    assert ", 2 sessions against 14 stored), margin 3 %: 6." in said.reason
