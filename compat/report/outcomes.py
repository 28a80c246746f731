"""A verdict as the documents of test runs have it: what was tested, whether it passed, and why not.

Such a document is green where nothing in it failed, and pipelines read no more than that. So the verdict itself is its
first test, and everything that keeps the ring from GO is a test that did not pass: none is green without a GO.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from compat.model import FINE, Decision, Status
from compat.model.moments import LONGEST
from compat.report.text import NOTHING, count

if TYPE_CHECKING:
    from compat.report.parts import Change, ItemView, Missing, Row
    from compat.report.view import View

__all__ = ["Outcome", "Tested", "tested"]

_PASSED = frozenset({Status.PASS, Status.FIXED})
_DECISIONS: dict[Decision, str] = {Decision.GO: "passed", Decision.NO_GO: "failed", Decision.HOLD: "open"}


class Outcome(enum.Enum):
    """What became of a test."""

    PASSED = "passed"
    FAILED = "failed"  # it is shown to be worse
    OPEN = "open"  # it keeps the ring from GO, and is not shown to be worse
    ASIDE = "aside"  # it is not as it was, and the ring does not rest on it or somebody accepted it
    ABSENT = "absent"  # it was not measured, and the ring does not ask for it


@dataclass(frozen=True)
class Tested:
    """One test. ``group`` is its cell; ``status`` the word of the verdict. All text is cleaned of control characters.

    ``said`` is why, in a sentence; ``detail`` everything else that there is to know, in lines. What passed has them
    where something beside it is no pass, which the ring does not rest on: it is told all the same. ``facts`` have names
    without spaces. ``seconds`` are those of all its runs, in both arms: 0 to ten years of them.
    """

    group: str
    name: str
    outcome: Outcome
    status: str
    said: str = ""
    detail: str = ""
    seconds: float = 0.0
    facts: tuple[tuple[str, str], ...] = ()


def tested(view: View) -> Iterator[Tested]:
    """The verdict, what was never measured and should have been, every item, and what else was left out."""
    reasons = [reason.full for reason in view.reasons]
    yield Tested(
        view.matrix,
        f"verdict of ring {view.ring}",
        Outcome(_DECISIONS[view.decision]),
        view.decision.value,
        view.sentence,
        "\n".join(reasons),
        facts=(("ring", view.ring), ("judged_at", view.judged_at), *_axes(view.axes)),
    )
    yield from (_missing(view, entry) for entry in view.missing if entry.blocking)
    yield from map(_item, view.items)
    yield from (_missing(view, entry) for entry in view.missing if not entry.blocking)


def _missing(view: View, entry: Missing) -> Tested:
    outcome = Outcome.OPEN if entry.blocking else Outcome.ABSENT
    return Tested(view.matrix, entry.what or entry.reason, outcome, "not covered", entry.reason)


def _item(item: ItemView) -> Tested:
    outcome = _outcome(item)
    facts = (
        ("workload", item.workload),
        ("tier", item.tier),
        *_axes(item.axes),
        ("item", item.key),
        ("required", "yes" if item.required else "no"),
        ("status", item.status.value),
        *((f"version.{change.what}", f"{change.known_good} -> {change.candidate}") for change in item.versions),
    )
    beside = [row.status.value for row in item.rows if row.status not in _PASSED]
    said = item.headline
    if outcome is Outcome.PASSED:
        told = ", ".join(dict.fromkeys(beside))
        said = f"beside what the ring rests on: {count(len(beside), 'comparison')} ({told})" if beside else ""
    return Tested(
        item.cell,
        item.title,
        outcome,
        item.status.value,
        said,
        "\n".join(_detail(item)) if said else "",
        min(max(item.seconds, 0.0), LONGEST) if math.isfinite(item.seconds) else 0.0,
        facts,
    )


def _outcome(item: ItemView) -> Outcome:
    if item.status in _PASSED:
        return Outcome.PASSED
    if item.status in FINE or not item.required:
        return Outcome.ASIDE
    return Outcome.FAILED if item.status is Status.REGRESS else Outcome.OPEN


def _detail(item: ItemView) -> Iterator[str]:
    """Every comparison that is no pass, every fault with what it printed, and how to repeat the item."""
    yield from (_said(row) for row in item.rows if row.status not in _PASSED)
    for fault in item.faults:
        place = f"stage {fault.stage}" + (f", {fault.signal}" if fault.signal else "")
        yield f"{fault.kind} of the {fault.arm} at {place}, {fault.times} times: {fault.detail}"
        if fault.output:
            yield fault.output
    if item.repeat:
        yield f"repeat it: {item.repeat}"


def _said(row: Row) -> str:
    numbers = f"{row.known_good} -> {row.candidate}" if row.known_good != NOTHING or row.candidate != NOTHING else ""
    aside = "" if row.required else " (the ring does not rest on it)"
    return f"{row.status.value}{aside}: {row.reason}" + (f" [{row.metric} {numbers}]" if numbers else "")


def _axes(changes: tuple[Change, ...]) -> tuple[tuple[str, str], ...]:
    """Each axis under its own name as the candidate has it, as pytest's own document says, and the known-good value."""
    return tuple(
        entry
        for change in changes
        for entry in ((change.what, change.candidate), (f"known_good.{change.what}", change.known_good))
    )
