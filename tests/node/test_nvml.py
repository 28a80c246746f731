"""The real binding of NVML against a library of NVML's ABI that is compiled here, and against none."""

from __future__ import annotations

import ctypes
from pathlib import Path
from typing import Any

import pytest

from tests.node.fake import DRIVER, call, compile_library, uuid

READ = (
    "import json; from compat.model import plain; from compat.node.nvml import read_gpus; "
    "print(json.dumps(plain(read_gpus())))"
)


def _gpu(index: int, **changes: Any) -> dict[str, Any]:
    found = {
        "uuid": uuid(index),
        "product": "Made-up GPU",
        "memory_bytes": 80 << 30,
        "compute_capability": "9.0",
    }
    return {**found, **changes}


def _read(folder: Path, **variables: str) -> Any:
    return call(folder, READ, **variables)


def test_two_gpus(library: Path) -> None:
    assert _read(library) == [DRIVER, [_gpu(0), _gpu(1)]]


def test_a_driver_without_gpus(library: Path) -> None:
    assert _read(library, FAKE_COUNT="0") == [DRIVER, []]


@pytest.mark.parametrize("when", ["FAKE_LOST", "FAKE_LOST_LATER"])
@pytest.mark.parametrize("index", [0, 1])
def test_a_gpu_that_fell_off_the_bus_is_not_there(library: Path, when: str, index: int) -> None:
    assert _read(library, **{when: str(index)}) == [DRIVER, [_gpu(1 - index)]]


def test_a_name_that_is_not_text_is_unknown(library: Path) -> None:
    assert _read(library, FAKE_ODD_NAME="1") == [DRIVER, [_gpu(0, product=None), _gpu(1, product=None)]]


def test_a_library_without_a_function_leaves_that_field_unknown(tmp_path: Path) -> None:
    folder = compile_library(tmp_path, "-DWITHOUT_MEMORY")
    assert _read(folder) == [DRIVER, [_gpu(0, memory_bytes=None), _gpu(1, memory_bytes=None)]]


@pytest.mark.parametrize("code", ["9", "18", "999"], ids=["driver not loaded", "library and driver differ", "unknown"])
def test_a_library_that_does_not_start_is_no_driver(library: Path, code: str) -> None:
    assert _read(library, FAKE_INIT=code) == [None, []]


def test_a_file_that_is_no_library_is_no_driver(tmp_path: Path) -> None:
    (tmp_path / "libnvidia-ml.so.1").write_text("not a library", encoding="utf-8")
    assert _read(tmp_path) == [None, []]


def test_no_library_is_no_driver(tmp_path: Path) -> None:
    try:
        ctypes.CDLL("libnvidia-ml.so.1")
    except OSError:
        assert _read(tmp_path) == [None, []]
    else:
        pytest.skip("this machine has NVML")


def test_the_node_has_the_gpus_and_another_id_with_other_gpus(library: Path) -> None:
    code = (
        "import json; from compat.model import plain; from compat.node import this_node; "
        "print(json.dumps(plain(this_node())))"
    )
    both, again, one = call(library, code), call(library, code), call(library, code, FAKE_LOST="1")
    assert (both["driver"], both["gpus"]) == (DRIVER, [_gpu(0), _gpu(1)])
    assert both["id"] == again["id"] != one["id"]
