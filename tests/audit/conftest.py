"""An example that was measured, judged and signed."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from compat.store import Store
from tests.example import write_example
from tests.test_attest import compat

TWO_RINGS = "\n  - {name: early, tiers: [cpu], after: canary}"


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the example, measured and GO, its verdict signed."""
    folder = tmp_path_factory.mktemp("once")
    matrix = write_example(folder)
    matrix.write_text(matrix.read_text().rstrip() + TWO_RINGS + "\n")
    for words in (
        ("run", "example.yaml", "--content", "site", "--store", "store", "--ring", "canary"),
        ("key", "new", "ann"),
        ("key", "new", "eve"),
        ("attest", "store", "--ring", "canary", "--key", "ann", "--output", "go.json"),
    ):
        done = compat(*words, cwd=folder)
        assert (done.returncode, done.stderr) == (0, "")
    return folder


@pytest.fixture
def here(once: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(once, tmp_path / "here"))


@pytest.fixture
def store(here: Path) -> Store:
    return Store(here / "store")
