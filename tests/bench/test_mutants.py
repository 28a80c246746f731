"""Faults planted in copies of every kernel: the share that its cases find, and the list of those that they do not."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pytest

from compat.model import Runtime
from compat.run.runtime import Folders
from compat.run.venv import VenvRuntime
from tests.kernels.hunt import Hunted, hunt

from .conftest import Record

ROOT = Path(__file__).parents[2]
MOST = int(os.environ.get("COMPAT_MUTANTS", "1000"))  # of each kernel: all of them


@pytest.mark.network
@pytest.mark.figures("kernels.mutants_found")
def test_planted_faults(tmp_path: Path, runtime_cache: Path, record: Record) -> None:
    """The survivors are in out/bench/survivors.md then."""
    requirements = ("triton==3.5.1", "torch==2.13.0", "numpy==2.3.5")
    folders = Folders((ROOT / "kernels", tmp_path), tmp_path / "artifacts")
    runtime = VenvRuntime(Runtime("mutants", requirements=requirements), folders, runtime_cache)
    runtime.build()
    hunted = [one for path in sorted((ROOT / "kernels").glob("*.py")) for one in hunt(runtime, path, tmp_path, MOST)]
    record("kernels.mutants_found", sum(bool(one.found) for one in hunted) / len(hunted))
    place = ROOT / "out" / "bench" / "survivors.md"
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(survivors(hunted), encoding="utf-8")


def survivors(hunted: list[Hunted]) -> str:
    """Per kernel how many were found of how many, and every survivor."""
    of = Counter(one.mutant.kernel for one in hunted)
    found = Counter(one.mutant.kernel for one in hunted if one.found)
    lines = ["# Planted faults that no case finds", "", "| kernel | found | of |", "|---|---|---|"]
    lines += [f"| {kernel} | {found[kernel]} | {count} |" for kernel, count in sorted(of.items())]
    lines.append("")
    left = (one.mutant for one in hunted if not one.found)
    lines += [f"- `{mutant.id}` (line {mutant.line}, {mutant.operator}): {mutant.change}" for mutant in left]
    return "\n".join(lines) + "\n"
