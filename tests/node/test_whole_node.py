"""A node's files, libraries and programs beside NVML: modules, Fabric Manager, the toolkit, the bus."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.node.fake import DRIVER, call, uuid
from tests.node.test_kernel_log import READ
from tests.probe import fake_cuda

OPEN = f"NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  {DRIVER}  Release Build  (root@host)\n"
CLOSED = f"NVRM version: NVIDIA UNIX x86_64 Kernel Module  {DRIVER}  Wed Feb 12 2025\n"
STATUS = """Package: other
Status: install ok installed
Version: 9.9

Package: nvidia-fabricmanager-570
Status: install ok installed
Version: 570.86.15-1

Package: nvidia-container-toolkit
Status: install ok installed
Version: 1.17.8-1

Package: nvidia-fabricmanager-535
Status: deinstall ok config-files
Version: 535.1.1-1
"""


class Host:
    """A machine's files and programs, and what the inventory of it says under the library."""

    def __init__(self, library: Path, folder: Path) -> None:
        self.nvml = library
        self.root = folder / "host"
        self.bin = folder / "bin"
        self.bin.mkdir()
        self.root.mkdir()

    def file(self, name: str, text: str) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def program(self, name: str, script: str) -> None:
        path = self.bin / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)

    def gpu(self, address: str, vendor: str = "0x10de", kind: str = "0x030200") -> None:
        self.file(f"sys/bus/pci/devices/{address}/vendor", f"{vendor}\n")
        self.file(f"sys/bus/pci/devices/{address}/class", f"{kind}\n")

    def read(self, *libraries: Path, **variables: str) -> tuple[Any, list[str]]:
        """The inventory, and the problems."""
        quiet = {"FAKE_PENDING": "0", "FAKE_ECC": "0", "PATH": f"{self.bin}:{os.environ['PATH']}"}
        path = ":".join(map(str, (self.nvml, *libraries)))
        found, wrong = call(Path(path), READ, str(self.root), **{**quiet, **variables})
        return found, wrong


@pytest.fixture
def host(library: Path, tmp_path: Path) -> Host:
    return Host(library, tmp_path)


@pytest.mark.parametrize(("line", "flavour"), [(OPEN, "open"), (CLOSED, "proprietary")])
def test_the_kernel_module_and_its_flavour(host: Host, line: str, flavour: str) -> None:
    host.file("proc/driver/nvidia/version", line)
    found, wrong = host.read()
    assert (found["driver"]["kernel_module"], found["driver"]["flavour"], wrong) == (DRIVER, flavour, [])


def test_a_library_that_differs_from_the_module_is_said(host: Host, tmp_path: Path) -> None:
    cuda = tmp_path / "cuda"
    cuda.mkdir()
    fake_cuda.compile_library(cuda)
    host.file("proc/driver/nvidia/version", OPEN.replace(DRIVER, "570.86.15"))
    shutil.move(cuda / "libcuda.so.1", cuda / "libcuda.so.580.95.05")
    (cuda / "libcuda.so.1").symlink_to("libcuda.so.580.95.05")
    found, wrong = host.read(cuda)
    assert found["driver"]["libcuda"] == "580.95.05"
    assert wrong == [
        "libcuda is 580.95.05, and the kernel module is 570.86.15: right for cuda-compat alone",
        f"NVML is {DRIVER}, and the kernel module is 570.86.15",
    ]


def test_nvml_that_does_not_fit_the_module_does_not_start_and_that_is_said(host: Host) -> None:
    host.file("proc/driver/nvidia/version", OPEN)
    host.gpu("0000:3b:00.0")
    found, wrong = host.read(FAKE_INIT="18")
    assert (found["driver"]["version"], found["driver"]["nvml"], found["gpus"]) == (DRIVER, None, None)
    assert [said.partition(" (")[0] for said in wrong] == [
        "NVML does not start",
        "the PCI bus has 1 of NVIDIA's GPUs, and none of them can be read",
    ]


@pytest.mark.parametrize(
    ("script", "version"),
    [
        (f"echo Fabric Manager version is : {DRIVER}", DRIVER),
        ("echo Fabric Manager version is : 570.86.15", "570.86.15"),
        ("exit 1", None),
        ("echo nothing", None),
    ],
)
def test_fabric_manager_says_its_version_and_has_to_match(host: Host, script: str, version: str | None) -> None:
    host.program("nv-fabricmanager", script)
    host.file("proc/driver/nvidia/version", OPEN)
    found, wrong = host.read()
    assert found["driver"]["fabric_manager"] == version
    said = f"Fabric Manager is 570.86.15, and the driver is {DRIVER}: it does not run with another one"
    assert wrong == ([said] if version == "570.86.15" else [])


def test_packages_tell_what_programs_do_not(host: Host) -> None:
    host.file("var/lib/dpkg/status", STATUS)
    found, _ = host.read()
    assert found["driver"]["fabric_manager"] == "570.86.15"
    assert found["tools"]["container_toolkit"] == "1.17.8"


def test_the_container_toolkit_says_its_version(host: Host) -> None:
    host.program("nvidia-ctk", 'echo "NVIDIA Container Toolkit CLI version 1.18.0"; echo commit: 5a1b2c3')
    assert host.read()[0]["tools"] == {"container_toolkit": "1.18.0", "device_plugin": None}


@pytest.mark.parametrize(
    ("said", "version"),
    [
        ([{"image": {"image": "nvcr.io/nvidia/k8s-device-plugin:v0.17.1"}}], "v0.17.1"),
        (
            [
                {
                    "image": {
                        "image": "sha256:0",
                        "userSpecifiedImage": "host:5000/nvidia/k8s-device-plugin:v0.16@sha256:1",
                    }
                }
            ],
            "v0.16",
        ),
        ([{"image": {"image": "docker.io/library/nginx:1"}}, {"image": None}, 7], None),
        ({}, None),
    ],
)
def test_the_device_plugin_is_the_container_that_runs(host: Host, said: object, version: str | None) -> None:
    answer = host.root / "answer"
    answer.write_text(json.dumps({"containers": said}))
    host.program("crictl", f"cat {answer}")
    assert host.read()[0]["tools"]["device_plugin"] == version


def test_a_program_that_hangs_is_not_waited_for(host: Host) -> None:
    host.program("nvidia-ctk", "exec sleep 600")
    assert host.read()[0]["tools"]["container_toolkit"] is None


def test_gpus_of_the_bus_that_the_driver_does_not_give(host: Host) -> None:
    for address in ("0000:3b:00.0", "0000:3c:00.0", "0000:3d:00.0"):
        host.gpu(address)
    host.gpu("0000:01:00.0", kind="0x040300")  # the sound of a GPU
    host.gpu("0000:02:00.0", vendor="0x1002")
    found, wrong = host.read()
    assert found["on_the_bus"] == ["0000:3b:00.0", "0000:3c:00.0", "0000:3d:00.0"]
    assert wrong == [
        "the GPU at 0000:3d:00.0 is on the PCI bus, and NVML does not show it: lost, or not for this container"
    ]
    _, wrong = host.read(FAKE_LOST="1")
    assert "GPU 1: GPU is lost" in wrong
    assert (
        "the GPU at 0000:3c:00.0 is on the PCI bus, and NVML does not show it: lost, or not for this container" in wrong
    )
    shutil.rmtree(host.root / "sys/bus/pci/devices/0000:3c:00.0")
    assert f"{uuid(1)} is not on the PCI bus" in host.read()[1]


def test_a_bus_without_gpus_means_none_and_no_bus_means_not_read(host: Host) -> None:
    host.gpu("0000:02:00.0", vendor="0x1002")
    assert host.read(FAKE_INIT="9")[0]["gpus"] == []
    shutil.rmtree(host.root / "sys")
    found, wrong = host.read(FAKE_INIT="9")
    assert (found["gpus"], found["on_the_bus"], wrong) == (None, None, [])
