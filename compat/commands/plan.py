"""What would be measured, before anything is."""

from __future__ import annotations

from compat.commands.words import Content, Matrix, Ring
from compat.report.screen import new_console

__all__ = ["plan"]


def plan(matrix: Matrix, ring: Ring = None, content: Content = None) -> None:
    """Print what would be measured, what would not, and why. Nothing is installed or run."""
    from compat.report.plan_text import print_plan
    from compat.way import Options, make_plan, ring_of

    made = make_plan(matrix, Options(content=tuple(content or ())))
    print_plan(made, ring_of(made, ring) if ring else None, new_console())
