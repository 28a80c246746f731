"""The act of measuring: generation after generation, every open item in interleaved pairs, until nothing is open."""

from __future__ import annotations

import contextlib
import random
import time
from collections import defaultdict
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from threading import Event, Lock
from types import MappingProxyType

from compat.errors import RuntimeSetupError
from compat.judge import Wanted, strictest, wanted, wanted_by_groups, wanted_in_phase
from compat.model import Arm, Evidence, Fault, HealthEvent, Item, Kind, Node, Place, Plan, Tier, digest
from compat.node.mps import mps_daemon
from compat.run.arms import Arms, happened, noted
from compat.run.lanes import Due, Lane, in_groups, places_of, processors, side_by_side
from compat.run.prepare import Prepared
from compat.run.progress import Course, Lacking, Pace, Progress
from compat.run.records import Records, installation
from compat.run.standing import Standing
from compat.store import Store

__all__ = ["Measuring", "Pace", "Progress"]

_UNTIMED = frozenset({Tier.AOT, Tier.INTERPRETED})

_Spot = tuple[str, Place]  # an item and where it is measured


@dataclass(frozen=True)
class _Failed:
    """What a group with several cases failed by, and what happened to its GPUs until then, by arm and case."""

    fault: Fault
    events: Mapping[Arm, Sequence[tuple[HealthEvent, ...]]]

    def of(self, place: int) -> dict[Arm, tuple[HealthEvent, ...]]:
        """What happened while the case ran that has this place in the group."""
        return {arm: each[place] for arm, each in self.events.items() if place < len(each)}


class Measuring:
    """Measures the items of one plan on this node, and resumes from whatever evidence the store already has.

    ``gpus``: of the node, that are measured; None for all. ``standings`` by cell, of those cells that run in phases.
    """

    def __init__(
        self,
        plan: Plan,
        items: Sequence[Item],
        store: Store,
        node: Node,
        prepared: Prepared,
        budget: float,
        gpus: int | None = None,
        standings: Mapping[str, Standing] | None = None,
    ) -> None:
        self._plan = plan
        self._items = {item.key: item for item in items}
        self._spots: list[_Spot] = [(item.key, place) for item in items for place in places_of(item, node, gpus)]
        self._store = store
        self._node = node
        self._prepared = prepared
        self._budget = budget
        self._standings = standings or {}
        self._records = Records(plan, store, prepared)
        self._sharing = {tier: strictest(plan, tier) for tier in Tier}
        self._random = random.Random()  # noqa: S311 - the order of pairs, nothing secret
        self._evidence: dict[_Spot, list[Evidence]] = defaultdict(list)
        self._last: dict[str, int] = defaultdict(int)  # the number of the last pair of each item, over all GPUs
        self._answers: dict[_Spot, tuple[int, Wanted]] = {}  # of the judge: with how much evidence it was asked
        self._lock = Lock()  # of what lanes share
        self._stop = Event()
        for found in store.runs(digest(plan)).each():
            if found.node == node.id and found.item in self._items:
                self._evidence[found.item, found.place].append(found)
                self._last[found.item] = max(found.pair, self._last[found.item])
        self.found = sum(self._whole(spot) for spot in self._spots)  # whole pairs that there are

    def _due(self, spot: _Spot, want: Wanted, whole: int) -> Due:
        """One more pair of a spot that has so many whole ones."""
        item, place = self._items[spot[0]], spot[1]
        standing = self._standings.get(item.cell.id)
        if standing is not None:
            lacking = Lacking(want.pairs - whole)
            return Due(item, place, want.round, (standing.arm,), standing.phase, standing.session, lacking)
        pairs, later, rounds = want.pairs, 0, self._plan.policy.rounds
        sampled = any(metric.gated and metric.kind is Kind.SAMPLED for metric in item.case.metrics)
        if sampled and not any(record.fault for record in self._evidence[spot]):
            pairs = max(pairs, rounds[0])  # the judge asks for a few first, and for the whole of round 1 after them
            later = max(0, sum(rounds) - pairs)
        return Due(item, place, want.round, lacking=Lacking(pairs - whole, later))

    def _have(self, spot: _Spot) -> list[Evidence]:
        """The evidence of an item in one place, of the phase and session that the node is in."""
        standing = self._standings.get(self._items[spot[0]].cell.id)
        found = self._evidence[spot]
        if standing is None:
            return found
        now = standing.phase, standing.arm, standing.session
        return [e for e in found if (e.phase, e.arm, e.session) == now]

    def _whole(self, spot: _Spot) -> int:
        """How many pairs are whole; in a phase, how many runs there are."""
        arms: dict[int, set[Arm]] = defaultdict(set)
        for found in self._have(spot):
            arms[found.pair].add(found.arm)
        wanted_arms = 1 if self._items[spot[0]].cell.id in self._standings else len(Arm)
        return sum(1 for both in arms.values() if len(both) == wanted_arms)

    def _open(self) -> list[Due]:
        """Items that still want pairs, each with the round that its next pair belongs to."""
        found = []
        for spot in self._spots:
            asked, want = self._answers.get(spot, (-1, None))
            have = self._have(spot)
            if want is None or asked != len(have):
                want = self._ask_the_judge(self._items[spot[0]], have)
                self._answers[spot] = len(have), want
            whole = self._whole(spot)
            if whole < want.pairs:
                found.append(self._due(spot, want, whole))
        return found or self._open_in_groups()

    def _ask_the_judge(self, item: Item, have: Sequence[Evidence]) -> Wanted:
        if item.cell.phased:
            return wanted_in_phase(self._plan, item, have)
        return wanted(self._plan, item, have, self._sharing[item.case.tier])

    def _open_in_groups(self) -> list[Due]:
        """Items that are decided by themselves, and that are measured again for the family they belong to."""
        here: dict[Place, dict[str, list[Evidence]]] = defaultdict(dict)
        for key, place in self._spots:
            here[place][key] = self._evidence[key, place]
        return [
            self._due((key, place), want, whole)
            for place, evidence in here.items()
            for key, want in wanted_by_groups(self._plan, evidence).items()
            if (whole := self._whole((key, place))) < want.pairs
        ]

    def run(self, report: Callable[[Progress], None]) -> bool:
        """Measure until nothing is open, or the budget is spent: then False.

        ``report`` is called before the first pair, and after every one.

        RuntimeSetupError where a GPU is needed that others share.
        """
        self._refuse_shared()
        begin = time.monotonic()
        first = 1 + max((e.generation for found in self._evidence.values() for e in found), default=0)
        generation = first
        names = {spot: (spot[0], self._items[spot[0]].cell.id) for spot in self._spots}
        course = Course(names, self._budget, self._plan.policy.pairs_per_generation)
        while still_open := self._open():
            if not time.monotonic() - begin < self._budget:
                return False
            course.begin({(due.item.key, due.place): due.lacking for due in still_open})
            if generation == first:
                report(course.progress(generation, self.found, time.monotonic() - begin))

            def measure(lane: Lane, generation: int = generation) -> None:
                before, starts = time.monotonic(), True
                with contextlib.closing(self._generation(lane, generation)) as groups:  # its probes end with it
                    for group in groups:
                        now = time.monotonic()
                        spots = [(due.item.key, due.place) for due in group]
                        ran = sum(e.seconds for spot in spots for e in self._evidence[spot][-len(group[0].arms) :])
                        with self._lock:
                            course.measured(spots, now - before, max(0.0, now - before - ran) if starts else 0.0)
                            report(course.progress(generation, self.found, now - begin, group[-1].item.key))
                        before, starts = now, False

            # What is compiled or interpreted is not timed: it runs on every processor, and before what is.
            untimed = [due for due in still_open if due.item.case.tier in _UNTIMED]
            side_by_side(self._lanes(untimed, processors()), measure, self._stop)
            timed = [due for due in still_open if due.item.case.tier not in _UNTIMED]
            side_by_side(self._lanes(timed), measure, self._stop)
            generation += 1
        return True

    def _generation(self, lane: Lane, generation: int) -> Generator[list[Due]]:
        """One life of a lane's probes: every group that was measured."""
        try:
            for _ in range(self._plan.policy.pairs_per_generation):
                self._random.shuffle(lane.members)
                for group in in_groups(lane.members):
                    if self._stop.is_set():
                        return
                    self._pair(lane.arms, group, generation)
                    yield group
        finally:
            lane.arms.close()

    def _refuse_shared(self) -> None:
        daemon = mps_daemon() if any(place.devices for _, place in self._spots) else None
        if daemon is not None:
            raise RuntimeSetupError(
                f"node {self._node.hostname}",
                f"its GPUs are shared by MPS ({daemon}): what others do would count as the upgrade's doing",
                "end it (echo quit | nvidia-cuda-mps-control), or measure on another node",
            )

    def _lanes(self, members: Iterable[Due], share: int = 0) -> dict[tuple[str, ...], list[Lane]]:
        """What is due as lanes, by the GPUs that they are on: MIG instances of one share its clocks and its power.

        Where they ``share`` so many processors, each lane is dealt out among these.
        """
        boards = {gpu.uuid: gpu.parent or gpu.uuid for gpu in self._node.gpus}
        together: dict[tuple[tuple[str, ...], tuple[str, str], int, tuple[Arm, ...], bool], list[Due]]
        together = defaultdict(list)
        for due in members:
            names = due.item.cell.known_good["runtime"], due.item.cell.stack["runtime"]
            interpret = due.item.case.tier is Tier.INTERPRETED
            together[due.place.devices, names, installation(self._plan, due), due.arms, interpret].append(due)
        lanes: dict[tuple[str, ...], list[Lane]] = defaultdict(list)
        for (devices, names, number, arms, interpret), found in together.items():
            by_arm = dict(zip((Arm.KNOWN_GOOD, Arm.CANDIDATE), names, strict=True))
            # A second installation is made here, once, before any lane runs.
            runtimes = {arm: self._prepared.runtime(by_arm[arm], number) for arm in arms}
            imports = {name for due in found for name in due.item.case.imports}
            for place in range(share or 1):
                own = found[place :: share or 1]
                on = dict.fromkeys(boards.get(uuid, uuid) for uuid in devices)
                where = (f"processor {place}",) if share else tuple(on)
                if own:
                    lanes[where].append(Lane(Arms(runtimes, imports, devices, interpret), own))
        return lanes

    def _pair(self, arms: Arms, group: Sequence[Due], generation: int) -> None:
        """One more pair of every item of the group: the group in one arm, then the same group in the other.

        Where a case of a group faults, what the others say is in doubt, and what a case measures depends on its
        company. Then each of them runs alone, in both arms.
        """
        shared = f"ran in one process with {len(group) - 1} other cases" if len(group) > 1 else ""
        numbers = self._numbers(group)
        failed = self._run_both(arms, group, numbers, generation, shared)
        if failed is not None:
            fault = failed.fault
            alone = f"ran alone: a case that shared its process faulted ({fault.kind.value} in {fault.stage})"
            for place, (member, number) in enumerate(zip(group, numbers, strict=True)):
                self._run_both(arms, [member], [number], generation, alone, failed.of(place))
        with self._lock:
            self.found += len(group)

    def _numbers(self, group: Sequence[Due]) -> list[int]:
        """The numbers of the next pairs: a node numbers those of an item over all its GPUs."""
        with self._lock:
            for member in group:
                self._last[member.item.key] += 1
            return [self._last[member.item.key] for member in group]

    def _run_both(
        self,
        arms: Arms,
        group: Sequence[Due],
        numbers: Sequence[int],
        generation: int,
        company: str,
        earlier: Mapping[Arm, tuple[HealthEvent, ...]] = MappingProxyType({}),
    ) -> _Failed | None:
        """Run a group in both arms, in random order. What a group with several cases failed by: nothing is kept then.

        ``earlier`` is what happened to the GPUs in a run of the case that was not kept, by arm.
        """
        done: list[Evidence] = []
        events: dict[Arm, list[tuple[HealthEvent, ...]]] = {}
        for arm in self._random.sample(group[0].arms, len(group[0].arms)):
            session, answers = self._records.ask(arms, arm, group, numbers)
            fault = answers[-1].result.fault
            events[arm] = [answer.conditions.events for answer in answers]
            if fault is not None and len(group) > 1:
                return _Failed(fault, events)
            answers = [happened(answer, earlier.get(arm, ())) for answer in answers]
            for member, number, answer in zip(group, numbers, answers, strict=True):
                told = noted(answer, company) if company else answer
                done.append(self._records.record(session, member, arm, told, generation, number))
            if len(group) == 1:
                self._keep(done.pop())
        for evidence in done:
            self._keep(evidence)
        return None

    def _keep(self, evidence: Evidence) -> None:
        with self._lock:
            self._store.put_evidence(evidence)
            self._evidence[evidence.item, evidence.place].append(evidence)
