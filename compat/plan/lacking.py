"""What a cell's runtimes lack for a case: a feature of Triton's interpreter, or an assembler. By the tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from packaging.specifiers import SpecifierSet
from packaging.version import Version

from compat.model import Artifact, Tier
from compat.plan.support.pins import as_version, minor, read_pins
from compat.plan.support.subject import pinned_triton

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from compat.model import Case, Cell, Runtime
    from compat.plan.support.rows import Interpreter
    from compat.plan.support.tables import Tables

__all__ = ["assembler_of", "lacking"]


def lacking(case: Case, cell: Cell, runtimes: Mapping[str, Runtime], tables: Tables) -> str | None:
    """Why the case cannot run in both arms of the cell, so that it is left out there; None when it can."""
    arms = [runtimes[stack["runtime"]] for stack in (cell.known_good, cell.stack)]
    if case.tier is Tier.INTERPRETED:
        return _not_interpreted(case, arms, tables)
    if case.params.get("assembler") == "cuda":
        return next((said for runtime in arms if (said := _no_assembler(runtime)) is not None), None)
    return None


def assembler_of(cuda: str | None, tables: Tables) -> Artifact | None:
    """The ptxas of a CUDA version, the patch release left aside; None where the table has none."""
    version = None if cuda is None else as_version(cuda)
    if version is None:
        return None
    row = next((row for row in tables.assemblers if Version(row.cuda) == minor(version)), None)
    return None if row is None or row.unconfirmed else Artifact(row.package, row.path, row.sha256)


def _no_assembler(runtime: Runtime) -> str | None:
    if runtime.assembler is not None:
        return None
    cuda = runtime.values.get("cuda")
    if cuda is None:
        return f"the runtime {runtime.name} states no cuda, so that no assembler but Triton's own is known"
    return f"the table has no assembler of CUDA {cuda}, which the runtime {runtime.name} states"


def _not_interpreted(case: Case, arms: Iterable[Runtime], tables: Tables) -> str | None:
    """Why an arm cannot interpret the case; None when both can, or nothing is known of what they have.

    A runtime whose Triton is not known before it runs is tried: what it cannot do is a fault then.
    """
    for runtime in arms:
        version = pinned_triton(runtime, tables)
        numpy = read_pins(runtime.requirements or ()).versions.get("numpy")
        for feature in case.params.get("needs", ()):
            rows = [row for row in tables.interpreter if row.feature == feature]
            if not rows:
                return f"no release of Triton's interpreter has {feature}"
            if version is not None and not any(_works(row, version, numpy) for row in rows):
                beside = f" with numpy {numpy or 'of any version'}" if any(row.numpy for row in rows) else ""
                return f"the interpreter of triton {version}{beside} has no {feature} ({_since(rows)})"
    return None


def _works(row: Interpreter, triton: Version, numpy: Version | None) -> bool:
    if row.unconfirmed or triton not in SpecifierSet(row.triton):
        return False
    return row.numpy is None or (numpy is not None and numpy in SpecifierSet(row.numpy))


def _since(rows: Iterable[Interpreter]) -> str:
    can = [f"triton {row.triton}{f' with numpy {row.numpy}' if row.numpy else ''}" for row in rows]
    return "it works in " + " and in ".join(can)
