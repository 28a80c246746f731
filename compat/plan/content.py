"""Content: the kernels and workloads there are, as their files declare them. Nothing is executed.

A kernel file declares ``COMPONENTS``, ``AOT`` and optionally ``IMPORTS``, ``KERNEL``, ``CASES``, ``SEEDS``, ``NEEDS``
and ``COST``; with cases it has the functions ``prepare`` and ``reference``. A workload file declares ``KIND``,
``TIERS``, ``CASES``, ``COMPONENTS`` and optionally ``TOLERANCE``, ``IMPORTS``, ``SEEDS``, ``TIMED``, ``ITEMS``,
``METRICS``, ``ARTIFACT``, ``ONNX_IR`` (the IR version of its ONNX artifact) and ``GOLDEN``. In both a function
``split(params, tools)`` declares that the batch can be split.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from compat.errors import ContentError
from compat.paths import content_folder
from compat.plan.kernel_file import KERNEL_NAMES, kernel_of
from compat.plan.literals import read_declarations
from compat.plan.workload import Workload
from compat.plan.workload_file import RESERVED_METRICS, WORKLOAD_NAMES, workload_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = [
    "KERNEL_NAMES",
    "RESERVED_METRICS",
    "WORKLOAD_NAMES",
    "Workload",
    "read_content",
    "read_file",
    "site_folders",
]

_STEM = re.compile(r"[a-z][a-z0-9_]*")


def read_content(site: Sequence[Path] = ()) -> dict[str, Workload]:
    """All workloads by name: those we ship, then those in ``kernels/`` and ``workloads/`` of each site folder.

    ContentError when a file is not what it has to be, a folder has neither, or two files give the same name.
    """
    folders = [(content_folder("kernels"), True), (content_folder("workloads"), False), *site_folders(site)]
    content: dict[str, Workload] = {}
    for folder, kernels in folders:
        for path in _files(folder):
            workload = read_file(path, kernel=kernels)
            other = content.setdefault(workload.name, workload)
            if other is not workload:
                raise ContentError(f"{path}:1", f"{workload.name} is also defined by {other.path}", "rename one file")
    return content


def site_folders(site: Sequence[Path]) -> list[tuple[Path, bool]]:
    """The folders of content in each site folder, and whether it is one of kernels. ContentError where it has none."""
    folders = []
    for folder in site:
        found = [(folder / "kernels", True), (folder / "workloads", False)]
        if not any(path.is_dir() for path, _ in found):
            raise ContentError(str(folder), "expected a folder with kernels/ or workloads/ in it", "check the path")
        folders += [(path, kernels) for path, kernels in found if path.is_dir()]
    return folders


def _files(folder: Path) -> list[Path]:
    """Its Python files; an empty answer must not come from a folder that could not be read."""
    try:
        paths = sorted(folder.iterdir())
    except OSError as error:
        raise ContentError(str(folder), f"the folder cannot be read: {error.strerror}", "check its rights") from None
    return [path for path in paths if path.suffix == ".py" and not path.name.startswith(("_", "."))]


def read_file(path: Path, *, kernel: bool) -> Workload:
    """The workload that the file at ``path`` declares."""
    if not _STEM.fullmatch(path.stem):
        raise ContentError(str(path), "expected a file name of lower-case letters, digits and _", "rename the file")
    declared = read_declarations(path, KERNEL_NAMES if kernel else WORKLOAD_NAMES)
    if not declared.docstring.strip():
        raise ContentError(f"{path}:1", "the docstring is missing", "say in its first line what the file is")
    return kernel_of(declared) if kernel else workload_of(declared)
