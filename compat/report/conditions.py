"""What the nodes were like while a case ran there: one line where all was quiet, and what was out of the ordinary."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from compat.judge.unsound import events_in_words
from compat.model import THROTTLED, Arm
from compat.report.case_parts import HealthLine
from compat.report.statuses import ARMS
from compat.report.text import count

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from compat.model import Evidence, Node

__all__ = ["health"]

_IDLE = "idle"


def health(evidence: Sequence[Evidence], nodes: Mapping[str, Node]) -> tuple[HealthLine, ...]:
    """The lines of each node that the case ran on, what was out of the ordinary before the rest."""
    by_node: dict[str, list[Evidence]] = {}
    for record in evidence:
        by_node.setdefault(record.node, []).append(record)
    lines = []
    for name, records in by_node.items():
        node = nodes.get(name)
        shown = node.hostname if node is not None else name
        found = tuple(_unusual(records, node))
        lines += [HealthLine(shown, quiet=False, said=said) for said in found]
        lines.append(HealthLine(shown, quiet=True, said=_ordinary(records, node, quiet=not found)))
    return tuple(sorted(lines, key=lambda line: line.quiet))


def _unusual(records: Sequence[Evidence], node: Node | None) -> Iterator[str]:
    if any(record.conditions.events for record in records):
        for hard in (True, False):
            said = events_in_words(records, hard=hard)
            if said:
                yield said
    if any(not THROTTLED.isdisjoint(record.conditions.throttle) for record in records):
        for arm in Arm:
            own = [record for record in records if record.arm is arm]
            seen = Counter(reason for record in own for reason in THROTTLED.intersection(record.conditions.throttle))
            if seen:
                named = ", ".join(f"{reason} in {number}" for reason, number in sorted(seen.items()))
                yield f"clocks held down: {named} of {count(len(own), 'run')} of the {ARMS[arm]} arm"
    if node is not None and node.cores > 0:
        busy = [load for record in records if (load := record.conditions.load) is not None and load > node.cores]
        if busy:
            most = f"load {max(busy):.3g} on {count(node.cores, 'core')}"
            yield f"{most}: more was running than cores, before {len(busy)} of {count(len(records), 'run')}"
    governors = {record.conditions.governor for record in records} - {None}
    if len(governors) > 1:
        yield f"the governor of the CPU's clock changed: {', '.join(sorted(map(str, governors)))}"


def _ordinary(records: Sequence[Evidence], node: Node | None, *, quiet: bool) -> str:
    """What was read, and what could not be."""
    loads = [record.conditions.load for record in records if record.conditions.load is not None]
    governors = {str(record.conditions.governor) for record in records if record.conditions.governor is not None}
    limits = sorted({reason for record in records for reason in record.conditions.throttle} - THROTTLED - {_IDLE})
    said = ["nothing out of the ordinary was seen"] if quiet else []
    if loads:
        low, high = f"{min(loads):.3g}", f"{max(loads):.3g}"
        said.append(f"load {low}" if low == high else f"load {low} to {high}")
    if len(governors) == 1:
        said.append(f"governor {governors.pop()}")
    if limits:
        said.append(f"clocks limited by {', '.join(limits)}")
    if node is None:
        said.append("how many cores it has is not known")
    for what, read in (("load", len(loads)), ("governor", sum(map(_governed, records)))):
        if read < len(records):
            said.append(f"{what} not read{f' in {len(records) - read} of {len(records)} runs' if read else ''}")
    return ", ".join(said)


def _governed(record: Evidence) -> bool:
    return record.conditions.governor is not None
