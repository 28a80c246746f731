"""What a GPU's health was before a case and after it, and so what happened to it while the case ran.

Errors that ECC saw, rows of memory that were replaced, links that went down, Xids of NVML's own events. It has run
against a library of NVML's ABI and has not run on a machine with a GPU.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from compat.model import EventKind, HealthEvent
from compat.model.inventory import EccErrors, NvLink, RemappedRows, Xid
from compat.node.counters import ecc_errors, is_lost, nvlinks, pci_address, remapped_rows
from compat.node.kernel_log import bus_address
from compat.node.nvml import SUCCESS, ask, asked, text

__all__ = ["Health", "HealthWatch", "changes", "xid_events"]

_XID_EVENTS = 0x8  # of nvml.h: nvmlEventTypeXidCriticalError
_MOST_EVENTS = 1000  # that are taken of one GPU after one case


@dataclass(frozen=True)
class Health:
    """One GPU at one moment. What could not be read is None."""

    ecc: EccErrors | None
    rows: RemappedRows | None
    links: tuple[NvLink, ...] | None
    lost: bool

    @classmethod
    def of(cls, handle: Any) -> Health:
        """Read a GPU."""
        return cls(ecc_errors(handle), remapped_rows(handle), nvlinks(handle), is_lost(handle))


class HealthWatch:
    """Reads the health of GPUs when it is made, and again when it is asked for what happened. Both may hang.

    ``handles`` by the UUIDs that the case's devices have; a MIG instance's is its GPU's, and events name the GPU.
    """

    def __init__(self, handles: Mapping[str, Any]) -> None:
        named = {text(ask("nvmlDeviceGetUUID", handle)) or uuid: handle for uuid, handle in handles.items()}
        self._handles = named
        self.addresses = {bus_address(pci): gpu for gpu, handle in named.items() if (pci := pci_address(handle))}
        self._before = {gpu: Health.of(handle) for gpu, handle in named.items()}
        self._sets = {gpu: _register(handle) for gpu, handle in named.items()}
        self.sound = tuple(gpu for gpu, health in self._before.items() if not health.lost)
        self.events: tuple[HealthEvent, ...] = ()  # but for Xids
        self.xids: Counter[tuple[int, str]] | None = None  # by number and GPU; None where NVML does not tell
        self.notes: tuple[str, ...] = ()

    def end(self) -> None:
        """Read again, and find ``events``, ``xids``, and in ``notes`` what could be read before and not after."""
        after = {gpu: Health.of(handle) for gpu, handle in self._handles.items()}
        self.events = tuple(event for gpu in after for event in changes(gpu, self._before[gpu], after[gpu]))
        self.notes = tuple(note for gpu in after for note in _missed(gpu, self._before[gpu], after[gpu]))
        if self._sets and None not in self._sets.values():
            self.xids = Counter((number, gpu) for gpu, events in self._sets.items() for number in _drained(events))
        for events in self._sets.values():
            if events is not None:
                ask("nvmlEventSetFree", events)


def changes(gpu: str, before: Health, after: Health) -> Iterator[HealthEvent]:
    """What happened to a GPU between two moments. A counter that is smaller afterwards was reset, and says nothing."""
    if after.lost:
        yield HealthEvent(EventKind.LOST, gpu)
    if before.ecc is not None and after.ecc is not None:
        for kind, name in ((EventKind.ECC_UNCORRECTED, "uncorrected"), (EventKind.ECC_CORRECTED, "corrected")):
            counters = f"{name}_volatile", f"{name}_aggregate"  # an error is in both, unless one was reset
            more = max(_more(getattr(before.ecc, each), getattr(after.ecc, each)) for each in counters)
            if more:
                yield HealthEvent(kind, gpu, more)
    if before.rows is not None and after.rows is not None:
        for kind, more in (
            (EventKind.ROW_UNCORRECTED, _more(before.rows.uncorrected, after.rows.uncorrected)),
            (EventKind.ROW_CORRECTED, _more(before.rows.corrected, after.rows.corrected)),
            (EventKind.ROW_FAILED, int(after.rows.failed and not before.rows.failed)),
        ):
            if more:
                yield HealthEvent(kind, gpu, more)
    yield from _of_links(gpu, before.links or (), after.links or ())


def _of_links(gpu: str, before: Sequence[NvLink], after: Sequence[NvLink]) -> Iterator[HealthEvent]:
    now = {link.number: link for link in after}
    for link in before:
        new = now.get(link.number)
        if new is None:
            continue
        if link.up and not new.up:
            yield HealthEvent(EventKind.NVLINK_DOWN, gpu, number=link.number)
        more = sum(_more(link.errors.get(name), count) for name, count in new.errors.items())
        if more:
            yield HealthEvent(EventKind.NVLINK_ERRORS, gpu, more, link.number)


def _more(before: int | None, after: int | None) -> int:
    return max(0, after - before) if before is not None and after is not None else 0


def _missed(gpu: str, before: Health, after: Health) -> Iterator[str]:
    names = {"ECC errors": "ecc", "remapped rows": "rows", "NVLinks": "links"}
    lacking = [what for what, name in names.items() if getattr(before, name) and getattr(after, name) is None]
    if lacking:
        yield f"NVML gave no {', '.join(lacking)} of {gpu} after the case"


def xid_events(
    told: Counter[tuple[int, str]] | None, logged: Iterable[Xid] | None, addresses: Mapping[str, str]
) -> tuple[HealthEvent, ...] | None:
    """The Xids of these GPUs as events, from NVML and the kernel's log: what both tell is one. None from neither."""
    if told is None and logged is None:
        return None
    counted = Counter((xid.number, addresses[xid.pci]) for xid in logged or () if xid.pci in addresses)
    both = counted | (told or Counter())  # of each the greater number
    return tuple(HealthEvent(EventKind.XID, gpu, count, number) for (number, gpu), count in sorted(both.items()))


def _register(handle: Any) -> Any | None:
    """A set of NVML's events that gets the GPU's Xids from now on; one GPU a set, so that there is no doubt whose."""
    events = ask("nvmlEventSetCreate")
    if events is None:
        return None
    if asked("nvmlDeviceRegisterEvents", handle, _XID_EVENTS, events)[1] != SUCCESS:
        ask("nvmlEventSetFree", events)
        return None
    return events


def _drained(events: Any) -> Iterator[int]:
    """The Xids that came meanwhile; nothing is waited for."""
    for _ in range(_MOST_EVENTS):
        event = ask("nvmlEventSetWait_v2", events, 0)
        if event is None:
            return
        if event.eventType == _XID_EVENTS:
            yield int(event.eventData)
