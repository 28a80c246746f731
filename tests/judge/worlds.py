"""Strategies: worlds of many shapes in which nothing is wrong.

What is drawn is a recipe, small enough to print: ``build.world`` makes the world of it.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from compat.model import STANDARD, Comparison, Evidence, Gpu, GroupPolicy, Kind, Policy, Ring, Tier, Verdict

from .build import LATENCY, MATMUL, POOL, SPILLS, TEXT, THROUGHPUT, World, case, item, plan, world

__all__ = ["FAMILY", "METRICS", "SEEDS", "SMALL", "Recipe", "examples", "of_item", "recipes", "shuffled"]

# COMPAT_SEARCH=10 tries ten times as many examples, others each time; without it every run tries the same ones.
_SEARCH = int(os.environ.get("COMPAT_SEARCH", "0"))

MENU = (
    POOL,
    TEXT,
    MATMUL,
    item(case("model:serve", "batch-1", LATENCY, tier=Tier.GPU)),
    item(case("kernel:softmax", "f16", tier=Tier.INTERPRETED)),
    item(case("operator:sort", "counted", SPILLS, THROUGHPUT, STANDARD["leak"], STANDARD["first_call"])),
)
METRICS = tuple({metric.name: metric for one in MENU for metric in one.case.metrics}.values())
FAMILY = tuple(item(case("kernel:sum", str(n), LATENCY)) for n in range(GroupPolicy().members))
SEEDS = st.integers(0, 2**32 - 1)


def examples(count: int) -> settings:
    """The settings of a property that is tried on ``count`` examples."""
    return settings(
        max_examples=count * max(1, _SEARCH),
        derandomize=not _SEARCH,
        database=None,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
    )


@dataclass(frozen=True)
class Recipe:
    """A world in which nothing is wrong."""

    items: tuple[int, ...]  # of the menu
    nodes: int
    asked: int  # nodes that the ring asks for
    rounds: tuple[int, ...]
    complete: int  # rounds whose pairs are all there
    per_generation: int
    static: bool  # whether the ring asks for that tier too
    family: bool  # whether there are enough of a kind to be judged together too
    seed: int

    def world(self) -> World:
        items = [*(MENU[n] for n in self.items), *(FAMILY if self.family else ())]
        asked = {one.case.tier for one in items} | ({Tier.STATIC} if self.static else set())
        labels = {"ring": "canary"}
        ring = Ring("canary", tuple(t for t in Tier if t in asked), minimum_nodes=self.asked, labels=labels)
        policy = Policy(rounds=self.rounds, pairs_per_generation=self.per_generation)
        names = [f"n{n}" for n in range(self.nodes)]
        pairs = sum(self.rounds[: self.complete])
        made = world(plan(*items, policy=policy, rings=(ring,)), pairs, names, seed=self.seed)
        made.nodes = {n: replace(one, labels=labels, gpus=(Gpu(f"GPU-{n}"),)) for n, one in made.nodes.items()}
        rng = np.random.default_rng(self.seed)
        made.evidence = [_calm(e, rng) for e in made.evidence]
        return made


def _calm(record: Evidence, rng: np.random.Generator) -> Evidence:
    """On a GPU if it should be; without drift, which may bring one arm alone over the limit for slow processes."""
    taken = tuple(
        replace(m, samples=tuple(float(s) for s in 0.0121 * np.exp(rng.normal(0.0, 0.001, len(m.samples)))))
        if m.kind is Kind.SAMPLED
        else m
        for m in record.measurements
    )
    return replace(record, measurements=taken, devices=(f"GPU-{record.node}",) if record.tier is Tier.GPU else ())


# A world of each item, and one of the family: together they have a target for every harm.
SMALL = tuple(Recipe((n,), 1, 1, (8, 12), 1, 1, static=True, family=False, seed=n) for n in range(len(MENU)))
SMALL += (Recipe((), 1, 1, (8, 12), 1, 1, static=True, family=True, seed=7),)


@st.composite
def recipes(draw: st.DrawFn, fewest_items: int = 1) -> Recipe:
    rounds = draw(st.sampled_from([(8,), (8, 12), (10, 12, 20)]))
    nodes = draw(st.integers(1, 2))
    return Recipe(
        items=tuple(draw(st.lists(st.sampled_from(range(len(MENU))), min_size=fewest_items, max_size=3, unique=True))),
        nodes=nodes,
        asked=nodes,
        rounds=rounds,
        complete=draw(st.integers(1, min(2, len(rounds)))),
        per_generation=draw(st.integers(1, 2)),
        static=draw(st.booleans()),
        family=draw(st.sampled_from([False, False, True])),
        seed=draw(st.integers(0, 2**32 - 1)),
    )


def of_item(verdict: Verdict, key: str) -> list[Comparison]:
    return [c for c in verdict.comparisons if c.item == key]


def shuffled(w: World, seed: int) -> World:
    """The same in another order, some records twice."""
    rng = np.random.default_rng(seed)

    def mixed(things: Iterable[Any]) -> list[Any]:
        found = list(things)
        return [found[place] for place in rng.permutation(len(found))]

    nodes, identities, blobs = (dict(mixed(d.items())) for d in (w.nodes, w.identities, w.blobs))
    return World(w.plan, nodes, identities, blobs, mixed([*w.evidence, *mixed(w.evidence)[:3]]))
