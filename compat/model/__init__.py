"""The nouns: frozen dataclasses, without I/O and without logic beyond naming.

Stages meet only through these and through the documents a store makes of them. The field names are the field names of
those documents, so a change here is a change of ``SCHEMA_VERSION``.
This is imported inside runtimes too, so it keeps to Python 3.9 and the standard library.
"""

from __future__ import annotations

from compat.model.audited import Audited, Check
from compat.model.coverage import Coverage
from compat.model.documents import canonical, digest, plain
from compat.model.foreseen import Finding, Rejection, Window
from compat.model.health import APPLICATION_XIDS, EventKind, HealthEvent
from compat.model.judged import Closeness, Comparison, Skew, Verdict, Waiver, WaiverUse
from compat.model.measured import (
    LOCKED_CLOCKS,
    THROTTLED,
    Conditions,
    Evidence,
    Fault,
    Gpu,
    Identity,
    Measurement,
    Node,
    Output,
    Place,
)
from compat.model.metrics import AOT_METRICS, STANDARD, STANDARD_NAMES
from compat.model.planned import (
    NODE_AXES,
    SENTINEL_METRIC,
    Artifact,
    Case,
    Cell,
    Item,
    Metric,
    Plan,
    Ring,
    Route,
    Runtime,
)
from compat.model.policy import (
    FEWEST_UNITS,
    DesignPolicy,
    GroupPolicy,
    MetricPolicy,
    NumericsPolicy,
    Policy,
    StoredPolicy,
    TailPolicy,
    WorkloadPolicy,
)
from compat.model.upgrades import GpuHealth, Lease, Promotion, Rehearsal, Watch
from compat.model.words import (
    ACCEPTED,
    FINE,
    SCHEMA_VERSION,
    Arm,
    Decision,
    Design,
    Direction,
    FaultKind,
    Kind,
    Loads,
    Phase,
    Stack,
    Status,
    Tier,
)

__all__ = [
    "ACCEPTED",
    "AOT_METRICS",
    "APPLICATION_XIDS",
    "FEWEST_UNITS",
    "FINE",
    "LOCKED_CLOCKS",
    "NODE_AXES",
    "SCHEMA_VERSION",
    "SENTINEL_METRIC",
    "STANDARD",
    "STANDARD_NAMES",
    "THROTTLED",
    "Arm",
    "Artifact",
    "Audited",
    "Case",
    "Cell",
    "Check",
    "Closeness",
    "Comparison",
    "Conditions",
    "Coverage",
    "Decision",
    "Design",
    "DesignPolicy",
    "Direction",
    "EventKind",
    "Evidence",
    "Fault",
    "FaultKind",
    "Finding",
    "Gpu",
    "GpuHealth",
    "GroupPolicy",
    "HealthEvent",
    "Identity",
    "Item",
    "Kind",
    "Lease",
    "Loads",
    "Measurement",
    "Metric",
    "MetricPolicy",
    "Node",
    "NumericsPolicy",
    "Output",
    "Phase",
    "Place",
    "Plan",
    "Policy",
    "Promotion",
    "Rehearsal",
    "Rejection",
    "Ring",
    "Route",
    "Runtime",
    "Skew",
    "Stack",
    "Status",
    "StoredPolicy",
    "TailPolicy",
    "Tier",
    "Verdict",
    "Waiver",
    "WaiverUse",
    "Watch",
    "Window",
    "WorkloadPolicy",
    "canonical",
    "digest",
    "plain",
]
