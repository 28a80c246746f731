"""What a record says that cannot be: moments, durations, devices, and samples that are another run's to the bit."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from compat.judge.admit import measurement
from compat.model import Evidence, Identity, Item, Kind, Node, Place, Tier
from compat.model.moments import zoned

__all__ = ["copies", "disorder", "implausible", "moment"]

_STEP = 1.0  # seconds that a node's clock may be set back by while it is kept in time
_SAMPLES, _DISTINCT = 5, 4  # of a metric in seconds: so many clock readings never agree by chance
_RUN = frozenset({Tier.CPU, Tier.GPU, Tier.INTERPRETED})


def implausible(evidence: Evidence, node: Node | None, identity: Identity | None) -> list[str]:
    """What one record says of itself that cannot be.

    ``node`` is the inventory of where it ran, ``identity`` what the arm was: both were read on the same machine.
    """
    found = []
    if moment(evidence.started) is None:
        found.append(f"it started at {evidence.started!r}, which is no moment")
    latency = measurement(evidence, "latency")
    if latency is not None and not (sum(latency.samples) <= evidence.seconds):
        found.append(f"it took {evidence.seconds:.3g} s, less than its samples together")
    if evidence.tier in _RUN and evidence.fault is None and not evidence.inputs:
        found.append("what it was given is not recorded")
    cpu = None if identity is None else identity.settings.get("CPU")
    if node is not None and node.cpu is not None and cpu is not None and cpu != node.cpu:
        found.append(
            f"the CPU was {cpu}, and the inventory of its node says {node.cpu}: it is stale, or another node's"
        )
    if evidence.tier is Tier.GPU:
        if not evidence.devices:
            found.append("it is of tier gpu, and names no GPU")
        strange = sorted(set(evidence.devices) - {gpu.uuid for gpu in node.gpus}) if node is not None else []
        if strange:
            found.append(f"it ran on {', '.join(strange)}, which its node does not have")
    return found


def disorder(evidence: Iterable[Evidence]) -> list[str]:
    """Where the runs of one item in one place are not in the order of their pairs.

    A clock was set back, or the arms were not interleaved.
    """
    places: dict[Place, dict[int, list[float]]] = {}
    for record in evidence:
        began = moment(record.started)
        if began is not None:
            places.setdefault(record.place, {}).setdefault(record.pair, []).append(began)
    found = []
    for place, pairs in sorted(places.items()):
        latest, before = float("-inf"), 0
        for pair, moments in sorted(pairs.items()):
            if not (min(moments) >= latest - _STEP):
                why = "a clock was set back, or the arms were not interleaved"
                found.append(f"pair {pair} on {place} started before pair {before}: {why}")
                break
            latest, before = max(latest, *moments), pair
    return found


def copies(item: Item, evidence: Sequence[Evidence]) -> list[str]:
    """Different runs of one item with the same samples: one of them was not measured."""
    timed = [m.name for m in item.case.metrics if m.kind is Kind.SAMPLED and m.unit == "s"]
    found = []
    for name in timed:
        seen: dict[tuple[float, ...], Evidence] = {}
        for record in evidence:
            had = measurement(record, name)
            if had is None or len(had.samples) < _SAMPLES or len(set(had.samples)) < _DISTINCT:
                continue
            other = seen.setdefault(had.samples, record)
            if other is not record:
                found.append(f"{_named(record)} has the {name} of {_named(other)} to the last bit")
    return found


def _named(record: Evidence) -> str:
    return f"pair {record.pair} on {record.node} ({record.arm.value})"


def moment(text: str) -> float | None:
    """Seconds since the epoch; None for what is no moment with a time zone."""
    found = zoned(text)
    return None if found is None else found.timestamp()
