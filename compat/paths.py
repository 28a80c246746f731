"""Where content lies: the four folders beside the package in a checkout, inside the package in a wheel."""

from __future__ import annotations

from pathlib import Path

__all__ = ["CONTENT_FOLDERS", "content_folder"]

CONTENT_FOLDERS = ("kernels", "matrices", "reports", "workloads")

_PACKAGE = Path(__file__).resolve().parent


def content_folder(name: str) -> Path:
    """The folder of one kind of content (``kernels``, ``workloads``, ``matrices``, ``reports``) that we ship.

    A wheel carries the folders in ``compat/content``; a checkout, editable or not, uses the top level's directly.
    """
    if name not in CONTENT_FOLDERS:
        raise ValueError(f"no content folder is called {name!r}: expected one of {', '.join(CONTENT_FOLDERS)}")
    packed = _PACKAGE / "content" / name
    return packed if packed.is_dir() else _PACKAGE.parent / name
