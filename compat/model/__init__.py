"""The nouns: frozen dataclasses, without I/O and without logic beyond naming.

Stages meet only through these and through the documents a store makes of them. The field names are the field names of
those documents, so a change here is a change of ``SCHEMA_VERSION``.
This is imported inside runtimes too, so it keeps to Python 3.9 and the standard library.
"""

from __future__ import annotations

from compat.model.documents import canonical, digest, plain
from compat.model.judged import Closeness, Comparison, Verdict, Waiver, WaiverUse
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
    Artifact,
    Case,
    Cell,
    Finding,
    Item,
    Metric,
    Plan,
    Rejection,
    Ring,
    Route,
    Runtime,
)
from compat.model.policy import GroupPolicy, MetricPolicy, NumericsPolicy, Policy, TailPolicy, WorkloadPolicy
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
    Phase,
    Stack,
    Status,
    Tier,
)

__all__ = [
    "ACCEPTED",
    "AOT_METRICS",
    "FINE",
    "LOCKED_CLOCKS",
    "NODE_AXES",
    "SCHEMA_VERSION",
    "STANDARD",
    "STANDARD_NAMES",
    "THROTTLED",
    "Arm",
    "Artifact",
    "Case",
    "Cell",
    "Closeness",
    "Comparison",
    "Conditions",
    "Decision",
    "Design",
    "Direction",
    "Evidence",
    "Fault",
    "FaultKind",
    "Finding",
    "Gpu",
    "GroupPolicy",
    "Identity",
    "Item",
    "Kind",
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
    "Rejection",
    "Ring",
    "Route",
    "Runtime",
    "Stack",
    "Status",
    "TailPolicy",
    "Tier",
    "Verdict",
    "Waiver",
    "WaiverUse",
    "WorkloadPolicy",
    "canonical",
    "digest",
    "plain",
]
