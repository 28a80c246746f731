"""Hunts the mutants of a kernel: which of them do its own cases find, run by the product's probe?"""

from __future__ import annotations

import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from compat.model import Case, Cell, FaultKind, Tier
from compat.plan.cases import cases_of
from compat.plan.content import read_file
from compat.plan.lacking import lacking
from compat.plan.support.tables import load_tables
from compat.run.lanes import processors
from compat.run.session import Session
from compat.run.venv import VenvRuntime

from .agreement import wrong
from .mutants import Mutant, mutants_of

__all__ = ["Hunted", "hunt"]

_SECONDS = 20.0  # that a mutant's case may take: some never end
_SEED = 7


@dataclass(frozen=True)
class Hunted:
    """A mutant, and the case that found it, interpreted or ahead of time; empty if none did."""

    mutant: Mutant
    found: str


def hunt(runtime: VenvRuntime, kernel: Path, own: Path, most: int) -> list[Hunted]:
    """What becomes of the mutants of a kernel file, of which at most so many are drawn, always the same.

    ``own`` is a folder that the runtime can read. AssertionError where a case fails with the kernel as it is: then
    nothing could be said of its mutants.
    """
    mutants = mutants_of(kernel)
    if len(mutants) > most:
        drawn = set(random.Random(_SEED).sample(range(len(mutants)), most))  # noqa: S311 - the same each time
        mutants = [mutant for number, mutant in enumerate(mutants) if number in drawn]
    hunter = _Hunter(runtime)
    try:
        assert hunter.finder(kernel) == "", f"{kernel.name} does not pass as it is"
    finally:
        hunter.close()
    shares = [mutants[start :: processors()] for start in range(processors())]
    with ThreadPoolExecutor(len(shares)) as pool:
        hunted = pool.map(lambda share: list(_hunt(runtime, kernel, own, share)), shares)
        return sorted((one for share in hunted for one in share), key=lambda one: (one.mutant.line, one.mutant.id))


def _hunt(runtime: VenvRuntime, kernel: Path, own: Path, mutants: list[Mutant]) -> Iterator[Hunted]:
    hunter = _Hunter(runtime)
    try:
        for mutant in mutants:
            path = own / mutant.digest / kernel.name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(mutant.source, encoding="utf-8")
            yield Hunted(mutant, hunter.finder(path) or hunter.compiled_otherwise(path, kernel))
    finally:
        hunter.close()


class _Hunter:
    """A probe that interprets, and one that compiles once it is asked to; what a mutant breaks is opened anew."""

    def __init__(self, runtime: VenvRuntime) -> None:
        self._runtime = runtime
        self._sessions: dict[bool, Session] = {}
        self._before: dict[str, float] = {}  # of the kernel as it is

    def _session(self, interpret: bool) -> Session:
        session = self._sessions.get(interpret)
        if session is None or not session.alive:
            imports = ("torch", "triton") if interpret else ("triton",)
            session = self._sessions[interpret] = Session(self._runtime, imports, interpret=interpret)
        return session

    def finder(self, path: Path) -> str:
        """The first case of a kernel file that is wrong; empty if all are right."""
        name = self._runtime.spec.name
        cell = Cell("cell", {"runtime": name}, {"runtime": name}, None)
        for case in cases_of(read_file(path, kernel=True), {Tier.INTERPRETED}):
            able = lacking(case, cell, {name: self._runtime.spec}, load_tables()) is None
            if able and wrong(self._session(True), path, case, _SECONDS):
                return case.id
        return ""

    def compiled_otherwise(self, path: Path, kernel: Path) -> str:
        """The first case ahead of time that does not compile as the kernel's does, or has fewer atomic operations.

        The interpreter shows neither a race nor a variable that a loop leaves in another type than it had.
        """
        for case in cases_of(read_file(path, kernel=True), {Tier.AOT}, ["sm_90"]):
            if case.id not in self._before:
                self._before[case.id] = self._atomics(kernel, case)
                assert self._before[case.id] >= 0, f"{kernel.name}: {case.id} does not compile as it is"
            if self._atomics(path, case) < self._before[case.id]:
                return case.id
        return ""

    def _atomics(self, path: Path, case: Case) -> float:
        """How many atomic operations the compiled case has; -1 if it does not compile."""
        result, _ = self._session(False).run(case, path, None, _SECONDS)
        assert result.fault is None or result.fault.kind is not FaultKind.INFRASTRUCTURE, result.fault
        return -1.0 if result.fault else sum(m.samples[0] for m in result.measurements if m.metric == "atomics")

    def close(self) -> None:
        for session in self._sessions.values():
            session.close()
