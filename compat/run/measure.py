"""The act of measuring: generation after generation, every open item in interleaved pairs, until nothing is open."""

from __future__ import annotations

import datetime
import random
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from compat.errors import RuntimeSetupError
from compat.judge import wanted
from compat.model import SCHEMA_VERSION, Arm, Evidence, Item, Node, Output, Plan, digest
from compat.run.prepare import Prepared
from compat.run.session import Session
from compat.store import LocalStore

__all__ = ["Measuring", "Pace", "Progress"]


@dataclass(frozen=True)
class Progress:
    """Where measuring stands."""

    generation: int
    pairs: int  # that exist by now
    done: int  # items that want no more pairs
    items: int
    elapsed: float  # seconds in this call
    item: str  # the one that was measured last

    def line(self, width: int = 0) -> str:
        """One line for people, of at most ``width`` characters when that is given."""
        minutes, seconds = divmod(int(self.elapsed), 60)
        text = f"generation {self.generation}, {self.pairs} pairs, {self.done} of {self.items} cases need no more, "
        text += f"{minutes}:{seconds:02d}, {self.item}"
        return text if not 0 < width < len(text) else text[: width - 1] + "…"


class Pace:
    """Says when a progress line is due where lines cannot be rewritten: the first one, then one every ten seconds."""

    def __init__(self, seconds: float = 10.0) -> None:
        self._seconds = seconds
        self._next = 0.0

    def due(self, progress: Progress) -> bool:
        """Whether to print ``progress``."""
        if progress.elapsed < self._next:
            return False
        self._next = progress.elapsed + self._seconds
        return True


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
        self._random = random.Random()  # noqa: S311 - the order of pairs, nothing secret
        self._evidence: dict[str, list[Evidence]] = defaultdict(list)
        for found in store.evidence(self._digest):
            if found.node == node.id and found.item in self._items:
                self._evidence[found.item].append(found)

    @property
    def found(self) -> int:
        """How many whole pairs there are."""
        return sum(_pairs(found) for found in self._evidence.values())

    def _open(self) -> list[tuple[Item, int]]:
        """Items that still want pairs, each with the round that its next pair belongs to."""
        found = []
        for key, item in self._items.items():
            want = wanted(self._plan, item, self._evidence[key])
            if _pairs(self._evidence[key]) < want.pairs:
                found.append((item, want.round))
        return found

    def run(self, report: Callable[[Progress], None]) -> bool:
        """Measure until nothing is open, or the budget is spent: then False. ``report`` is called after every pair."""
        begin = time.monotonic()
        generation = 1 + max((e.generation for found in self._evidence.values() for e in found), default=0)
        while still_open := self._open():
            if not time.monotonic() - begin < self._budget:
                return False
            by_arms: dict[tuple[str, str], list[tuple[Item, int]]] = defaultdict(list)
            for item, number in still_open:
                by_arms[item.cell.known_good["runtime"], item.cell.stack["runtime"]].append((item, number))
            done = len(self._items) - len(still_open)
            for (known_good, candidate), members in by_arms.items():
                arms = _Arms(self._prepared, {Arm.KNOWN_GOOD: known_good, Arm.CANDIDATE: candidate}, members)
                try:
                    for _ in range(self._plan.policy.pairs_per_generation):
                        self._random.shuffle(members)
                        for item, number in members:
                            self._pair(arms, item, number, generation)
                            elapsed = time.monotonic() - begin
                            report(Progress(generation, self.found, done, len(self._items), elapsed, item.key))
                finally:
                    arms.close()
            generation += 1
        return True

    def _pair(self, arms: _Arms, item: Item, number: int, generation: int) -> None:
        pair = 1 + max((evidence.pair for evidence in self._evidence[item.key]), default=0)
        order = [Arm.KNOWN_GOOD, Arm.CANDIDATE]
        self._random.shuffle(order)
        for arm in order:
            evidence = self._one(arms, item, arm, number, generation, pair)
            self._store.put_evidence(evidence)
            self._evidence[item.key].append(evidence)

    def _one(self, arms: _Arms, item: Item, arm: Arm, number: int, generation: int, pair: int) -> Evidence:
        session = arms.session(arm)
        started = datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds")
        content = self._prepared.content[item.case.workload]
        result, frames = session.run(item.case, content, self._prepared.artifact(item.case), item.timeout)
        outputs = tuple(
            Output(head.name, head.dtype, head.shape, self._store.put_blob(frame), head.seed, head.reference)
            for head, frame in zip(result.outputs, frames, strict=True)
        )
        stack = item.cell.known_good if arm is Arm.KNOWN_GOOD else item.cell.stack
        return Evidence(
            schema_version=SCHEMA_VERSION,
            plan=self._digest,
            item=item.key,
            content=item.case.content,
            arm=arm,
            stack=stack,
            runtime=stack["runtime"],
            node=self._node.id,
            identity=self._store.put_identity(session.ready.identity),
            tier=item.case.tier,
            round=number,
            generation=generation,
            pair=pair,
            started=started,
            seconds=result.seconds,
            inputs=result.inputs,
            measurements=result.measurements,
            outputs=outputs,
            fault=result.fault,
            notes=session.ready.notes + result.notes,
        )


class _Arms:
    """Both arms' probes, for one generation. A probe that died is started again for the next case."""

    def __init__(self, prepared: Prepared, names: dict[Arm, str], members: Iterable[tuple[Item, int]]) -> None:
        self._prepared = prepared
        self._names = names
        self._imports = sorted({name for item, _ in members for name in item.case.imports})
        self._sessions: dict[Arm, Session] = {}

    def session(self, arm: Arm) -> Session:
        """The arm's probe, alive."""
        session = self._sessions.get(arm)
        if session is None or not session.alive:
            session = self._sessions[arm] = self._start(arm)
        return session

    def _start(self, arm: Arm) -> Session:
        runtime = self._prepared.runtimes[self._names[arm]]
        try:
            return Session(runtime, self._imports)
        except RuntimeSetupError:
            if not self._imports:
                raise
        # A library whose import ends the process must not take every case with it: each imports what it needs.
        return Session(runtime, ())

    def close(self) -> None:
        for session in self._sessions.values():
            session.close()


def _pairs(evidence: Iterable[Evidence]) -> int:
    """How many pairs are whole."""
    arms: dict[int, set[Arm]] = defaultdict(set)
    for found in evidence:
        arms[found.pair].add(found.arm)
    return sum(1 for both in arms.values() if len(both) == 2)
