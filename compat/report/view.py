"""The view of a verdict: everything that a format prints, computed once, in words and cleaned of control characters.

A view shows; it never judges. The decision, the statuses and the reasons are the verdict's, and what the verdict says
nothing about is said to be missing.
"""

from __future__ import annotations

import datetime
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from compat.model import Arm, Comparison, Decision, Evidence, Identity, Node, Plan, Rehearsal, Status, Verdict, digest
from compat.model.moments import moment
from compat.report.heat import heat
from compat.report.items import item_anchor, items, repeat_command, versions
from compat.report.parts import Change, Difference, HeatColumn, HeatRow, ItemView, Missing, Reason, Tally
from compat.report.policy import settings
from compat.report.ran import Ran
from compat.report.rollback import rollback_view
from compat.report.statuses import ARMS, WORST_FIRST
from compat.report.surroundings import FindingView, NodeView, RollbackView, Setting, Step, WaiverView, WindowView
from compat.report.text import NOTHING, cleaned, count, quantity

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from compat.judge.evidence import ByItem

__all__ = ["View", "view"]

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
    axes: tuple[Change, ...]  # that differ
    held: tuple[Setting, ...]  # axes that are the same on both sides
    components: tuple[Change, ...]
    reasons: tuple[Reason, ...]
    tallies: tuple[Tally, ...]
    tiers: tuple[Setting, ...]
    tiers_absent: tuple[str, ...]  # what the ring asks for, and no comparison rests on
    missing: tuple[Missing, ...]
    columns: tuple[HeatColumn, ...]
    rows: tuple[HeatRow, ...]
    items: tuple[ItemView, ...]
    findings: tuple[FindingView, ...]
    windows: tuple[WindowView, ...]  # those that are over first
    rollback: RollbackView | None  # None: no way back was good yet
    skew: tuple[Setting, ...]  # kind, and which parts are of which versions
    differences: tuple[Difference, ...]  # undeclared ones first
    facts: tuple[Change, ...]  # what both arms are: Python, packages
    nodes: tuple[NodeView, ...]
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
) -> View:
    """Make the view of ``verdict``.

    ``plan`` is the plan that was judged and ``evidence`` the evidence, as the judge takes it; ``identities`` are by
    their digest. A node or an identity that is not given is shown as unknown. ``rehearsals`` are all of the plan.
    """
    ran = Ran(evidence)
    repeats = {item.key: repeat_command(item.key, verdict.plan) for item in plan.items}
    shown = items(verdict.comparisons, ran.read, verdict.policy, repeats)
    ran.read_the_rest()
    required = [comparison for comparison in verdict.comparisons if comparison.required]
    back = {item.cell.id for item in plan.items if item.cell.rollback}  # where the versions go the other way
    passed = sum(comparison.status is Status.PASS for comparison in required)
    columns, rows = heat(verdict, plan)
    tiers = {tier: number for tier, number in verdict.tiers.items() if number}
    asked = next((ring.tiers for ring in plan.rings if ring.name == verdict.ring), ())
    result = View(
        verdict=verdict,
        decision=verdict.decision,
        sentence=_SENTENCES[verdict.decision].format(ring=verdict.ring),
        summary=f"{passed} of {count(len(required), 'required comparison')} passed, "
        f"measured on {count(len(verdict.nodes), 'node')}.",
        matrix=verdict.matrix,
        ring=verdict.ring,
        judged_at=verdict.judged_at,
        axes=tuple(change for change in _axes(verdict) if change.known_good != change.candidate),
        held=tuple(Setting(axis.what, axis.candidate) for axis in _axes(verdict) if axis.known_good == axis.candidate),
        components=versions([found for found in required or verdict.comparisons if found.cell not in back]),
        reasons=tuple(_reason(reason, verdict.comparisons) for reason in verdict.reasons),
        tallies=_tallies(verdict.comparisons),
        tiers=tuple(Setting(tier, count(number, "comparison")) for tier, number in tiers.items()),
        tiers_absent=tuple(tier.value for tier in asked if tier.value not in tiers),
        missing=_missing(verdict, plan),
        columns=columns,
        rows=rows,
        items=shown,
        findings=tuple(
            FindingView(found.cell, ARMS[found.arm], found.rule, found.status, found.reason, found.source)
            for found in sorted(plan.findings, key=lambda found: found.status == "ok")
        ),
        windows=_windows(verdict, plan),
        rollback=rollback_view(rehearsals, {node.id: node.hostname for node in nodes}),
        skew=tuple(
            Setting(found.kind, found.in_words, "the candidate alone has it" if found.new else "in the known-good, too")
            for found in verdict.skew
        ),
        differences=tuple(
            Difference(*difference)
            for difference in sorted(verdict.differences, key=lambda entry: (entry[3], entry[0]))
        ),
        facts=_facts(ran.identities, identities),
        nodes=_nodes(verdict, plan, nodes, identities, ran),
        waivers=_waivers(verdict),
        policy=settings(verdict.policy, [metric for item in plan.items for metric in item.case.metrics]),
        provenance=_provenance(verdict, plan),
        steps=_steps(verdict, shown),
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


def _reason(text: str, comparisons: Sequence[Comparison]) -> Reason:
    """A reason, and the item that it is about, as the judge words it; no item where it is about the ring."""
    for comparison in comparisons:
        place = f"{comparison.workload}[{comparison.case}]"
        if text.startswith((f"{place} of {comparison.cell} {comparison.reason}", f"{place} {comparison.reason}")):
            return Reason(place, text.removeprefix(place), item_anchor(comparison.item))
    return Reason("", text, "")


def _tallies(comparisons: Sequence[Comparison]) -> tuple[Tally, ...]:
    tallies = []
    for status in WORST_FIRST:
        found = [comparison.required for comparison in comparisons if comparison.status is status]
        if found:
            tallies.append(Tally(status, len(found), sum(found)))
    return tuple(tallies)


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


def _windows(verdict: Verdict, plan: Plan) -> tuple[WindowView, ...]:
    """The support windows of both stacks on the day of the verdict, and on the day that the last ring would end."""
    last = _last_day(verdict, plan) if plan.windows else ""
    found = []
    for window in plan.windows:
        stacks = {"known-good": verdict.known_good, "candidate": verdict.candidate}
        arms = [name for name, stack in stacks.items() if stack.get(window.axis) == window.value]
        left = window.days_left(last)
        later = f", {left} on {last}, when the last ring would end" if last > verdict.judged_at[:10] and left else ""
        said = window.in_words(verdict.judged_at).removeprefix(f"{window.axis} {window.value}: ") + later
        days, over = window.days_left(verdict.judged_at), window.is_over(last)
        found.append(
            WindowView(window.axis, window.value, " and ".join(arms), window.ends, days, over, said, window.source)
        )
    return tuple(sorted(found, key=lambda entry: not entry.over))


def _last_day(verdict: Verdict, plan: Plan) -> str:
    """The day on which the last ring would be done, if each took its whole budget from now on."""
    names = [ring.name for ring in plan.rings]
    still = plan.rings[names.index(verdict.ring) :] if verdict.ring in names else ()
    day = moment(verdict.judged_at) + datetime.timedelta(seconds=sum(r.budget for r in still))
    return day.date().isoformat()


def _waivers(verdict: Verdict) -> tuple[WaiverView, ...]:
    tones = {"in force": "info", "not covering": "hold"}
    found = []
    for use in sorted(verdict.waivers, key=lambda use: (not use.error, use.state != "not covering")):
        waiver = use.waiver
        bound = "" if waiver.at_most is None else f", at most {100 * waiver.at_most:g} % worse"
        place = "" if waiver.cell == "*" else f" of {waiver.cell}"
        of = f"{waiver.case} {waiver.metric}{place}{bound}"
        tone = "bad" if use.error else tones.get(use.state, "free")
        found.append(WaiverView(of, waiver.reason, waiver.owner, waiver.expires, use.state, use.said, tone))
    return tuple(found)


def _facts(ran: Iterable[tuple[Arm, str]], identities: Mapping[str, Identity]) -> tuple[Change, ...]:
    """Python, implementation, machine and every package of both arms, over all their identities."""
    sides: dict[Arm, dict[str, dict[str, None]]] = {arm: {} for arm in Arm}
    for arm, name in ran:
        identity = identities.get(name)
        if identity is None:
            facts = {"identity": f"{name[:12]} (its document was not given)"}
        else:
            facts = {"python": identity.python, "implementation": identity.implementation, "machine": identity.machine}
            facts |= {f"package {package}": version for package, version in sorted(identity.distributions.items())}
        for fact, value in facts.items():
            sides[arm].setdefault(fact, {})[value] = None
    names = dict.fromkeys([*sides[Arm.KNOWN_GOOD], *sides[Arm.CANDIDATE]])
    return tuple(Change(name, *(", ".join(sides[arm].get(name, ())) or NOTHING for arm in Arm)) for name in names)


def _nodes(
    verdict: Verdict,
    plan: Plan,
    nodes: Sequence[Node],
    identities: Mapping[str, Identity],
    ran: Ran,
) -> tuple[NodeView, ...]:
    """The nodes that the verdict rests on, controls last, with the drivers that they had."""
    known = {node.id: node for node in nodes}
    asked = [ring for ring in plan.rings if ring.name == verdict.ring]
    drivers: dict[str, dict[str, None]] = {}
    for node, name in ran.places:
        identity = identities.get(name)
        if identity is not None and identity.driver_version is not None:
            drivers.setdefault(node, {})[identity.driver_version] = None
    seen = {node for node, _ in ran.places}
    controls = [name for name in known if name in seen and any(ring.is_control(known[name]) for ring in asked)]
    unknown = (*("not in the inventory",) * 2, *(NOTHING,) * 3)
    return tuple(
        _node(known[name], drivers.get(name, ()), name in controls) if name in known else NodeView(name, *unknown)
        for name in (*verdict.nodes, *sorted(controls))
    )


def _node(node: Node, drivers: Iterable[str], control: bool) -> NodeView:
    products: dict[str, int] = {}
    for gpu in node.gpus:
        products[gpu.product or "unknown GPU"] = products.get(gpu.product or "unknown GPU", 0) + 1
    return NodeView(
        id=(node.id if node.id == node.hostname else f"{node.id} ({node.hostname})") + (", control" if control else ""),
        cpu=f"{node.cpu or 'unknown CPU'}, {count(node.cores, 'core')}",
        memory=quantity(node.memory_bytes, "B"),
        kernel=node.kernel,
        driver=", then ".join(drivers) or node.driver or NOTHING,
        gpus=", ".join(f"{number} of {product}" for product, number in products.items()) or "none",
    )


def _provenance(verdict: Verdict, plan: Plan) -> tuple[Setting, ...]:
    return (
        Setting("Judged", f"{verdict.judged_at} by compat {verdict.compat_version}"),
        Setting("Planned", f"by compat {plan.compat_version}"),
        Setting("Matrix file", verdict.matrix_digest, f"sha256 of the text of {verdict.matrix}"),
        Setting("Plan", verdict.plan, "what was to be measured, written before the run"),
        Setting("Evidence", verdict.evidence, "digest over every record that was judged"),
        *((Setting("Calibration", verdict.calibration, "digest of what it has shown"),) if verdict.calibration else ()),
        *(Setting(workload, content, "sha256 of its file") for workload, content in sorted(plan.content.items())),
    )


def _steps(verdict: Verdict, shown: Sequence[ItemView]) -> tuple[Step, ...]:
    steps = [
        Step(
            f"Measure and judge again, with the matrix file whose sha256 is {verdict.matrix_digest[:12]}…:",
            f"pytest MATRIX_FILE --compat-ring {shlex.quote(verdict.ring)}",
        )
    ]
    commands = [item.repeat for item in shown if item.repeat]
    if commands:
        steps.append(
            Step("Repeat one item, here the worst; STORE is the folder that this report was made from:", commands[0])
        )
    return tuple(steps)
