"""Removes folders that somebody filled who meant harm: of any depth and width, and closed."""

from __future__ import annotations

import itertools
import math
import os
import stat
import time

__all__ = ["remove"]

_NUMBERS = itertools.count()


def remove(path: str, until: float = math.inf) -> None:
    """Remove a file, or a folder with all that is in it, however deep and whatever its modes. OSError if it cannot be.

    Folders are moved up before they are emptied: a path has a longest length. ``until`` is a ``time.monotonic()``
    value.
    """
    if not stat.S_ISDIR(os.lstat(path).st_mode):
        os.unlink(path)  # noqa: PTH108
        return
    beside = os.path.dirname(path)  # noqa: PTH120
    left = [path]
    while left:
        folder = left.pop()
        os.chmod(folder, 0o700)  # noqa: PTH101
        with os.scandir(folder) as entries:
            for entry in entries:
                if not time.monotonic() < until:
                    raise TimeoutError(f"{path} holds too much")
                if entry.is_dir(follow_symlinks=False):
                    os.chmod(entry.path, 0o700)  # noqa: PTH101 - else it cannot be moved
                    left.append(f"{beside}/.compat-{os.getpid()}-{next(_NUMBERS)}")
                    os.rename(entry.path, left[-1])  # noqa: PTH104
                else:
                    os.unlink(entry.path)  # noqa: PTH108
        os.rmdir(folder)  # noqa: PTH106
