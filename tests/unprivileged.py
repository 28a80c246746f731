"""Runs a command as a user without rights, also from tests that root runs."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

__all__ = ["NOBODY", "as_nobody", "nobodys_folder"]

ROOT = Path(__file__).parents[1]
NOBODY = 65534

# In a mount namespace of its own: the folders $2... are bound beside $1, which is closed to others, and then below an
# empty folder in its place. What comes after -- is executed.
_OPENED = """
closed=$1; shift
mount -t tmpfs -o mode=755 tmpfs /mnt
count=0
for path in "$@"; do
    [ "$path" = -- ] && break
    mkdir /mnt/$count; mount --bind "$path" /mnt/$count; count=$((count + 1))
done
mount -t tmpfs -o mode=755 tmpfs "$closed"
count=0
while [ "$1" != -- ]; do
    mkdir -p "$1"; mount --bind /mnt/$count "$1"; count=$((count + 1)); shift
done
shift
exec "$@"
"""


def as_nobody(command: Sequence[str]) -> list[str]:
    """The command by which a user without rights executes ``command`` with our interpreter and our checkout.

    Whoever is such a user executes it as it is. Skips the test where root has not the rights that it takes.
    """
    if os.getuid() != 0:
        return list(command)
    drop = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--", *command]
    needed = list(dict.fromkeys(str(path) for path in (sys.base_prefix, sys.prefix, ROOT)))
    closed = sorted({found for path in needed for found in (_closed(Path(path)),) if found is not None})
    if not closed:
        return drop
    if len(closed) > 1:
        pytest.skip(f"{' and '.join(map(str, closed))} are closed to others")
    inside = [path for path in needed if Path(path).is_relative_to(closed[0])]
    enter = ["unshare", "--mount", "--propagation", "private", "sh", "-ec"]
    if subprocess.run([*enter, "mount -t tmpfs tmpfs /mnt"], check=False, capture_output=True).returncode != 0:
        pytest.skip(f"{closed[0]} is closed to others, and nothing can be mounted here")
    return [*enter, _OPENED, "sh", str(closed[0]), *inside, "--", *drop]


def _closed(path: Path) -> Path | None:
    """The first folder on the way to ``path`` that others may not pass."""
    return next((folder for folder in (*reversed(path.parents), path) if not folder.stat().st_mode & 0o001), None)


@contextmanager
def nobodys_folder() -> Iterator[Path]:
    """A folder of that user's; chown what is written into it."""
    folder = Path(tempfile.mkdtemp(prefix="compat-nobody-", dir="/tmp"))  # pytest's are closed to others
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
