"""Shards: the items of a ring in N parts of about the same cost, for machines that measure at the same time.

What is promised:

- Each item is in exactly one shard, and none is empty; asking for more than there are units is an error.
- *Together stay* the items of a workload in a cell whose speed is judged, which are a family, and those of tier gpu,
  which share processes; with them the same of the cells that a route joins, whose edges are added up node by node; and
  all phased items of a ring that compares sessions, since its sentinels speak for one session. All else is dealt out
  case by case.
- *Stable*: the same plan and costs give the same shards, in whatever order the file names things. A unit goes to the
  first shard in an order of its own (a digest of its name and of the shard: rendezvous hashing) that has room, so
  another unit moves few of the others.
- *Balanced*: no shard costs more than a tenth above the mean of what is dealt out, or more than that mean and its last
  unit. A unit that is larger than the mean has a shard of its own.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from compat.errors import UsageError
from compat.model import Item, Kind, Plan, Policy, Tier, digest
from compat.model.backends import compiled_by

__all__ = ["Shard", "expected_seconds", "shard_items", "split", "units"]

_MOST = 1000  # shards: more than any matrix of jobs has
_ROOM = 1.1  # of the mean, that a shard may cost before the next one in a unit's order is asked

# Seconds of one run where nothing is stored: a small kernel compiles in 0.2 to 1.2 s and a large one in 9, a process
# pays 0.3 to 2 s for its context on a GPU and forks in 20 ms on a CPU, where a case samples for about half a second.
_SECONDS = {Tier.STATIC: 0.0, Tier.AOT: 1.0, Tier.INTERPRETED: 2.0, Tier.CPU: 0.7, Tier.GPU: 1.0}
_MODEL = 4.0  # seconds more to load a model and to run it
_SUITE = 60.0  # seconds of a suite of tests
_COMPILE = 25.0  # seconds of torch's compiler in a cold process


@dataclass(frozen=True)
class Shard:
    """The part ``number`` of ``of``; the first is 1."""

    number: int
    of: int

    @classmethod
    def parse(cls, text: str) -> Shard:
        """``3/8`` as a shard. UsageError in one line for anything else."""
        number, slash, of = text.partition("/")
        good = bool(slash) and all(word.isascii() and word.isdecimal() and len(word) < 6 for word in (number, of))
        if not good or not 1 <= int(number) <= int(of) <= _MOST:
            problem = f"{text!r} is no shard: the first of eight is 1/8, the last is 8/8, and {_MOST} are the most"
            raise UsageError("shard", problem, "write for example 3/8")
        return cls(int(number), int(of))

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"


def expected_seconds(item: Item, policy: Policy, durations: Mapping[tuple[str, str], float] | None = None) -> float:
    """What measuring an item costs in one place, in seconds: one run, in both arms, for the first pairs.

    ``durations`` are seconds of a run by workload and case, as they were measured. Where there is none, the tier and
    the kind of work say it, and never more than the item's timeout. Later rounds are for what is open by then, which
    nobody knows before. In phases each arm runs as often.
    """
    pairs = policy.rounds[0] if _is_sampled(item) and policy.rounds else policy.fewest_pairs
    known = (durations or {}).get((item.case.workload, item.case.id))
    run = min(_guess(item), item.timeout) if known is None else known
    return 2 * max(pairs, policy.fewest_pairs) * max(run, 0.01) * max(1, item.case.seeds if known is None else 1)


def _is_sampled(item: Item) -> bool:
    return any(metric.gated and metric.kind is Kind.SAMPLED for metric in item.case.metrics)


def _guess(item: Item) -> float:
    kind = item.case.workload.partition(":")[0]
    seconds = _SECONDS[item.case.tier]
    if compiled_by(item.case.workload, item.case.params) and item.case.tier is not Tier.AOT:
        seconds += _COMPILE
    return seconds + {"model": _MODEL, "pytest": _SUITE}.get(kind, 0.0)


def units(plan: Plan, ring: str) -> dict[str, tuple[Item, ...]]:
    """The items of a ring that stay together, by a name that does not depend on the others."""
    together = _joined(plan)
    found: dict[str, list[Item]] = defaultdict(list)
    asked = plan.ring(ring)
    for item in plan.for_ring(ring):
        where = together.get(item.cell.id, item.cell.id)
        if asked.stored and item.cell.phased:
            name = "sessions"
        elif item.case.tier is Tier.GPU or _is_sampled(item):
            name = f"{where}/{item.case.workload}"
        else:
            name = f"{where}/{item.case.workload}[{item.case.id}]"
        found[name].append(item)
    return {name: tuple(own) for name, own in sorted(found.items())}


def _joined(plan: Plan) -> dict[str, str]:
    """By cell: the first of all cells that routes join it to."""
    root: dict[str, str] = {}
    for route in plan.routes:
        names = {root.get(edge, edge) for edge in route.edges}
        first = min(names)
        root.update(dict.fromkeys(route.edges, first))
        root = {cell: first if name in names else name for cell, name in root.items()}
    return root


def split(
    plan: Plan, ring: str, shards: int, durations: Mapping[tuple[str, str], float] | None = None
) -> tuple[tuple[Item, ...], ...]:
    """The items of each shard, in the plan's order. UsageError where there are more shards than units."""
    found = units(plan, ring)
    if shards > len(found):
        problem = f"has {_parts(len(found))}, and {shards} shards were asked for"
        raise UsageError(f"ring {ring}", problem, f"ask for at most {max(1, len(found))}")
    costs = {
        name: sum(expected_seconds(item, plan.policy, durations) for item in items) for name, items in found.items()
    }
    where = _deal(costs, shards)
    return tuple(
        tuple(sorted((i for name, own in found.items() if where[name] == number for i in own), key=lambda i: i.key))
        for number in range(shards)
    )


def _parts(count: int) -> str:
    return "1 part" if count == 1 else f"{count} parts that can be measured apart"


def shard_items(
    plan: Plan, ring: str, shard: Shard, durations: Mapping[tuple[str, str], float] | None = None
) -> tuple[Item, ...]:
    """The items of one shard; see ``split``."""
    return split(plan, ring, shard.of, durations)[shard.number - 1]


def _deal(costs: Mapping[str, float], shards: int) -> dict[str, int]:
    """By unit: its shard. The longest first, ties by digest."""
    order = sorted(costs, key=lambda name: (-costs[name], digest(name)))
    loads = dict.fromkeys(range(shards), 0.0)
    where: dict[str, int] = {}
    rest = sum(costs.values())
    while order and len(loads) > 1 and costs[order[0]] * len(loads) > rest:  # larger than the mean: a shard of its own
        name = order.pop(0)
        where[name] = next(iter(_preferred(name, list(loads))))
        del loads[where[name]]
        rest -= costs[name]
    room = _ROOM * rest / len(loads)
    for index, name in enumerate(order):
        empty = [shard for shard, load in loads.items() if not load]
        preferred = _preferred(name, empty if len(order) - index <= len(empty) else list(loads))
        fitting = (shard for shard in preferred if loads[shard] + costs[name] <= room)
        chosen = next(fitting, None)
        where[name] = min(preferred, key=loads.__getitem__) if chosen is None else chosen
        loads[where[name]] += costs[name]
    return where


def _preferred(name: str, shards: Sequence[int]) -> list[int]:
    """The shards in the order that a unit asks them: one that is taken away changes nothing for the others."""
    return sorted(shards, key=lambda shard: digest(f"{shard}/{name}"))
