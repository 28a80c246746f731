"""Rule 7: an upgraded group of nodes against a control group, before and after."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from compat.judge.control import NodeChange, control, reach
from compat.judge.path import Edges, in_words
from compat.judge.series import Floats
from compat.model import Direction, Kind, MetricPolicy, Policy, Status

from .build import LATENCY, THROUGHPUT

POLICY = Policy()
LIMITS = MetricPolicy()
MARGIN = math.log1p(LIMITS.margin)
IGNORED = math.log1p(LIMITS.ignore)


def nodes(moved: Floats, still: Floats, generations: int = 3) -> list[NodeChange]:
    """Nodes with the given changes (measurements, nodes), whose generations are alike."""
    found = []
    for group, changes in ((True, moved), (False, still)):
        for number, change in enumerate(changes.T):
            before = np.full((len(change), generations), -5.0 - 0.1 * number)
            found.append(NodeChange(f"{'u' if group else 'c'}{number}", group, before, before + change[:, None]))
    return found


def drawn(
    upgraded: int,
    controls: int,
    shift: float = 0.0,
    deviation: float = 0.01,
    count: int = 1,
    seed: int = 0,
    ratio: float = 1.0,
) -> list[NodeChange]:
    """Normal changes; those of upgraded nodes vary ``ratio`` times as much."""
    rng = np.random.default_rng(seed)
    moved = shift + rng.normal(0.0, ratio * deviation, (count, upgraded))
    return nodes(moved, rng.normal(0.0, deviation, (count, controls)))


def judged(changes: list[NodeChange], measured: int = 1) -> Edges:
    return control(changes, LIMITS, POLICY, measured)


def share(found: Edges, status: Status) -> float:
    return float(found.came_to(status).mean())


def test_it_is_the_difference_of_the_differences_with_the_errors_of_scipy() -> None:
    rng = np.random.default_rng(3)
    moved, still = rng.normal(0.02, 0.02, (5, 6)), rng.normal(0.01, 0.01, (5, 9))
    found = judged(nodes(moved, still))
    welch = stats.ttest_ind(moved, still, axis=1, equal_var=False)
    assert found.found.effect == pytest.approx(moved.mean(axis=1) - still.mean(axis=1))
    assert found.found.effect / found.found.error == pytest.approx(welch.statistic)
    assert found.found.freedom.tolist() == np.floor(welch.df).tolist()  # whole, rounded down
    levels = np.asarray(stats.ttest_ind(moved - IGNORED, still, axis=1, alternative="greater").pvalue)
    for row in range(5):
        level = float(levels[row])
        for factor, worse in ((1.001, True), (0.999, False)):
            policy = replace(POLICY, regress_alpha=level * factor, pass_alpha=0.0)
            status = control(nodes(moved, still), LIMITS, policy, 1).status[row]
            assert (status is Status.REGRESS) is worse


def test_a_node_is_the_mean_of_its_generations_of_which_there_may_be_as_many_as_one_likes() -> None:
    rng = np.random.default_rng(1)
    changes = [
        NodeChange(f"n{n}", n < 3, rng.normal(-5.0, 0.01, (1, 3 + n)), rng.normal(-5.0, 0.01, (1, 8 - n)))
        for n in range(6)
    ]
    means = [float(c.after.mean() - c.before.mean()) for c in changes]
    assert judged(changes).found.effect[0] == pytest.approx(np.mean(means[:3]) - np.mean(means[3:]))


def test_unchanged_passes_and_five_percent_is_named() -> None:
    assert share(judged(drawn(8, 8, count=400), 500), Status.PASS) == 1.0
    found = judged(drawn(8, 8, math.log(1.05), count=400), 500)
    assert share(found, Status.REGRESS) > 0.95
    assert share(found, Status.PASS) == 0.0


def test_what_all_nodes_share_cancels() -> None:
    apart = drawn(8, 8, count=50)
    drifted = [replace(c, after=c.after + 0.3) for c in apart]
    assert judged(drifted).status == judged(apart).status
    assert judged(drifted).found.effect == pytest.approx(judged(apart).found.effect)


def test_swapping_the_groups_flips_the_sign() -> None:
    changes = drawn(5, 5, 0.02, count=20)
    swapped = [replace(c, upgraded=not c.upgraded) for c in changes]
    assert judged(swapped).found.effect == pytest.approx(-judged(changes).found.effect)


def test_the_order_of_the_nodes_does_not_matter() -> None:
    changes = drawn(5, 7, 0.02, count=50)
    assert judged(changes[::-1]).status == judged(changes).status


def test_measurements_are_judged_apart() -> None:
    changes = drawn(6, 6, 0.02, count=30)
    whole = judged(changes, 30)
    for row in range(30):
        one = [replace(c, before=c.before[[row]], after=c.after[[row]]) for c in changes]
        # The node that is odd over all measurements is looked for in those that are given.
        assert judged(one, 30).at(0).centre == whole.at(row).centre


@pytest.mark.parametrize(("upgraded", "controls"), [(4, 4), (8, 8), (3, 9), (9, 3)])
def test_false_alarms_keep_the_level_in_groups_of_any_sizes(upgraded: int, controls: int) -> None:
    found = judged(drawn(upgraded, controls, IGNORED, count=100_000), 10)
    assert share(found, Status.REGRESS) <= 1.2 * POLICY.regress_alpha / 10


@pytest.mark.parametrize(("upgraded", "controls"), [(4, 4), (8, 8), (4, 12), (12, 4)])
@pytest.mark.parametrize("ratio", [0.5, 1.0, 2.0, 3.0])
def test_what_is_at_the_margin_passes_at_the_level_also_where_nodes_are_hit_unequally(
    upgraded: int, controls: int, ratio: float
) -> None:
    found = judged(drawn(upgraded, controls, MARGIN, count=50_000, ratio=ratio))
    assert share(found, Status.PASS) <= 1.1 * POLICY.pass_alpha


def test_one_upgraded_node_that_is_slower_is_not_averaged_away() -> None:
    rng = np.random.default_rng(5)
    moved, still = rng.normal(0.0, 0.003, (1, 8)), rng.normal(0.0, 0.003, (1, 8))
    moved[0, 2] = 0.05
    wide = MetricPolicy(margin=0.05)
    found = control(nodes(moved, still), wide, POLICY, 1).at(0)
    assert found.status is Status.PASS  # beyond the margin by no more than one node may be by chance
    for slow in (0.07, 0.12):
        moved[0, 2] = slow
        found = control(nodes(moved, still), wide, POLICY, 1).at(0)
        assert found.status is Status.INCONCLUSIVE
        assert found.why.startswith("node u2 alone is worse than the control group by ")


def test_a_node_that_is_slower_in_everything_is_seen_where_no_measurement_shows_it() -> None:
    rng = np.random.default_rng(6)
    moved, still = rng.normal(0.0, 0.01, (400, 8)), rng.normal(0.0, 0.01, (400, 8))
    moved[:, 4] += 0.06
    found = judged(nodes(moved, still), 400)
    withheld = [why for status, why in zip(found.status, found.why, strict=True) if status is not Status.PASS]
    assert len(withheld) > 300
    assert sum("node u4 alone" in why for why in withheld) > 250


def test_without_a_slow_node_nothing_is_withheld() -> None:
    found = judged(drawn(8, 8, count=20_000), 20_000)
    assert not any(found.why)


@pytest.mark.parametrize("count", range(Policy().design.nodes))
def test_too_few_nodes(count: int) -> None:
    for sizes in ((count, 8), (8, count)):
        found = judged(drawn(*sizes, 0.5)).at(0)
        assert found.status is Status.INCONCLUSIVE
        assert found.why == f"{sizes[0]} upgraded and {sizes[1]} control nodes, each group needs 3"
        assert found.centre is None


def _lose(changes: list[NodeChange], phase: str, kept: int) -> list[NodeChange]:
    first = changes[0]
    values = getattr(first, phase)[:, :kept]
    return [replace(first, **{phase: values}), *changes[1:]]


REFUSED: dict[str, tuple[Callable[[list[NodeChange]], list[NodeChange]], Status, str]] = {
    "a node in both groups": (
        lambda c: [replace(c[-1], node="u0"), *c],
        Status.INVALID,
        "node u0 is both upgraded and a control",
    ),
    "a node twice": (lambda c: [c[0], *c], Status.INVALID, "node u0 is there 2 times"),
    "not measured after": (
        lambda c: _lose(c, "after", 0),
        Status.MISSING,
        "node u0 has 0 of the 3 generations after the upgrade",
    ),
    "hardly measured before": (
        lambda c: _lose(c, "before", 2),
        Status.MISSING,
        "node u0 has 2 of the 3 generations before the upgrade",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.parametrize("shift", [0.0, 0.5])
def test_refused(name: str, shift: float) -> None:
    change, status, why = REFUSED[name]
    found = judged(change(drawn(8, 8, shift, count=3)))
    assert found.status == (status,) * 3
    assert found.why == (why,) * 3
    said = in_words(LATENCY, found.at(0), LIMITS)
    assert (said.status, said.reason, said.effect) == (status, f"latency: {why}", None)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("phase", ["before", "after"])
@pytest.mark.parametrize("node", [0, -1])
def test_what_is_not_finite_is_invalid_and_the_others_are_judged(value: float, phase: str, node: int) -> None:
    changes = drawn(8, 8, count=4)
    clean = judged(changes)
    getattr(changes[node], phase)[2, 1] = value
    found = judged(changes)
    assert (found.status[2], found.why[2]) == (Status.INVALID, "not every value is finite")
    assert found.at(2).centre is None
    for row in (0, 1, 3):
        assert found.at(row) == clean.at(row)


@pytest.mark.parametrize("shift", [0.0, 0.5])
@pytest.mark.parametrize("group", [True, False])
def test_nodes_that_changed_exactly_alike_are_copies(shift: float, group: bool) -> None:
    changes = drawn(8, 8, shift)
    copied = [replace(c, after=c.before + 0.01) if c.upgraded is group else c for c in changes]
    found = judged(copied).at(0)
    assert found.status is Status.INCONCLUSIVE
    assert found.why == f"all {'upgraded' if group else 'control'} nodes changed exactly alike, as copies would"


def test_nodes_of_different_measurements_are_an_error() -> None:
    changes = drawn(3, 3, count=2)
    with pytest.raises(ValueError, match="2 different numbers of measurements"):
        judged([*changes[:-1], replace(changes[-1], after=changes[-1].after[:1])])
    with pytest.raises(ValueError, match="0 different numbers of measurements"):
        judged([])


def test_in_words() -> None:
    moved = np.array([[0.040, 0.045, 0.05, 0.055, 0.06, 0.05]])
    still = np.array([[-0.005, 0.0, 0.005, 0.0]])
    found = judged(nodes(moved, still)).at(0)
    said = in_words(LATENCY, found, LIMITS)
    assert said.status is Status.REGRESS
    assert said.kind is Kind.SAMPLED
    assert said.effect == pytest.approx(0.05)
    assert said.limit == pytest.approx(MARGIN)
    assert said.reason.startswith("latency 5.1 % slower (95 % interval 4.")
    assert ", 6 upgraded and 4 control nodes), margin 3 %: 5.248 ms -> 5.517 ms" in said.reason
    faster = in_words(THROUGHPUT, judged(nodes(-moved, still)).at(0), LIMITS)
    assert THROUGHPUT.direction is Direction.HIGHER
    assert faster.reason.startswith("throughput 5.1 % higher (95 % interval 4.")


def test_in_words_undecided_says_what_would_have_been_found_and_flagged_is_listed() -> None:
    noisy = in_words(LATENCY, judged(drawn(4, 4, 0.02, deviation=0.03), 100).at(0), LIMITS)
    assert noisy.status is Status.INCONCLUSIVE
    assert "; would have found " in noisy.reason
    little = in_words(LATENCY, judged(drawn(16, 16, math.log(1.018), deviation=0.004), 100).at(0), LIMITS)
    assert little.status is Status.PASS
    assert little.reason.endswith("; worse than the 1 % that is ignored, within the margin")


def test_what_would_have_been_found_is_found_in_99_of_100_cases() -> None:
    found = judged(drawn(6, 6, count=20_000), 200)
    typical = float(np.sqrt(np.mean(np.square(found.detectable - IGNORED))))  # the error is unbiased in its square
    again = judged(drawn(6, 6, IGNORED + typical, count=20_000, seed=1), 200)
    assert share(again, Status.REGRESS) == pytest.approx(0.99, abs=0.003)


@pytest.mark.parametrize(("upgraded", "controls"), [(4, 4), (8, 8), (4, 12), (5, 3)])
def test_reach_is_what_simulation_finds(upgraded: int, controls: int) -> None:
    known = reach(upgraded, controls, 0.012, LIMITS, POLICY, 100)
    same = judged(drawn(upgraded, controls, deviation=0.012, count=40_000), 100)
    assert share(same, Status.PASS) == pytest.approx(known.passing, abs=0.005)
    assert known.go == pytest.approx(known.passing**100)
    slow = judged(drawn(upgraded, controls, known.least, deviation=0.012, count=40_000), 100)
    assert share(slow, Status.REGRESS) == pytest.approx(0.99, abs=0.002)


def test_reach_as_statistics_md_has_it() -> None:
    small, large = (reach(n, n, 0.01, LIMITS, POLICY, 300) for n in (4, 8))
    assert small.go < 0.001
    assert large.go > 0.98
    assert small.in_words(300).startswith("4 upgraded and 4 control nodes: a change of ")
    assert " % is found in 99 of 100 cases; if nothing changed, one measurement passes in 96.7 % " in small.in_words(
        300
    )


def test_reach_of_nothing_is_nothing() -> None:
    for found in (
        reach(2, 8, 0.01, LIMITS, POLICY, 1),
        reach(8, 2, 0.01, LIMITS, POLICY, 1),
        reach(8, 8, math.nan, LIMITS, POLICY, 1),
        reach(8, 8, 0.0, LIMITS, POLICY, 1),
    ):
        assert (found.least, found.passing, found.go) == (math.inf, 0.0, 0.0)
        assert ": no change is found in 99 of 100 cases" in found.in_words(1)


def test_reach_grows_with_the_nodes_also_with_many() -> None:
    found = [reach(n, n, 0.03, LIMITS, POLICY, 100) for n in (3, 6, 20, 100, 400, 2000)]
    assert [f.least for f in found] == sorted((f.least for f in found), reverse=True)
    assert [f.passing for f in found] == sorted(f.passing for f in found)


def test_families_moderate_the_variances() -> None:
    changes = drawn(4, 4, deviation=0.012, count=200)
    plain, shrunk = judged(changes, 200), control(changes, LIMITS, POLICY, 200, ["latency"] * 200)
    assert share(shrunk, Status.PASS) > share(plain, Status.PASS) + 0.02
    assert control(changes, LIMITS, POLICY, 200, [""] * 200).status == plain.status
    worse = drawn(4, 4, math.log(1.06), deviation=0.01, count=200)
    named = share(control(worse, LIMITS, POLICY, 200, ["latency"] * 200), Status.REGRESS)
    assert named > share(judged(worse, 200), Status.REGRESS) + 0.2
