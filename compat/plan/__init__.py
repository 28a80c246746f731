"""Plan: a matrix file becomes a Matrix, and a Matrix becomes the Plan of what will be measured.

No GPU, no container and no package under test is touched. The functions here are the front door; they import the
rest when they are called, so that naming this package costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from compat.model import Node, Plan, Waiver
    from compat.plan.load import Matrix

__all__ = ["build_plan", "load_matrix", "load_waivers"]


def load_matrix(path: Path) -> Matrix:
    """Read and check the matrix file at ``path``; MatrixError with ``file:line`` says what is wrong with it."""
    from compat.plan import load

    return load.load_matrix(path)


def load_waivers(path: Path) -> tuple[Waiver, ...]:
    """Read and check the waiver file at ``path``; MatrixError with ``file:line`` says what is wrong with it."""
    from compat.plan import waivers

    return waivers.load_waivers(path)


def build_plan(matrix: Matrix, *, node: Node | None = None, content: Sequence[Path] = (), compat_version: str) -> Plan:
    """What will be measured for ``matrix``, what will not and why, and what the tables say.

    ``content`` are a site's own folders, each with ``kernels/`` and/or ``workloads/``, beside those we ship. With
    ``node`` None nobody judges whether a cell can be placed. MatrixError or ContentError when no plan can be made.
    """
    from compat.plan import plan

    return plan.build_plan(matrix, node=node, content=content, compat_version=compat_version)
