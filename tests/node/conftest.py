"""The compiled library, once for all tests of the node."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.node.fake import compile_library


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a whole NVML."""
    return compile_library(tmp_path_factory.mktemp("nvml"))
