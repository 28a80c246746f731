"""The user without rights of other tests reads what he needs, wherever it is, and nothing beside it."""

from __future__ import annotations

import os
import subprocess
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.unprivileged import as_nobody, nobodys_folder

pytestmark = pytest.mark.skipif(os.getuid() != 0, reason="whoever is a user without rights reads his own files")


def _write(folder: Path, mode: int) -> Path:
    """A folder with a file, a folder and a link in it."""
    (folder / "below").mkdir(parents=True)
    (folder / "file").write_text(f"{folder}\n")
    (folder / "below" / "file").write_text(f"{folder} below\n")
    (folder / "link").symlink_to("below")
    folder.chmod(mode)
    return folder


@pytest.mark.parametrize("mode", [0o755, 0o700], ids=["open", "closed itself"])
def test_what_lies_in_folders_that_are_closed_is_read(mode: int) -> None:
    with ExitStack() as stack:
        first, second = (stack.enter_context(nobodys_folder()) for _ in range(2))  # closed: they are still root's
        needed = [_write(first / "a b" / "one", mode), _write(second / "two", mode), _write(first / "three", mode)]
        secret = _write(first / "secret", 0o755)
        files = [folder / name / "file" for folder in needed for name in ("", "below", "link")]
        done = subprocess.run(
            as_nobody(["cat", *map(str, files), str(secret / "file")], needed),
            cwd=first, capture_output=True, text=True, check=False,
        )  # fmt: skip
        said = [line for folder in needed for line in (f"{folder}", f"{folder} below", f"{folder} below")]
        assert done.stdout.splitlines() == said, done.stderr
        assert done.stderr.count("\n") == 1
        assert f"{secret / 'file'}: No such file" in done.stderr
        assert [folder.stat().st_mode & 0o777 for folder in needed] == [mode] * 3  # outside nothing has changed
        assert sorted(path.name for path in needed[0].iterdir()) == ["below", "file", "link"]
