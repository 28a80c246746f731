"""What happened to a node since a moment: Xids of the kernel's log, and GPUs whose counters say more than they did.

For a look at a node now and then. It has run against a library of NVML's ABI, and not beside a GPU.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Sequence
from pathlib import Path

from compat.model import APPLICATION_XIDS, GpuHealth
from compat.model.inventory import Inventory
from compat.node.health import Health, changes
from compat.node.host import line

__all__ = ["gpu_health", "started", "what_is_amiss", "what_is_new", "xids_since"]

_UPTIME = "proc/uptime"


def gpu_health(found: Inventory) -> tuple[GpuHealth, ...]:
    """How the GPUs of an inventory are, of those that have a name."""
    return tuple(
        GpuHealth(gpu.uuid, gpu.ecc_errors, gpu.remapped_rows, gpu.nvlinks, gpu.problem is not None)
        for gpu in found.gpus or ()
        if gpu.uuid is not None
    )


def what_is_new(before: Sequence[GpuHealth], now: Sequence[GpuHealth]) -> list[str]:
    """Sentences about what happened between two looks that an application does not cause, and that was not repaired."""
    old = {one.gpu: one for one in before}
    found = []
    for one in now:
        then = old.get(one.gpu)
        if then is None:
            found += what_is_amiss([one])
            continue
        found += [str(event) for event in changes(one.gpu, _health(then), _health(one)) if event.hard]
        for name, word in (("ecc", "ECC errors"), ("rows", "remapped rows"), ("links", "NVLinks")):
            if getattr(then, name) is not None and getattr(one, name) is None:
                found.append(f"the {word} of {one.gpu} cannot be read any more")
    return found


def what_is_amiss(now: Sequence[GpuHealth]) -> list[str]:
    """Sentences about what is wrong with GPUs as they are, where nobody looked at them before."""
    found = []
    for one in now:
        if one.lost:
            found.append(f"{one.gpu} does not answer")
        if one.ecc is not None and one.ecc.uncorrected_volatile:
            found.append(
                f"{one.gpu} had {one.ecc.uncorrected_volatile} uncorrected ECC errors since its driver was loaded"
            )
        if one.rows is not None and (one.rows.failed or one.rows.pending):
            what = "could not be replaced" if one.rows.failed else "waits for a reset to be replaced"
            found.append(f"a row of memory of {one.gpu} {what}")
        down = [str(link.number) for link in one.links or () if not link.up]
        if down and len(down) < len(one.links or ()):  # a GPU that is not linked to another one has none that is up
            found.append(f"NVLink {', '.join(down)} of {one.gpu} is down")
    return found


def _health(one: GpuHealth) -> Health:
    return Health(one.ecc, one.rows, one.links, one.lost)


def started(host: Path = Path("/"), now: datetime.datetime | None = None) -> datetime.datetime | None:
    """When this machine was started, in UTC; None where the kernel does not say."""
    try:
        seconds = float((line(host / _UPTIME) or "").split(" ")[0])
    except ValueError:
        return None
    return (now or datetime.datetime.now(datetime.UTC)) - datetime.timedelta(seconds=seconds)


def xids_since(found: Inventory, moment: datetime.datetime, start: datetime.datetime | None) -> list[str]:
    """Sentences about Xids after ``moment`` that no application causes; of a node without GPUs there are none.

    ``start`` is when the machine was started. What cannot be known is said: a log that cannot be read, or that begins
    after that moment.
    """
    if not (found.gpus or found.on_the_bus):
        return []
    if found.xids is None:
        said = "Xids were not read: the kernel's log can be read neither by /dev/kmsg nor by journalctl -k"
        return [f"{said}; look as root, or as one of the group systemd-journal"]
    if start is None:
        return ["Xids were not read: the kernel does not say when it was started, so that they have no time"]
    lost = []
    if start > moment:
        lost.append(
            f"the node was started again at {_moment(start)}: what its log had said since {_moment(moment)} is gone"
        )
    return lost + list(_new(found, moment, start))


def _new(found: Inventory, moment: datetime.datetime, start: datetime.datetime) -> Iterator[str]:
    counts: dict[tuple[int, str], int] = {}
    for xid in found.xids or ():
        # One without a time may be of any time.
        at = None if xid.seconds is None else start + datetime.timedelta(seconds=xid.seconds)
        if xid.number not in APPLICATION_XIDS and (at is None or at > moment):
            key = xid.number, xid.gpu or xid.pci
            counts[key] = counts.get(key, 0) + 1
    for (number, where), count in sorted(counts.items()):
        yield f"Xid {number} on {where}" + (f", {count} times" if count > 1 else "") + f", since {_moment(moment)}"


def _moment(when: datetime.datetime) -> str:
    return when.isoformat(timespec="seconds")
