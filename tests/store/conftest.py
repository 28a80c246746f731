"""Places for stores: a folder, and a bucket."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.s3 import S3, serve


@pytest.fixture(scope="session")
def s3_server() -> Iterator[S3]:
    with serve() as server:
        yield server


@pytest.fixture
def s3(s3_server: S3, monkeypatch: pytest.MonkeyPatch) -> S3:
    """The server, and an environment that names it."""
    for name, value in s3_server.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    s3_server.unconditional = s3_server.unknowing = s3_server.forbidding = False
    s3_server.lost_answers = 0
    s3_server.requests.clear()
    return s3_server


@pytest.fixture(params=["folder", "bucket"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where a new store may be made, as a user says it."""
    if request.param == "folder":
        return str(tmp_path / "store")
    s3: S3 = request.getfixturevalue("s3")
    return f"{s3.bucket()}/stores/one"
