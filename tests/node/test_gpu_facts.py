"""Errors in the middle: whichever of NVML's calls fails, and however, the rest is read and nothing is made up."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.node.fake import call, uuid

# Every call about a GPU fails once, one inventory after the other, in a single process.
SWEEP = """
import ctypes, json, os, sys
from compat.model import plain
from compat.node import gpu_facts
from compat.node.nvml import nvml
nvml()
fake = ctypes.CDLL("libnvidia-ml.so.1")
def read():
    fake.fake_reset()
    return plain(gpu_facts.ask_gpus().gpus)
whole = read()
calls = fake.fake_calls()
name, form = sys.argv[1:]
found = []
for k in range(1, calls + 1):
    os.environ[name] = form.format(k)
    found.append(read())
print(json.dumps([whole, found]))
"""


PARTS = ("clocks", "pcie", "ecc_errors", "nvlinks", "power_limit", "instances")


def _differ(one: dict[str, Any], other: dict[str, Any]) -> set[str]:
    return {name for name in one if one[name] != other[name]}


@pytest.mark.parametrize("code", [1, 3, 25, 999], ids=["uninitialised", "not supported", "version", "unknown"])
def test_one_call_that_fails_costs_one_fact_and_makes_none_up(library: Path, code: int) -> None:
    whole, found = call(library, SWEEP, "FAKE_ERROR_AT", f"{{}}:{code}")
    assert len(found) > 100
    for gpus in found:
        changed = [(old, new) for old, new in zip(whole, gpus, strict=True) if old != new]
        assert len(changed) <= 1
        for old, new in changed:
            lost = _differ(old, new)
            if new["problem"] is None:
                assert len(lost) == 1
                (name,) = lost
                # The fact is gone, or a part of it is, or an older function answered in its place.
                assert new[name] in (None, "not supported") or name in PARTS
            else:
                assert {name for name in new if new[name] is not None} == {"index", "problem"}


def test_a_gpu_that_falls_off_the_bus_after_any_call_is_said_and_the_other_is_whole(library: Path) -> None:
    whole, found = call(library, SWEEP, "FAKE_LOST_AFTER", "0:{}")
    own = [gpus[0] for gpus in found]
    assert [gpus[1] for gpus in found] == [whole[1]] * len(found)
    said = [gpu["problem"] for gpu in own]
    first = said.index(None)  # it was lost after the last question
    assert first > 50
    assert set(said[:first]) == {"GPU is lost"}
    assert own[first] == whole[0]
    for gpu in own[:first]:
        for name, value in gpu.items():
            # Whatever is still told is what it was: nothing turns into a zero.
            if value is not None and name not in ("problem", "clocks", "pcie", "ecc_errors", "nvlinks", "instances"):
                assert value == whole[0][name]
            if isinstance(value, dict):
                assert all(part in (None, whole[0][name][key]) for key, part in value.items())


def test_an_nvml_that_hangs_on_a_gpu_is_not_waited_for(library: Path) -> None:
    code = """
import json
from compat.model import plain
from compat.node import gpu_facts
gpu_facts._PATIENCE = 0.3
print(json.dumps(plain(gpu_facts.ask_gpus().gpus)), flush=True)
import os; os._exit(0)
"""
    (gpu,) = call(library, code, FAKE_HANG="60000")
    assert {name: value for name, value in gpu.items() if value is not None} == {
        "index": 0,
        "problem": "NVML does not answer",
    }


def test_more_than_eight_gpus(library: Path) -> None:
    code = SWEEP.replace("calls + 1", "1")
    whole, _ = call(library, code, "FAKE_NONE", "", FAKE_COUNT="16")
    assert [gpu["uuid"] for gpu in whole] == [uuid(n) for n in range(16)]
