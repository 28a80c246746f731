"""The points of a matrix as text: how many there are, the first of them, and why others are none."""

from __future__ import annotations

import itertools
import math

from rich.console import Console
from rich.text import Text

from compat.plan.load import Matrix
from compat.plan.words import number

__all__ = ["print_points"]


def print_points(matrix: Matrix, first: int, console: Console) -> None:
    """Print the number of points, the ``first`` of them, and what is left out. No plan is made."""
    points = matrix.points
    product = math.prod(len(values) for values in matrix.spec.axes.values())
    count = points.space.count

    def say(line: str, style: str = "") -> None:
        console.print(Text(line, style=style), soft_wrap=True)

    many = "its exclusions are too entangled to count its points" if count is None else f"{number(count)} points"
    say(f"{matrix.name}: {many}; its axes make {number(product)}")
    shown = 0
    for stack, model in itertools.islice(points.space.walk(), first):
        values = stack if model is None else {**stack, "model": model}
        say(f"  {', '.join(f'{axis}={value}' for axis, value in values.items())}")
        shown += 1
    if count is None or count > shown:
        say("  ..." if count is None else f"  and {number(count - shown)} more")
    say("\nLeft out", style="bold")
    for rejection in points.rejections:
        say(f"  {rejection.what}: {rejection.reason}")
    if not points.rejections:
        say("  nothing: every point of the product is a point of the matrix")
