"""What happens to an upgrade on its way through the rings: it is promoted, it soaks, its way back is tried.

A log is a line of documents with numbers from 1 on, each of which names the one before it by its digest. Who appends
one has seen all before it, for there is one document of a number: that is the compare-and-swap of a store.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from compat.model.inventory import EccErrors, NvLink, RemappedRows
from compat.model.moments import DayOrNever, Moment
from compat.model.planned import Runtime
from compat.model.words import Decision, Stack

__all__ = ["GpuHealth", "Lease", "Promotion", "Rehearsal", "Watch"]


@dataclass(frozen=True)
class Promotion:
    """An entry of a baseline's log: from here on this stack is the known-good one; or, older ones are kept no longer.

    ``action`` is ``promote`` or ``expire``; of the latter, the entries before ``oldest`` have expired, and what is said
    of a verdict is empty. ``nodes`` has the digest of each node's document. ``expires`` is a day (ISO 8601), through
    which it is in force; empty: for ever. A promotion of what was not GO has ``reason``, and is an override.
    """

    schema_version: int
    baseline: str
    number: int
    previous: str  # digest of the entry before it; empty for the first
    action: str
    by: str
    at: Moment  # UTC, ISO 8601
    stack: Stack = field(default_factory=dict)
    runtime: Runtime | None = None  # that of the stack, as its matrix stated it
    plan: str = ""
    ring: str = ""
    verdict: str = ""  # digest
    decision: Decision = Decision.HOLD
    evidence: str = ""  # digest over all evidence that was judged
    matrix_digest: str = ""
    policy: str = ""  # digest
    compat_version: str = ""
    content: dict[str, str] = field(default_factory=dict)  # workload -> sha256 of its file
    nodes: dict[str, str] = field(default_factory=dict)
    expires: DayOrNever = ""
    reason: str = ""
    oldest: int = 0

    @property
    def override(self) -> bool:
        """Whether somebody promoted what was not GO."""
        return self.action == "promote" and self.decision is not Decision.GO


@dataclass(frozen=True)
class Lease:
    """An entry of a node's log: an upgrade takes the node, or lets it go. ``action``: ``take`` or ``release``.

    ``upgrade`` says which in words: the matrix, from what, to what. A node belongs to one upgrade at a time.
    """

    schema_version: int
    node: str
    number: int
    previous: str
    action: str
    upgrade: str
    by: str
    at: Moment


@dataclass(frozen=True)
class GpuHealth:
    """What a GPU's counters said at one moment: a later look tells what is new. What was not read is None."""

    gpu: str  # UUID
    ecc: EccErrors | None = None
    rows: RemappedRows | None = None
    links: tuple[NvLink, ...] | None = None
    lost: bool = False


@dataclass(frozen=True)
class Watch:
    """A look at a node of a ring while the upgrade soaks there: sentinel cases in both arms, health, and what drifted.

    ``findings`` are sentences, of what is not as it was when the ring became GO; none: all is well. ``gpus`` is how its
    GPUs were, which the next look starts from. ``records`` is how many runs of the ring the node had left then: only a
    verdict over more of them closes a finding. ``pattern`` is what the cases were narrowed to.
    """

    schema_version: int
    plan: str
    ring: str
    node: str
    at: Moment  # UTC, ISO 8601: when it ended
    seconds: float
    cases: tuple[str, ...]  # names of the items that were run
    findings: tuple[str, ...] = ()
    gpus: tuple[GpuHealth, ...] = field(default=(), metadata={"later": True})
    records: int = field(default=0, metadata={"later": True})
    pattern: str = field(default="*", metadata={"later": True})


@dataclass(frozen=True)
class Rehearsal:
    """The way back to the known-good stack, tried on a node or gone in earnest (``real``), with its seconds by phase.

    ``good``: the sentinel cases were as they are on the known-good stack at the end. ``command`` is what was run,
    ``pattern`` what the cases were narrowed to.
    """

    schema_version: int
    plan: str
    ring: str
    node: str
    at: Moment  # UTC, ISO 8601: when it ended
    by: str
    real: bool
    good: bool
    phases: dict[str, float]  # seconds, in order
    cases: tuple[str, ...] = ()
    command: str = ""
    findings: tuple[str, ...] = ()
    pattern: str = field(default="*", metadata={"later": True})

    @property
    def seconds(self) -> float:
        """From the decision to go back until it was good."""
        return sum(self.phases.values())
