"""Why a verdict was what it was: everything it rested on, checked by digest and judged again, however late."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from compat.errors import CompatError, StoreError
from compat.model import Audited, Check, Verdict, digest
from compat.report.text import count
from compat.way.calibrate import calibrated_spreads
from compat.way.conclude import blobs, judge_digest, open_store
from compat.way.rested import Read, Rested, gather

if TYPE_CHECKING:
    from collections.abc import Mapping

    from securesystemslib.signer import Key

    from compat.judge.calibration import Spread
    from compat.model import Plan
    from compat.store import Store
    from compat.store.place import Where

__all__ = ["audit", "look"]


def audit(
    store: Store,
    verdict: Verdict,
    trusted: Sequence[Key] | None = None,
    calibration: Where | None = None,
    needed: int = 1,
    problem: str = "",
) -> Audited:
    """Look at everything that a verdict rests on, and judge it again, by its own day.

    ``trusted`` are keys, of which ``needed`` have to have signed it; None: signatures are not asked for. ``problem`` is
    what is wrong with the document that the verdict was read from. Whatever is wrong with what is stored is a check
    that does not stand, and no error.
    """
    return look(store, verdict, trusted, calibration, needed, problem)[0]


def look(
    store: Store,
    verdict: Verdict,
    trusted: Sequence[Key] | None = None,
    calibration: Where | None = None,
    needed: int = 1,
    problem: str = "",
) -> tuple[Audited, Rested | None]:
    """What an audit finds, and what the verdict rested on; None of that where its plan is not there."""
    from compat.way.signatures import signatures

    name = digest(verdict)
    checks = [Check("verdict", False, f"{name}: {problem}") if problem else _kept(store, name)]
    try:
        plan = store.plan(verdict.plan)
    except StoreError as lost:
        return Audited(verdict, name, (*checks, Check("plan", False, str(lost)))), None
    checks += [*_bound(verdict, plan), _text(store, verdict)]
    if all(ring.name != verdict.ring for ring in plan.rings):
        checks.append(Check("ring", False, f"{verdict.ring!r} is none of its plan's"))
        return Audited(verdict, name, tuple(checks)), None
    rested = gather(store, verdict, plan)
    checks += rested.checks
    checks.append(_waivers(verdict))
    again = None
    if rested.found:
        known, said = _spreads(verdict, plan, calibration, rested)
        checks += said
        again = _judged(store, verdict, plan, rested, known)
        checks += _compared(verdict, again)
    checks += signatures(store, verdict, plan, rested.nodes, trusted, needed)
    return Audited(verdict, name, tuple(checks), again), rested


def _kept(store: Store, name: str) -> Check:
    """Whether the store has the verdict: one that it never had was not reached over its evidence."""
    from compat.store.attestations import find_verdict

    try:
        find_verdict(store, name)
    except CompatError as problem:
        return Check("verdict", False, f"{name}: {problem}")
    return Check("verdict", True, f"{name}, as it was kept")


def _bound(verdict: Verdict, plan: Plan) -> list[Check]:
    """What a verdict and its plan both say."""
    found = [
        Check(
            "plan", True, f"{verdict.plan}: {count(len(plan.items), 'case')}, planned by compat {plan.compat_version}"
        )
    ]
    pairs = (
        ("matrix", verdict.matrix_digest, plan.matrix_digest),
        ("policy", digest(verdict.policy), digest(plan.policy)),
        ("candidate", digest(verdict.candidate), digest(plan.candidate)),
        ("known-good", digest(verdict.known_good), digest(plan.known_good)),
    )
    for what, own, planned in pairs:
        same = own == planned
        found.append(Check(what, same, own if same else f"{own} in the verdict, {planned} in its plan"))
    cases = {item.case.workload: item.case.content for item in plan.items}
    other = sorted(name for name, content in cases.items() if plan.content.get(name) != content)
    of = f"{digest(plan.content)}: {count(len(plan.content), 'workload')}, each by its file's sha256"
    found.append(Check("content", not other, f"the plan contradicts itself about {', '.join(other)}" if other else of))
    return found


def _text(store: Store, verdict: Verdict) -> Check:
    """Whether the matrix file's own text is still there, for who wants to read it."""
    from compat.store.naming import blob_name

    name = verdict.matrix_digest
    if not store.objects.has(blob_name(name)):
        return Check("matrix text", None, "is not in the store: what it says is in the plan")
    try:
        text = store.blob(name)
    except StoreError as problem:
        return Check("matrix text", False, str(problem))
    return Check("matrix text", True, f"{len(text)} bytes, as they were planned")


def _waivers(verdict: Verdict) -> Check:
    uses = [use for use in verdict.waivers if use.comparisons]
    if not uses:
        return Check("waivers", None, "none was needed")
    words = "; ".join(
        f"{use.waiver.owner} accepted {use.waiver.metric} of {use.waiver.case} until {use.waiver.expires}: "
        f"{use.waiver.reason}"
        for use in uses
    )
    return Check("waivers", None, words)


def _spreads(
    verdict: Verdict, plan: Plan, calibration: Where | None, rested: Rested
) -> tuple[Mapping[tuple[str, str], Spread], list[Check]]:
    """What the calibration says that it was judged with, and whether it is that one."""
    if calibration is None:
        missing = "it was judged with one that is not given: name it with --calibration"
        return {}, [Check("calibration", False, missing)] if verdict.calibration else []
    try:
        known = calibrated_spreads(open_store(calibration), plan, rested.nodes)
    except CompatError as problem:
        return {}, [Check("calibration", False, str(problem))]
    own = digest(sorted((*key, spread.error) for key, spread in known.items())) if known else ""
    same = own == verdict.calibration
    return known, [Check("calibration", same, own if same else "it is not the one that the verdict was judged with")]


def _judged(
    store: Store, verdict: Verdict, plan: Plan, rested: Rested, known: Mapping[tuple[str, str], Spread]
) -> Verdict:
    """The verdict of the judge that is installed, over the same evidence, on the same day, with the same waivers.

    What is there of no ring's is in no digest: with it as it was by its own moments, without it, and with all of it.
    """
    from compat.judge import judge
    from compat.judge.again import beside

    sure = [*rested.own, *rested.before]
    accepted = tuple(use.waiver for use in verdict.waivers)
    found = None
    for those in ([*sure, *rested.by_then], sure, [*sure, *rested.by_then, *rested.later]):
        there = {ran.node for ran in those}
        nodes = {name: node for name, node in rested.nodes.items() if name in there}  # not those that came later
        evidence = Read(store, verdict.plan, those)
        again = judge(
            plan, verdict.ring, evidence, rested.identities, nodes, blobs(store), verdict.judged_at, accepted, known
        )
        again = replace(again, judge=judge_digest())
        found = found or again
        if beside(verdict, again).same:
            return again
        if not rested.by_then and not rested.later:
            break
    return found or again


def _compared(verdict: Verdict, again: Verdict) -> list[Check]:
    from compat.judge.again import beside

    found = beside(verdict, again)
    alike = verdict.judge == again.judge
    judge = "by the same judge" if alike else f"by another judge ({again.judge[:12]}, not {_judge(verdict)})"
    checks = []
    if found.decision:
        first = f": {again.reasons[0]}" if again.reasons else ""
        said = f"{again.decision.value}, {judge}; it was {verdict.decision.value}{first}"
        checks.append(Check("judged again", False, said))
    elif found.same:
        said = f"{again.decision.value}, {judge}, with the same {count(len(verdict.comparisons), 'comparison')}"
        said += "; numbers differ in their last digits" if found.rounding else ""
        checks.append(Check("judged again", True, said))
    else:
        what = count(len(found.comparisons), "comparison") if found.comparisons else ", ".join(found.other)
        # One judge says the same of the same. Another one may see more, or say it in other words, and still agree.
        checks.append(Check("judged again", not alike, f"{again.decision.value}, {judge}; not the same: {what}"))
    checks += [Check("comparison", None if not alike else False, one) for one in found.comparisons]
    return checks


def _judge(verdict: Verdict) -> str:
    return verdict.judge[:12] or f"that of compat {verdict.compat_version}"
