"""Harms to worlds whose driver is upgraded. None undoes another, so any set of them is harmful."""

from __future__ import annotations

from dataclasses import replace

from compat.model import (
    STANDARD,
    Design,
    FaultKind,
    Kind,
    Phase,
    Rejection,
    Tier,
)

from .build import drop, faulting, scaled
from .harms import HOT, LOCAL, unsound
from .phased_spoiling import (
    all_needed,
    another_run,
    beside_others,
    by,
    clocked,
    control,
    crowded,
    forged,
    forth,
    in_phase,
    late,
    locked,
    one_more,
    only,
    paired,
    phased,
    planned,
    running,
    upgrading,
)
from .phased_worlds import METRICS
from .spoiling import (
    GOOD,
    INF,
    LEAK,
    NAN,
    Harm,
    asking,
    asking_case,
    asking_ring,
    blob,
    candidate,
    every,
    identity,
    item_of,
    known_good,
    leaks,
    measuring,
    node,
    ring,
    runs,
    sampled,
    saying,
    slow,
    worse,
)
from .upgrades import AFTER, BEFORE, CONTROLS, UPGRADED

__all__ = ["PHASED", "PHASED_LOCAL"]

RECORD = (
    "another schema",
    "another plan",
    "another content",
    "no stack",
    "another tier",
    "an unknown runtime",
    "an unknown node",
    "an unknown identity",
    "no round",
    "a generation before the first",
    "a pair before the first",
    "seconds that are NaN",
    "seconds without end",
    "seconds before the start",
    "no moment",
    "no inputs",
    "no device",
    "a device of another node",
    "a contradiction",
    "no samples",
    "another unit",
    "another kind",
    "a long time is good",
    "a low rate is good",
    "many spills are good",
    "a measurement twice",
    "a measurement that nobody declared",
    "less time than its samples",
    *(f"{metric.name} {value}" for metric in METRICS for value in (NAN, INF, -INF, -1.0)),
    *(f"no {metric.name}" for metric in METRICS if metric.kind is Kind.SAMPLED),
)
RETURNED = tuple(name for name in LOCAL if "output" in name)

# To the evidence of one item.
PHASED_LOCAL: dict[str, Harm] = {
    **{name: LOCAL[name] for name in RECORD},
    **{name: only(phased, LOCAL[name]) for name in RETURNED},
    "a clock set back": saying(lambda _, e: e.pair % 100 > 1, started="2019-11-23T12:00:00Z"),  # no place's first
    # Where and when it ran.
    "no phase": saying(phased, phase=None),
    "a phase of what runs in pairs": saying(paired, phase=Phase.AFTER),
    "before the upgrade it ran the candidate": saying(every(candidate, phased), phase=Phase.BEFORE),
    "after the upgrade it ran the known-good arm": saying(
        every(known_good, upgrading, in_phase(Phase.BEFORE)), phase=Phase.AFTER
    ),
    "a control's run of the other phase": saying(every(control, clocked, in_phase(Phase.AFTER)), phase=Phase.BEFORE),
    "nobody goes back": saying(every(phased, by(Design.CONTROL, Design.STORED)), phase=Phase.BACK),
    "a run of one phase is another's": saying(every(by(Design.ABA), clocked, in_phase(Phase.BEFORE)), phase=Phase.BACK),
    "the other arm": saying(candidate, arm=GOOD),
    "the other arm's run": Harm(forged, every(candidate, phased, clocked)),
    "the other arm's stack": saying(every(candidate, phased), stack={"driver": BEFORE, "runtime": "old"}),
    "another node": ring(
        lambda w, e: runs(lambda x: replace(x, node=min(set(w.nodes) - {e.node}))).do(w, e, 0),
        lambda w, e: upgrading(w, e) and clocked(w, e) and len(w.nodes) > 1,
    ),
    "another GPU": ring(
        lambda w, e: runs(lambda x: replace(x, devices=(w.nodes[e.node].gpus[-1].uuid,))).do(w, e, 0),
        lambda w, e: beside_others(w, e) and clocked(w, e) and e.devices != (w.nodes[e.node].gpus[-1].uuid,),
    ),
    "other inputs": saying(phased, inputs="other"),
    "the upgrade before what was before it": Harm(late, every(in_phase(Phase.BEFORE), by(Design.CONTROL, Design.ABA))),
    "no session": saying(every(phased, by(Design.STORED)), session=""),
    "a session that is no moment": saying(every(phased, by(Design.STORED)), session="yesterday"),
    "another session": saying(every(all_needed, by(Design.STORED)), session="2026-09-01T00:00:00+00:00"),
    "the driver before": running(BEFORE, every(candidate, phased)),
    "the driver after": running(AFTER, every(known_good, phased)),
    "a driver that nobody read": running(None, phased),
    "a driver that was never upgraded": running(BEFORE, every(candidate, phased), "item", "arm"),
    "drivers that nobody read": running(None, phased, "item"),
    "another run with the same numbers": another_run(lambda e: e, clocked),
    # Runs that are not there.
    "a run lost": runs(drop, "arm", "item", "node", "pair", where=every(all_needed, clocked, planned)),
    "a phase lost": runs(drop, "item", "node", "phase", where=every(all_needed, forth)),
    "a phase lost on all nodes": runs(drop, "item", "phase", where=every(all_needed, forth)),
    "a session lost": runs(drop, "item", "session", where=every(all_needed, by(Design.STORED))),
    "a GPU lost": runs(drop, "item", "node", "devices", where=every(beside_others, sampled)),
    "a GPU lost in a phase": runs(drop, "item", "node", "devices", "phase", where=every(beside_others, upgrading)),
    "a node lost": runs(drop, "item", "node", where=phased),
    "an arm lost": runs(drop, "item", "arm"),
    "a case lost": runs(drop, "item"),
    "a measurement lost": measuring(lambda _: [], gated=True, where=lambda w, e: clocked(w, e) and upgrading(w, e)),
    "a control's measurement lost": measuring(lambda _: [], Kind.SAMPLED, gated=True, where=control),
    "samples lost": measuring(lambda m: [replace(m, samples=m.samples[:1])], Kind.SAMPLED, gated=True, where=phased),
    "one generation": runs(lambda e: replace(e, generation=0), "item", "node", where=every(sampled, phased)),
    "known-good runs too hot": runs(
        lambda e: replace(e, conditions=replace(e.conditions, throttle=HOT.throttle)),
        "item",
        "node",
        "phase",
        where=every(known_good, sampled, phased),
    ),
    "a GPU that was not sound": runs(unsound, where=upgrading),
    "a control's GPU that was not sound": runs(unsound, where=every(control, clocked)),
    # Faults.
    "a fault": runs(faulting(), where=every(candidate, phased)),
    "a fault each time": runs(faulting(), "item", "node", "phase", where=every(candidate, phased)),
    "a fault in all phases": runs(faulting(), "item", "node", where=phased),
    "a control's fault": runs(faulting(), where=every(control, clocked)),
    "a fault before": runs(faulting(), where=every(known_good, upgrading)),
    "a fault of the node": runs(faulting(FaultKind.INFRASTRUCTURE), where=upgrading),
    "another run with a fault": another_run(
        lambda e: faulting()(replace(e, started="2026-11-28T00:00:00Z")), upgrading
    ),
    # Worse.
    "twice as slow": runs(slow, "item", "arm", "node", where=every(candidate, clocked, phased)),
    "twice as much": measuring(
        worse, Kind.BOUNDED, Kind.EXACT, gated=True, but=LEAK.name, where=every(candidate, phased)
    ),
    "a leak in every process": runs(
        scaled(LEAK.name, 2.0), "arm", "item", "node", where=every(candidate, phased, leaks)
    ),
}

PHASED: dict[str, Harm] = {
    **PHASED_LOCAL,
    "bytes lost": blob(lambda _: None),
    "bytes truncated": blob(lambda data: data[:-1]),
    "a node lost altogether": runs(drop, "node"),
    "the control group lost": ring(
        lambda w, _: setattr(w, "evidence", [e for e in w.evidence if not control(w, e)]), by(Design.CONTROL)
    ),
    "the upgraded group lost": ring(lambda w, _: setattr(w, "evidence", [e for e in w.evidence if control(w, e)])),
    "everything lost": ring(lambda w, _: w.evidence.clear()),
    "sentinels lost": ring(
        lambda w, _: setattr(w, "evidence", [e for e in w.evidence if not item_of(w, e).sentinel]), by(Design.STORED)
    ),
    "sessions of one hour": Harm(crowded, by(Design.STORED)),
    # What the arms and the nodes really were.
    "an identity lost": ring(lambda w, e: w.identities.pop(e.identity, None)),
    "an undeclared difference": identity("identity", where=every(candidate, phased), machine="riscv64"),
    "a distribution more": identity("identity", where=every(candidate, phased), distributions={"numpy": "0.1"}),
    "an arm that is not the same each time": identity(environment={"OMP_NUM_THREADS": "1"}),
    "a setting after the upgrade": identity(
        "item", "node", "phase", where=every(candidate, phased), settings={"power limit": "150 W"}
    ),
    "a setting of the controls": identity(
        "item", "node", "phase", where=every(control, in_phase(Phase.AFTER)), settings={"power limit": "150 W"}
    ),
    "a control that is another machine": identity(
        "item", "node", "phase", where=every(control, in_phase(Phase.AFTER)), machine="riscv64"
    ),
    "a node that nobody knows": ring(lambda w, e: w.nodes.pop(e.node, None)),
    "a node of another name": node(id="n8"),
    "labels lost": node(labels={}),
    "a control that should have been upgraded": ring(
        lambda w, e: w.nodes.update({e.node: replace(w.nodes[e.node], labels={"group": "upgraded"})}),
        lambda _, e: e.node in CONTROLS,
    ),
    "an upgraded node that is a control": ring(
        lambda w, e: w.nodes.update({e.node: replace(w.nodes[e.node], labels={"group": "control"})}),
        lambda _, e: e.node in UPGRADED,
    ),
    "locked clocks": ring(locked),
    "GPUs that are not there": Harm(node(gpus=()).do, lambda _, e: e.tier is Tier.GPU),
    "a case that nobody planned": ring(lambda w, e: w.evidence.append(replace(e, item="operator:unknown[a]"))),
    # A plan that asks for more than there is.
    "another matrix": ring(lambda w, _: setattr(w, "plan", replace(w.plan, name="x"))),
    "one more case": asking(lambda p, i: replace(p, items=(*p.items, one_more(i)))),
    "a case planned twice": asking(lambda p, i: replace(p, items=(*p.items, i))),
    "nothing required": asking(lambda p, _: replace(p, items=tuple(replace(i, required=False) for i in p.items))),
    "one more metric": asking_case(metrics=(STANDARD["batch_mismatches"],)),
    "one more seed": asking_case(seeds=2),
    "a tolerance that cannot be": asking_case(tolerance=-1.0),
    "longer rounds": asking(
        lambda p, _: replace(p, policy=replace(p.policy, rounds=(99, *p.policy.rounds))), every(sampled, phased)
    ),
    "more nodes": asking_ring(minimum_nodes=9),
    "more controls": asking_ring(by(Design.CONTROL), minimum_controls=9),
    "more GPUs": asking_ring(lambda _, e: e.tier is Tier.GPU, gpus=9),
    "more sentinels": asking(
        lambda p, _: replace(p, policy=replace(p.policy, stored=replace(p.policy.stored, sentinels=9))),
        by(Design.STORED),
    ),
    "one more tier": asking_ring(tiers=tuple(Tier)),
    "a ring before it": asking_ring(after="lab"),
    "another design": asking_ring(every(sampled, by(Design.CONTROL)), controls={}, minimum_controls=0),
    "something that is not measured": asking(lambda p, _: replace(p, rejections=(Rejection("model:x", "no", True),))),
}
