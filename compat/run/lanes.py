"""Lanes: the places of a node that measure apart from each other, and what is due in each."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Event

from compat.model import Arm, Item, Node, Phase, Place, Tier
from compat.model.backends import compiled_by
from compat.run.arms import Arms
from compat.run.progress import Lacking

__all__ = ["Due", "Lane", "in_groups", "places_of", "processors", "side_by_side"]

_ONE = Lacking(1)
_GROUP = 16  # cases that share a process on a GPU, whose context costs 0.3 to 2 s


@dataclass(frozen=True)
class Due:
    """An item that wants another pair in a place, and the round that it belongs to.

    ``arms`` are those that run: in a ``phase`` only one of the two can.
    """

    item: Item
    place: Place
    round: int
    arms: tuple[Arm, ...] = tuple(Arm)
    phase: Phase | None = None
    session: str = ""
    lacking: Lacking = _ONE


@dataclass(frozen=True)
class Lane:
    """Items that share their runtimes, the installations of these and their GPUs, with the probes for them."""

    arms: Arms
    members: list[Due]


def places_of(item: Item, node: Node, gpus: int | None = None) -> tuple[Place, ...]:
    """Where on a node an item runs: for one that needs a GPU each of them, or the first ``gpus``; or all at once."""
    if item.case.tier is not Tier.GPU or not node.gpus:
        return (Place(node.id),)
    devices = tuple(gpu.uuid for gpu in node.gpus[:gpus])
    return (Place(node.id, devices),) if item.case.all_gpus else tuple(Place(node.id, (uuid,)) for uuid in devices)


def processors() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0))


def side_by_side(lanes: Mapping[tuple[str, ...], Sequence[Lane]], measure: Callable[[Lane], None], stop: Event) -> None:
    """Measure lanes, by the GPUs (or processors) that they are on. Those on different ones run at the same time.

    Those that are on none come first, one after the other, and those that are on several: what ran beside them would
    count as theirs. After an error or Ctrl-C ``stop`` is set, and each thread ends what it has begun; the first error
    is raised.
    """
    try:
        alone = [lane for devices, own in lanes.items() if len(devices) != 1 for lane in own]
        _one_after_the_other(alone, measure, stop)
        apart = [list(own) for devices, own in lanes.items() if len(devices) == 1]
        if len(apart) == 1:
            _one_after_the_other(apart[0], measure, stop)
        elif apart:
            with ThreadPoolExecutor(max_workers=len(apart)) as pool:
                futures = [pool.submit(_one_after_the_other, own, measure, stop) for own in apart]
                try:
                    for future in futures:
                        future.result()
                except BaseException:  # the pool is left only when its threads are done: tell them before
                    stop.set()
                    raise
    except BaseException:
        stop.set()
        raise


def _one_after_the_other(lanes: Sequence[Lane], measure: Callable[[Lane], None], stop: Event) -> None:
    try:
        for lane in lanes:
            if not stop.is_set():
                measure(lane)
    except BaseException:
        stop.set()
        raise


def in_groups(members: Sequence[Due]) -> Iterator[list[Due]]:
    """Cases that share a process: several of one GPU. Elsewhere, and on all GPUs at once, each has its own.

    So has what a backend compiles: a compiler finds in its process what it compiled for another case.
    """
    shared: list[Due] = []
    for due in members:
        case = due.item.case
        if case.tier is not Tier.GPU or case.all_gpus or compiled_by(case.workload, case.params):
            yield [due]
            continue
        shared.append(due)
        if len(shared) == _GROUP:
            yield shared
            shared = []
    if shared:
        yield shared
