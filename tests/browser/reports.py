"""The reports that are opened, by name: what each is made of is in tests/report."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from compat.model import Item, Status
from compat.report.view import View, view
from tests.report import build, compared, hostile
from tests.report.large import Large
from tests.report.wrong import wrong

__all__ = ["ORDINARY", "REPORTS", "statuses"]


def statuses() -> View:
    """A comparison of every status, each of a workload of its own; the half of them is shown and not judged."""
    found = tuple(
        dataclasses.replace(
            build.comparison(f"operator:{status.value}", "case", cell, "latency", status, f"it is {status.value}"),
            waived=Status.REGRESS if status is Status.WAIVED else None,
        )
        for status in Status
        for cell in (build.OPERATORS, compared.NUMPY_ONLY)
    )
    items = tuple(
        Item(one.item, build.POINTS[one.cell], build.case(one, (build.LATENCY,)), 60.0, one.required) for one in found
    )
    verdict = dataclasses.replace(build.verdict(), comparisons=found)
    plan = dataclasses.replace(build.plan(), items=items)
    return view(verdict, plan, (build.NODE,), build.IDENTITIES, ())


# What a reader gets, good and bad; and all that a noun can say at once.
ORDINARY: dict[str, Callable[[], View]] = {
    "demo": build.demo,
    "path": build.path,
    "go": build.go,
    "hold": build.hold,
    "empty": build.empty,
    "statuses": statuses,
    "wrong": wrong,
    "full": lambda: hostile.full().view(),
    "many": lambda: Large(40).view(),
}
REPORTS = {**ORDINARY, "hostile": build.hostile}
