"""What drivers can do, through the command: libraries of their ABI, which the variables of each arm change."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.node.fake import DRIVER
from tests.probe.fake_cuda import compile_library
from tests.test_cli import compat

MATRIX = """\
name: driver
axes: {{runtime: [before, after]}}
known_good: {{runtime: before}}
candidate: {{runtime: after}}
runtimes:
  before: {{in_place: true}}
  after: {{in_place: true, env: {{{env}}}}}
workloads: [{{select: "operator:cuda_*"}}, {{select: "operator:nvml"}}]
rings: [{{name: canary, tiers: [gpu], gpus: 1}}]
policy: {{memory_device: {{gate: false}}}}
"""


def judged(folder: Path, env: str) -> tuple[int, str]:
    (folder / "driver.yaml").write_text(MATRIX.format(env=env), encoding="utf-8")
    done = compat("run", "driver.yaml", "--cache", "cache", cwd=folder, FAKE_CUDA_UUID="0", COLUMNS="200")
    assert done.stderr == ""
    return done.returncode, done.stdout


def test_a_driver_that_is_as_good_is_go(example: Path) -> None:
    code, said = judged(example, 'FAKE_CUDA_PTX: "88"')
    assert (code, "VERDICT: GO" in said) == (0, True), said
    assert "regress" not in said
    took: dict[str, str] = {}
    for path in (example / "out/driver/evidence").rglob("*.json"):
        took |= json.loads(path.read_text())["took"]
    assert took.pop("missing").startswith("cu")  # the library has none of most functions
    assert took == {"NVML": DRIVER, "CUDA": "12.8", "libcuda": str(example / "cuda/libcuda.so.1")}


def test_a_driver_that_lacks_a_function_is_no_go(example: Path, library: Path) -> None:
    (example / "without").mkdir()
    compile_library(example / "without", "-DcuLaunchKernel=cuRenamed")
    code, said = judged(example, f'LD_LIBRARY_PATH: "{library}:{example / "without"}"')
    assert code == 1, said
    assert any("operator:cuda_library[cuda-10] missing 4 -> 5 functions" in line for line in said.splitlines()), said


@pytest.mark.parametrize(
    ("env", "reasons"),
    [
        ('FAKE_CUDA_PTX: "85"', ["operator:cuda_ptx[1]", "ptx_version 8.7 -> 8.5"]),
        ('FAKE_CUDA_PTX: "62"', ["operator:cuda_ptx[1]", "CUDA_ERROR_UNSUPPORTED_PTX_VERSION"]),
        ('FAKE_CUDA_CAPABILITY: "70"', ["operator:cuda_ptx[1]", "CUDA_ERROR_INVALID_PTX (218)"]),
        ('FAKE_CUDA_WRONG: "1"', ["operator:cuda_ptx[1000]", "y"]),
        ('FAKE_CUDA_VERSION: "12040"', ["operator:cuda_library[cuda-10]", "cuda_version 12.8 -> 12.4"]),
        ('FAKE_INIT: "18"', ["operator:nvml[first-gpu]", "nvmlInit_v2: "]),
        ('FAKE_CUDA_UUID: "1"', ["operator:nvml[first-gpu]", "nvmlDeviceGetHandleByUUID: some other error (2)"]),
        ('FAKE_CUDA_TOTAL: "999999999999"', ["operator:nvml[first-gpu]", "memory_missing 0 -> "]),
    ],
)
def test_a_driver_that_can_do_less_is_no_go_and_the_reason_says_what(
    example: Path, env: str, reasons: list[str]
) -> None:
    code, said = judged(example, env)
    assert code == 1, said
    assert any(all(part in line for part in reasons) for line in said.splitlines()), said
