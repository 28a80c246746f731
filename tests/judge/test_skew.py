from __future__ import annotations

from dataclasses import replace

import pytest

from compat.judge.contents import contents, editions
from compat.judge.skew import find_skew, holding
from compat.judge.traces import traces
from compat.model import Arm, Decision, Identity, Node, Runtime, Skew, Status, digest

from .build import NEW, OLD, TEXT, World, plan, world

DRIVER = {"kernel_module": "570.211.01", "libcuda": "/usr/lib/libcuda.so.570.211.01", "nvml": "12.570.211.01"}


def built(good: Identity = OLD, new: Identity = NEW, **changes: object) -> World:
    w = world(plan(TEXT, **changes))
    w.identities = {digest(one): one for one in (good, new)}
    w.edit(lambda r: replace(r, identity=digest(new)), arm=Arm.CANDIDATE)
    w.edit(lambda r: replace(r, identity=digest(good)), arm=Arm.KNOWN_GOOD)
    return w


def found(good: Identity = OLD, new: Identity = NEW, **changes: object) -> tuple[Skew, ...]:
    w = built(good, new, **changes)
    return find_skew(w.plan, traces(w.evidence), w.identities, w.nodes)


def having(base: Identity = NEW, **versions: str) -> Identity:
    names = {name.replace("_", "-"): version for name, version in versions.items()}
    return replace(base, distributions={**base.distributions, **names})


def test_a_good_run_has_none() -> None:
    assert found() == ()
    assert world(plan(TEXT)).verdict().skew == ()


def test_a_module_and_a_libcuda_of_two_releases_hold() -> None:
    # A node image with the kernel module 570.211 and userspace 580.159: AKS issue 5869.
    torn = replace(NEW, driver={**DRIVER, "libcuda": "/usr/lib/libcuda.so.580.159.03"})
    good = replace(OLD, driver=DRIVER)
    (skew,) = found(good, torn)
    assert (skew.kind, skew.new) == ("driver", True)
    assert skew.in_words == "the driver's parts: kernel module 570.211.01, libcuda 580.159.03, NVML 570.211.01"
    verdict = built(good, torn).verdict()
    assert verdict.decision is Decision.HOLD
    assert any(reason.startswith("version skew of the candidate: the driver's parts") for reason in verdict.reasons)
    assert verdict.skew == (skew,)


def test_what_both_arms_have_is_shown_and_holds_nothing() -> None:
    torn = {**DRIVER, "libcuda": "/usr/lib/libcuda.so.580.159.03"}
    skew = found(replace(OLD, driver=torn), replace(NEW, driver=torn))
    assert [one.new for one in skew] == [False]
    assert holding(skew) == []


@pytest.mark.parametrize("driver", [{}, {"kernel_module": "570.211.01"}, {"libcuda": "/usr/lib/libcuda.so.1"}])
def test_parts_that_were_not_read_are_no_skew(driver: dict[str, str]) -> None:
    assert found(new=replace(NEW, driver=driver)) == ()


def test_two_editions_of_a_library_in_one_runtime() -> None:
    both = having(nvidia_cudnn_cu12="9.10.2.21", nvidia_cudnn_cu13="9.19.0.56")
    (skew,) = found(new=both)
    assert (skew.kind, skew.new) == ("libraries", True)
    assert skew.values == {"nvidia-cudnn-cu12": "9.10.2.21", "nvidia-cudnn-cu13": "9.19.0.56"}
    assert holding([skew])


def test_two_files_of_a_library_in_one_process() -> None:
    loaded = {
        "nvidia-cudnn-cu12:nvidia/cudnn/lib/libcudnn.so.9": "a" * 64,
        "/usr/lib/x86_64-linux-gnu/libcudnn.so.9": "b" * 64,
        "/usr/lib/x86_64-linux-gnu/libcudnn_ops.so.9": "c" * 64,
        "/usr/lib/x86_64-linux-gnu/libcudart.so.12": "d" * 64,
        "/opt/copy/libcudart.so.12": "d" * 64,  # the same bytes: a copy
    }
    (skew,) = [one for one in found(new=replace(NEW, libraries=loaded)) if one.kind == "libraries"]
    assert skew.what == "libcudnn is loaded more than once"
    assert sorted(skew.values.values()) == ["a" * 12, "b" * 12]


def test_an_image_that_says_another_cuda_than_it_has() -> None:
    image = replace(having(nvidia_cuda_runtime_cu12="12.6.77"), environment={"CUDA_VERSION": "12.8.1"})
    (skew,) = found(replace(OLD, environment={"CUDA_VERSION": "12.8.1"}), image)
    assert (skew.kind, skew.values) == ("image", {"label CUDA_VERSION": "12.8.1", "what it has": "12.6"})
    same = replace(having(nvidia_cuda_runtime_cu12="12.8.90"), environment={"CUDA_VERSION": "12.8.1"})
    assert found(replace(OLD, environment={"CUDA_VERSION": "12.8.1"}), same) == ()


def test_a_runtime_that_is_not_what_the_tables_say() -> None:
    runtimes = {
        "old": Runtime("old", requirements=()),
        "new": Runtime("new", requirements=(), brings={"cudnn": "9.19.0.56", "nccl": "2.28.9"}),
    }
    (skew,) = found(new=having(nvidia_cudnn_cu13="9.20.0.48", nvidia_nccl_cu13="2.28.9"), runtimes=runtimes)
    assert (skew.kind, skew.values) == ("tables", {"the tables": "9.19.0.56", "the runtime": "9.20.0.48"})
    assert holding([skew]) == []


@pytest.mark.parametrize(("built", "differs"), [("sm_90 sm_80", False), ("sm_80", True), ("none for GPUs", True)])
def test_code_that_is_not_what_the_tables_say(built: str, differs: bool) -> None:
    runtimes = {name: Runtime(name, requirements=(), brings={"code": "sm_80 sm_90"}) for name in ("old", "new")}
    w = world(plan(TEXT, runtimes=runtimes))
    w.edit(lambda r: replace(r, took={"torch's code": built}))
    skew = find_skew(w.plan, traces(w.evidence), w.identities, w.nodes)
    assert [(one.kind, one.values) for one in skew] == [
        ("tables", {"the tables": "sm_80 sm_90", "the runtime": built}) for _ in range(2 if differs else 0)
    ]


def test_nodes_of_a_ring_with_several_drivers() -> None:
    w = built(replace(OLD, driver=DRIVER), replace(NEW, driver=DRIVER))
    other = {key: replace(one, driver={**DRIVER, "kernel_module": "580.95.05"}) for key, one in w.identities.items()}
    (node,) = w.nodes.values()
    second = Node("n2", "gpu-2", node.cpu, node.cores, node.memory_bytes, node.kernel)
    moved = [replace(e, node="n2", identity=digest(other[e.identity])) for e in w.evidence]
    identities = {**w.identities, **{digest(one): one for one in other.values()}}
    skew = find_skew(w.plan, traces([*w.evidence, *moved]), identities, {**w.nodes, "n2": second})
    (between,) = [one for one in skew if one.kind == "nodes"]
    assert between.values == {"570.211.01": node.hostname, "580.95.05": "gpu-2"}
    assert not between.new


def test_the_stated_cuda_is_read_back() -> None:
    stacks = {"runtime": "new", "onnxruntime": "1.23.2", "cuda": "12.8"}
    cell = replace(TEXT.cell, stack=stacks, known_good={**TEXT.cell.known_good, "cuda": "12.8"})
    has = having(nvidia_cuda_runtime_cu12="12.6.77")
    w = world(plan(replace(TEXT, cell=cell)))
    w.identities = {digest(one): one for one in (OLD, has)}
    w.edit(lambda r: replace(r, identity=digest(has), stack=stacks), arm=Arm.CANDIDATE)
    w.edit(lambda r: replace(r, identity=digest(OLD), stack=cell.known_good), arm=Arm.KNOWN_GOOD)
    verdict = w.verdict()
    (checked,) = [one for one in verdict.comparisons if one.metric == "environment"]
    assert checked.status is Status.INVALID
    assert "cuda is 12.6, which is not what the matrix says (12.8)" in checked.reason
    assert verdict.decision is Decision.HOLD


def test_contents() -> None:
    assert contents(OLD) == {}
    assert contents(having(nvidia_cuda_runtime="13.0.96")) == {"cuda": "13.0"}
    assert contents(having(NVIDIA_cudnn_cu12="9.1.0.70")) == {"cudnn": "9.1.0.70"}
    assert contents(replace(OLD, environment={"CUDA_VERSION": "12.8.1"})) == {"cuda": "12.8.1"}
    two = having(nvidia_cublas_cu12="12.8.4.1", nvidia_cublas="13.1.0.3")
    assert contents(two) == {}
    assert list(editions(two, "cublas").values()) == ["13.1.0.3", "12.8.4.1"]
