from __future__ import annotations

import pytest

from compat.plan.support.rules import cuda_driver, driver_gpu, gpu_code
from compat.plan.support.stated import subject_of
from compat.plan.support.subject import card_of
from compat.plan.support.tables import load_tables

TABLES = load_tables()


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("NVIDIA H100 80GB HBM3", "H100"),
        ("NVIDIA A100-SXM4-80GB", "A100"),
        ("Tesla T4", "T4"),
        ("NVIDIA A10G", "A10G"),
        ("NVIDIA A10", "A10"),
        ("NVIDIA L40S", "L40S"),
        ("NVIDIA L4", "L4"),
        ("NVIDIA GeForce RTX 2080 Ti", "GeForce RTX 2080 Ti"),
        ("NVIDIA GeForce RTX 5090 D", "GeForce RTX 5090"),
        ("NVIDIA H100*", "H100"),
        ("NVIDIA GH200 480GB", "GH200"),
    ],
)
def test_cards_by_name(name: str, known: str) -> None:
    card = card_of(name, TABLES)
    assert card is not None
    assert card.name == known


@pytest.mark.parametrize("name", ["NVIDIA A1000", "NVIDIA H1", "", "NVIDIA", "AMD Instinct MI300X"])
def test_a_card_that_no_row_names(name: str) -> None:
    assert card_of(name, TABLES) is None


@pytest.mark.parametrize(
    ("gpu", "driver", "status", "words"),
    [
        ("Tesla V100-SXM2-32GB", "580.95.05", "ok", "(Volta) with driver 580.95.05: known"),
        ("Tesla V100-SXM2-32GB", "590.44.01", "fail", "580 is the last branch that knows it"),
        ("Tesla K80", "470.256.02", "ok", "known"),
        ("Tesla K80", "535.54.03", "fail", "470 is the last branch that knows it"),
        ("NVIDIA H100 PCIe", "615.10", "ok", "known"),
        ("AMD Instinct MI300X", "615.10", "unknown", "the tables do not have the card"),
    ],
)
def test_a_driver_knows_its_cards(gpu: str, driver: str, status: str, words: str) -> None:
    opinion = driver_gpu(subject_of({"driver": driver}, [gpu]), TABLES)
    assert opinion is not None
    assert opinion.status == status
    assert words in opinion.reason


@pytest.mark.parametrize(
    ("stack", "gpu", "status", "words"),
    [
        (
            {"torch": "2.6.0"},
            "NVIDIA GeForce RTX 5090",
            "fail",
            "its wheel has code for 5.0, 6.0, 7.0, 7.5, 8.0, 8.6, 9.0",
        ),
        ({"torch": "2.8.0"}, "NVIDIA GeForce RTX 5090", "ok", "its wheel has code for 12.0"),
        ({"torch": "2.8.0"}, "NVIDIA L4", "ok", "its wheel has code for 8.6"),  # the nearest below, of the same major
        ({"torch": "2.11.0"}, "Tesla V100-SXM2-16GB", "fail", "and no PTX"),
        ({"torch": "2.5.1+cu121"}, "NVIDIA GeForce RTX 5090", "fail", "needs CUDA 12.8 or newer, and torch's wheels"),
        ({"cuda": "12.4"}, "NVIDIA B200", "unknown", "only PTX that the driver compiles could run"),
        ({"cuda": "13.0"}, "Tesla V100-SXM2-16GB", "fail", "dropped after CUDA 12.9"),
        ({"cuda": "12.8"}, "NVIDIA B200", "ok", "it compiles for that"),
    ],
)
def test_a_runtime_has_code_for_the_cards(stack: dict[str, str], gpu: str, status: str, words: str) -> None:
    opinion = gpu_code(subject_of(stack, [gpu]), TABLES)
    assert opinion is not None
    assert opinion.status == status
    assert words in opinion.reason


def test_the_worst_card_of_a_ring_counts() -> None:
    opinion = gpu_code(subject_of({"torch": "2.11.0"}, ["NVIDIA H100 PCIe", "Tesla V100-PCIE-16GB"]), TABLES)
    assert opinion is not None
    assert opinion.status == "fail"
    assert "V100" in opinion.reason
    assert "H100" not in opinion.reason


def test_without_cards_nothing_is_said() -> None:
    assert driver_gpu(subject_of({"driver": "570.26"}), TABLES) is None
    assert gpu_code(subject_of({"torch": "2.11.0"}), TABLES) is None
    assert gpu_code(subject_of({"numpy": "2.2.6"}, ["NVIDIA L4"]), TABLES) is None


@pytest.mark.parametrize(
    ("gpu", "compat", "status", "level", "words"),
    [
        ("NVIDIA H100 PCIe", True, "ok", "forward_compat", "forward_compat by cuda-compat on NVIDIA H100 PCIe"),
        ("NVIDIA GeForce RTX 4090", True, "fail", "fail", "refuses cuda-compat (error 804)"),
        ("NVIDIA RTX A6000", True, "unknown", "", "forward_compat on NVIDIA RTX A6000 is unconfirmed"),
        ("AMD Instinct MI300X", True, "unknown", "", "the tables do not have the card"),
        (None, True, "unknown", "", "which cards the nodes have is not stated"),
        ("NVIDIA H100 PCIe", None, "fail", "fail", "has no cuda-compat package"),
        ("NVIDIA H100 PCIe", False, "fail", "fail", "has no cuda-compat package"),
    ],
)
def test_forward_compatibility(gpu: str | None, compat: bool | None, status: str, level: str, words: str) -> None:
    stack = {"cuda": "13.0", "driver": "570.172.08"}
    opinion = cuda_driver(subject_of(stack, [gpu] if gpu else [], cuda_compat=compat), TABLES)
    assert opinion is not None
    assert (opinion.status, opinion.level) == (status, level)
    assert words in opinion.reason
    if status == "fail":
        assert "driver 580" in opinion.remedy


def test_an_unconfirmed_branch_is_not_taken_for_ok() -> None:
    stack = {"cuda": "12.8", "driver": "550.54.14"}
    native = cuda_driver(subject_of(stack, ["NVIDIA H100 PCIe"], cuda_compat=True), TABLES)
    assert native is not None
    assert native.level == "minor_compat"  # above the floor nothing of the kind is needed
    old = cuda_driver(subject_of({"cuda": "13.0", "driver": "560.28.03"}, ["NVIDIA L4"], cuda_compat=True), TABLES)
    assert old is not None
    assert old.status == "fail"
    assert "560 is no branch of its forward compatibility" in old.reason
