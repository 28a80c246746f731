"""Only the intended thing changed: what each arm really was, against what the matrix says.

A difference between the arms is declared by an axis of its name whose values differ, by a requirement that pins it in
either arm's runtime, or by the runtime's own variables; the axis ``driver`` declares what the driver brings,
``firmware`` what firmware brings. A loaded library is a difference of its own where its distribution's version does not
explain it: a wheel that was built again, another libc. So is a setting of a node (compat.judge.settings). Whatever the
matrix states is read back: a version or an image that is not the stated one makes the cell invalid, and its
measurements are measurements of something else.
"""

from __future__ import annotations

import itertools
import re
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from compat.judge.contents import contents, normal
from compat.judge.outcome import Outcome
from compat.judge.settings import ABSENT, SETTING, compare_settings
from compat.judge.text import clip, plural
from compat.judge.traces import Trace
from compat.model import Arm, Cell, Identity, Phase, Place, Plan, Policy, Runtime, Stack, Status

__all__ = ["METRIC", "Environment", "changed_identity", "judge_environment", "version_of"]

METRIC = "environment"

Difference = tuple[str, str, str, bool]  # what, known-good, candidate, declared

_PIN = re.compile(r"\s*([A-Za-z0-9._-]+)\s*(?:\[[^\]]*\])?\s*===?\s*([^\s;,]+)\s*(;.*)?$")
_VARIABLE = "variable "
_WHOLE = "*"  # every variable
_DRIVER = "driver: "  # what the driver brings is named by this and its part
_IMAGE = "container image"  # no distribution has such a name
# A library of the driver: it comes from the host, also into a container.
_OF_DRIVER = re.compile(r"^library .*\blib(?:cuda\.so|nvidia-|nvcuvid\.so)")
# Settings that nobody switches and an upgrade brings, with the axes that declare them beside one of their own name.
_BROUGHT = {"GSP firmware": ("driver", "firmware"), "VBIOS": ("firmware",)}


@dataclass(frozen=True)
class Environment:
    """What became of the check of one cell. ``misrealised``: what ran is not what the matrix says."""

    outcome: Outcome
    differences: tuple[Difference, ...]
    misrealised: bool


def version_of(identity: Identity | None, component: str) -> str:
    """The version of a distribution, or of the ``driver``; or ``absent``."""
    if component == "driver":
        return (identity and identity.driver_version) or ABSENT
    found = {} if identity is None else {normal(k): v for k, v in identity.distributions.items()}
    return found.get(normal(component), ABSENT)


def judge_environment(
    cell: Cell, evidence: Sequence[Trace], plan: Plan, identities: Mapping[str, Identity]
) -> Environment:
    """One cell, from the traces of all that was admitted of its items (so every identity and runtime is known)."""
    arms = {arm: sorted({e.identity for e in evidence if e.arm is arm}) for arm in Arm}
    if not all(arms.values()):
        return Environment(Outcome(METRIC, Status.MISSING, f"{METRIC}: only one arm has run"), (), False)
    wrong: list[str] = []
    for arm, stack in ((Arm.KNOWN_GOOD, cell.known_good), (Arm.CANDIDATE, cell.stack)):
        wrong += _inconstant(arm, evidence, identities)
        for name in sorted({e.runtime for e in evidence if e.arm is arm}):
            for key in arms[arm]:
                found = _misrealised(identities[key], stack, plan.runtimes[name])
                wrong += [f"{arm.value} arm: {said}" for said in found]
    pins = {p for name in {e.runtime for e in evidence} for p in _pins(plan.runtimes[name].requirements or ())}
    axes = {
        normal(a) for a in cell.stack.keys() | cell.known_good.keys() if cell.stack.get(a) != cell.known_good.get(a)
    }
    variables = _stated_variables([plan.runtimes[name] for name in {e.runtime for e in evidence}])
    settings = compare_settings(evidence, identities)
    drifted = compare_settings(_controls_as_arms(evidence), identities)
    differ = [
        *(
            difference
            for good, new in _meeting(evidence)
            for difference in (
                *_differences(identities[good], identities[new]),
                *_variables(identities[good], identities[new]),
            )
        ),
        *_images(evidence, plan, identities),
        *settings.differences,
    ]
    told = {(what, a, b, _is_declared(what, axes, pins, variables)) for what, a, b in differ}
    told |= {(f"{what} of a control", a, b, False) for what, a, b in drifted.differences}
    differences = tuple(sorted(told))
    if wrong:
        status, said = Status.INVALID, "; ".join(dict.fromkeys(wrong))
    else:
        status, said = _undeclared(differences, plan.policy)
    said = "; ".join((f"{METRIC}: {said}", *settings.changes))
    return Environment(Outcome(METRIC, status, said), differences, bool(wrong))


def _controls_as_arms(evidence: Sequence[Trace]) -> list[Trace]:
    """Controls, with their second phase as a candidate: on them nothing is declared, and nothing may change."""
    controls = {e.place for e in evidence if e.phase is Phase.AFTER and e.arm is Arm.KNOWN_GOOD}
    return [
        replace(e, arm=Arm.CANDIDATE if e.phase is Phase.AFTER else Arm.KNOWN_GOOD)
        for e in evidence
        if e.place in controls
    ]


def _undeclared(differences: Sequence[Difference], policy: Policy) -> tuple[Status, str]:
    """What the differences come to where everything is what the matrix says."""
    undeclared = [(what, f"{what} {a} -> {b}") for what, a, b, declared in differences if not declared]
    if not undeclared:
        return Status.PASS, f"{plural(len(differences), 'difference')} between the arms, all declared"
    said = clip(", ".join(text for _, text in undeclared), 400)
    acts = {policy.settings if what.startswith(SETTING) else policy.undeclared for what, _ in undeclared}
    status = Status.PASS if acts == {"warn"} else Status.UNDECLARED
    return status, f"{plural(len(undeclared), 'difference')} not declared: {said}"


def _meeting(evidence: Sequence[Trace]) -> set[tuple[str, str]]:
    """The identities that one item had in the two arms in one place: what an item loads and sees there is its own."""
    items: dict[tuple[str, Place], dict[Arm, set[str]]] = defaultdict(lambda: defaultdict(set))
    for record in evidence:
        items[record.item, record.place][record.arm].add(record.identity)
    return {pair for arms in items.values() for pair in itertools.product(arms[Arm.KNOWN_GOOD], arms[Arm.CANDIDATE])}


def _variables(good: Identity, new: Identity) -> list[tuple[str, str, str]]:
    """Variables that change results and differ."""
    found = []
    for name in sorted(good.environment.keys() | new.environment.keys()):
        a, b = good.environment.get(name, ABSENT), new.environment.get(name, ABSENT)
        if a != b:
            found.append((f"{_VARIABLE}{name}", a, b))
    return found


def _stated_variables(runtimes: Sequence[Runtime]) -> set[str]:
    """Variables that the matrix sets. An image brings its own: those are declared by naming the image."""
    whole = {_WHOLE} if runtimes and all(runtime.image is not None for runtime in runtimes) else set()
    return whole | {name for runtime in runtimes for name in runtime.env}


def _inconstant(arm: Arm, evidence: Sequence[Trace], identities: Mapping[str, Identity]) -> list[str]:
    """What changed within one arm. Places may differ in machine, driver and environment, never in their software.

    Which driver a node has to have is said by its stack, and that it is the inventory's is looked at run by run.
    """
    found = []
    first: dict[Place, Identity] = {}
    ours = sorted({(e.place, e.identity) for e in evidence if e.arm is arm})
    for place, key in ours:
        here, anywhere = first.setdefault(place, identities[key]), first[ours[0][0]]
        one = identities[key]
        differ = [what for what, _, _ in _differences(anywhere, one) if not _of_node(what)]
        differ += [what for what, _, _ in _differences(here, one) if _of_node(what)]
        if here.environment != one.environment:
            names = here.environment.keys() | one.environment.keys()
            differ += [f"variable {n}" for n in sorted(names) if here.environment.get(n) != one.environment.get(n)]
        shared = here.libraries.keys() & one.libraries.keys()
        differ += [f"library {n}" for n in sorted(shared) if here.libraries[n] != one.libraries[n]]
        differ += [_IMAGE] if here.image != one.image else []
        differ = list(dict.fromkeys(differ))
        found += [f"{arm.value} arm: {what} is not the same in all of its runs" for what in differ]
    return found


def _of_node(what: str) -> bool:
    """Whether it is the node's, and not the runtime's."""
    return what == "machine" or what.startswith(_DRIVER) or _OF_DRIVER.match(what) is not None


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
        a, b = good.driver.get(key, ABSENT), new.driver.get(key, ABSENT)
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


def _images(evidence: Sequence[Trace], plan: Plan, identities: Mapping[str, Identity]) -> list[tuple[str, str, str]]:
    """Images that differ between the arms on one node, where the matrix names both, or one runtime is in both arms.

    Of two runtimes that are built here, their distributions say how they differ.
    """
    here: dict[str, set[tuple[Arm, str, str]]] = defaultdict(set)
    for node, arm, name, key in {(e.node, e.arm, e.runtime, e.identity) for e in evidence}:
        here[node].add((arm, name, identities[key].image))
    return sorted(
        {
            (_IMAGE, _short(a), _short(b))
            for ran in here.values()
            for (arm, good, a), (other, new, b) in itertools.permutations(ran, 2)
            if (arm, other) == (Arm.KNOWN_GOOD, Arm.CANDIDATE) and a != b
            if good == new or None not in (plan.runtimes[good].image, plan.runtimes[new].image)
        }
    )


def changed_identity(before: Identity, now: Identity) -> list[tuple[str, str, str]]:
    """How one arm differs from what it was on the same node: what, then, and now. Its image and its settings, too."""
    found = [*_differences(before, now), *_variables(before, now)]
    if before.image != now.image:
        found.append((_IMAGE, _short(before.image), _short(now.image)))
    names = sorted(before.settings.keys() | now.settings.keys())
    settings = [(f"{SETTING}{n}", before.settings.get(n, ABSENT), now.settings.get(n, ABSENT)) for n in names]
    return found + [each for each in settings if each[1] != each[2]]


def _short(image: str) -> str:
    return image.removeprefix("sha256:")[:12] or ABSENT


def _is_declared(what: str, axes: Collection[str], pins: Collection[str], variables: Collection[str]) -> bool:
    """Whether an axis, a requirement or a runtime's own variables declare a difference."""
    if what.startswith(_VARIABLE):
        return not {what.removeprefix(_VARIABLE), _WHOLE}.isdisjoint(variables)
    if what.startswith(SETTING):
        name = re.sub(r"^GPU-\S+ ", "", what.removeprefix(SETTING))
        return not {normal(name.replace(" ", "-")), *_BROUGHT.get(name, ())}.isdisjoint(axes)
    if _OF_DRIVER.search(what):
        return "driver" in axes
    if what == _IMAGE:
        return not {"image", "runtime"}.isdisjoint(axes)
    return _axis(what) in axes or (what != "python" and normal(what) in pins)


def _axis(what: str) -> str:
    """The name of the axis that would declare a difference."""
    return "driver" if what.startswith(_DRIVER) else normal(what)


def _pins(requirements: Sequence[str]) -> dict[str, tuple[str, bool]]:
    """By name: (pinned version, whether a marker may leave it out)."""
    matches = (_PIN.match(requirement) for requirement in requirements)
    return {normal(m[1]): (m[2], m[3] is not None) for m in matches if m is not None}


def _misrealised(identity: Identity, stack: Stack, runtime: Runtime) -> list[str]:
    found = []
    _, _, asked = (runtime.image or "").partition("@")
    if runtime.image is not None and not identity.image:
        found.append(f"it ran in no image, which is not what the matrix says ({runtime.image})")
    elif asked and identity.image_digests and asked not in identity.image_digests:
        found.append(f"image is {', '.join(identity.image_digests)}, which is not what the matrix says ({asked})")
    for name, (version, conditional) in sorted(_pins(runtime.requirements or ()).items()):
        have = version_of(identity, name)
        if not (_same(have, version) or (conditional and have == ABSENT)):
            found.append(f"{name} is {have}, which is not what the matrix says ({version})")
    has = contents(identity)
    for axis, value in sorted(stack.items()):
        have = identity.python if axis == "python" else has.get(axis) or version_of(identity, axis)
        prefix = axis in ("python", *has) and have.startswith(f"{value}.")
        if have != ABSENT and not (_same(have, value) or prefix):
            found.append(f"{axis} is {have}, which is not what the matrix says ({value})")
    return found


def _same(installed: str, stated: str) -> bool:
    """Whether an installed version is the stated one: trailing zeros and an unstated local label do not count."""
    if stated.endswith(".*"):
        return f"{installed}.".startswith(stated[:-1])
    public = installed if "+" in stated else installed.partition("+")[0]
    return re.sub(r"(\.0)+$", "", public.lower()) == re.sub(r"(\.0)+$", "", stated.lower())
