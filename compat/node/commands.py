"""What a small program of this machine prints, if it is there and does not take its time."""

from __future__ import annotations

import subprocess

__all__ = ["said_by"]

_SECONDS = 5.0


def said_by(*words: str) -> str | None:
    """The standard output of a program that ended well in its time; None otherwise, and where it is not there."""
    try:
        done = subprocess.run(
            words, stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=_SECONDS, cwd="/"
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.decode("utf-8", "replace") if done.returncode == 0 else None
