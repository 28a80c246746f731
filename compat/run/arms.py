"""Both arms' probes for one generation, and what becomes of one that dies: it is started again for the next case."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import replace

from compat.errors import RuntimeSetupError
from compat.model import Arm, FaultKind, HealthEvent
from compat.run.engine import EngineAwayError
from compat.run.runtime import RealisedRuntime
from compat.run.session import Answer, Session, Work

__all__ = ["Arms", "happened", "noted"]

_AWAY = 120.0  # seconds for an engine to come back: a daemon that is upgraded takes less
_AGAIN = 0.5  # seconds between questions to it
_LONGEST = 300  # characters of a note


class Arms:
    """The probes of the known-good and the candidate runtime in one lane, that is with the same GPUs.

    They start when they are first needed, one right after the other and before either runs a case, and end together.
    What one of them cannot import neither of them imports: their cases would not start alike.
    """

    def __init__(
        self,
        runtimes: dict[Arm, RealisedRuntime],
        imports: Iterable[str],
        devices: Sequence[str],
        interpret: bool = False,
    ) -> None:
        self._runtimes = runtimes
        self._interpret = interpret  # Triton decides when it is imported whether kernels are interpreted
        self._imports = tuple(sorted(set(imports)))
        self._devices = devices
        self._sessions: dict[Arm, Session] = {}
        self._dropped = ""  # why nothing is imported before the cases, as a note
        self._broken: dict[Arm, RuntimeSetupError] = {}  # what does not start, and is not tried for every case

    def session(self, arm: Arm) -> Session:
        """The arm's probe, alive. RuntimeSetupError when it does not start."""
        while due := [one for one in (arm, *self._runtimes) if self._is_due(one)]:
            self._start(due[0])
        if arm in self._broken:
            raise self._broken[arm]
        return self._sessions[arm]

    def _is_due(self, arm: Arm) -> bool:
        session = self._sessions.get(arm)
        up = session is not None and session.alive and session.imports == self._imports
        return not up and arm not in self._broken

    def used(self, arm: Arm) -> Session:
        """The arm's probe that answered last, dead or alive."""
        return self._sessions[arm]

    def run(self, arm: Arm, group: Sequence[Work]) -> list[Answer]:
        """Run cases in one process, up to the first fault; once more when the runtime, the engine or the probe failed.

        What failed under a case says nothing about the case. If it fails again, the case may be why: the fault stands.
        What happened to the GPUs meanwhile stays with the case at which it failed.
        RuntimeSetupError when the arm's probe does not start.
        """
        answers = self.session(arm).run_group(group)
        fault = answers[-1].result.fault
        if fault is None or fault.kind is not FaultKind.INFRASTRUCTURE:
            return answers
        note = f"tried again in a new probe: {fault.detail}"
        events = tuple(event for answer in answers for event in answer.conditions.events)
        again = [noted(answer, note) for answer in self.session(arm).run_group(group)]
        at = min(len(answers), len(again)) - 1
        again[at] = happened(again[at], events)
        return again

    def _start(self, arm: Arm) -> None:
        """Start the arm's probe. One that fails is tried again, and then once more without imports.

        It may have been killed, or the machine too busy. A library whose import ends the process must not take every
        case with it: each imports what it needs.
        """
        if arm in self._sessions:
            self._sessions[arm].close()
        notes: list[str] = []
        failed = 0
        until = time.monotonic() + _AWAY
        while True:
            try:
                session = Session(self._runtimes[arm], self._imports, self._devices, self._interpret)
            except EngineAwayError:
                if not time.monotonic() < until:
                    raise
                time.sleep(_AGAIN)
            except RuntimeSetupError as problem:
                failed += 1
                if failed == 1:
                    notes.append(f"started again: {problem.problem}"[:_LONGEST])
                elif self._imports:
                    self._imports = ()
                    self._dropped = f"no libraries are imported before the cases: {problem.problem}"[:_LONGEST]
                else:
                    self._broken[arm] = problem
                    return
            else:
                session.notes += (*notes, *((self._dropped,) if self._dropped else ()))
                self._sessions[arm] = session
                return

    def close(self) -> None:
        """End both."""
        for session in self._sessions.values():
            session.close()


def happened(answer: Answer, events: tuple[HealthEvent, ...]) -> Answer:
    """The answer with what had happened to its GPUs before, in a run that is not kept."""
    return replace(answer, earlier=(*events, *answer.earlier)) if events else answer


def noted(answer: Answer, note: str) -> Answer:
    """The answer with one more note."""
    return replace(answer, result=replace(answer.result, notes=(*answer.result.notes, note)))
