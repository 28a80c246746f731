# ruff: noqa: E501 - a reason is one line, and here it stands whole
from __future__ import annotations

import pytest

from compat.model import Runtime, Tier
from compat.plan.support.rules import cuda_driver, known_conflicts, onnx_ir, python_range, triton_target
from compat.plan.support.subject import Opinion, Subject
from compat.plan.support.tables import load_tables

TABLES = load_tables()
STATIC = frozenset({Tier.STATIC, Tier.CPU})


def pinned(*requirements: str, base: str = "debian:bookworm") -> Runtime:
    return Runtime("r", base=base, requirements=requirements)


def skew(cuda: str, driver: str) -> Opinion | None:
    return cuda_driver(Subject(Runtime("r", image="i", values={"cuda": cuda}), {"driver": driver}, STATIC), TABLES)


@pytest.mark.parametrize(
    ("cuda", "driver", "status", "words"),
    [
        ("12.8", "570.124.06", "ok", "native, the toolkit ships with 570.124.06"),
        ("12.8.0", "570.26", "ok", "native, the toolkit ships with 570.26"),
        ("12.8", "570.26", "ok", "minor_compat, the floor is 525.60.13"),
        ("12.8", "595.10", "ok", "native"),
        ("11.3.1", "465.19.01", "ok", "native"),
        ("12.8", "525.60.13", "ok", "minor_compat"),
        ("12.8", "525.60.12", "fail", "below the floor 525.60.13, and 525 is no branch of its forward compatibility"),
        (
            "12.8",
            "470.256.02",
            "unknown",
            "forward_compat needs cuda-compat in the runtime, and whether it is there is not stated",
        ),
        ("12.4", "470.256.02", "unknown", "the tables have no forward compatibility of CUDA 12.4"),
        ("13.0", "570.172.08", "unknown", "forward_compat needs cuda-compat in the runtime"),
        ("13.0", "555.42.06", "fail", "below the floor 580"),
        ("13.0", "580.65.06", "ok", "minor_compat"),
        ("13.0", "580.95.05", "ok", "native"),
        ("13.2", "595.10", "ok", "minor_compat"),
        ("14.0", "700.1", "unknown", "the tables do not have CUDA 14.0"),
        ("12.10", "570.26", "unknown", "the tables do not have CUDA 12.10"),
        ("12.8.7", "570.26", "unknown", "the tables do not have CUDA 12.8.7"),
        ("12.8", "R570", "unknown", "not versions that can be compared"),
    ],
)
def test_cuda_driver(cuda: str, driver: str, status: str, words: str) -> None:
    opinion = skew(cuda, driver)
    assert opinion is not None
    assert opinion.status == status
    assert opinion.reason.startswith(f"CUDA {cuda} on driver {driver}: ")
    assert words in opinion.reason
    assert bool(opinion.rows) is ("do not have" not in words and "compared" not in words)


def test_an_unconfirmed_row_is_never_native() -> None:
    opinion = skew("13.2", "700.1")
    assert opinion is not None
    assert "minor_compat" in opinion.reason


def test_torch_moves_the_driver_floor() -> None:
    stack = {"driver": "570.172.08"}
    known_good = cuda_driver(Subject(pinned("torch==2.10.0"), stack, STATIC), TABLES)
    candidate = cuda_driver(Subject(pinned("torch==2.11.0"), stack, STATIC), TABLES)
    assert known_good is not None
    assert candidate is not None
    assert known_good.status == "ok"
    assert (candidate.status, candidate.level) == ("fail", "fail")
    assert candidate.reason.startswith("CUDA 13.0 on driver 570.172.08: below the floor 580")
    assert candidate.remedy == (
        "driver 580 or later, or cuda-compat of CUDA 13.0 on base branch 570, on data-centre cards, or torch 2.10.0 "
        "(CUDA 12.8)"
    )


def test_cuda_driver_does_not_apply() -> None:
    assert cuda_driver(Subject(Runtime("r", image="i", values={"cuda": "12.8"}), {}, STATIC), TABLES) is None
    assert cuda_driver(Subject(Runtime("r", image="i"), {"driver": "570.26"}, STATIC), TABLES) is None
    cpu_wheel = Subject(pinned("torch==2.11.0+cpu"), {"driver": "570.26"}, STATIC)
    assert cuda_driver(cpu_wheel, TABLES) is None


def test_the_label_of_a_torch_wheel_is_its_cuda() -> None:
    opinion = cuda_driver(Subject(pinned("torch==2.11.0+cu128"), {"driver": "570.124.06"}, STATIC), TABLES)
    assert opinion is not None
    assert opinion.reason == "CUDA 12.8 on driver 570.124.06: native, the toolkit ships with 570.124.06"


@pytest.mark.parametrize(
    ("requirement", "target", "status", "words"),
    [
        ("triton==3.2.0", "sm_75", "ok", "sm_75 with the ptxas 12.4.99 of triton 3.2.0: taken"),
        ("triton==3.2.0", "sm_100", "fail", "sm_100 with the ptxas 12.4.99 of triton 3.2.0: needs CUDA 12.8 or newer"),
        ("triton==3.3.1", "sm_100", "ok", "sm_100 with the ptxas 12.8.61 of triton 3.3.1: taken"),
        ("triton==3.9.0", "sm_90", "ok", "sm_90 with the ptxas 13.4.59 of triton 3.9.0: taken"),
        ("triton==3.9.0", "sm_70", "ok", "sm_70 with the ptxas 12.9.86 of triton 3.9.0: taken"),
        ("triton==3.2.0", "sm_35", "fail", "sm_35 with the ptxas 12.4.99 of triton 3.2.0: dropped after CUDA 11.8"),
        ("triton==3.6.0", "sm_103", "ok", "sm_103 with the ptxas 12.9.86 of triton 3.6.0: taken"),
        ("triton==3.5.1", "sm_103", "fail", "sm_103 with the ptxas 12.8.93 of triton 3.5.1: needs CUDA 12.9 or newer"),
        ("triton==3.5.1", "sm_86", "ok", "sm_86 with the ptxas 12.8.93 of triton 3.5.1: taken"),
        ("triton==3.5.1", "gfx942", "ok", "gfx942 with the linker of triton 3.5.1: taken"),
        ("triton==3.4.0", "gfx942", "fail", "gfx942 with triton 3.4.0: its wheel has no linker (ld.lld)"),
        ("triton==3.6.0", "sm_99", "unknown", "compute capability 9.9 is not in the table"),
        ("triton==3.5.0", "sm_80", "ok", "sm_80 with the ptxas 12.8.93 of triton 3.5.0: taken"),
        ("triton==3.3.0", "sm_80", "unknown", "triton 3.3.0 is not in the table of its assemblers"),
        ("torch==2.6.0", "sm_80", "ok", "sm_80 with the ptxas 12.4.99 of triton 3.2.0: taken"),
    ],
)
def test_triton_target(requirement: str, target: str, status: str, words: str) -> None:
    subject = Subject(pinned(requirement), {}, STATIC, targets={"kernel:add": (target,)})
    opinion = triton_target(subject, TABLES)
    assert opinion is not None
    assert opinion.status == status
    assert words in opinion.reason


def test_the_worst_target_counts() -> None:
    subject = Subject(pinned("triton==3.2.0"), {}, STATIC, targets={"a": ("sm_80", "sm_120"), "b": ("sm_100",)})
    opinion = triton_target(subject, TABLES)
    assert opinion is not None
    assert opinion.status == "fail"
    assert [part.split(" ")[0] for part in opinion.reason.split("; ")] == ["sm_100", "sm_120"]


def test_triton_target_does_not_apply() -> None:
    targets = {"kernel:add": ("sm_80",)}
    assert triton_target(Subject(pinned("triton==3.2.0"), {}, STATIC), TABLES) is None
    assert triton_target(Subject(pinned("numpy==2.0.0"), {}, STATIC, targets), TABLES) is None
    assert triton_target(Subject(pinned("torch==2.6.0", "triton>=3"), {}, STATIC, targets), TABLES) is None
    assert triton_target(Subject(Runtime("r", image="i"), {}, STATIC, targets), TABLES) is None


@pytest.mark.parametrize(
    ("version", "ir", "status", "words"),
    [
        ("1.20.1", 10, "ok", "reads up to 10 at least"),
        ("1.21.0", 11, "fail", "reads up to 10 at most"),
        ("1.22.0", 11, "fail", "reads up to 10 at most"),
        ("1.22.1", 11, "unknown", "is not in the table"),
        ("1.23.2", 11, "ok", "reads up to 11 at least"),
        ("1.23.2", 12, "fail", "reads up to 11 at most"),
        ("1.24.0", 11, "ok", "reads up to 11 at least"),
        ("1.24.0", 12, "unknown", "is not in the table"),
        ("1.24.0", 14, "fail", "reads up to 13 at most"),
        ("1.26.0", 13, "ok", "reads up to 13 at least"),
        ("1.26.0", 14, "unknown", "is not in the table"),
        ("1.19.0", 10, "unknown", "is not in the table"),
        ("1.19.0", 11, "fail", "reads up to 10 at most"),
    ],
)
def test_onnx_ir(version: str, ir: int, status: str, words: str) -> None:
    subject = Subject(pinned(f"onnxruntime=={version}"), {}, STATIC, onnx={"model:tiny": ir})
    opinion = onnx_ir(subject, TABLES)
    assert opinion is not None
    assert opinion.status == status
    assert opinion.reason.startswith(f"model:tiny is ONNX IR {ir}")
    assert words in opinion.reason


def test_onnx_ir_does_not_apply() -> None:
    assert onnx_ir(Subject(pinned("onnxruntime==1.20.1"), {}, STATIC), TABLES) is None
    assert onnx_ir(Subject(pinned("onnxruntime>=1.20"), {}, STATIC, onnx={"model:tiny": 8}), TABLES) is None


@pytest.mark.parametrize(
    ("requirement", "status"),
    [("torch==2.11.0", "ok"), ("torch==2.0.1", "ok"), ("torch==2.15.0", "ok")],
)
def test_python_range(requirement: str, status: str) -> None:
    opinion = python_range(Subject(pinned(requirement), {}, STATIC), TABLES)
    assert opinion is not None
    assert opinion.status == status
    assert opinion.reason.endswith("and debian:bookworm has 3.11")


def test_a_python_without_wheels() -> None:
    # No release in the table lacks 3.11, so the base is what changes here.
    base = TABLES.bases[0].model_copy(update={"python": "3.9"})
    tables = type(TABLES)(**{**vars(TABLES), "bases": (base,)})
    opinion = python_range(Subject(pinned("torch==2.15.0"), {}, STATIC), tables)
    assert opinion is not None
    assert opinion.status == "fail"
    assert (
        opinion.reason == "torch 2.15.0 has wheels for Python 3.11, 3.12, 3.13, 3.14, 3.15, and debian:bookworm has 3.9"
    )


@pytest.mark.parametrize(
    "runtime",
    [
        pinned("torch==2.11.0", base="alpine:3"),
        pinned("torch==2.13.9"),
        pinned("torch==2.10.1"),
        pinned("torch>=2"),
        Runtime("r", python=""),
    ],
)
def test_python_range_does_not_apply(runtime: Runtime) -> None:
    assert python_range(Subject(runtime, {}, STATIC), TABLES) is None


@pytest.mark.parametrize(
    ("requirements", "tiers", "status", "reason"),
    [
        (
            ["onnxruntime==1.17.3", "numpy==2.2.6"],
            STATIC,
            "fail",
            "onnxruntime 1.17.3 with numpy 2.2.6: import onnxruntime fails (_ARRAY_API)",
        ),
        (
            ["onnxruntime==1.18.0", "numpy==2.2.6"],
            STATIC,
            "unknown",
            "onnxruntime 1.18.0 with numpy 2.2.6: import onnxruntime fails (_ARRAY_API) (unconfirmed)",
        ),
        (
            ["onnxruntime==1.17.3"],
            STATIC,
            "unknown",
            "onnxruntime 1.17.3 with numpy of any version: import onnxruntime fails (_ARRAY_API) if the unpinned one comes to match",
        ),
        (
            ["onnxruntime==1.17.3", "numpy==1.26.4"],
            STATIC,
            "ok",
            "2 pinned components looked up in 2 known conflicts: no row applies",
        ),
        (
            ["onnxruntime==1.23.2", "numpy==2.2.6", "x>=1"],
            STATIC,
            "ok",
            "2 pinned components looked up in 2 known conflicts (1 more are not pinned: x): no row applies",
        ),
        (
            ["triton==3.6.0", "numpy==2.4.0"],
            STATIC,
            "ok",
            "2 pinned components looked up in 2 known conflicts: no row applies",
        ),
        (
            ["triton==3.6.0", "numpy==2.4.0"],
            frozenset({Tier.INTERPRETED}),
            "fail",
            "triton 3.6.0 with numpy 2.4.0: the interpreter of triton fails for loops with a bound known only at run time",
        ),
        (
            ["triton==3.7.0", "numpy==2.4.0"],
            frozenset({Tier.INTERPRETED}),
            "ok",
            "2 pinned components looked up in 3 known conflicts: no row applies",
        ),
        (["numpy>=2"], STATIC, "unknown", "the runtime r pins no version"),
        ([], STATIC, "unknown", "the runtime r pins no version"),
    ],
)
def test_known_conflicts(requirements: list[str], tiers: frozenset[Tier], status: str, reason: str) -> None:
    opinion = known_conflicts(Subject(pinned(*requirements), {}, tiers), TABLES)
    assert opinion is not None
    assert (opinion.status, opinion.reason) == (status, reason)


def test_known_conflicts_of_what_cannot_be_seen() -> None:
    image, place = Runtime("r", image="i"), Runtime("r", python="")
    reasons = [known_conflicts(Subject(runtime, {}, STATIC), TABLES) for runtime in (image, place)]
    assert reasons == [
        Opinion("unknown", "the runtime r is an image: its versions are not known before it runs"),
        Opinion("unknown", "the runtime r is in place: its versions are not known before it runs"),
    ]
    assert known_conflicts(Subject(image, {}, frozenset({Tier.CPU})), TABLES) is None
