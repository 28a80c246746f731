"""Everything that a report is made of, with a text in every place that can have one."""

from __future__ import annotations

import dataclasses

from compat.gate.standing import Stand
from compat.model import (
    SCHEMA_VERSION,
    Artifact,
    Conditions,
    Coverage,
    Decision,
    EventKind,
    Evidence,
    Fault,
    FaultKind,
    Gpu,
    GpuHealth,
    HealthEvent,
    Identity,
    Lease,
    MetricPolicy,
    Node,
    Output,
    Plan,
    Promotion,
    Rehearsal,
    Route,
    Skew,
    Status,
    Verdict,
    Waiver,
    WaiverUse,
    Watch,
    Window,
    WorkloadPolicy,
    digest,
)
from compat.model.inventory import NvLink
from compat.report.past import Changed, Effect, History, Past
from compat.report.rings_text import Overview
from compat.report.view import View, view
from tests.report import build

__all__ = ["Given", "full"]

_AT = "2025-11-19T12:00:00+00:00"


@dataclasses.dataclass(frozen=True)
class Given:
    """Everything that a report is made of."""

    verdict: Verdict
    plan: Plan
    nodes: tuple[Node, ...]
    identities: dict[str, Identity]
    evidence: tuple[Evidence, ...]
    rehearsals: tuple[Rehearsal, ...]
    past: History

    def view(self) -> View:
        """What every format shows of it."""
        return view(**vars(self))


def full() -> Given:
    """The demonstration with a stack on the way, and with a text in every place that can have one."""
    first, *rest = build.plan(between=True).items
    golden = Output("y", "<f4", (4,), digest("golden"))
    artifact = Artifact("magika==1.0.1", "magika/model.onnx", digest("artifact"))
    case = dataclasses.replace(
        first.case, params={"backend": "inductor"}, artifact=artifact, imports=("numpy",), golden=(golden,)
    )
    plan = build.plan(between=True)
    (ring,) = plan.rings
    ring = dataclasses.replace(
        ring, after="lab", controls={"group": "control"}, cards=("NVIDIA H100*",),
        coverage=Coverage("pairwise", tuple(build.POINTS), 3, 4),
    )  # fmt: skip
    name, runtime = next(iter(plan.runtimes.items()))
    runtime = dataclasses.replace(
        runtime, image="registry.example/torch@sha256:0", python="/usr/bin/python3", env={"OMP_NUM_THREADS": "1"},
        assembler=artifact, brings={"cuda": "12.8"},
    )  # fmt: skip
    plan = dataclasses.replace(
        plan,
        runtimes={**plan.runtimes, name: runtime},
        rings=(ring,),
        items=(dataclasses.replace(first, case=case), *rest),
        findings=tuple(dataclasses.replace(one, level="conditional", remedy="triton 3.6") for one in plan.findings),
        rejections=tuple(dataclasses.replace(one, ring="canary") for one in plan.rejections),
        routes=(Route(dataclasses.replace(build.POINTS[build.OPERATORS], id="the-whole-way"), tuple(build.POINTS)),),
        cells=tuple(build.POINTS.values()),
        windows=(Window("driver", "570.172.08", "2026-02-28", ended=False, source="the vendor's lifecycle page"),),
    )
    return Given(_verdict(), plan, (_node(),), _identities(), _evidence(), (_rehearsal(),), _past())


def _verdict() -> Verdict:
    verdict = build.verdict(between=True)
    waiver = Waiver("kernel:matmul[*]", "spills", "the kernel is on its way out", "ana", "2026-03-01", "stack-*", 0.1)
    waived, *rest = verdict.comparisons
    policy = dataclasses.replace(
        verdict.policy, workloads={"kernel:matmul": WorkloadPolicy({"spills": MetricPolicy(absolute=64.0)})}
    )
    return dataclasses.replace(
        verdict,
        comparisons=(dataclasses.replace(waived, status=Status.WAIVED, waived=Status.REGRESS), *rest),
        policy=policy,
        waivers=tuple(WaiverUse(waiver, state, 1, "it accepted 1 comparison") for state in ("in force", "expired")),
        calibration=digest("calibration"),
        skew=(Skew("driver", "the driver's parts", {"kernel module": "570.211", "libcuda": "580.159"}, True),),
        judge=digest("judge"),
        records={build.NODE.id: 12},
    )


def _node() -> Node:
    gpu = Gpu("MIG-1c0de", "NVIDIA H100 80GB HBM3 MIG 1g.10gb", 10 * 2**30, "9.0", parent="GPU-1c0de")
    return dataclasses.replace(build.NODE, hostname="canary-01.example", driver="570.172.08", gpus=(gpu,))


def _identities() -> dict[str, Identity]:
    return {
        name: dataclasses.replace(
            identity, environment={"OMP_NUM_THREADS": "1"}, libraries={"torch:torch/lib/libc10.so": digest("libc10")},
            driver={"kernel_module": "570.172.08", "flavour": "open"}, settings={"governor": "performance"},
            image=digest("image"), image_digests=("registry.example/torch@sha256:0",),
        )
        for name, identity in build.IDENTITIES.items()
    }  # fmt: skip


def _evidence() -> tuple[Evidence, ...]:
    conditions = Conditions(0.5, "performance", ("sw_thermal",), (HealthEvent(EventKind.XID, "GPU-1c0de", 1, 79),))
    crash = Fault("run", FaultKind.CRASH, "Segmentation fault", "SIGSEGV", "Fatal Python error: Segmentation fault")
    records = [
        dataclasses.replace(
            record, outputs=(Output("y", "<f4", (4,), digest("y")),), devices=("MIG-1c0de",), conditions=conditions,
            session="2025-11-20T08:00:00Z",
        )
        for record in build.evidence(between=True)
    ]  # fmt: skip
    return (*records, dataclasses.replace(records[0], fault=crash, measurements=()))


def _rehearsal() -> Rehearsal:
    return Rehearsal(
        SCHEMA_VERSION, digest("plan"), "canary", build.NODE.id, _AT, "ana", False, True,
        {"command": 12.1, "first start": 0.9}, ("operator:gemm[1024x1024]",), "roll-back --now", ("it took long",),
    )  # fmt: skip


def _past() -> History:
    verdict, node = build.verdict(), _node()
    item = verdict.comparisons[0].item
    runtime = build.plan().runtimes["stack-2024"]
    stands = (
        Stand("lab", Decision.GO, (), (), verdict, digest("verdict"), _AT, _AT),
        Stand("canary", Decision.HOLD, ("it is not attested",), (), verdict, digest("verdict")),
        Stand("early", Decision.HOLD, (), ("ring canary is not GO",)),
    )
    promotion = Promotion(
        SCHEMA_VERSION, "fleet", 2, digest("promotion"), "promote", "ana", _AT, build.CANDIDATE, runtime,
        digest("plan"), "canary", digest("verdict"), Decision.NO_GO, digest("evidence"), digest("matrix"),
        digest("policy"), "0.1.0",
        {"operator:gemm": digest("gemm")}, {node.id: digest("node")}, "2026-12-31", "the fix cannot wait",
    )  # fmt: skip
    lease = Lease(SCHEMA_VERSION, node.id, 3, digest("lease"), "take", "stack-2024 to 2025", "ana", _AT)
    watch = Watch(
        SCHEMA_VERSION, digest("plan"), "canary", node.id, _AT, 12.0, (item,), ("GPU-1c0de has 2 new ECC errors",),
        (GpuHealth("GPU-1c0de", links=(NvLink(0, up=True, errors={"replay": 2}),)),), 3, "operator:*",
    )  # fmt: skip
    changed = Changed(digest("before"), True, True, 1, (item,), 1, (item,), 1)
    effect = Effect(item, "latency", 0.01, (0.0, 0.02), 0.03)
    newer, older = (
        Past(
            digest(name), digest("plan"), digest("judge"), Decision.NO_GO, _AT, {Status.REGRESS: 3}, (effect,), changed
        )
        for name in ("newer", "older")
    )
    overview = Overview("stack-2024 to 2025", stands, {node.id: node}, {node.id: lease}, (promotion,))
    return History(
        _AT, digest("newer"), overview, {"canary": (newer, older)}, more={"canary": 4}, torn={"canary": 1},
        unread={"canary": 2}, newer=(digest("later"),), watches=(watch,),
        sentinels=(item,), problems=("the log of node canary-07 could not be read",),
    )  # fmt: skip
