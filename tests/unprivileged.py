"""Runs a command as a user without rights, also from tests that root runs."""

from __future__ import annotations

import os
import shlex
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
NEEDED = (Path(sys.base_prefix), Path(sys.prefix), ROOT)  # our interpreter and our checkout


def as_nobody(command: Sequence[str], needed: Sequence[Path] = NEEDED) -> list[str]:
    """The command by which a user without rights executes ``command``, who can read ``needed`` wherever they are.

    Whoever is such a user executes it as it is. Skips the test where folders are closed to others on the way, and
    nothing can be mounted.
    """
    if os.getuid() != 0:
        return list(command)
    drop = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--", *command]
    closed = sorted({found for path in needed for found in (_closed(path),) if found is not None})
    if not closed:
        return drop
    enter = ["unshare", "--mount", "--propagation", "private", "sh", "-ec"]
    if subprocess.run([*enter, "mount -t tmpfs tmpfs /mnt"], check=False, capture_output=True).returncode != 0:
        pytest.skip(f"{closed[0]} is closed to others, and nothing can be mounted here")
    inside = [path for path in dict.fromkeys(needed) if _closed(path) is not None]
    return [*enter, _opened(closed, inside), "sh", *drop]


def _closed(path: Path) -> Path | None:
    """The first folder on the way to ``path`` that others may not pass."""
    return next((folder for folder in (*reversed(path.parents), path) if _shut(folder)), None)


def _opened(closed: Sequence[Path], inside: Sequence[Path]) -> str:
    """What a shell does in a mount namespace of its own, so that others can pass to ``inside`` and nothing beside.

    It sets aside what is inside, lays an empty folder over each one that is ``closed``, puts everything back into its
    place, and executes its arguments. Of a folder that is closed itself it is the entries that are put back.
    """
    parts = [part for path in inside for part in (path.iterdir() if _shut(path) else (path,))]
    before, after = [], []
    for number, part in enumerate(dict.fromkeys(parts)):
        there, parent = shlex.quote(str(part)), shlex.quote(str(part.parent))
        if part.is_dir() and not part.is_symlink():
            before.append(f"mkdir {number}; mount --bind {there} {number}")
            after.append(f"mkdir -p {there}; mount --bind {number} {there}; umount {number}; rmdir {number}")
        else:
            before.append(f"cp -a {there} {number}")
            after.append(f"mkdir -p {parent}; mv {number} {there}")
    over = [f"mount -t tmpfs -o mode=755 tmpfs {shlex.quote(str(folder))}" for folder in closed]
    aside = "umask 022; here=$PWD; aside=$(mktemp -d /tmp/compat-aside-XXXXXX); cd $aside"
    return "\n".join([aside, *before, *over, *after, 'cd "$here"; rmdir $aside', 'exec "$@"'])


def _shut(folder: Path) -> bool:
    """Whether others may not pass this folder."""
    return not folder.stat().st_mode & 0o001


@contextmanager
def nobodys_folder() -> Iterator[Path]:
    """A folder of that user's; chown what is written into it."""
    folder = Path(tempfile.mkdtemp(prefix="compat-nobody-", dir="/tmp"))  # pytest's are closed to others
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
