"""One kernel alone: its cases, and what a compiler makes of it for some architectures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from compat.errors import UsageError
from compat.model import Case, Runtime, Tier
from compat.plan.cases import cases_of
from compat.plan.content import read_content
from compat.plan.support.rows import Card
from compat.plan.support.tables import load_tables
from compat.plan.words import suggest
from compat.plan.workload import Workload
from compat.probe.aot import parse_target
from compat.probe.protocol import CaseResult
from compat.run.in_place import InPlaceRuntime
from compat.run.runtime import Folders
from compat.run.session import Session
from compat.run.venv import VenvRuntime

__all__ = ["NEWEST_TRITON", "Inspected", "inspect_kernel"]

NEWEST_TRITON = "3.9.0"  # that the tables know
_TIMEOUT = 120.0  # seconds for one configuration


@dataclass(frozen=True)
class Inspected:
    """A kernel, its cases, and by configuration and target what it compiled to in the compiler that is named."""

    workload: Workload
    cases: tuple[Case, ...]
    compiler: str
    compiled: tuple[tuple[Case, CaseResult], ...]
    cards: dict[str, Card]  # by target


def inspect_kernel(
    name: str,
    targets: Sequence[str],
    cache: Path,
    content: Sequence[Path],
    say: Callable[[str], None],
    *,
    triton: str = NEWEST_TRITON,
    python: Path | None = None,
) -> Inspected:
    """Compile every configuration of the kernel ``name`` for every target, with a Triton that is installed for it.

    ``python``: an interpreter that has one already. UsageError where there is no such kernel, or for targets that are
    none. RuntimeSetupError where the runtime cannot be had.
    """
    found = read_content(content)
    workload = found.get(f"kernel:{name.removeprefix('kernel:')}")
    if workload is None:
        kernels = [each.stem for each in found.values() if each.kind == "kernel"]
        raise UsageError("kernel", f"{name!r} is no kernel", suggest(name, kernels))
    for target in targets:
        try:
            parse_target(target)
        except ValueError as problem:
            raise UsageError("--arch", str(problem), "such as 90, sm_90 or gfx942") from None
    folders = Folders((workload.path.parent,), cache / "artifacts")
    folders.artifacts.mkdir(parents=True, exist_ok=True)
    runtime: InPlaceRuntime | VenvRuntime
    if python is not None:
        runtime = InPlaceRuntime(Runtime("kernel", python=str(python)), folders)
    else:
        runtime = VenvRuntime(Runtime("kernel", requirements=(f"triton=={triton}",)), folders, cache)
        say(f"triton {triton}, in a {runtime.how}")
        runtime.build()
    session = Session(runtime, ("triton",))
    try:
        version = session.ready.identity.distributions.get("triton", "that is not installed")
        cases = cases_of(workload, {Tier.AOT}, targets)
        compiled = tuple((case, session.run(case, workload.path, None, _TIMEOUT)[0]) for case in cases)
    finally:
        session.close()
    cards = {row.target: row for row in load_tables().cards if row.target in targets}
    shown = cases_of(workload, {Tier.INTERPRETED, Tier.GPU})
    return Inspected(workload, shown, f"triton {version}", compiled, cards)
