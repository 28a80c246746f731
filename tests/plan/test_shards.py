from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compat.errors import UsageError
from compat.model import Case, Cell, Direction, Item, Kind, Metric, Plan, Policy, Ring, Route, Tier
from compat.plan.shards import Shard, expected_seconds, shard_items, split, units

LATENCY = Metric("latency", "s", Direction.LOWER, Kind.SAMPLED)
SPILLS = Metric("spills", "B", Direction.LOWER, Kind.EXACT)
CELL = Cell("new-1", {"runtime": "new"}, {"runtime": "old"}, None)
PHASED = Cell("driver-1", {"runtime": "old", "driver": "2"}, {"runtime": "old", "driver": "1"}, None)


def item(
    name: str, case: str = "one", *, tier: Tier = Tier.CPU, cell: Cell = CELL, timed: bool = True, seeds: int = 1
) -> Item:
    metrics = (LATENCY,) if timed else (SPILLS,)
    made = Case(name, case, tier, {}, metrics, (), 0.0, seeds, None, "0" * 64)
    return Item(f"{cell.id}/{name}[{case}]", cell, made, 300.0)


def plan_of(items: list[Item], *, ring: Ring | None = None, routes: tuple[Route, ...] = ()) -> Plan:
    ring = ring or Ring("canary", (Tier.AOT, Tier.CPU, Tier.GPU))
    return Plan(
        1, "p", "0" * 64, "0", {"runtime": "old"}, {"runtime": "new"}, {}, (ring,), Policy(), tuple(items), (), (), {},
        routes,
    )  # fmt: skip


def where(parts: tuple[tuple[Item, ...], ...]) -> dict[str, int]:
    return {one.key: number for number, part in enumerate(parts) for one in part}


def named(one: Item) -> tuple[str, str]:
    return one.case.workload, one.case.id


def many(count: int) -> list[Item]:
    return [item(f"operator:work{number}", seeds=1 + number % 7) for number in range(count)]


@pytest.mark.parametrize(
    "text", ["0/8", "9/8", "a/b", "3", "3/", "/8", "-1/8", "1/0", "1.5/8", "", "1/8/2", "٣/8", "1/1001"]
)
def test_what_is_no_shard_is_one_line(text: str) -> None:
    with pytest.raises(UsageError, match="is no shard") as raised:
        Shard.parse(text)
    assert len(str(raised.value).splitlines()) == 1


def test_a_shard_reads_as_it_is_written() -> None:
    assert (Shard.parse("3/8"), str(Shard(3, 8))) == (Shard(3, 8), "3/8")


@given(
    costs=st.lists(st.integers(1, 60), min_size=1, max_size=60),
    shards=st.integers(1, 20),
    order=st.randoms(use_true_random=False),
)
def test_each_item_is_in_one_shard_none_is_empty_and_the_order_does_not_matter(
    costs: list[int], shards: int, order: object
) -> None:
    items = [item(f"operator:work{number}") for number in range(len(costs))]
    durations = {named(one): float(cost) for one, cost in zip(items, costs, strict=True)}
    if shards > len(items):
        with pytest.raises(UsageError, match="shards were asked for"):
            split(plan_of(items), "canary", shards, durations)
        return
    parts = split(plan_of(items), "canary", shards, durations)
    assert sorted(one.key for part in parts for one in part) == sorted(one.key for one in items)
    assert all(parts)
    shuffled = list(items)
    order.shuffle(shuffled)  # type: ignore[attr-defined] # a Random
    assert split(plan_of(shuffled), "canary", shards, durations) == parts
    loads = [sum(durations[named(one)] for one in part) for part in parts]
    assert max(loads) <= max(1.1 * sum(costs) / shards, sum(costs) / shards + max(costs)) + 1e-9


def test_shards_cost_about_the_same() -> None:
    plan = plan_of(many(200))
    loads = [sum(expected_seconds(one, plan.policy) for one in part) for part in split(plan, "canary", 8)]
    assert max(loads) <= 1.1 * sum(loads) / 8
    assert min(loads) >= 0.5 * sum(loads) / 8


def test_another_item_moves_few_others() -> None:
    before = where(split(plan_of(many(200)), "canary", 8))
    for number in range(200, 210):
        after = where(split(plan_of([*many(200), item(f"operator:work{number}")]), "canary", 8))
        assert sum(after[key] != place for key, place in before.items()) <= 20


def test_what_is_larger_than_the_mean_has_a_shard_of_its_own() -> None:
    items = many(20)
    parts = split(plan_of(items), "canary", 4, {named(items[0]): 1000.0})
    assert (items[0],) in parts


def test_a_workload_that_is_timed_stays_together_and_what_is_compiled_does_not() -> None:
    timed = [item("operator:a", str(n)) for n in range(5)]
    exact = [item("operator:b", str(n), timed=False) for n in range(5)]
    compiled = [item("kernel:c", str(n), tier=Tier.AOT, timed=False) for n in range(5)]
    on_gpu = [item("kernel:d", str(n), tier=Tier.GPU, timed=False) for n in range(5)]
    found = units(plan_of([*timed, *exact, *compiled, *on_gpu]), "canary")
    assert sorted(len(own) for own in found.values()) == [1] * 10 + [5, 5]


def test_the_edges_of_a_route_stay_together() -> None:
    runtime = Cell("runtime-1", {"runtime": "new", "driver": "2"}, {"runtime": "old", "driver": "2"}, None)
    whole = Cell("whole-1", runtime.stack, PHASED.known_good, None)
    items = [item("operator:a", cell=cell) for cell in (PHASED, runtime)]
    others = [item("operator:b", cell=cell) for cell in (PHASED, runtime)]
    plan = plan_of([*items, *others], routes=(Route(whole, (PHASED.id, runtime.id)),))
    assert sorted(map(len, units(plan, "canary").values())) == [2, 2]
    assert {len({one.case.workload for one in own}) for own in units(plan, "canary").values()} == {1}


def test_sessions_are_not_split() -> None:
    """Their sentinels speak for all that ran in one."""
    items = [item(f"operator:{name}", cell=PHASED) for name in "abc"]
    plan = plan_of([*items, item("operator:a")], ring=Ring("canary", (Tier.CPU,), stored=True))
    assert sorted(map(len, units(plan, "canary").values())) == [1, 3]


def test_what_was_measured_before_says_more_than_a_guess() -> None:
    one = item("operator:a", seeds=3)
    assert expected_seconds(one, Policy()) == pytest.approx(2 * 10 * 0.7 * 3)
    assert expected_seconds(one, Policy(), {named(one): 0.5}) == pytest.approx(2 * 10 * 0.5)
    assert expected_seconds(replace(one, timeout=0.1), Policy()) == pytest.approx(2 * 10 * 0.1 * 3)
    assert expected_seconds(item("operator:a", timed=False), Policy()) == pytest.approx(2 * 2 * 0.7)


def test_a_shard_is_a_part_of_its_ring_only() -> None:
    plan = plan_of([item("operator:a"), item("kernel:b", tier=Tier.AOT)], ring=Ring("canary", (Tier.CPU,)))
    assert [one.case.workload for one in shard_items(plan, "canary", Shard(1, 1))] == ["operator:a"]
