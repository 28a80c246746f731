"""A plan as text for people; see ``compat.report.plan_text``."""

from __future__ import annotations

import io

from compat.report.plan_formats import Asked, PlanFormat
from compat.report.plan_text import print_plan

__all__ = ["FORMAT"]


def _render(asked: Asked) -> str:
    from rich.console import Console

    text = io.StringIO()
    print_plan(asked.plan, asked.ring.name, Console(file=text, highlight=False, width=200), asked=asked)
    return text.getvalue().rstrip("\n")


FORMAT = PlanFormat("table", "text for people", _render)
