"""Runs cases in their probes, and writes down what became of them: one document per run."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Sequence
from dataclasses import replace

from compat.errors import ContentError, RuntimeSetupError
from compat.model import (
    SCHEMA_VERSION,
    STANDARD,
    Arm,
    Evidence,
    Fault,
    FaultKind,
    Identity,
    Item,
    Measurement,
    Output,
    Plan,
    Tier,
    digest,
)
from compat.probe.protocol import CaseResult
from compat.run.arms import Arms
from compat.run.engine import EngineAwayError
from compat.run.lanes import Due
from compat.run.prepare import Prepared, needs
from compat.run.saved import Saved
from compat.run.session import Answer, Session, Work
from compat.store import Store

__all__ = ["Records", "installation", "stack_of"]


class Records:
    """The evidence of one plan on one node, as it is made. Lanes use it at the same time."""

    def __init__(self, plan: Plan, store: Store, prepared: Prepared) -> None:
        self._plan = plan
        self._digest = digest(plan)
        self._store = store
        self._prepared = prepared
        self._saved = Saved(prepared, plan.items)
        self._ran: dict[tuple[str, tuple[str, ...]], Session] = {}  # the last probe of a runtime with these GPUs
        self._seen: dict[str, tuple[int, int, int]] = {}  # files of content as they were when they were last hashed
        # What an item loads in an installation of a runtime, once looked at.
        self._libraries: dict[tuple[str, int, str], dict[str, str]] = {}

    def _unchanged(self, group: Sequence[Due]) -> None:
        """ContentError where a file is no longer what was planned: evidence of two versions would be one's."""
        for workload in {member.item.case.workload for member in group}:
            path = self._prepared.content[workload]
            try:
                found = path.stat()
                now = found.st_mtime_ns, found.st_size, found.st_ino
                if self._seen.get(workload) != now:
                    same = digest(path.read_bytes()) == self._plan.content.get(workload)
                    self._seen[workload] = now
                else:
                    same = True
            except OSError:
                same = False
            if not same:
                self._seen.pop(workload, None)
                raise ContentError(
                    str(path), "was changed while it was measured", "start again: the plan will have the new file"
                )

    def ask(self, arms: Arms, arm: Arm, group: Sequence[Due], numbers: Sequence[int]) -> tuple[Session, list[Answer]]:
        """Run a group in one arm: the probe that answered, and what it said. ``numbers`` are those of the pairs.

        What was compiled before is not compiled again.

        A runtime that has started in this run and starts no more is our fault, not the cases': each of them gets one,
        with what the runtime was when it ran last. One that never started ends the run, and an engine that is away.
        """
        key = stack_of(group[0].item, arm)["runtime"], group[0].place.devices
        self._unchanged(group)
        try:
            answers = self._compiled(arms, arm, group, numbers)
            if answers is None:
                answers = arms.run(arm, [self._work(member, arm) for member in group])
        except RuntimeSetupError as problem:
            if key not in self._ran or isinstance(problem, EngineAwayError):
                raise
            fault = Fault("start", FaultKind.INFRASTRUCTURE, problem.problem)
            answers = [Answer(CaseResult(0, "", 0.0, "", fault=fault)) for _ in group]
        else:
            self._ran[key] = arms.used(arm)
        return self._ran[key], answers

    def _compiled(self, arms: Arms, arm: Arm, group: Sequence[Due], numbers: Sequence[int]) -> list[Answer] | None:
        """The answer for a case that is compiled ahead of time, from the cache where it has it; None for others."""
        before = self._prepared.compiled
        if group[0].item.case.tier is not Tier.AOT or before is None:
            return None
        (member,), (number,) = group, numbers  # only cases on a GPU share a process
        case = member.item.case
        needed = needs(case, self._plan.runtimes[stack_of(member.item, arm)["runtime"]])
        key = before.key(arms.session(arm).ready, case, needed, number)
        found = None if key is None else before.find(key)
        if found is not None:
            return [Answer(found)]
        answers = arms.run(arm, [self._work(member, arm)])
        if key is not None and answers[0].result.fault is None:
            before.keep(key, answers[0].result)
        return answers

    def _work(self, member: Due, arm: Arm) -> Work:
        item, runtime = member.item, stack_of(member.item, arm)["runtime"]
        look = self._loads(member, runtime) not in self._libraries
        content, artifact = self._prepared.content[item.case.workload], self._prepared.artifact(item.case, runtime)
        saved = None
        if item.case.loads is not None:
            number = installation(self._plan, member)
            saved = self._saved.folder(item, runtime, number, member.place.devices)
        return Work(item.case, content, artifact, item.timeout, look, saved)

    def _loads(self, member: Due, runtime: str) -> tuple[str, int, str]:
        return runtime, installation(self._plan, member), member.item.key

    def record(self, session: Session, member: Due, arm: Arm, answer: Answer, generation: int, pair: int) -> Evidence:
        """One run as evidence; its outputs are in the store then, and it is not."""
        result, item = answer.result, member.item
        stack = stack_of(item, arm)
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
            node=member.place.node,
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
            conditions=answer.conditions,
            installation=installation(self._plan, member),
            phase=member.phase,
            session=member.session,
        )

    def _identity(self, session: Session, member: Due, runtime: str, answer: Answer) -> str:
        """The digest of what the arm was for this item: what the probe has loaded, and what the item loads with it."""
        key = self._loads(member, runtime)
        known = self._libraries.get(key)
        if known is None and answer.result.fault is None:
            known = self._libraries[key] = answer.result.libraries
        identity: Identity = session.ready.identity
        if known:
            identity = replace(identity, libraries={**identity.libraries, **known})
        return self._store.put_identity(identity)


def installation(plan: Plan, member: Due) -> int:
    """Which installation of the runtimes a pair runs on: a slowdown is confirmed on a second one."""
    return 2 if plan.policy.on_second(member.round) else 1


def stack_of(item: Item, arm: Arm) -> dict[str, str]:
    """The stack of an arm of an item's cell."""
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
