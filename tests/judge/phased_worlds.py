"""Strategies: worlds whose driver is upgraded, in each design, in which nothing is wrong.

What is drawn is a recipe, small enough to print: ``upgrades.py`` makes the world of it.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from hypothesis import strategies as st

from compat.model import STANDARD, Case, Design, Item, MetricPolicy, Phase, Policy, Tier

from .build import LATENCY, MEMORY, POOL, SPILLS, TEXT, THROUGHPUT, World, case, item
from .spoiling import replan
from .upgrades import CONTROLS, DRIVER, UPGRADED, stored, upgraded, with_route

__all__ = ["EACH", "METRICS", "Upgrade", "upgrade_recipes"]

CASES = (
    case("operator:matmul", "square", LATENCY, MEMORY),
    POOL.case,
    TEXT.case,
    case("operator:sort", "counted", SPILLS, THROUGHPUT, STANDARD["leak"], STANDARD["first_call"]),
)
METRICS = tuple({metric.name: metric for one in CASES for metric in one.metrics}.values())
# One node there and back passes no margin below 10 %.
LOOSE = Policy(metrics={name: MetricPolicy(margin=0.15) for name in (LATENCY.name, THROUGHPUT.name)})
DEVIATION = 0.001  # of a node between its phases: little, so that what is unchanged always passes


@dataclass(frozen=True)
class Upgrade:
    """A world in which nothing is wrong. What a design has no use for is not looked at."""

    design: Design  # PATH: the driver by control groups, and then a runtime in pairs
    cases: tuple[int, ...]  # of ``CASES``
    nodes: int  # in each group
    gpus: int  # of each node
    sessions: tuple[int, int]  # stored, and of the candidate
    sentinels: int
    seed: int

    def world(self) -> World:
        """A new one each time, so that it may be changed."""
        made = _made(self)
        return World(made.plan, {**made.nodes}, {**made.identities}, {**made.blobs}, [*made.evidence])


@lru_cache(maxsize=64)
def _made(recipe: Upgrade) -> World:
    tier = Tier.GPU if recipe.gpus else Tier.CPU
    items = tuple(_item(CASES[n], tier) for n in recipe.cases)
    names, controls = UPGRADED[: recipe.nodes], CONTROLS[: recipe.nodes]
    if recipe.design is Design.STORED:
        return stored(*recipe.sessions, sentinels=recipe.sentinels, shift=_calm(recipe.seed))
    if recipe.design is Design.ABA:
        made = upgraded(items, _alike, names, (), DEVIATION, recipe.gpus, recipe.seed, policy=LOOSE)
    elif recipe.design is Design.PATH:
        made = with_route({"nodes": names, "controls": controls, "deviation": DEVIATION, "seed": recipe.seed})
    else:
        made = upgraded(items, _alike, names, controls, DEVIATION, recipe.gpus, recipe.seed)
    asked = replace(made.plan.rings[0], minimum_nodes=recipe.nodes)
    if asked.controls:
        asked = replace(asked, minimum_controls=recipe.nodes)
    replan(made, replace(made.plan, rings=(asked,)))
    return made


def _item(one: Case, tier: Tier) -> Item:
    return item(replace(one, tier=tier), DRIVER)


def _alike(place: str, phase: Phase, key: str) -> float:
    return 0.0


def _calm(seed: int) -> Callable[[str, Phase, int], float]:
    """A little of each session's own, beside what ``stored`` gives it, which is the same each time."""

    def shift(key: str, phase: Phase, number: int) -> float:
        drawn = np.random.default_rng([seed, zlib.crc32(key.encode()), number])
        return float(drawn.normal(0.0, 0.001))

    return shift


# A world of each design, of each case, with GPUs and without: together they have a target for every harm.
EACH = tuple(
    Upgrade(design, cases, nodes, gpus, sessions, 3, seed)
    for seed, (design, cases, nodes, gpus, sessions) in enumerate(
        [
            (Design.CONTROL, (0, 1), 3, 0, (12, 1)),
            (Design.CONTROL, (2, 3), 3, 2, (12, 1)),
            (Design.ABA, (0, 2), 1, 0, (12, 1)),
            (Design.ABA, (1, 3), 2, 2, (12, 1)),
            (Design.STORED, (), 1, 0, (12, 1)),
            (Design.PATH, (), 3, 0, (12, 1)),
        ]
    )
)


@st.composite
def upgrade_recipes(draw: st.DrawFn) -> Upgrade:
    design = draw(st.sampled_from([Design.CONTROL, Design.CONTROL, Design.ABA, Design.STORED, Design.PATH]))
    return Upgrade(
        design=design,
        cases=tuple(draw(st.lists(st.sampled_from(range(len(CASES))), min_size=1, max_size=2, unique=True))),
        nodes=draw(st.integers(1, 2)) if design is Design.ABA else draw(st.integers(3, 4)),
        gpus=draw(st.sampled_from([0, 0, 1, 2])),
        sessions=draw(st.sampled_from([(12, 1), (12, 1), (14, 3)])),
        sentinels=draw(st.integers(3, 4)),
        seed=draw(st.integers(0, 2**16)),
    )
