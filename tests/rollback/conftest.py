"""A small site that was measured once, and is copied for each test."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.spoilt import Site


@pytest.fixture(scope="session")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Path:
    site = Site(tmp_path_factory.mktemp("measured"))
    site.measure()
    return site.folder


@pytest.fixture
def site(measured: Path, tmp_path: Path) -> Site:
    return Site(shutil.copytree(measured, tmp_path / "site-of-test"))
