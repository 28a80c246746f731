"""The benchmark's planted faults, through the command that a pipeline calls: none of them may be GO."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bench import good
from tests.bench.folder import CRASH, GO, Folder, decide
from tests.bench.planted import FAULTS, HARMLESS


@pytest.fixture(scope="module")
def grounds(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Folder]:
    return good.write_all(tmp_path_factory.mktemp("good"))


def test_there_are_enough_of_them() -> None:
    assert len(FAULTS) >= 40


@pytest.mark.parametrize("name", ["ten", "six", "thirty"])
def test_without_a_fault_it_is_go(grounds: dict[str, Folder], name: str) -> None:
    assert decide(grounds[name])[0] == GO


@pytest.mark.parametrize("name", HARMLESS)
def test_what_is_no_fault_is_go(grounds: dict[str, Folder], name: str, tmp_path: Path) -> None:
    harmless = HARMLESS[name]
    folder = good.copy(grounds[harmless.good], tmp_path / "store")
    harmless.plant(folder)
    decision, line = decide(folder)
    assert decision == GO, line


@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_is_not_go(grounds: dict[str, Folder], name: str, tmp_path: Path) -> None:
    fault = FAULTS[name]
    folder = good.copy(grounds[fault.good], tmp_path / "store")
    fault.plant(folder)
    decision, line = decide(folder, fault.ring)
    assert decision not in (GO, CRASH), line
    assert len(line.splitlines()) == 1
