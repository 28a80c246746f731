"""The act of measuring: generation after generation, every open item in interleaved pairs, until nothing is open."""

from __future__ import annotations

import datetime
import random
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from compat.errors import RuntimeSetupError
from compat.judge import Wanted, strictest, wanted, wanted_by_groups
from compat.model import (
    SCHEMA_VERSION,
    STANDARD,
    Arm,
    Conditions,
    Evidence,
    Fault,
    FaultKind,
    Identity,
    Item,
    Measurement,
    Node,
    Output,
    Plan,
    Tier,
    digest,
)
from compat.node.mps import mps_daemon
from compat.probe.protocol import CaseResult
from compat.run.arms import Arms, noted
from compat.run.devices import devices_of
from compat.run.engine import EngineAwayError
from compat.run.prepare import Prepared
from compat.run.progress import Pace, Progress
from compat.run.session import Answer, Session, Work
from compat.store import LocalStore

__all__ = ["Due", "Measuring", "Pace", "Progress"]


_GROUP = 16  # cases that share a process on a GPU, whose context costs 0.3 to 2 s


@dataclass(frozen=True)
class Due:
    """An item that wants another pair, and the round that it belongs to."""

    item: Item
    round: int


class Measuring:
    """Measures the items of one plan on this node, and resumes from whatever evidence the store already has."""

    def __init__(
        self, plan: Plan, items: Sequence[Item], store: LocalStore, node: Node, prepared: Prepared, budget: float
    ) -> None:
        self._plan = plan
        self._digest = digest(plan)
        self._items = {item.key: item for item in items}
        self._store = store
        self._node = node
        self._prepared = prepared
        self._budget = budget
        self._arms = list(Arm)  # that are measured
        self._sharing = {tier: strictest(plan, tier) for tier in Tier}
        self._random = random.Random()  # noqa: S311 - the order of pairs, nothing secret
        self._evidence: dict[str, list[Evidence]] = defaultdict(list)
        self._ran: dict[tuple[str, tuple[str, ...]], Session] = {}  # the last probe of a runtime with these GPUs
        self._answers: dict[str, tuple[int, Wanted]] = {}  # of the judge, by item: with how much evidence it was asked
        # What an item loads in an installation of a runtime, once looked at.
        self._libraries: dict[tuple[str, int, str], dict[str, str]] = {}
        for found in store.evidence(self._digest):
            if found.node == node.id and found.item in self._items:
                self._evidence[found.item].append(found)
        self.found = sum(_pairs(found) for found in self._evidence.values())  # whole pairs that there are

    def _open(self) -> list[Due]:
        """Items that still want pairs, each with the round that its next pair belongs to."""
        found = []
        for key, item in self._items.items():
            have = self._evidence[key]
            asked, want = self._answers.get(key, (-1, None))
            if want is None or asked != len(have):
                want = wanted(self._plan, item, have, self._sharing[item.case.tier])
                self._answers[key] = len(have), want
            if _pairs(have) < want.pairs:
                found.append(Due(item, want.round))
        return found or self._open_in_groups()

    def _open_in_groups(self) -> list[Due]:
        """Items that are decided by themselves, and that are measured again for the family they belong to."""
        asked = wanted_by_groups(self._plan, {key: self._evidence[key] for key in self._items})
        return [Due(self._items[key], want.round) for key, want in asked.items() if self._whole(key) < want.pairs]

    def _whole(self, key: str) -> int:
        return _pairs(self._evidence[key])

    def run(self, report: Callable[[Progress], None]) -> bool:
        """Measure until nothing is open, or the budget is spent: then False. ``report`` is called after every pair.

        RuntimeSetupError where a GPU is needed that others share.
        """
        self._refuse_shared()
        begin = time.monotonic()
        generation = 1 + max((e.generation for found in self._evidence.values() for e in found), default=0)
        while still_open := self._open():
            if not time.monotonic() - begin < self._budget:
                return False
            done = len(self._items) - len(still_open)
            for arms, members in self._lanes(still_open):
                try:
                    for _ in range(self._plan.policy.pairs_per_generation):
                        self._random.shuffle(members)
                        for group in _groups(members):
                            self._pair(arms, group, generation)
                            elapsed = time.monotonic() - begin
                            last = group[-1].item.key
                            report(Progress(generation, self.found, done, len(self._items), elapsed, last))
                finally:
                    arms.close()
            generation += 1
        return True

    def _refuse_shared(self) -> None:
        daemon = mps_daemon() if any(devices_of(item, self._node) for item in self._items.values()) else None
        if daemon is not None:
            raise RuntimeSetupError(
                f"node {self._node.hostname}",
                f"its GPUs are shared by MPS ({daemon}): what others do would count as the upgrade's doing",
                "end it (echo quit | nvidia-cuda-mps-control), or measure on another node",
            )

    def _lanes(self, members: Iterable[Due]) -> Iterator[tuple[Arms, list[Due]]]:
        """Items that share their runtimes, the installations of these and their GPUs, with the probes for them."""
        lanes: dict[tuple[str, str, int, tuple[str, ...]], list[Due]] = defaultdict(list)
        for member in members:
            cell = member.item.cell
            devices = devices_of(member.item, self._node)
            lanes[cell.known_good["runtime"], cell.stack["runtime"], self._installation(member), devices].append(member)
        for (known_good, candidate, installation, devices), found in lanes.items():
            get = self._prepared.runtime
            both = {Arm.KNOWN_GOOD: get(known_good, installation), Arm.CANDIDATE: get(candidate, installation)}
            measured = {arm: both[arm] for arm in self._arms}
            yield Arms(measured, (name for member in found for name in member.item.case.imports), devices), found

    def _installation(self, member: Due) -> int:
        """Which installation of the runtimes: a slowdown is confirmed on a second one."""
        return 2 if member.round == self._plan.policy.confirm_round else 1

    def _pair(self, arms: Arms, group: Sequence[Due], generation: int) -> None:
        """One more pair of every item of the group: the group in one arm, then the same group in the other.

        Where a case of a group faults, what the others say is in doubt, and what a case measures depends on its
        company. Then each of them runs alone, in both arms.
        """
        shared = f"ran in one process with {len(group) - 1} other cases" if len(group) > 1 else ""
        fault = self._run_both(arms, group, generation, shared)
        if fault is not None:
            alone = f"ran alone: a case that shared its process faulted ({fault.kind.value} in {fault.stage})"
            for member in group:
                self._run_both(arms, [member], generation, alone)
        self.found += len(group)

    def _run_both(self, arms: Arms, group: Sequence[Due], generation: int, company: str) -> Fault | None:
        """Run a group in both arms, in random order. The fault of a group with several cases: nothing is kept then."""
        numbers = [1 + max((e.pair for e in self._evidence[member.item.key]), default=0) for member in group]
        self._random.shuffle(self._arms)
        done: list[Evidence] = []
        for arm in self._arms:
            session, answers = self._ask(arms, arm, group)
            fault = answers[-1].result.fault
            if fault is not None and len(group) > 1:
                return fault
            for member, number, answer in zip(group, numbers, answers, strict=True):
                told = noted(answer, company) if company else answer
                done.append(self._record(session, member, arm, told, generation, number))
            if len(group) == 1:
                self._keep(done.pop())
        for evidence in done:
            self._keep(evidence)
        return None

    def _ask(self, arms: Arms, arm: Arm, group: Sequence[Due]) -> tuple[Session, list[Answer]]:
        """Run a group in one arm: the probe that answered, and what it said.

        A runtime that has started in this run and starts no more is our fault, not the cases': each of them gets one,
        with what the runtime was when it ran last. One that never started ends the run, and an engine that is away.
        """
        key = _stack(group[0].item, arm)["runtime"], devices_of(group[0].item, self._node)
        try:
            answers = arms.run(arm, [self._work(member, arm) for member in group])
        except RuntimeSetupError as problem:
            if key not in self._ran or isinstance(problem, EngineAwayError):
                raise
            fault = Fault("start", FaultKind.INFRASTRUCTURE, problem.problem)
            answers = [Answer(CaseResult(0, "", 0.0, "", fault=fault)) for _ in group]
        else:
            self._ran[key] = arms.used(arm)
        return self._ran[key], answers

    def _keep(self, evidence: Evidence) -> None:
        self._store.put_evidence(evidence)
        self._evidence[evidence.item].append(evidence)

    def _work(self, member: Due, arm: Arm) -> Work:
        item = member.item
        look = (_stack(item, arm)["runtime"], self._installation(member), item.key) not in self._libraries
        content = self._prepared.content[item.case.workload]
        return Work(item.case, content, self._prepared.artifact(item.case), item.timeout, look)

    def _record(self, session: Session, member: Due, arm: Arm, answer: Answer, generation: int, pair: int) -> Evidence:
        result, item = answer.result, member.item
        stack = _stack(item, arm)
        measured = (*result.measurements, *_around(session, item, answer))
        outputs = tuple(
            Output(head.name, head.dtype, head.shape, self._store.put_blob(frame), head.seed, head.reference)
            for head, frame in zip(result.outputs, answer.frames, strict=True)
        )
        return Evidence(
            schema_version=SCHEMA_VERSION,
            plan=self._digest,
            item=item.key,
            content=item.case.content,
            arm=arm,
            stack=stack,
            runtime=stack["runtime"],
            node=self._node.id,
            identity=self._identity(session, member, stack["runtime"], answer),
            tier=item.case.tier,
            round=member.round,
            generation=generation,
            pair=pair,
            started=_ago(result.seconds),
            seconds=result.seconds,
            inputs=result.inputs,
            measurements=() if result.fault else _planned(item, measured),
            outputs=outputs,
            fault=result.fault,
            notes=session.notes + result.notes + (answer.watch.notes if answer.watch else ()),
            took=result.took,
            devices=session.devices,
            conditions=answer.watch.conditions if answer.watch else Conditions(),
            installation=self._installation(member),
        )

    def _identity(self, session: Session, member: Due, runtime: str, answer: Answer) -> str:
        """The digest of what the arm was for this item: what the probe has loaded, and what the item loads with it."""
        key = runtime, self._installation(member), member.item.key
        known = self._libraries.get(key)
        if known is None and answer.result.fault is None:
            known = self._libraries[key] = answer.result.libraries
        identity: Identity = session.ready.identity
        if known:
            identity = replace(identity, libraries={**identity.libraries, **known})
        return self._store.put_identity(identity)


def _groups(members: Sequence[Due]) -> Iterator[list[Due]]:
    """Cases that share a process: on a GPU several, elsewhere each has its own."""
    size = _GROUP if members[0].item.case.tier is Tier.GPU else 1
    for start in range(0, len(members), size):
        yield list(members[start : start + size])


def _stack(item: Item, arm: Arm) -> dict[str, str]:
    return item.cell.known_good if arm is Arm.KNOWN_GOOD else item.cell.stack


def _ago(seconds: float) -> str:
    """The moment that was so many seconds ago, in UTC."""
    moment = datetime.datetime.now(datetime.UTC) - datetime.timedelta(seconds=seconds)
    return moment.isoformat(timespec="milliseconds")


def _around(session: Session, item: Item, answer: Answer) -> list[Measurement]:
    """What is measured outside the case's process."""
    found = list(answer.watch.measurements) if answer.watch else []
    seconds = session.ready.import_seconds
    if item.case.imports and all(name in seconds for name in item.case.imports):
        metric = STANDARD["import_time"]
        taken = sum(seconds[name] for name in item.case.imports)
        found.append(Measurement(metric.name, metric.unit, metric.direction, metric.kind, (taken,)))
    return found


def _planned(item: Item, measurements: Iterable[Measurement]) -> tuple[Measurement, ...]:
    """What the plan asks for: the probe measures what it can, and evidence holds what will be judged or shown."""
    names = {metric.name for metric in item.case.metrics}
    return tuple(measurement for measurement in measurements if measurement.metric in names)


def _pairs(evidence: Iterable[Evidence]) -> int:
    """How many pairs are whole."""
    arms: dict[int, set[Arm]] = defaultdict(set)
    for found in evidence:
        arms[found.pair].add(found.arm)
    return sum(1 for both in arms.values() if len(both) == 2)
