"""The view of a verdict: everything that a format prints, computed once, in words and cleaned of control characters.

A view shows; it never judges. The decision, the statuses and the reasons are the verdict's, and what the verdict says
nothing about is said to be missing.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from compat.model import Comparison, Decision, Evidence, Identity, Node, Plan, Rehearsal, Status, Verdict, digest
from compat.model.moments import zoned
from compat.report.around import facts, nodes_of, provenance, steps, uncovered, waivers, windows
from compat.report.heat import heat
from compat.report.history import HistoryView, history_view
from compat.report.items import Beside, item_anchor, items, versions
from compat.report.measures import Measure, measures
from compat.report.parts import Change, Difference, HeatMap, ItemView, Missing, Reason, Tally
from compat.report.policy import settings
from compat.report.ran import Ran
from compat.report.rollback import rollback_view
from compat.report.statuses import ARMS, WORST_FIRST
from compat.report.surroundings import (
    FindingView,
    NodeView,
    RollbackView,
    Setting,
    Step,
    WaiverView,
    WindowView,
)
from compat.report.text import NOTHING, cleaned, count

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from compat.judge.evidence import ByItem
    from compat.report.past import History

__all__ = ["View", "view"]

_BEGINNING = 120  # characters of a reason that tell which comparison it is of
_SENTENCES = {
    Decision.GO: "The upgrade may go to ring {ring}.",
    Decision.NO_GO: "The upgrade must not go to ring {ring}: something is shown to be worse.",
    Decision.HOLD: "The upgrade waits: the evidence does not settle ring {ring} yet.",
}


@dataclass(frozen=True)
class View:
    """A verdict as every format shows it. ``verdict`` is the noun itself, for documents that carry its numbers."""

    verdict: Verdict
    decision: Decision
    sentence: str
    summary: str
    matrix: str
    ring: str
    judged_at: str
    began: str  # when the first run of the evidence began; empty where there is none, or it does not say
    ended: str  # and when the last one did that was begun
    axes: tuple[Change, ...]  # that differ
    held: tuple[Setting, ...]  # axes that are the same on both sides
    components: tuple[Change, ...]
    measures: tuple[Measure, ...]  # the five
    reasons: tuple[Reason, ...]
    tallies: tuple[Tally, ...]
    tiers: tuple[Setting, ...]
    tiers_absent: tuple[str, ...]  # what the ring asks for, and no comparison rests on
    missing: tuple[Missing, ...]
    uncovered: str  # how much of it, in one sentence
    maps: tuple[HeatMap, ...]
    unmapped: int  # workloads, the best ones, that the maps have no room for
    items: tuple[ItemView, ...]
    findings: tuple[FindingView, ...]
    windows: tuple[WindowView, ...]  # those that are over first
    rollback: RollbackView | None  # None: no way back was good yet
    skew: tuple[Setting, ...]  # kind, and which parts are of which versions
    differences: tuple[Difference, ...]  # undeclared ones first
    facts: tuple[Change, ...]  # what both arms are: Python, packages
    nodes: tuple[NodeView, ...]
    history: HistoryView
    waivers: tuple[WaiverView, ...]  # those with an error first
    policy: tuple[Setting, ...]
    provenance: tuple[Setting, ...]
    steps: tuple[Step, ...]
    content: str  # digest of the plan's content


def view(
    verdict: Verdict,
    plan: Plan,
    nodes: Sequence[Node],
    identities: Mapping[str, Identity],
    evidence: ByItem | Iterable[Evidence],
    rehearsals: Sequence[Rehearsal] = (),
    past: History | None = None,
    *,
    blob: Callable[[str], bytes] | None = None,
    store: str = "STORE",
    now: str = "",
) -> View:
    """Make the view of ``verdict``.

    ``plan`` is the plan that was judged and ``evidence`` the evidence, as the judge takes it; ``identities`` are by
    their digest. A node or an identity that is not given is shown as unknown. ``rehearsals`` are all of the plan.
    ``past`` is what the store says besides: without it the view says that nobody asked. ``blob`` reads an output by its
    digest, for the elements that are wrong; ``store`` is where all of it is, as a command is told. ``now`` (ISO 8601)
    is what ages are counted to: when ``past`` was read, and without it the moment of the verdict.
    """
    ran = Ran(evidence)
    beside = Beside.of(plan, verdict.plan, verdict.policy, nodes, store, blob)
    shown = items(verdict.comparisons, ran.read, beside)
    maps, unmapped = heat(verdict, plan.known_good, beside.cells)
    ran.read_the_rest()
    required = [comparison for comparison in verdict.comparisons if comparison.required]
    back = {item.cell.id for item in plan.items if item.cell.rollback}  # where the versions go the other way
    passed = sum(comparison.status is Status.PASS for comparison in required)
    tiers = {tier: number for tier, number in verdict.tiers.items() if number}
    hostnames = {node.id: node.hostname for node in nodes}
    now = now or (past.at if past is not None and zoned(past.at) else verdict.judged_at)
    supported = windows(verdict, plan, now)
    back_view = rollback_view(rehearsals, hostnames)
    missing = _missing(verdict, plan)
    asked = next((ring.tiers for ring in plan.rings if ring.name == verdict.ring), ())
    result = View(
        verdict=verdict,
        decision=verdict.decision,
        sentence=_SENTENCES[verdict.decision].format(ring=verdict.ring),
        summary=f"{passed:,} of {count(len(required), 'required comparison')} passed, "
        f"measured on {count(len(verdict.nodes), 'node')}.",
        matrix=verdict.matrix,
        ring=verdict.ring,
        judged_at=verdict.judged_at,
        began=ran.began,
        ended=ran.ended,
        axes=tuple(change for change in _axes(verdict) if change.known_good != change.candidate),
        held=tuple(Setting(axis.what, axis.candidate) for axis in _axes(verdict) if axis.known_good == axis.candidate),
        components=versions([found for found in required or verdict.comparisons if found.cell not in back]),
        measures=measures(verdict, plan, supported, back_view, rehearsals, hostnames, missing, now),
        reasons=tuple(_reasons(verdict.reasons, verdict.comparisons)),
        tallies=_tallies(verdict.comparisons),
        tiers=tuple(Setting(tier, count(number, "comparison")) for tier, number in tiers.items()),
        tiers_absent=tuple(tier.value for tier in asked if tier.value not in tiers),
        missing=missing,
        uncovered=uncovered(missing, verdict),
        maps=maps,
        unmapped=unmapped,
        items=shown,
        findings=tuple(
            FindingView(found.cell, ARMS[found.arm], found.rule, found.status, found.reason, found.source)
            for found in sorted(plan.findings, key=lambda found: found.status == "ok")
        ),
        windows=supported,
        rollback=back_view,
        skew=tuple(
            Setting(found.kind, found.in_words, "the candidate alone has it" if found.new else "in the known-good, too")
            for found in verdict.skew
        ),
        differences=tuple(
            Difference(*difference)
            for difference in sorted(verdict.differences, key=lambda entry: (entry[3], entry[0]))
        ),
        facts=facts(ran.identities, identities),
        nodes=nodes_of(verdict, plan, nodes, identities, ran),
        history=history_view(verdict, past, rehearsals, hostnames),
        waivers=waivers(verdict),
        policy=settings(verdict.policy, [metric for item in plan.items for metric in item.case.metrics]),
        provenance=provenance(verdict, plan, past.digest if past is not None else ""),
        steps=steps(verdict, shown),
        content=digest(plan.content),
    )
    # The verdict itself stays as it is: formats that carry it escape it in their own way.
    fields = {name: value if name == "verdict" else cleaned(value) for name, value in vars(result).items()}
    return View(**fields)


def _axes(verdict: Verdict) -> tuple[Change, ...]:
    names = {**verdict.known_good, **verdict.candidate}
    return tuple(
        Change(name, verdict.known_good.get(name, NOTHING), verdict.candidate.get(name, NOTHING)) for name in names
    )


def _reasons(texts: Sequence[str], comparisons: Sequence[Comparison]) -> Iterator[Reason]:
    """The reasons, each with the item that it is about, as the judge words it; with none where it is of the ring.

    The judge says the place, the cell where there are several, and the comparison's own reason.
    """
    known: dict[tuple[str, str], str] = {}  # place, and how what follows it begins -> item
    for one in comparisons if texts else ():
        place = f"{one.workload}[{one.case}]"
        for begin in (f" of {one.cell} {one.reason}", f" {one.reason}"):
            known.setdefault((place, begin[:_BEGINNING]), one.item)
    lengths = sorted({len(begin) for _, begin in known}, reverse=True)
    for text in texts:
        ends = (found.end() for found in re.finditer(r"\]", text))
        about = (
            (text[:end], known[text[:end], text[end : end + length]])
            for end in ends
            for length in lengths
            if (text[:end], text[end : end + length]) in known
        )
        place, item = next(about, ("", ""))
        yield Reason(place, text.removeprefix(place), item_anchor(item) if item else "")


def _tallies(comparisons: Sequence[Comparison]) -> tuple[Tally, ...]:
    every = Counter(comparison.status for comparison in comparisons)
    required = Counter(comparison.status for comparison in comparisons if comparison.required)
    return tuple(Tally(status, every[status], required[status]) for status in WORST_FIRST if every[status])


def _missing(verdict: Verdict, plan: Plan) -> tuple[Missing, ...]:
    rejected = [
        Missing(entry.what, entry.reason, entry.blocking and entry.ring in (None, verdict.ring))
        for entry in plan.rejections
    ]
    said = [
        Missing("", text, blocking=False)
        for text in verdict.not_covered
        if not any(entry.what in text and entry.reason in text for entry in rejected)
    ]
    return tuple(sorted(rejected, key=lambda entry: not entry.blocking)) + tuple(said)
