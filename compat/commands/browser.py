"""Opening a file in the user's own browser."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import webbrowser
from pathlib import Path

__all__ = ["open_page"]

_SOON = 5.0  # seconds in which an opener says that it cannot: one that still runs then is the browser


def open_page(page: Path) -> bool:
    """Open a file in the browser that BROWSER names, or that the desktop has; False where there is neither.

    A machine without a display has no desktop, whatever is installed. ``webbrowser`` by itself takes an opener that
    is done at once for one that failed, and opens the page again in the next.
    """
    address = page.resolve().as_uri()
    for name in filter(None, os.environ.get("BROWSER", "").split(os.pathsep)):
        try:
            if webbrowser.get(name).open(address):
                return True
        except webbrowser.Error:  # there is no such program
            continue
    shown = sys.platform == "darwin" or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    opener = shutil.which("open" if sys.platform == "darwin" else "xdg-open")
    return bool(shown and opener) and _started([str(opener), address])


def _started(command: list[str]) -> bool:
    quiet = subprocess.DEVNULL
    try:
        process = subprocess.Popen(command, stdin=quiet, stdout=quiet, stderr=quiet, start_new_session=True)
        return process.wait(_SOON) == 0
    except subprocess.TimeoutExpired:
        return True
    except OSError:
        return False
