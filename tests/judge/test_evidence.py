"""Evidence may be read item by item: the verdict is the same, and what was read is not kept."""

from __future__ import annotations

import weakref
from collections.abc import Iterator, Mapping
from dataclasses import replace

import pytest
from hypothesis import given

from compat.judge import judge
from compat.judge.environment import judge_environment
from compat.judge.skew import find_skew
from compat.judge.traces import traces
from compat.model import Evidence, Verdict

from .build import NOW, World, plan, world
from .harms import HARMS, Chosen, harms, spoil
from .phased_harms import PHASED
from .phased_worlds import EACH, Upgrade, upgrade_recipes
from .upgrades import with_route
from .worlds import SEEDS, SMALL, Recipe, examples, recipes, shuffled


class ItemByItem(Mapping[str, list[Evidence]]):
    """Reads as a store does: anew each time. It knows of how many items records are alive when more are asked for."""

    def __init__(self, evidence: list[Evidence]) -> None:
        self._evidence = evidence
        self._read: list[weakref.ref[Evidence]] = []
        self.kept = 0

    def __getitem__(self, key: str) -> list[Evidence]:
        self.kept = max(self.kept, len({record.item for ref in self._read if (record := ref()) is not None}))
        own = [replace(record) for record in self._evidence if record.item == key]
        if not own:
            raise KeyError(key)
        self._read += [weakref.ref(record) for record in own]
        return own

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys(record.item for record in self._evidence))

    def __len__(self) -> int:
        return len(list(iter(self)))


def read(w: World, ring: str = "canary") -> tuple[Verdict, int]:
    """The verdict over evidence that is read item by item, and of how many items records were kept meanwhile."""
    found = ItemByItem(w.evidence)
    verdict = judge(w.plan, ring, found, w.identities, w.nodes, w.blobs.__getitem__, NOW, w.waivers)
    return verdict, found.kept


@examples(60)
@given(recipes(), harms(HARMS, fewest=0), SEEDS)
def test_what_is_read_item_by_item_comes_to_the_same(recipe: Recipe, chosen: Chosen, seed: int) -> None:
    w = recipe.world()
    spoil(w, chosen)
    assert read(shuffled(w, seed)) == (w.verdict(), 0)


@examples(30)
@given(upgrade_recipes(), harms(PHASED, fewest=0))
def test_so_it_does_where_a_driver_is_upgraded(recipe: Upgrade, chosen: Chosen) -> None:
    w = recipe.world()
    spoil(w, chosen, PHASED)
    verdict, kept = read(w)
    assert verdict == w.verdict()
    assert kept <= (2 if w.plan.routes else 0)


def test_of_a_route_the_edges_of_one_case_are_there_together() -> None:
    w = with_route()
    assert read(w) == (w.verdict(), 1)


@pytest.mark.parametrize("recipe", [*SMALL, *EACH])
def test_traces_say_of_many_runs_what_all_of_them_say(recipe: Recipe | Upgrade) -> None:
    w = recipe.world()
    every = tuple(trace for record in w.evidence for trace in traces([record]))
    some = traces(w.evidence)
    assert len(some) < len(every)
    assert find_skew(w.plan, some, w.identities, w.nodes) == find_skew(w.plan, every, w.identities, w.nodes)
    for cell in {item.cell.id: item.cell for item in w.plan.items}.values():
        keys = {item.key for item in w.plan.items if item.cell == cell}
        few, all_of_it = ([t for t in found if t.item in keys] for found in (some, every))
        assert judge_environment(cell, few, w.plan, w.identities) == judge_environment(
            cell, all_of_it, w.plan, w.identities
        )


def test_records_of_another_item_among_an_items_are_an_error() -> None:
    w = world(plan())
    one, other = (record.item for record in (w.evidence[0], w.evidence[-1]))
    mixed = {one: w.evidence, other: ()}
    with pytest.raises(ValueError, match="records of other items among those of"):
        judge(w.plan, "canary", mixed, w.identities, w.nodes, w.blobs.__getitem__, NOW)
