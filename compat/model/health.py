"""What happened to a GPU while a case ran: errors that the driver, its memory or its links reported meanwhile."""

from __future__ import annotations

import enum
from dataclasses import dataclass

__all__ = ["APPLICATION_XIDS", "EventKind", "HealthEvent"]

# Xids that an application causes, and that say nothing bad of the GPU: a kernel that reads what is not its own, work
# that was stopped after that, a kernel that would not give way. NVIDIA's own health checks pass over them (the device
# plugin's over the first five, the DRA driver's over all), and to an Xid such as 13 its catalog says RESTART_APP
# (https://docs.nvidia.com/deploy/xid-errors/analyzing-xid-catalog.html). Every other one is the GPU's or the driver's.
APPLICATION_XIDS = frozenset({13, 31, 43, 45, 68, 109})


class EventKind(str, enum.Enum):
    """What it was."""

    XID = "xid"
    LOST = "lost"  # NVML says that the GPU fell off the bus
    ECC_UNCORRECTED = "ecc-uncorrected"
    ECC_CORRECTED = "ecc-corrected"
    ROW_UNCORRECTED = "row-uncorrected"  # a row of memory was replaced, after errors that were not corrected
    ROW_CORRECTED = "row-corrected"  # or after ones that were
    ROW_FAILED = "row-failed"  # there was none to replace it with
    NVLINK_DOWN = "nvlink-down"
    NVLINK_ERRORS = "nvlink-errors"  # that were repaired: replays, recoveries, wrong checksums


_WORDS = {
    EventKind.ECC_UNCORRECTED: "uncorrected ECC {}",
    EventKind.ECC_CORRECTED: "corrected ECC {}",
    EventKind.ROW_UNCORRECTED: "{} that led to another row of memory, uncorrected,",
    EventKind.ROW_CORRECTED: "{} that led to another row of memory, corrected,",
}


@dataclass(frozen=True)
class HealthEvent:
    """One kind of event on one GPU, and how often. ``number``: the Xid's, or the link's."""

    kind: EventKind
    gpu: str  # UUID
    count: int = 1
    number: int | None = None

    @property
    def hard(self) -> bool:
        """Whether a run during which it happened shows nothing: the GPU was not sound."""
        if self.kind is EventKind.XID:
            return self.number not in APPLICATION_XIDS
        return self.kind not in (EventKind.ECC_CORRECTED, EventKind.ROW_CORRECTED, EventKind.NVLINK_ERRORS)

    def __str__(self) -> str:
        times = f", {self.count} times" if self.count > 1 else ""
        if self.kind is EventKind.XID:
            return f"Xid {self.number} on {self.gpu}{times}"
        if self.kind is EventKind.LOST:
            return f"{self.gpu} fell off the bus"
        if self.kind is EventKind.ROW_FAILED:
            return f"a row of memory of {self.gpu} could not be replaced"
        if self.kind is EventKind.NVLINK_DOWN:
            return f"NVLink {self.number} of {self.gpu} went down"
        if self.kind is EventKind.NVLINK_ERRORS:
            return f"{self.count} repaired errors on NVLink {self.number} of {self.gpu}"
        errors = "error" if self.count == 1 else "errors"
        return f"{self.count} {_WORDS[self.kind].format(errors)} on {self.gpu}"
