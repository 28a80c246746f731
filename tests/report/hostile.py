"""A hostile text in one field of one noun: of everything that a runtime, a matrix or a node may have named.

A place is a field that holds text, ``Fault.detail``; of a table ``Identity.distributions.key`` and ``.value``; of what
is a row of its own ``Comparison.versions[0]``. ``full`` has text in every place, so that ``spoilt`` reaches each.
"""

from __future__ import annotations

import dataclasses
import enum
import types
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

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

__all__ = ["PAYLOADS", "PLACES", "TEXT", "Given", "full", "spoilt"]

_AT = "2025-11-19T12:00:00+00:00"
_RUN = "document.title='ran'"
# Each would do something where it is not taken as text. What runs says so in the title, or asks for a page.
PAYLOADS = {
    "script": f"<script>{_RUN}</script>",
    "element": "<b class=made-of-text>bold</b><iframe src=https://evil.example></iframe>",
    "handler": f'<img src=x onerror="{_RUN}">',
    "attribute": f'" onfocus="{_RUN}" autofocus \' onmouseover=\'{_RUN}\' x="',
    "end of a script": f"</script><!--<script>--><script>{_RUN}//]]></script>",
    "end of a style": "</style><style>body{display:none}@import 'https://evil.example/a.css';",
    "style": '" style="position:fixed;inset:0;background:url(https://evil.example/b)" x="',
    "address": "javascript:document.title='ran' data:text/html,<script>alert(1)</script>",
    "link": f'<a href="javascript:{_RUN}">link</a> [link](javascript:alert(1)) <https://evil.example>',
    "policy": '<meta http-equiv="refresh" content="0;url=https://evil.example"><base href="https://evil.example">',
    "drawing": f'<svg onload="{_RUN}"><script>{_RUN}</script><use href="#x"/></svg></title></svg>',
    "template": "{{7*7}} {% x %} {# y #} ${7*7} #{7*7} <%= 7*7 %>",
    "entity": "&lt;b&gt; &amp; &#60;script&#62;",
    "markdown": "`tick` **bold** | ~~~ @someone\n\n# heading\n- list",
    "markup": "[bold red]markup[/] [link=https://evil.example]x[/link]",
    "control": "\x1b[31mred\x1b]8;;https://evil.example\x07 \x00 \x08 \x7f \x9b1m",
    "direction": "\u202etxt.exe\u202c \u2066x\u2069 \u200f \u2028 \ufeff \ud800",
}
TEXT = " ".join(PAYLOADS.values())


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
        _AT, digest("newer"), overview, {"canary": (newer, older)}, {"canary": 4}, {"canary": 1}, (watch,),
        (item,), ("the log of node canary-07 could not be read",),
    )  # fmt: skip


def spoilt(given: Given, place: str, change: Callable[[str], str]) -> Given:
    """``given`` with every text in ``place`` changed, and nothing else. KeyError for a place that there is not."""
    reached = []

    def at(here: str, text: str) -> str:
        if here != place:
            return text
        reached.append(here)
        return change(text)

    result = _walked(given, "", at)
    if not reached:
        raise KeyError(place)
    return result


def _walked(value: Any, place: str, at: Callable[[str, str], str], depth: int = 0) -> Any:
    """``value`` with each text replaced by what ``at`` makes of its place and itself."""
    if type(value) is str:  # a member of an enumeration is a str too: nobody outside can choose another
        return at(place, value)
    if isinstance(value, tuple):
        return tuple(
            _walked(entry, f"{place}[{number}]" if depth else place, at, depth + 1)
            for number, entry in enumerate(value)
        )
    if isinstance(value, Mapping):
        named = [
            (name if isinstance(entry, Identity) else _walked(name, f"{place}.key", at), entry)
            for name, entry in value.items()
        ]
        return {name: _walked(entry, f"{place}.value", at) for name, entry in named}
    if dataclasses.is_dataclass(value):
        kind = type(value).__name__
        fields = {
            field.name: _walked(getattr(value, field.name), f"{kind}.{field.name}", at)
            for field in dataclasses.fields(value)
        }
        return dataclasses.replace(value, **fields)
    return value


def _places(kind: Any, place: str, seen: dict[Any, None], depth: int = 0) -> dict[str, None]:
    """The places in a type. Moments and days are looked at where a document is read: nothing else comes through."""
    origin, inner = get_origin(kind), get_args(kind)
    if kind in (str, Any):
        return {place: None}
    if origin is Annotated or (isinstance(kind, type) and issubclass(kind, enum.Enum)):
        return {}
    if origin in (Union, types.UnionType):
        return {name: None for one in inner for name in _places(one, place, seen, depth)}
    if origin is Sequence or (origin is tuple and inner[1:] == (Ellipsis,)):
        return _places(inner[0], place, seen, depth + 1)
    if origin is tuple:
        parts = ((one, f"{place}[{number}]" if depth else place) for number, one in enumerate(inner))
        return {name: None for one, at in parts for name in _places(one, at, seen, depth + 1)}
    if origin in (dict, Mapping):
        names = {} if inner[1] is Identity else _places(inner[0], f"{place}.key", seen)
        return names | _places(inner[1], f"{place}.value", seen)
    if dataclasses.is_dataclass(kind) and kind not in seen:
        seen[kind] = None
        hints = get_type_hints(kind, include_extras=True)
        fields = [field.name for field in dataclasses.fields(kind)]
        return {name: None for field in fields for name in _places(hints[field], f"{kind.__name__}.{field}", seen)}
    return {}


PLACES = tuple(_places(Given, "", {}))
