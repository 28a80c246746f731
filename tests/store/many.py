"""Stores with as many runs as one likes, written as a run writes them but not synchronised: a million takes minutes.

Nothing changed between the arms but noise, so the ring is GO.
"""

from __future__ import annotations

import datetime
import json
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from compat.model import Arm, Evidence, Item, Measurement, Plan, Ring, Tier, canonical, digest
from compat.store import Store
from tests.judge import build

__all__ = ["Many"]

_BEGAN = datetime.datetime(2026, 11, 23, tzinfo=datetime.UTC)
_MARK = -987654321  # stands for a number in the pattern of a record
_SAMPLES = 9


@dataclass(frozen=True)
class Many:
    """So many items, each with so many pairs on each of the nodes: two runs a pair."""

    items: int
    pairs: int
    nodes: int

    @property
    def runs(self) -> int:
        """How many there are, over all nodes."""
        return 2 * self.items * self.pairs * self.nodes

    def plan(self) -> Plan:
        """The plan of all of them: families of 50 cases, each with a sampled metric and a bounded one."""
        made = [
            build.item(
                build.case(f"operator:family_{number // 50:04d}", f"case-{number:05d}", build.LATENCY, build.MEMORY)
            )
            for number in range(self.items)
        ]
        plan = build.plan(*made)
        return replace(plan, rings=(Ring("canary", (Tier.STATIC, Tier.CPU), minimum_nodes=self.nodes),))

    def write(self, folder: Path) -> list[Path]:
        """A store for each node, as if each had been measured on its own; their folders."""
        plan = self.plan()
        return [
            _write(folder / f"node-{number}", f"n{number}", plan, self.pairs, number) for number in range(self.nodes)
        ]


def _write(folder: Path, node: str, plan: Plan, pairs: int, seed: int) -> Path:
    world = build.world(replace(plan, items=plan.items[:1]), 1, (node,))
    store = Store(folder, create=True)
    store.put_plan(plan)
    store.put_node(world.nodes[node])
    for identity in world.identities.values():
        store.put_identity(identity)
    for blob in world.blobs.values():
        store.put_blob(blob)
    name, outputs = digest(plan), world.evidence[0].outputs
    series = folder / "evidence" / name / node
    series.mkdir(parents=True)
    texts = [
        [_text(item, arm, replace(world.evidence[0], plan=name, outputs=outputs)) for arm in Arm] for item in plan.items
    ]
    rng = np.random.default_rng(seed)
    number = 0
    for pair in range(pairs):
        generation = pair // plan.policy.pairs_per_generation
        turn = build.round_of(pair, plan.policy.rounds)
        centres = rng.normal(0.0, 0.003, (len(texts), 2))
        values = 0.0121 * np.exp(centres[:, :, None] + rng.normal(0.0, 0.0003, (len(texts), 2, _SAMPLES)))
        for item, of_arms in enumerate(texts):
            began = (_BEGAN + datetime.timedelta(seconds=number)).isoformat(timespec="milliseconds")
            for arm, text in enumerate(of_arms):
                samples = json.dumps(values[item, arm].round(9).tolist(), separators=(",", ":"))
                data = (text % (generation, samples, pair, turn, began)).encode()
                (series / f"{number:06d}-{digest(data)[:16]}.json").write_bytes(data)
                number += 1
    return folder


def _text(item: Item, arm: Arm, record: Evidence) -> str:
    """A pattern of records, open in this order: generation, samples, pair, round, and when it started."""
    measured = (
        Measurement("latency", "s", build.LATENCY.direction, build.LATENCY.kind, (_MARK,)),
        Measurement("memory", "B", build.MEMORY.direction, build.MEMORY.kind, (64.0 * 2**20,)),
    )
    stack = item.cell.known_good if arm is Arm.KNOWN_GOOD else item.cell.stack
    identity = digest(build.OLD if arm is Arm.KNOWN_GOOD else build.NEW)
    made = replace(
        record, item=item.key, content=item.case.content, arm=arm, stack=stack,
        runtime="old" if arm is Arm.KNOWN_GOOD else "new", identity=identity, measurements=measured,
        generation=_MARK, pair=_MARK, round=_MARK, started="STARTED", inputs=digest("inputs"),
    )  # fmt: skip
    text = canonical(made).replace("%", "%%")
    for mark, place in ((f"[{_MARK}]", "%s"), (str(_MARK), "%d"), ("STARTED", "%s")):
        text = text.replace(mark, place)
    return text
