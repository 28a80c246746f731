"""A way back as text, and as a document by the published schema ``reports/rollback.schema.json``; a rehearsal."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence

from compat.model import Rehearsal, plain
from compat.plan.back import NodeBack, RuntimeBack, WayBack
from compat.plan.way_back import newest_rehearsal
from compat.report.surroundings import RollbackView
from compat.report.text import clean, count, phases_in_words
from compat.run.available import Had

__all__ = ["rehearsal_text", "rollback_json", "rollback_text", "rollback_view"]


def rollback_json(back: WayBack, had: Sequence[Had] | None = None) -> str:
    """The document. ``checked`` is null where nobody asked whether the parts can be had."""
    document = plain(back)
    document["checked"] = None if had is None else plain(tuple(had))
    document["available"] = None if had is None else all(one.good for one in had)
    return json.dumps(document, indent=2, allow_nan=False)


def rollback_text(back: WayBack, had: Sequence[Had] | None = None) -> str:
    """The same for people."""
    return "\n".join(clean(line) for line in _lines(back, had))


def _lines(back: WayBack, had: Sequence[Had] | None) -> Iterator[str]:
    yield f"{back.matrix}: the way back (plan {back.plan[:12]})"
    yield f"Last known-good: {_stack(back.known_good)}"
    yield f"  from {back.source}"
    for axis in back.axes:
        doubt = " (nobody says whether it can be undone)" if axis.undoable is None else ""
        yield f"  {axis.axis}: {axis.now} -> {axis.back_to}{doubt}"
    yield from _runtime(back.runtime)
    for one in back.artifacts:
        yield f"  file of {one.workload}: {one.path}, sha256 {one.sha256}"
    there = [node for node in back.nodes if node.state == "candidate"]
    yield f"Nodes that have the candidate: {len(there)} of {len(back.nodes)} that ran it" + (
        ", in this order:" * bool(there)
    )
    for number, node in enumerate(there, 1):
        yield f"  {number}. {_node(node)}"
    for node in back.nodes:
        if node.state == "back":
            yield f"  back already: {_node(node)}"
    yield "On each of them:"
    yield from (f"  {number}. {step}" for number, step in enumerate(back.steps, 1))
    if back.rehearsed is None:
        yield "Rehearsed: never (compat rollback rehearse)"
    else:
        done = back.rehearsed
        what = "gone in earnest" if done.real else "rehearsed"
        host = next((node.hostname for node in back.nodes if node.id == done.node), done.node)
        took = f"{done.seconds:.1f} ({phases_in_words(done.phases)})"
        yield f"Seconds to good: {took}, {what} on {host} at {done.at}"
    if had is not None:
        bad = sum(not one.good for one in had)
        yield f"Can still be had: {count(len(had), 'part')}, " + (f"{bad} of them not" if bad else "all of them")
        yield from (f"  {one.state}: {one.kind} {one.what}: {one.said}" for one in sorted(had, key=lambda o: o.good))


def _stack(stack: dict[str, str]) -> str:
    return ", ".join(f"{axis} {value}" for axis, value in stack.items())


def _runtime(runtime: RuntimeBack | None) -> Iterator[str]:
    if runtime is None:
        yield "  its runtime is not known: neither the promotion nor the matrix says what it is"
        return
    if runtime.image is not None:
        yield f"  runtime {runtime.name}: image {runtime.image}"
    elif runtime.kind == "in_place":
        yield f"  runtime {runtime.name}: in place, {runtime.python or 'this interpreter'}"
    else:
        base = f" on {runtime.base}" if runtime.base else ""
        yield f"  runtime {runtime.name}: {', '.join(runtime.requirements) or 'nothing installed'}{base}"
    yield from (f"    registries give it as {digest}" for digest in runtime.digests)
    yield from (f"    it ran as image {name}" for name in runtime.ids)
    if runtime.variables:
        yield f"    with the variables {', '.join(runtime.variables)}"


def _node(node: NodeBack) -> str:
    ring = f", ring {node.ring}" if node.ring else ""
    driver = ""
    if node.driver_now or node.driver_back:
        driver = f", driver {node.driver_now or 'not read'} -> {node.driver_back or 'not read'}"
    return f"{node.hostname or node.id} ({node.id}{ring}{driver}), candidate ran last at {node.last_seen}"


def rehearsal_text(found: Rehearsal, hostnames: Mapping[str, str]) -> str:
    """What a way back came to; the last line says it all. ``hostnames`` by node id."""
    lines = [f"- {finding}" for finding in found.findings]
    host = hostnames.get(found.node, found.node)
    place = f"node {host}, ring {found.ring}, {count(len(found.cases), 'case')}"
    took = f"{found.seconds:.1f} s" + (f": {phases_in_words(found.phases)}" if found.phases else "")
    if found.real:
        said = "BACK" if found.good else "NOT BACK"
        lines.append(f"{said}: {place} ({took})")
    elif found.good:
        lines.append(f"REHEARSED: good after {took} ({place})")
    else:
        lines.append(f"NOT GOOD after {took} ({place})")
    if found.pattern != "*" and not found.real:
        lines.insert(-1, f"the cases were narrowed to {found.pattern}: no gate counts it as a rehearsal")
    return "\n".join(clean(line) for line in lines)


def rollback_view(rehearsals: Sequence[Rehearsal], hostnames: Mapping[str, str]) -> RollbackView | None:
    """The newest way back that was good, of whatever ring: it is the upgrade's. ``hostnames`` by node id."""
    found = newest_rehearsal(rehearsals)
    if found is None:
        return None
    how = "gone in earnest" if found.real else "rehearsed"
    host = hostnames.get(found.node, found.node)
    place = f"{how} on node {host} of ring {found.ring} at {found.at} by {found.by}"
    said = f"{found.seconds:.1f} s ({phases_in_words(found.phases)}), {place}"
    return RollbackView(round(found.seconds, 3), found.real, found.ring, found.node, found.at, found.by, said)
