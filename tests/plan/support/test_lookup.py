from __future__ import annotations

import pytest

from compat.errors import UsageError
from compat.plan.support.lookup import COMPONENTS, facts_of
from compat.plan.support.tables import load_tables

TABLES = load_tables()
DAY = "2026-11-29"


@pytest.mark.parametrize(
    ("component", "value", "words"),
    [
        ("cuda", "13.0", "CUDA 13.0.2 ships with driver 580.95.05: native from there"),
        ("cuda", "13.0", "forward compatibility by cuda-compat from branch 570"),
        ("cuda", "12.8", "compiles for compute capability 7.0"),
        ("cuda", "12.8", "takes PTX up to 8.7"),
        ("driver", "570.172.08", "native up to CUDA 12.8.1, which ships with 570.124.06"),
        ("driver", "570.172.08", "driver 570.172.08: supported until 2026-02-28, which was 274 days ago"),
        ("driver", "590.44.01", "no longer knows Volta cards (last branch 580)"),
        ("torch", "2.11", "torch 2.11.0 brings cuda 13.0, cudnn 9.19.0.56, nccl 2.28.9, cublas 13.1.0.3, triton 3.6.0"),
        ("torch", "2.11.0", "torch 2.11.0 has code for 7.5, 8.0, 8.6, 9.0, 10.0, 12.0, and no PTX"),
        ("triton", "3.6.0", "its wheel has ptxas 12.8.93, and 12.9.86 from compute capability 10.0 on"),
        ("onnxruntime", "1.23.2", "reads ONNX IR up to 11"),
        ("cudnn", "9.10.2.21", "cudnn 9.10.2.21 is what torch 2.8.0 brings"),
        ("nccl", "2.27", "nccl 2.27.3 is what torch 2.8.0 brings"),
        ("python", "3.11.2", "torch 2.11.0 has wheels for it"),
        ("gpu", "NVIDIA H100 PCIe", "H100 has compute capability 9.0, brand tesla"),
        ("gpu", "Tesla V100-SXM2-16GB", "CUDA compiles for it from 11.0 to 12.9"),
    ],
)
def test_facts(component: str, value: str, words: str) -> None:
    facts = {fact.said: fact for fact in facts_of(component, value, TABLES, on=DAY)}
    assert words in facts
    assert "checked 20" in facts[words].source


def test_what_is_unconfirmed_is_told_so() -> None:
    facts = {fact.said: fact.sure for fact in facts_of("cuda", "12.8", TABLES, on=DAY)}
    assert facts["forward compatibility by cuda-compat from branch 535"]
    assert not facts["forward compatibility by cuda-compat from branch 550"]


def test_known_issues_of_the_version() -> None:
    facts = [fact.said for fact in facts_of("torch", "2.9.1", TABLES, on=DAY)]
    assert any(said.startswith("known issue torch-conv3d-memory: ") for said in facts)
    assert not any("torch-conv3d-memory" in fact.said for fact in facts_of("torch", "2.10.0", TABLES, on=DAY))


@pytest.mark.parametrize("component", COMPONENTS)
def test_what_no_table_has(component: str) -> None:
    facts = facts_of(component, "0.1", TABLES, on=DAY)
    # So old a driver is below the last branch of each architecture.
    assert not [fact for fact in facts if not fact.issue and "knows" not in fact.said]


@pytest.mark.parametrize(("component", "value"), [("numpy", "2.2"), ("cuda", "newest")])
def test_what_cannot_be_asked(component: str, value: str) -> None:
    with pytest.raises(UsageError):
        facts_of(component, value, TABLES, on=DAY)
