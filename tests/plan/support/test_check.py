from __future__ import annotations

from typing import Any

import pytest

from compat.errors import UsageError
from compat.plan.support.check import Check, Said, check
from compat.plan.support.stated import parse_stack
from compat.plan.support.tables import load_tables

TABLES = load_tables()
H100 = ("NVIDIA H100 80GB HBM3",)
DAY = "2026-11-29"


def asked(old: str, new: str, **options: Any) -> Check:
    return check(parse_stack(old, "--from"), parse_stack(new, "--to"), TABLES, on=DAY, **options)


def rules(said: tuple[Said, ...]) -> list[str]:
    return [one.rule for one in said]


def test_torch_moves_the_driver_floor() -> None:
    found = asked("torch 2.10.0, driver 570.172.08", "torch 2.11.0", gpus=H100)
    assert found.answer == "blocked"
    assert rules(found.blocked) == ["cuda-driver"]
    assert "driver 580 or later" in found.blocked[0].remedy
    assert "base branch 570, on data-centre cards" in found.blocked[0].remedy
    assert found.changes["cuda"] == ("12.8", "13.0")
    assert "driver" not in found.changes


@pytest.mark.parametrize(
    ("new", "options"),
    [("torch 2.11.0, driver 580.95.05", {}), ("torch 2.11.0", {"cuda_compat": True})],
)
def test_either_remedy_unblocks_it(new: str, options: dict[str, Any]) -> None:
    found = asked("torch 2.10.0, driver 570.172.08", new, gpus=H100, **options)
    assert found.blocked == ()
    assert found.answer == "conditional"  # a known issue of torch 2.11 remains
    assert "known-issue torch-attention-gradient-nan" in rules(found.conditions)


def test_a_driver_alone_is_safe_and_staying_hurts() -> None:
    found = asked("torch 2.10.0, driver 570.172.08", "driver 580.95.05", gpus=H100)
    assert found.answer == "safe"
    assert found.changes == {"driver": ("570.172.08", "580.95.05")}
    assert [(one.rule, one.reason) for one in found.behind] == [
        ("support-window", "driver 570.172.08: supported until 2026-02-28, which was 274 days ago")
    ]
    assert {window.value: window.ends for window in found.windows} == {
        "570.172.08": "2026-02-28",
        "580.95.05": "2028-06-30",
    }


def test_what_no_table_has_is_unknown_and_never_safe() -> None:
    found = asked("pillow 10.0.0", "pillow 11.0.0")
    assert found.answer == "unknown"
    assert found.unknown[-1].reason == "no table has pillow 11.0.0: nothing is known of it"


def test_an_unconfirmed_issue_is_no_answer() -> None:
    found = asked("nccl 2.27.5", "nccl 2.29.2")
    assert found.answer == "unknown"
    assert "known-issue nccl-2.29.2-hang" in rules(found.unknown)


def test_the_way_back_is_another_question() -> None:
    there = asked("tokenizers 0.19.1", "tokenizers 0.20.0")
    assert "known-issue tokenizers-bpe-rollback" in rules(there.conditions)
    back = asked("tokenizers 0.20.0", "tokenizers 0.19.1")
    assert "known-issue tokenizers-bpe-rollback" in rules(back.behind)


def test_an_issue_that_always_shows_blocks() -> None:
    found = asked("onnxruntime 1.17.3, numpy 1.26.4", "numpy 2.2.6")
    assert found.answer == "blocked"
    assert rules(found.blocked) == ["known-conflicts", "known-issues"]


def test_issues_of_cards_count_on_those_cards_only() -> None:
    on_t4 = asked("triton 3.2.0", "triton 3.4.0", gpus=("Tesla T4",))
    assert "known-issue triton-fp16-dot-volta-turing-speed" in rules(on_t4.conditions)
    on_h100 = asked("triton 3.2.0", "triton 3.4.0", gpus=H100)
    assert "known-issue triton-fp16-dot-volta-turing-speed" not in rules(on_h100.conditions)


def test_losing_native_is_a_condition() -> None:
    found = asked("cuda 12.4, driver 550.54.15", "cuda 12.8")
    assert found.answer == "conditional"
    assert rules(found.conditions) == ["cuda-driver"]
    assert "PTX of CUDA 12.8 cannot be compiled by it" in found.conditions[0].reason


def test_into_a_branch_whose_support_is_over() -> None:
    found = asked("driver 535.54.03, cuda 12.2", "driver 565.10")
    assert "support-window" in rules(found.conditions)
    assert found.conditions[-1].reason == "driver 565.10: its support has ended"


def test_nothing_changes() -> None:
    found = asked("driver 580.95.05", "driver 580.95.05")
    assert (found.answer, found.changes) == ("safe", {})


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "it names no component"),
        ("torch", "'torch' is no component with a version"),
        ("torch newest", "'torch newest' is no component with a version"),
        ("torch 2.10.0, Torch 2.11.0", "torch is there twice, as 2.10.0 and 2.11.0"),
        ("torch>=2", "is no component with a version"),
    ],
)
def test_what_is_no_stack(text: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        parse_stack(text, "--from")


def test_ways_to_write_a_stack() -> None:
    wanted = {"torch": "2.10.0", "driver": "570.172.08"}
    for text in (
        "torch 2.10.0, driver 570.172.08",
        "torch==2.10.0,driver=570.172.08",
        " Torch 2.10.0 ,driver 570.172.08,",
    ):
        assert parse_stack(text, "--from") == wanted
