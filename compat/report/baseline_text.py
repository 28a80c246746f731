"""Baselines as text: what was promoted, and what was not, why, and how far it has drifted."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from compat.gate.baselines import Promoted, current, kept, stack_text
from compat.gate.drift import Drifted
from compat.model import Promotion, Runtime, plain
from compat.report.text import clean, count

__all__ = ["diff_text", "entries_document", "list_text", "promoted_text", "show_text"]

_MOST = 10  # measurements in a list


def promoted_text(found: Promoted) -> str:
    """What became of a promotion."""
    lines = list(_promoted(found))
    return clean("\n".join(lines))


def _promoted(found: Promoted) -> Iterator[str]:
    if found.entry is None:
        drifted = found.unknown or any(one.beyond for one in found.drift)
        if found.unknown and found.since is not None:
            yield f"not promoted: how far it has drifted since entry {found.since.number} is not known"
        elif drifted and found.since is not None:
            yield f"not promoted: drift beyond the margin since entry {found.since.number} ({found.since.at})"
        else:
            yield f"not promoted: the gate says {found.decision.value}"
        yield from (f"  {reason}" for reason in found.reasons[:_MOST])
        if len(found.reasons) > _MOST:
            yield f"  and {len(found.reasons) - _MOST} more"
        option = "--accept-drift" if drifted else "--override"
        yield f'{option} "REASON" would promote it all the same, on the record'
        return
    entry = found.entry
    if not found.new:
        yield f"baseline {entry.baseline}: {stack_text(entry.stack)} is known-good already (entry {entry.number})"
        return
    stack = stack_text(entry.stack)
    yield f"baseline {entry.baseline}: {stack} is known-good now (entry {entry.number}, by {entry.by})"
    if entry.override:
        yield f"  by override, for ring {entry.ring} is {entry.decision.value}: {entry.reason}"
    if found.since is not None:
        yield from _drift(Drifted(found.since, found.drift, found.unknown), found.since)
    if found.released:
        yield f"  the upgrade is over, and lets go of {', '.join(found.released)}"


def list_text(logs: Mapping[str, Sequence[Promotion]]) -> str:
    """Every entry of the baselines, one a line."""
    lines = []
    today = datetime.datetime.now(datetime.UTC).date()
    for name, log in logs.items():
        now, there = current(log, today), kept(log)
        lines.append(f"baseline {name}: {f'entry {now.number} is in force' if now else 'nothing is in force'}")
        for entry in log:
            if entry.action == "expire":
                said = f"entries before {entry.oldest} are kept no longer"
            else:
                said = f"{stack_text(entry.stack)}, ring {entry.ring} {entry.decision.value}"
                said += " BY OVERRIDE" if entry.override else ""
                said += f", until {entry.expires}" if entry.expires else ""
                said += "" if entry in there else ", expired"
            reason = f" ({entry.reason})" if entry.reason else ""
            lines.append(f"  {entry.number}  {entry.at}  {entry.by}  {said}{reason}")
    return clean("\n".join(lines))


def entries_document(logs: Mapping[str, Sequence[Promotion]]) -> dict[str, Any]:
    """The same as a document; ``in_force`` is the number of an entry, or null."""
    today = datetime.datetime.now(datetime.UTC).date()
    found: dict[str, Any] = {}
    for name, log in logs.items():
        now = current(log, today)
        numbers = [entry.number for entry in kept(log)]
        found[name] = {"in_force": now.number if now else None, "kept": numbers, "entries": plain(list(log))}
    return found


def show_text(
    entry: Promotion,
    log: Sequence[Promotion],
    far: Drifted,
    signature: str,
) -> str:
    """One promotion with its provenance, and how far it is from the oldest that is kept."""
    lines = [f"baseline {entry.baseline}, entry {entry.number} of {len(log)}: {stack_text(entry.stack)}"]
    lines += [f"  {what}: {value}" for what, value in (*_facts(entry), ("signature", signature))]
    if entry.override:
        lines.append(f"  BY OVERRIDE: the ring was {entry.decision.value} ({entry.reason})")
    elif entry.reason:
        lines.append(f"  {entry.reason}")
    if far.since is not None and (far.unknown or far.since.number < entry.number):
        lines += _drift(far, far.since)
    return clean("\n".join(lines))


def _facts(entry: Promotion) -> Iterator[tuple[str, str]]:
    yield "promoted", f"{entry.at} by {entry.by}" + (f", in force until {entry.expires}" if entry.expires else "")
    yield "ring", f"{entry.ring}, {entry.decision.value}"
    for what in ("verdict", "evidence", "plan", "matrix_digest", "policy"):
        yield what.removesuffix("_digest"), getattr(entry, what)
    yield "judged by", f"gpu-compat {entry.compat_version}"
    if entry.runtime is not None:
        yield "runtime", _runtime(entry.runtime)
    yield "nodes", ", ".join(sorted(entry.nodes)) or "none"
    yield "workloads", ", ".join(f"{name} {value[:12]}" for name, value in sorted(entry.content.items()))


def diff_text(one: Promotion, other: Promotion, far: Drifted) -> str:
    """What two promotions differ in."""
    lines = [f"baseline {one.baseline}, entry {one.number} -> {other.number}"]
    for axis in sorted(one.stack.keys() | other.stack.keys()):
        lines += _changed(axis, one.stack.get(axis, "none"), other.stack.get(axis, "none"))
    before, after = (_packages(entry.runtime) for entry in (one, other))
    for name in sorted(before.keys() | after.keys()):
        lines += _changed(name, before.get(name, "none"), after.get(name, "none"))
    lines += _changed("nodes", ", ".join(sorted(one.nodes)), ", ".join(sorted(other.nodes)))
    lines += _changed("policy", one.policy[:12], other.policy[:12])
    lines += _changed("gpu-compat", one.compat_version, other.compat_version)
    for name in sorted(one.content.keys() | other.content.keys()):
        lines += _changed(name, one.content.get(name, "none")[:12], other.content.get(name, "none")[:12])
    lines += _drift(far, one)
    return clean("\n".join(lines))


def _changed(what: str, before: str, after: str) -> list[str]:
    return [] if before == after else [f"  {what}: {before} -> {after}"]


def _packages(runtime: Runtime | None) -> dict[str, str]:
    """What a runtime is made of, by name."""
    if runtime is None:
        return {}
    if runtime.requirements is None:
        return {"image" if runtime.image else "python": runtime.image or runtime.python or "in place"}
    split = [requirement.partition("==") for requirement in runtime.requirements]
    return {name: version or "any" for name, _, version in split}


def _runtime(runtime: Runtime) -> str:
    made = ", ".join(f"{name} {version}" for name, version in sorted(_packages(runtime).items()))
    return f"{runtime.name}: {made}"


def _drift(far: Drifted, since: Promotion) -> Iterator[str]:
    drift = far.drift
    if far.unknown:
        yield f"  drift since entry {since.number} is not known: {far.unknown[0]}"
        return
    beyond = [one for one in drift if one.beyond]
    steps = count(drift[0].steps, "promotion") if drift else "no promotion"
    measured = f"{len(beyond)} of {count(len(drift), 'measurement')} beyond the margin"
    yield f"  drift since entry {since.number} ({since.at}), over {steps}: {measured}"
    worse = [one for one in drift if one.beyond or (one.interval is not None and one.interval[0] > 0)]
    yield from (
        f"    {one.workload}[{one.case}] {one.metric} {one.said}{', beyond' if one.beyond else ''}"
        for one in worse[:_MOST]
    )
    if len(worse) > _MOST:
        yield f"    and {len(worse) - _MOST} more that are worse"
