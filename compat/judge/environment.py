"""Only the intended thing changed: what each arm really was, against what the matrix says.

A difference between the arms is declared by an axis of its name whose values differ, or by a requirement that pins it
in either arm's runtime; the axis ``driver`` declares what the driver brings. A loaded library is a difference of its
own where its distribution's version does not explain it: a wheel that was built again, another libc. Whatever the
matrix states is read back: a version that is not the stated one makes the cell invalid, and its measurements are
measurements of something else.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from compat.judge.outcome import Outcome
from compat.judge.text import clip, plural
from compat.model import Arm, Cell, Evidence, Identity, Plan, Stack, Status

__all__ = ["METRIC", "Environment", "judge_environment", "normal", "version_of"]

METRIC = "environment"

Difference = tuple[str, str, str, bool]  # what, known-good, candidate, declared

_PIN = re.compile(r"\s*([A-Za-z0-9._-]+)\s*(?:\[[^\]]*\])?\s*===?\s*([^\s;,]+)\s*(;.*)?$")
_ABSENT = "absent"
_DRIVER = "driver: "  # what the driver brings is named by this and its part


@dataclass(frozen=True)
class Environment:
    """What became of the check of one cell. ``misrealised``: what ran is not what the matrix says."""

    outcome: Outcome
    differences: tuple[Difference, ...]
    misrealised: bool


def normal(name: str) -> str:
    """A distribution's name in the form in which names are compared (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def version_of(identity: Identity | None, component: str) -> str:
    """The version of a distribution, or ``absent``."""
    found = {} if identity is None else {normal(k): v for k, v in identity.distributions.items()}
    return found.get(normal(component), _ABSENT)


def judge_environment(
    cell: Cell, evidence: Sequence[Evidence], plan: Plan, identities: Mapping[str, Identity]
) -> Environment:
    """One cell, from the admitted evidence of all its items (so every identity and runtime is known)."""
    arms = {arm: sorted({e.identity for e in evidence if e.arm is arm}) for arm in Arm}
    if not all(arms.values()):
        return Environment(Outcome(METRIC, Status.MISSING, f"{METRIC}: only one arm has run"), (), False)
    wrong: list[str] = []
    for arm, stack in ((Arm.KNOWN_GOOD, cell.known_good), (Arm.CANDIDATE, cell.stack)):
        wrong += _inconstant(arm, evidence, identities)
        for name in sorted({e.runtime for e in evidence if e.arm is arm}):
            requirements = plan.runtimes[name].requirements or ()
            for key in arms[arm]:
                wrong += [f"{arm.value} arm: {said}" for said in _misrealised(identities[key], stack, requirements)]
    pins = {name for e in evidence for name in _pins(plan.runtimes[e.runtime].requirements or ())}
    axes = {
        normal(a) for a in cell.stack.keys() | cell.known_good.keys() if cell.stack.get(a) != cell.known_good.get(a)
    }
    differences = sorted(
        {
            (what, a, b, _axis(what) in axes or (what != "python" and normal(what) in pins))
            for good in arms[Arm.KNOWN_GOOD]
            for new in arms[Arm.CANDIDATE]
            for what, a, b in _differences(identities[good], identities[new])
        }
    )
    if wrong:
        return Environment(
            Outcome(METRIC, Status.INVALID, f"{METRIC}: {'; '.join(dict.fromkeys(wrong))}"), tuple(differences), True
        )
    undeclared = [f"{what} {a} -> {b}" for what, a, b, declared in differences if not declared]
    if undeclared:
        said = f"{METRIC}: {plural(len(undeclared), 'difference')} not declared: {clip(', '.join(undeclared), 400)}"
        status = Status.PASS if plan.policy.undeclared == "warn" else Status.INVALID
        return Environment(Outcome(METRIC, status, said), tuple(differences), False)
    said = f"{METRIC}: {plural(len(differences), 'difference')} between the arms, all declared"
    return Environment(Outcome(METRIC, Status.PASS, said), tuple(differences), False)


def _inconstant(arm: Arm, evidence: Sequence[Evidence], identities: Mapping[str, Identity]) -> list[str]:
    """What changed within one arm. Nodes may differ in machine and environment, never in software."""
    found = []
    first: dict[str, Identity] = {}
    ours = sorted({(e.node, e.identity) for e in evidence if e.arm is arm})
    for node, key in ours:
        here, anywhere = first.setdefault(node, identities[key]), first[ours[0][0]]
        one = identities[key]
        differ = [what for what, _, _ in _differences(anywhere, one) if what != "machine" or anywhere is here]
        if here.environment != one.environment:
            names = here.environment.keys() | one.environment.keys()
            differ += [f"variable {n}" for n in sorted(names) if here.environment.get(n) != one.environment.get(n)]
        shared = here.libraries.keys() & one.libraries.keys()
        differ += [f"library {n}" for n in sorted(shared) if here.libraries[n] != one.libraries[n]]
        differ = list(dict.fromkeys(differ))
        found += [f"{arm.value} arm: {what} is not the same in all of its runs" for what in differ]
    return found


def _differences(good: Identity, new: Identity) -> list[tuple[str, str, str]]:
    found = [
        (what, getattr(good, what), getattr(new, what))
        for what in ("python", "implementation", "machine")
        if getattr(good, what) != getattr(new, what)
    ]
    names = sorted({normal(n) for n in good.distributions} | {normal(n) for n in new.distributions})
    versions = [(name, version_of(good, name), version_of(new, name)) for name in names]
    found += [(name, a, b) for name, a, b in versions if a != b]
    for key in sorted(good.driver.keys() | new.driver.keys()):
        a, b = good.driver.get(key, _ABSENT), new.driver.get(key, _ABSENT)
        if a != b:
            found.append((f"{_DRIVER}{key}", a, b))
    return found + _rebuilt(good, new, {name for name, a, b in versions if a == b})


def _rebuilt(good: Identity, new: Identity, same: Collection[str]) -> list[tuple[str, str, str]]:
    """Libraries that both arms loaded and that differ, unless their distribution is not the ``same`` version."""
    found = []
    for name in sorted(good.libraries.keys() & new.libraries.keys()):
        a, b = good.libraries[name], new.libraries[name]
        owner, has_owner, _ = name.partition(":")
        if a != b and (not has_owner or normal(owner) in same):
            found.append((f"library {name}", a[:12], b[:12]))
    return found


def _axis(what: str) -> str:
    """The name of the axis that would declare a difference."""
    return "driver" if what.startswith(_DRIVER) else normal(what)


def _pins(requirements: Sequence[str]) -> dict[str, tuple[str, bool]]:
    """By name: (pinned version, whether a marker may leave it out)."""
    matches = (_PIN.match(requirement) for requirement in requirements)
    return {normal(m[1]): (m[2], m[3] is not None) for m in matches if m is not None}


def _misrealised(identity: Identity, stack: Stack, requirements: Sequence[str]) -> list[str]:
    found = []
    for name, (version, conditional) in sorted(_pins(requirements).items()):
        have = version_of(identity, name)
        if not (_same(have, version) or (conditional and have == _ABSENT)):
            found.append(f"{name} is {have}, which is not what the matrix says ({version})")
    for axis, value in sorted(stack.items()):
        have = identity.python if axis == "python" else version_of(identity, axis)
        prefix = axis == "python" and have.startswith(f"{value}.")
        if have != _ABSENT and not (_same(have, value) or prefix):
            found.append(f"{axis} is {have}, which is not what the matrix says ({value})")
    return found


def _same(installed: str, stated: str) -> bool:
    """Whether an installed version is the stated one: trailing zeros and an unstated local label do not count."""
    if stated.endswith(".*"):
        return f"{installed}.".startswith(stated[:-1])
    public = installed if "+" in stated else installed.partition("+")[0]
    return re.sub(r"(\.0)+$", "", public.lower()) == re.sub(r"(\.0)+$", "", stated.lower())
