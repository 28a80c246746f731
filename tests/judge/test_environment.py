"""Rule 17: only the intended thing changed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from compat.judge.environment import Environment, judge_environment
from compat.judge.traces import traces
from compat.model import Arm, Decision, Identity, Policy, Ring, Runtime, Status, Tier, digest

from .build import CELL, NEW, OLD, STACKS, TEXT, World, plan, world


def judged(new: Identity = NEW, good: Identity = OLD, cell: Any = CELL, **changes: Any) -> Environment:
    w = world(plan(TEXT, **changes))
    w.identities = {digest(one): one for one in (good, new)}
    w.edit(lambda r: replace(r, identity=digest(new)), arm=Arm.CANDIDATE)
    w.edit(lambda r: replace(r, identity=digest(good)), arm=Arm.KNOWN_GOOD)
    return judge_environment(cell, traces(w.evidence), w.plan, w.identities)


def having(base: Identity = NEW, **versions: str) -> Identity:
    return replace(base, distributions={**base.distributions, **versions})


def without(base: Identity, name: str) -> Identity:
    return replace(base, distributions={k: v for k, v in base.distributions.items() if k != name})


def runtimes(**requirements: tuple[str, ...] | None) -> dict[str, Runtime]:
    return {name: Runtime(name, requirements=given) for name, given in requirements.items()}


def test_declared_differences_are_fine_and_listed() -> None:
    found = judged()
    assert found.outcome.status is Status.PASS
    assert found.differences == (("numpy", "1.26.4", "2.2.6", True), ("onnxruntime", "1.20.1", "1.23.2", True))


@pytest.mark.parametrize(
    ("new", "what"),
    [
        (having(pip="25.0"), "pip 24.0 -> 25.0"),
        (having(extra="1.0"), "extra absent -> 1.0"),
        (without(NEW, "pip"), "pip 24.0 -> absent"),
        (replace(NEW, python="3.12.1"), "python 3.11.9 -> 3.12.1"),
        (replace(NEW, implementation="PyPy"), "implementation CPython -> PyPy"),
        (replace(NEW, machine="aarch64"), "machine x86_64 -> aarch64"),
    ],
)
def test_undeclared_differences_hold_or_are_listed(new: Identity, what: str) -> None:
    found = judged(new)
    assert found.outcome.status is Status.UNDECLARED
    assert what in found.outcome.reason
    assert not found.misrealised
    assert any(not declared for *_, declared in found.differences)
    warned = judged(new, policy=Policy(undeclared="warn"))
    assert warned.outcome.status is Status.PASS
    assert what in warned.outcome.reason
    assert judged(new, policy=Policy(undeclared="whatever")).outcome.status is Status.UNDECLARED


def test_an_axis_declares_the_distribution_of_its_name() -> None:
    given = runtimes(old=None, new=None)
    assert judged(runtimes=given).outcome.reason == "environment: 1 difference not declared: numpy 1.26.4 -> 2.2.6"
    cell = replace(CELL, stack={**CELL.stack, "NumPy": "2.2.6"}, known_good={**CELL.known_good, "NumPy": "1.26.4"})
    assert judged(runtimes=given, cell=cell).outcome.status is Status.PASS


def test_names_are_compared_as_pep_503_says() -> None:
    given = runtimes(old=("Foo_Bar==1.0",), new=("foo.bar[x] == 2.0 ; python_version > '3'",))
    cell = replace(CELL, stack={**CELL.stack, "numpy": "2.2.6"}, known_good={**CELL.known_good, "numpy": "1.26.4"})
    found = judged(having(foo_bar="2.0"), having(OLD, **{"foo-bar": "1.0"}), cell, runtimes=given)
    assert found.outcome.status is Status.PASS


@pytest.mark.parametrize(
    "new",
    [having(onnxruntime="1.22.0"), having(numpy="2.2.5"), without(NEW, "numpy"), having(numpy="2.2.60")],
)
def test_what_the_matrix_says_is_read_back(new: Identity) -> None:
    found = judged(new)
    assert found.outcome.status is Status.INVALID
    assert "is not what the matrix says" in found.outcome.reason
    assert found.misrealised


def test_an_axis_is_read_back_without_any_requirement() -> None:
    found = judged(having(onnxruntime="1.22.0"), runtimes=runtimes(old=None, new=None))
    assert "onnxruntime is 1.22.0, which is not what the matrix says (1.23.2)" in found.outcome.reason


@pytest.mark.parametrize(
    ("installed", "stated", "same"),
    [
        ("2.11.0+cu128", "2.11.0", True),
        ("2.11.0+cu128", "2.11.0+cu130", False),
        ("2.11.0", "2.11", True),
        ("2.11.0", "2.11.0.*", True),
        ("2.11.1", "2.11.*", True),
        ("2.110", "2.11.*", False),
        ("12.10", "12.1", False),
    ],
)
def test_versions(installed: str, stated: str, same: bool) -> None:
    given = runtimes(old=None, new=(f"torch=={stated}", "numpy==2.2.6"))
    assert judged(having(torch=installed), runtimes=given).misrealised is not same


@pytest.mark.parametrize(("value", "wrong"), [("3.11", False), ("3.11.9", False), ("3.1", True), ("3.12", True)])
def test_the_interpreter_is_read_back(value: str, wrong: bool) -> None:
    cell = replace(CELL, stack={**CELL.stack, "python": value}, known_good={**CELL.known_good, "python": value})
    assert judged(cell=cell).misrealised is wrong


def test_a_distribution_called_python_does_not_declare_the_interpreter() -> None:
    given = runtimes(old=("python==1.0 ; extra", "numpy==1.26.4"), new=("numpy==2.2.6",))
    assert judged(replace(NEW, python="3.12.0"), runtimes=given).outcome.status is Status.UNDECLARED


@pytest.mark.parametrize(
    "other",
    [
        having(pip="25.0"),
        replace(NEW, environment={"OMP_NUM_THREADS": "1"}),
        replace(NEW, libraries={"libcudart.so": "b"}),
    ],
)
def test_an_arm_that_changes_during_the_run_is_invalid(other: Identity) -> None:
    w = world(plan(TEXT))
    base = replace(NEW, libraries={"libcudart.so": "a"})
    w.identities.update({digest(one): one for one in (base, other)})
    w.edit(lambda r: replace(r, identity=digest(base)), arm=Arm.CANDIDATE)
    w.edit(lambda r: replace(r, identity=digest(other)), arm=Arm.CANDIDATE, pairs=[1])
    found = judge_environment(CELL, traces(w.evidence), w.plan, w.identities)
    assert found.outcome.status is Status.INVALID
    assert "candidate arm: " in found.outcome.reason


def test_libraries_that_only_some_cases_load_are_no_contradiction() -> None:
    w = world(plan(TEXT))
    more = replace(NEW, libraries={"libcudart.so": "a"})
    w.identities[digest(more)] = more
    w.edit(lambda r: replace(r, identity=digest(more)), arm=Arm.CANDIDATE, pairs=[1])
    assert judge_environment(CELL, traces(w.evidence), w.plan, w.identities).outcome.status is Status.PASS


def test_nodes_may_be_different_machines_with_the_same_software() -> None:
    w = two_machines(replace(NEW, machine="aarch64"), replace(OLD, machine="aarch64"))
    found = judge_environment(CELL, traces(w.evidence), w.plan, w.identities)
    assert "machine is not the same" not in found.outcome.reason
    changed = two_machines(having(pip="25.0"), OLD)
    assert judge_environment(CELL, traces(changed.evidence), changed.plan, changed.identities).misrealised


def two_machines(new: Identity, good: Identity) -> World:
    w = world(plan(TEXT), nodes=("n1", "n2"))
    w.identities.update({digest(one): one for one in (new, good)})
    w.edit(lambda r: replace(r, identity=digest(new)), arm=Arm.CANDIDATE, node="n2")
    return w.edit(lambda r: replace(r, identity=digest(good)), arm=Arm.KNOWN_GOOD, node="n2")


def test_what_was_not_realised_is_not_blamed_on_the_candidate() -> None:
    w = world()
    w.edit(w.wrong(TEXT), of=TEXT, arm=Arm.CANDIDATE)
    assert w.verdict().decision is Decision.NO_GO
    wrong = having(onnxruntime="1.22.0")
    w.identities[digest(wrong)] = wrong
    w.edit(lambda r: replace(r, identity=digest(wrong)), arm=Arm.CANDIDATE)
    verdict = w.verdict()
    assert verdict.decision is Decision.HOLD
    assert any("is not what the matrix says" in reason for reason in verdict.reasons)


def test_stacks_of_the_builder_differ_in_two_axes() -> None:
    good, new = STACKS[Arm.KNOWN_GOOD], STACKS[Arm.CANDIDATE]
    assert {axis for axis in good if good[axis] != new[axis]} == {"runtime", "onnxruntime"}


LIBC, LOOSE = "/lib/x86_64-linux-gnu/libc.so.6", "/usr/lib/libother.so"


def loaded(base: Identity, **libraries: str) -> Identity:
    return replace(base, libraries=libraries)


@pytest.mark.parametrize(
    ("name", "status"),
    [
        (LIBC, Status.UNDECLARED),  # no distribution has it
        ("pip:pip/_vendor/lib.so", Status.UNDECLARED),  # of the same version in both arms, and not the same file
        ("numpy:numpy.libs/libopenblas.so", Status.PASS),  # numpy itself is another, and declared
        ("onnxruntime:onnxruntime/capi/core.so", Status.PASS),
    ],
)
def test_a_library_that_its_version_does_not_explain_is_a_difference(name: str, status: Status) -> None:
    found = judged(loaded(NEW, **{name: "b" * 64}), loaded(OLD, **{name: "a" * 64}))
    assert found.outcome.status is status
    assert (f"library {name} {'a' * 12} -> {'b' * 12}" in found.outcome.reason) is (status is Status.UNDECLARED)
    assert judged(loaded(NEW, **{name: "a" * 64}), loaded(OLD, **{name: "a" * 64})).outcome.status is Status.PASS


def test_a_library_that_only_one_arm_has_loaded_is_no_difference() -> None:
    assert judged(loaded(NEW, **{LOOSE: "b" * 64}), OLD).outcome.status is Status.PASS


def test_a_driver_is_declared_by_its_axis() -> None:
    good, new = (
        replace(base, driver={"kernel_module": v, "cuda": "12.8"}) for base, v in ((OLD, "570.1"), (NEW, "580.2"))
    )
    found = judged(new, good)
    assert found.outcome.status is Status.UNDECLARED
    assert "driver: kernel_module 570.1 -> 580.2" in found.outcome.reason
    cell = replace(CELL, stack={**CELL.stack, "driver": "580.2"}, known_good={**CELL.known_good, "driver": "570.1"})
    assert judged(new, good, cell).outcome.status is Status.PASS
    one_sided = judged(NEW, replace(OLD, driver={"nvml": "12.570"}))
    assert "driver: nvml 12.570 -> absent" in one_sided.outcome.reason


# -- the image ---------------------------------------------------------------------------------------------------------

ID, OTHER_ID = "sha256:" + "a" * 64, "sha256:" + "b" * 64
BY, OTHER_BY = "sha256:" + "c" * 64, "sha256:" + "d" * 64


def images(**given: str | None) -> dict[str, Runtime]:
    """Runtimes that are images, or with None built here; both are called as the stacks call them."""
    return {name: Runtime(name, image=image, requirements=None if image else ()) for name, image in given.items()}


def from_image(image: str, *digests: str, base: Identity = NEW) -> Identity:
    return replace(base, image=image, image_digests=digests)


def test_images_of_two_runtimes_are_listed_and_declared_by_their_axis() -> None:
    found = judged(from_image(OTHER_ID), from_image(ID, base=OLD), runtimes=images(old="torch:2.10", new="torch:2.11"))
    assert ("container image", "a" * 12, "b" * 12, True) in found.differences
    built = judged(from_image(OTHER_ID), from_image(ID, base=OLD), runtimes=images(old=None, new=None))
    assert "container image" not in [what for what, *_ in built.differences]  # its distributions tell


def test_one_runtime_with_another_image_in_each_arm_is_undeclared() -> None:
    """A driver is upgraded, and the runtime is meant to stay what it is."""
    stacks = ({"runtime": "old", "driver": version} for version in ("570.1", "580.2"))
    good, new = stacks
    cell = replace(CELL, known_good=good, stack=new)
    for image, status in ((ID, Status.PASS), (OTHER_ID, Status.UNDECLARED)):
        w = world(plan(TEXT, runtimes=images(old=None, new=None)))
        arms = {Arm.KNOWN_GOOD: from_image(ID, base=OLD), Arm.CANDIDATE: from_image(image, base=OLD)}
        w.identities = {digest(one): one for one in arms.values()}
        w.edit(lambda r, arms=arms: replace(r, runtime="old", identity=digest(arms[r.arm])))  # type: ignore[misc]
        found = judge_environment(cell, traces(w.evidence), w.plan, w.identities)
        assert found.outcome.status is status
        assert ("container image aaaaaaaaaaaa -> bbbbbbbbbbbb" in found.outcome.reason) is (status is Status.UNDECLARED)


def test_an_image_that_changes_during_the_run_is_misrealised() -> None:
    w = world(plan(TEXT), nodes=("n1", "n2"))
    one, other = from_image(ID), from_image(OTHER_ID)
    w.identities.update({digest(found): found for found in (one, other)})
    w.edit(lambda r: replace(r, identity=digest(one)), arm=Arm.CANDIDATE)
    w.edit(lambda r: replace(r, identity=digest(other)), arm=Arm.CANDIDATE, node="n2")
    each_its_own = judge_environment(CELL, traces(w.evidence), w.plan, w.identities)
    assert not each_its_own.misrealised  # built on each node
    w.edit(lambda r: replace(r, identity=digest(other)), arm=Arm.CANDIDATE, node="n1", pairs=[1])
    found = judge_environment(CELL, traces(w.evidence), w.plan, w.identities)
    assert found.misrealised
    assert "candidate arm: container image is not the same in all of its runs" in found.outcome.reason


@pytest.mark.parametrize(
    ("identity", "wrong"),
    [
        (from_image(ID, BY), ""),
        (from_image(ID, OTHER_BY, BY), ""),  # by several registries
        (from_image(ID), ""),  # an engine that cannot tell
        (from_image(ID, OTHER_BY), f"image is {OTHER_BY}, which is not what the matrix says ({BY})"),
        (from_image(""), f"it ran in no image, which is not what the matrix says (registry.example:5000/torch@{BY})"),
    ],
)
def test_an_image_that_is_named_by_its_digest_is_read_back(identity: Identity, wrong: str) -> None:
    given = images(old="debian:bookworm", new=f"registry.example:5000/torch@{BY}")
    found = judged(identity, from_image(ID, base=OLD), runtimes=given)
    assert found.misrealised is bool(wrong)
    assert wrong in found.outcome.reason


def test_a_distribution_called_image_is_no_image() -> None:
    assert judged(having(image="2.0"), having(OLD, image="1.0")).outcome.status is Status.UNDECLARED


# -- the inventory -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("inventory", "ran", "stale"),
    [
        ("570.124.06", "570.124.06", False),
        ("570.124.06", "580.95.05", True),
        ("570.124.06", None, False),  # nobody asked the kernel
        (None, "580.95.05", False),  # nobody asked NVML
        (None, None, False),
    ],
)
def test_a_stale_inventory_is_never_go(inventory: str | None, ran: str | None, stale: bool) -> None:
    w = world(plan(TEXT, rings=(Ring("canary", (Tier.STATIC, Tier.CPU)),)))
    w.nodes = {name: replace(node, driver=inventory) for name, node in w.nodes.items()}
    for arm, base in ((Arm.KNOWN_GOOD, OLD), (Arm.CANDIDATE, NEW)):
        one = replace(base, driver={} if ran is None else {"kernel_module": ran})
        w.identities[digest(one)] = one
        w.edit(lambda r, one=one: replace(r, identity=digest(one)), arm=arm)  # type: ignore[misc]
    verdict = w.verdict()
    assert verdict.decision is (Decision.HOLD if stale else Decision.GO)
    said = "the inventory of n1 is stale: it has driver 570.124.06, and 580.95.05 was running"
    assert any(said in reason for reason in verdict.reasons) is stale
    assert any(c.status is Status.INVALID and said in c.reason for c in verdict.comparisons) is stale


# -- variables ---------------------------------------------------------------------------------------------------------


def with_variable(base: Identity, value: str) -> Identity:
    return replace(base, environment={"NVIDIA_TF32_OVERRIDE": value})


def test_a_variable_that_differs_is_declared_by_the_runtime_that_sets_it() -> None:
    good, new = with_variable(OLD, "0"), with_variable(NEW, "1")
    found = judged(new, good)
    assert found.outcome.status is Status.UNDECLARED
    assert "variable NVIDIA_TF32_OVERRIDE 0 -> 1" in found.outcome.reason
    assert "variable NVIDIA_TF32_OVERRIDE absent -> 1" in judged(new).outcome.reason
    sets = {**plan().runtimes, "new": replace(plan().runtimes["new"], env={"NVIDIA_TF32_OVERRIDE": "1"})}
    assert judged(new, good, runtimes=sets).outcome.status is Status.PASS


def test_an_image_brings_its_own_variables() -> None:
    upgraded = having(numpy=OLD.distributions["numpy"])
    good, new = from_image(ID, base=with_variable(OLD, "0")), from_image(OTHER_ID, base=with_variable(upgraded, "1"))
    found = judged(new, good, runtimes=images(old="torch:2.10", new="torch:2.11"))
    assert found.outcome.status is Status.PASS
    assert ("variable NVIDIA_TF32_OVERRIDE", "0", "1", True) in found.differences
