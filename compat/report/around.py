"""What surrounds the comparisons of a verdict, made for a view: nodes, facts, waivers, windows, digests, next steps."""

from __future__ import annotations

import datetime
import shlex
from typing import TYPE_CHECKING

from compat.model import Arm, Identity, Node, Plan, Status, Verdict, digest
from compat.model.moments import moment
from compat.report.parts import Change
from compat.report.surroundings import NodeView, Setting, Step, WaiverView, WindowView
from compat.report.text import NOTHING, count, quantity

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from compat.report.parts import ItemView, Missing
    from compat.report.ran import Ran

__all__ = ["facts", "nodes_of", "provenance", "steps", "uncovered", "waivers", "windows"]


def uncovered(missing: Sequence[Missing], verdict: Verdict) -> str:
    """How much was not covered, in one sentence: what blocks GO, and what calibration showed that cannot be told."""
    untold = sum(found.status is Status.UNCOVERED for found in verdict.comparisons)
    also = f" {count(untold, 'comparison')} cannot be told apart here and {'is' if untold == 1 else 'are'} not judged."
    if not missing:
        return "Everything that the matrix asks for was planned." + (also if untold else "")
    blocking = [entry for entry in missing if entry.blocking]
    # An entry is a reason; how many things it is about is in its words alone.
    said = f"Not everything was covered, for {count(len(missing), 'reason')}"
    if blocking:
        first = f"{blocking[0].what}: {blocking[0].reason}"
        said += f", {len(blocking):,} of {'it' if len(missing) == 1 else 'them'} in the way of GO ({first})"
    return f"{said}." + (also if untold else "")


def windows(verdict: Verdict, plan: Plan, now: str) -> tuple[WindowView, ...]:
    """The support windows of both stacks, on the day of the verdict and on the day of ``now`` (ISO 8601).

    They are over on the day that the last ring would end. A verdict may be months old: what is said is of now.
    """
    if not plan.windows:
        return ()
    last, last_now = _last_day(verdict, plan, verdict.judged_at), _last_day(verdict, plan, now)
    found = []
    for window in plan.windows:
        stacks = {"known-good": verdict.known_good, "candidate": verdict.candidate}
        arms = [name for name, stack in stacks.items() if stack.get(window.axis) == window.value]
        left = window.days_left(last_now)
        later = f", {left} on {last_now}, when the last ring would end" if last_now > now[:10] and left else ""
        said = window.in_words(now).removeprefix(f"{window.axis} {window.value}: ") + later
        days, days_now = window.days_left(verdict.judged_at), window.days_left(now)
        if window.ended and days is not None and days >= 0:
            days = None
        if window.ended and days_now is not None and days_now >= 0:
            days_now, said = None, f"its support has ended, though the table has {window.ends} as its last day"
        found.append(
            WindowView(
                axis=window.axis,
                value=window.value,
                arms=" and ".join(arms),
                ends=window.ends,
                days_left=days,
                over=window.is_over(last),
                days_now=days_now,
                over_now=window.is_over(last_now),
                said=said,
                source=window.source,
            )
        )
    return tuple(sorted(found, key=lambda entry: not entry.over))


def _last_day(verdict: Verdict, plan: Plan, now: str) -> str:
    """The day on which the last ring would be done, if each took its whole budget from ``now`` on."""
    names = [ring.name for ring in plan.rings]
    still = plan.rings[names.index(verdict.ring) :] if verdict.ring in names else ()
    day = moment(now) + datetime.timedelta(seconds=sum(r.budget for r in still))
    return day.date().isoformat()


def waivers(verdict: Verdict) -> tuple[WaiverView, ...]:
    """What became of the accepted changes, those with an error first."""
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


def facts(ran: Iterable[tuple[Arm, str]], identities: Mapping[str, Identity]) -> tuple[Change, ...]:
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


def nodes_of(
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


def provenance(verdict: Verdict, plan: Plan, own: str = "") -> tuple[Setting, ...]:
    """What the verdict is bound to, by digests. ``own`` is the verdict's, where somebody knows it."""
    return (
        Setting("Judged", f"{verdict.judged_at} by compat {verdict.compat_version}"),
        Setting("Planned", f"by compat {plan.compat_version}"),
        *((Setting("Verdict", own, "what a signature, a promotion and compat audit name"),) if own else ()),
        Setting("Judge", verdict.judge or "not named", "digest of the code that judged"),
        Setting("Matrix file", verdict.matrix_digest, f"sha256 of the text of {verdict.matrix}"),
        Setting("Plan", verdict.plan, "what was to be measured, written before the run"),
        Setting("Evidence", verdict.evidence, "digest over every record that was judged"),
        Setting("Policy", digest(verdict.policy), "the thresholds above"),
        *((Setting("Calibration", verdict.calibration, "digest of what it has shown"),) if verdict.calibration else ()),
        *(Setting(workload, content, "sha256 of its file") for workload, content in sorted(plan.content.items())),
    )


def steps(verdict: Verdict, shown: Sequence[ItemView]) -> tuple[Step, ...]:
    """How to repeat the verdict, and its worst item."""
    found = [
        Step(
            f"Measure and judge again, with the matrix file whose sha256 is {verdict.matrix_digest[:12]}…:",
            f"pytest MATRIX_FILE --compat-ring {shlex.quote(verdict.ring)}",
        )
    ]
    commands = [item.repeat for item in shown if item.repeat]
    if commands:
        found.append(Step("Repeat one case, here the worst:", commands[0]))
    return tuple(found)
