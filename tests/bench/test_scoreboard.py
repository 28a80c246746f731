"""The false-GO scoreboard: faults planted in evidence, given to this product and, where they can be said, to others."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType

import pytest

from compat.model import Runtime
from compat.run.runtime import Folders
from compat.run.venv import VenvRuntime

from . import good, peer_asv, peer_pytest_benchmark, peer_reframe
from .conftest import Record
from .folder import GO, Folder, command, decide
from .peer import PASSED, WARNED
from .planted import FAULTS, HARMLESS

Note = Callable[[str], None]

PRODUCT = "compat"
# A fault for each way in which the gate ends, and the exit code that a pipeline sees.
PROCESSES = {"a newer schema version": 2, "crashes each time": 1, "every run dropped": 10}


class Board:
    """A table in a file: a row for each fault, a column for each tool that was asked so far."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._columns: dict[str, Mapping[str, str]] = {}

    def add(self, tool: str, found: Mapping[str, str]) -> None:
        """Write the table with another column; ``-`` where a tool cannot be given a fault."""
        self._columns[tool] = found
        rows = [("fault", *self._columns), ("---",) * (1 + len(self._columns))]
        rows += [(name, *(column.get(name, "-") for column in self._columns.values())) for name in FAULTS]
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._path.write_text("".join(f"| {' | '.join(row)} |\n" for row in rows), encoding="utf-8")


@pytest.fixture(scope="module")
def board(pytestconfig: pytest.Config) -> Board:
    return Board(pytestconfig.rootpath / "out" / "bench" / "scoreboard.md")


def _planted(grounds: Mapping[str, Folder], name: str, root: Path) -> Folder:
    fault = FAULTS.get(name) or HARMLESS[name]
    folder = good.copy(grounds[fault.good], root / name.replace("/", "-"))
    fault.plant(folder)
    return folder


@pytest.mark.figures("judge.faults_planted", "judge.false_go")
def test_faults_planted_in_evidence(tmp_path: Path, board: Board, record: Record, note: Note) -> None:
    grounds = good.write_all(tmp_path / "good")
    for name, folder in grounds.items():
        assert decide(folder)[0] == GO, name
    for name in HARMLESS:
        assert decide(_planted(grounds, name, tmp_path))[0] == GO, name
    found = {}
    for name, fault in FAULTS.items():
        folder = _planted(grounds, name, tmp_path)
        found[name], _ = decide(folder, fault.ring)
        _, said = command("judge", str(folder.root), "--ring", fault.ring)
        assert ("VERDICT: GO" in said) == (found[name] == GO), name
    for name, code in PROCESSES.items():
        words = [sys.executable, "-m", "compat", "gate", str(tmp_path / name)]
        assert subprocess.run(words, capture_output=True, check=False).returncode == code, name
    for name, folder in grounds.items():
        assert decide(folder)[0] == GO, f"{name} was changed by a fault"
    board.add(PRODUCT, found)
    false_go = [name for name, decision in found.items() if decision == GO]
    counts = ", ".join(f"{count} {decision}" for decision, count in sorted(Counter(found.values()).items()))
    note(f"{PRODUCT}: {len(FAULTS)} faults planted in evidence that is GO without them: {counts}")
    if false_go:
        note(f"{PRODUCT}: GO in spite of {'; '.join(false_go)}")
    record("judge.faults_planted", len(found))
    record("judge.false_go", len(false_go))


def _python(peer: ModuleType, folder: Path, cache: Path) -> Path:
    runtime = VenvRuntime(Runtime(peer.NAME, requirements=peer.REQUIREMENTS), Folders((folder,), folder), cache)
    runtime.build()
    return runtime.python


@pytest.mark.network
@pytest.mark.parametrize("peer", [peer_reframe, peer_asv, peer_pytest_benchmark], ids=lambda peer: peer.NAME)
def test_the_same_faults_elsewhere(
    peer: ModuleType, tmp_path: Path, runtime_cache: Path, board: Board, note: Note
) -> None:
    found: dict[str, str] = peer.answers(_python(peer, tmp_path, runtime_cache), tmp_path)
    assert found.pop("") == PASSED, "without a fault it must pass"
    assert PASSED not in found["5x slower"], "with this one it must not: it is there to find it"
    assert found.keys() <= FAULTS.keys()
    board.add(peer.NAME, found)
    passed, warned = (sum(answer == word for answer in found.values()) for word in (PASSED, WARNED))
    note(
        f"{peer.REQUIREMENTS[0]}: of {len(found)} faults that it can be given {passed + warned} GO, {warned} warned of"
    )


@pytest.mark.network
def test_reframe_compares_runs(tmp_path: Path, runtime_cache: Path, note: Note) -> None:
    code, row = peer_reframe.compare_runs(_python(peer_reframe, tmp_path, runtime_cache), tmp_path)
    cells = [cell.strip() for cell in row.split("│") if cell.strip()]
    note(f"ReFrame --performance-compare of a run that is 5x slower: +{cells[-1]} %, exit code {code}")
