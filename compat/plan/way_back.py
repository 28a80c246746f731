"""The way back from an upgrade: to which stack, what changes on which nodes, and in which order. Pure.

The last known-good stack is the one that was promoted last and is still in force, of those that are not the candidate
itself; without any it is the known-good stack of the plan.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from compat.model import (
    SCHEMA_VERSION,
    Arm,
    Evidence,
    Identity,
    Node,
    Phase,
    Plan,
    Promotion,
    Rehearsal,
    Runtime,
    Stack,
    digest,
)
from compat.plan.back import ArtifactBack, AxisBack, NodeBack, RehearsedBack, RuntimeBack, WayBack

__all__ = ["is_whole", "newest_rehearsal", "way_back"]

# Libraries go back before the driver: a newer driver runs what was built for an older one, and not the reverse.
_ORDER = ("model", "runtime", "cuda")
_LAST = ("driver", "firmware")


def newest_rehearsal(rehearsals: Iterable[Rehearsal], ring: str | None = None) -> Rehearsal | None:
    """The newest one that was good and whose seconds are those of a whole way back; of a ring, if one is named."""
    whole = [one for one in rehearsals if one.good and ring in (None, one.ring) and is_whole(one)]
    return max(whole, key=lambda one: one.at, default=None)


def is_whole(one: Rehearsal) -> bool:
    """Whether nothing was left out: cases, or of a way back in earnest what was before the look at the node."""
    return one.pattern == "*" and (not one.real or "rollback" in one.phases)


def way_back(
    plan: Plan,
    promoted: Promotion | None,
    evidence: Iterable[Evidence],
    nodes: Mapping[str, Node],
    identities: Mapping[str, Identity],
    rehearsals: Sequence[Rehearsal],
) -> WayBack:
    """The way back from ``plan``'s candidate. ``promoted`` made its last known-good stack that."""
    back_to = promoted.stack if promoted is not None else plan.known_good
    stated = promoted.runtime if promoted is not None and promoted.runtime else plan.runtimes.get(back_to["runtime"])
    seen = _Seen(evidence, identities)
    axes = _axes(plan.candidate, back_to)
    rehearsed = newest_rehearsal(rehearsals)
    return WayBack(
        schema_version=SCHEMA_VERSION,
        matrix=plan.name,
        plan=digest(plan),
        source=_source(promoted),
        promotion=promoted.number if promoted is not None else None,
        candidate=plan.candidate,
        known_good=back_to,
        axes=axes,
        runtime_now=_runtime(plan.runtimes.get(plan.candidate["runtime"]), seen),
        runtime=_runtime(stated, seen),
        artifacts=_artifacts(plan),
        nodes=_nodes(plan, seen, nodes, rehearsals),
        steps=_steps(axes, stated),
        rehearsed=None
        if rehearsed is None
        else RehearsedBack(
            rehearsed.ring, rehearsed.node, rehearsed.at, rehearsed.real, rehearsed.seconds, rehearsed.phases
        ),
    )


def _source(promoted: Promotion | None) -> str:
    if promoted is None:
        return "known_good of the matrix: no promotion of another stack is in force"
    said = f"promotion {promoted.number} of baseline {promoted.baseline}, by {promoted.by} at {promoted.at}"
    return f"{said}, by override: {promoted.reason}" if promoted.override else said


class _Seen:
    """What evidence says of runtimes and nodes, in one pass over it."""

    def __init__(self, evidence: Iterable[Evidence], identities: Mapping[str, Identity]) -> None:
        self.images: dict[str, set[str]] = {}
        self.digests: dict[str, set[str]] = {}
        self.drivers: dict[tuple[str, Arm], str] = {}
        self.last: dict[str, str] = {}  # node -> when the candidate ran there last
        self.back: dict[str, str] = {}  # node -> when it had been rolled back and was measured
        told: set[tuple[str, str, Arm, str]] = set()
        for record in evidence:
            node = record.node
            if record.arm is Arm.CANDIDATE:
                self.last[node] = max(self.last.get(node, ""), record.started)
            elif record.phase is Phase.BACK:
                self.back[node] = max(self.back.get(node, ""), record.started)
            key = node, record.runtime, record.arm, record.identity
            identity = identities.get(record.identity)
            if key in told or identity is None:
                continue
            told.add(key)
            self.images.setdefault(record.runtime, set()).update({identity.image} - {""})
            self.digests.setdefault(record.runtime, set()).update(identity.image_digests)
            if identity.driver_version is not None:
                self.drivers[node, record.arm] = identity.driver_version


def _axes(now: Stack, back_to: Stack) -> tuple[AxisBack, ...]:
    """The axes that differ, in the order in which they go back."""
    names = {axis for axis in now.keys() | back_to.keys() if now.get(axis) != back_to.get(axis)}
    first = [axis for axis in _ORDER if axis in names]
    last = [axis for axis in _LAST if axis in names]
    between = sorted(names - set(first) - set(last))
    return tuple(
        AxisBack(axis, now.get(axis, "not stated"), back_to.get(axis, "not stated"), _undoable(axis))
        for axis in [*first, *between, *last]
    )


def _undoable(axis: str) -> bool | None:
    """Firmware may refuse an older one, and a matrix has no word for that yet: then nobody knows."""
    return None if axis == "firmware" else True


def _runtime(spec: Runtime | None, seen: _Seen) -> RuntimeBack | None:
    if spec is None:
        return None
    _, _, pinned = (spec.image or "").partition("@")
    digests = seen.digests.get(spec.name, set()) | ({pinned} if pinned else set())
    return RuntimeBack(
        spec.name,
        spec.kind,
        spec.image,
        spec.base,
        spec.requirements or (),
        spec.python or None,
        tuple(sorted(spec.env)),
        tuple(sorted(digests)),
        tuple(sorted(seen.images.get(spec.name, ()))),
    )


def _artifacts(plan: Plan) -> tuple[ArtifactBack, ...]:
    found = {
        (item.case.workload, item.case.artifact) for item in plan.items if item.case.artifact and not item.cell.rollback
    }
    return tuple(
        sorted(
            (ArtifactBack(name, one.package, one.path, one.sha256) for name, one in found if one),
            key=lambda each: (each.workload, each.path),
        )
    )


def _nodes(plan: Plan, seen: _Seen, nodes: Mapping[str, Node], rehearsals: Sequence[Rehearsal]) -> tuple[NodeBack, ...]:
    """Those that ran the candidate, of the last ring first: the upgrade goes back the way it came."""
    rank = {ring.name: place for place, ring in enumerate(plan.rings)}
    back = dict(seen.back)
    for one in rehearsals:
        if one.real and one.good:
            back[one.node] = max(back.get(one.node, ""), one.at)
    found = []
    for name, last in seen.last.items():
        node = nodes.get(name)
        rings = [r.name for r in plan.rings if node is not None and r.labels.items() <= node.labels.items()]
        found.append(
            NodeBack(
                name,
                node.hostname if node is not None else "",
                rings[0] if rings else "",
                "back" if back.get(name, "") > last else "candidate",
                seen.drivers.get((name, Arm.CANDIDATE)),
                seen.drivers.get((name, Arm.KNOWN_GOOD)),
                last,
            )
        )
    return tuple(sorted(found, key=lambda one: (one.state == "back", -rank.get(one.ring, len(rank)), one.hostname)))


def _steps(axes: Sequence[AxisBack], runtime: Runtime | None) -> tuple[str, ...]:
    steps = ["take the node out of service, and let its work end"]
    for axis in axes:
        how = ""
        if axis.axis == "runtime" and runtime is not None:
            how = {
                "image": f" (image {runtime.image})",
                "requirements": f" ({', '.join(runtime.requirements or ()) or 'nothing installed'})",
                "in_place": " (in place: as you put it there)",
            }[runtime.kind]
        doubt = "; nobody says whether it can be undone" if axis.undoable is None else ""
        steps.append(f"{axis.axis}: from {axis.now} back to {axis.back_to}{how}{doubt}")
    return (*steps, "say compat rollback verify STORE on it: exit code 0 says that it is back", "put it into service")
