"""The real binding of NVML against a library of NVML's ABI that is compiled here, and against none."""

from __future__ import annotations

import ctypes
import socket
from pathlib import Path
from typing import Any

import pytest

from compat.model import digest
from tests.node.fake import DRIVER, call, compile_library, instance, uuid

READ = (
    "import json; from compat.model import plain; from compat.node.nvml import read_gpus; "
    "print(json.dumps(plain(read_gpus())))"
)


NODE = (
    "import json; from compat.model import plain; from compat.node import this_node; "
    "print(json.dumps(plain(this_node())))"
)


def _gpu(index: int, **changes: Any) -> dict[str, Any]:
    found = {
        "uuid": uuid(index),
        "product": "Made-up GPU",
        "memory_bytes": 80 << 30,
        "compute_capability": "9.0",
        "parent": None,
    }
    return {**found, **changes}


def _instance(gpu: int, place: int = 0, **changes: Any) -> dict[str, Any]:
    """As the library has it, and of its GPU what only that has."""
    own = {"uuid": instance(gpu, place), "product": "Made-up GPU MIG 1g.10gb", "memory_bytes": 10 << 30}
    return _gpu(gpu, **{**own, "parent": uuid(gpu), **changes})


def _read(folder: Path, **variables: str) -> Any:
    """The driver and the devices."""
    driver, _, devices = call(folder, READ, **variables)
    return [driver, devices]


def test_two_gpus(library: Path) -> None:
    assert _read(library) == [DRIVER, [_gpu(0), _gpu(1)]]


def test_the_instances_of_a_gpu_with_mig_stand_in_its_place(library: Path) -> None:
    first, second, third = _instance(0), _instance(0, 2), _gpu(1)
    assert _read(library, FAKE_MIG="1,0", FAKE_PLACES="x.x") == [DRIVER, [first, second, third]]
    assert _read(library, FAKE_MIG="0,1", FAKE_PLACES="x,.x") == [DRIVER, [_gpu(0), _instance(1, 1)]]


def test_a_gpu_with_mig_and_no_instances_is_no_device(library: Path) -> None:
    assert _read(library, FAKE_MIG="1,0", FAKE_PLACES=".......") == [DRIVER, [_gpu(1)]]
    assert _read(library, FAKE_MIG="1", FAKE_PLACES="") == [DRIVER, []]


@pytest.mark.parametrize("code", ["-3", "-2", "-999"], ids=["not supported", "invalid argument", "unknown"])
def test_a_gpu_that_cannot_say_whether_it_has_mig_is_whole(library: Path, code: str) -> None:
    assert _read(library, FAKE_MIG=code) == [DRIVER, [_gpu(0), _gpu(1)]]


def test_with_a_driver_that_knows_no_mig_every_gpu_is_whole(tmp_path: Path) -> None:
    assert _read(compile_library(tmp_path, "-DWITHOUT_MIG"), FAKE_MIG="1") == [DRIVER, [_gpu(0), _gpu(1)]]


def test_what_cannot_be_read_of_an_instance_is_unknown(tmp_path: Path) -> None:
    folder = compile_library(tmp_path, "-DWITHOUT_MEMORY")
    found = _read(folder, FAKE_MIG="1", FAKE_COUNT="1", FAKE_ODD_NAME="1")
    assert found == [DRIVER, [_instance(0, product=None, memory_bytes=None)]]


@pytest.mark.parametrize(
    ("variables", "found"),
    [
        ({}, [0, 1]),
        ({"FAKE_MIG": "1"}, [0, 1]),
        ({"FAKE_MIG": "1,0", "FAKE_PLACES": "."}, [0, 1]),
        ({"FAKE_MIG": "1", "FAKE_LOST": "0"}, [1]),
        ({"FAKE_MIG": "1", "FAKE_LOST_LATER": "1"}, [0]),
        ({"FAKE_COUNT": "0"}, []),
        ({"FAKE_INIT": "9"}, []),
    ],
)
def test_the_physical_gpus_are_told_however_they_are_divided(
    library: Path, variables: dict[str, str], found: list[int]
) -> None:
    assert call(library, READ, **variables)[1] == [uuid(index) for index in found]


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
    both, again, one = call(library, NODE), call(library, NODE), call(library, NODE, FAKE_LOST="1")
    assert (both["driver"], both["gpus"]) == (DRIVER, [_gpu(0), _gpu(1)])
    assert both["id"] == again["id"] != one["id"]


@pytest.mark.parametrize("places", ["x", "x.x", ".x", ".", "xxxxxxx,."])
@pytest.mark.parametrize("mig", ["1", "1,0", "0,1"])
def test_dividing_a_gpu_does_not_make_another_node(library: Path, mig: str, places: str) -> None:
    whole, divided = call(library, NODE), call(library, NODE, FAKE_MIG=mig, FAKE_PLACES=places)
    assert whole["gpus"] != divided["gpus"]
    assert whole["id"] == divided["id"]


def test_an_id_is_of_the_host_s_name_its_machine_id_and_its_physical_gpus(library: Path) -> None:
    """Another rule would make every node that has evidence a stranger to it."""
    machine = Path("/etc/machine-id")
    known = [socket.gethostname(), machine.read_text().strip() if machine.exists() else "", [uuid(0), uuid(1)]]
    assert call(library, NODE)["id"] == digest(known)[:12]
