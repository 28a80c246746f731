"""``compat soak`` on a node with GPUs, through the command: what happened to them while the upgrade soaked."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.node.fake import uuid
from tests.test_cli import compat

SITE = ("--content", "site", "--cache", "cache")
POLICY = "policy: {memory_device: {gate: false}}\n"  # nobody holds memory of this GPU
QUIET = {"FAKE_ECC": "0", "FAKE_PENDING": "0"}


@pytest.fixture
def measured(example: Path) -> Path:
    """The example of one GPU, measured: GO."""
    matrix = example / "example.yaml"
    matrix.write_text(matrix.read_text() + POLICY)
    done = compat("run", "example.yaml", *SITE, cwd=example, **QUIET)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    return example


def soak(folder: Path, *words: str, **variables: str) -> tuple[int, dict[str, Any]]:
    done = compat("soak", "out/example", *SITE, *words, cwd=folder, **{**QUIET, **variables})
    assert done.stderr == ""
    watches = [json.loads(path.read_text()) for path in (folder / "out/example/watches").rglob("*.json")]
    return done.returncode, max(watches, key=lambda watch: watch["at"])


def of_gpu(watch: dict[str, Any]) -> list[str]:
    """Its findings, but that nobody could read the log, which depends on the machine that tests run on."""
    return [said for said in watch["findings"] if not said.startswith("Xids were not read")]


def test_a_quiet_look_keeps_how_the_gpus_are(measured: Path) -> None:
    _, watch = soak(measured)
    assert of_gpu(watch) == []
    gpus = {gpu["gpu"]: gpu for gpu in watch["gpus"]}
    assert gpus[uuid(0)]["ecc"]["uncorrected_volatile"] == 0
    assert gpus[uuid(0)]["lost"] is False


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"FAKE_XIDS": "-,79,-"}, f"a GPU was not sound: Xid 79 on {uuid(0)}, during 1 run of the "),
        ({"FAKE_UNCORRECTED": "0,0,0,2"}, f"2 uncorrected ECC errors on {uuid(0)}"),
        ({"FAKE_LINKS": "uuu,uuu,uuu,uud,uuu"}, f"NVLink 2 of {uuid(0)} went down"),
    ],
    ids=["Xid", "ECC", "NVLink"],
)
def test_what_happens_during_a_sentinel_case(measured: Path, variables: dict[str, str], said: str) -> None:
    code, watch = soak(measured, **variables)
    assert code == 10
    assert any(said in finding for finding in watch["findings"]), watch["findings"]


def test_what_an_application_causes_is_no_finding(measured: Path) -> None:
    _, watch = soak(measured, FAKE_XIDS="-,13,-")
    assert of_gpu(watch) == []


def test_what_happened_between_two_looks(measured: Path) -> None:
    soak(measured, FAKE_UNCORRECTED_LIFE="3", FAKE_LINKS="uu")
    code, watch = soak(measured, FAKE_UNCORRECTED_LIFE="5", FAKE_LINKS="ud")
    assert code == 10
    assert {f"2 uncorrected ECC errors on {uuid(0)}", f"NVLink 1 of {uuid(0)} went down"} <= set(watch["findings"])
    code, watch = soak(measured, FAKE_UNCORRECTED_LIFE="5", FAKE_LINKS="ud")
    assert code == 10, "it is still new since the first look"


def test_at_the_first_look_what_is_wrong_is_said_as_it_is(measured: Path) -> None:
    _, watch = soak(measured, FAKE_UNCORRECTED="2", FAKE_ROW_FAILED="1", FAKE_LINKS="ud")
    for said in (
        f"{uuid(0)} had 2 uncorrected ECC errors since its driver was loaded",
        f"a row of memory of {uuid(0)} could not be replaced",
        f"NVLink 1 of {uuid(0)} is down",
    ):
        assert said in watch["findings"]


def test_a_gpu_that_is_gone_is_a_finding_and_no_case_is_run(measured: Path) -> None:
    code, watch = soak(measured, FAKE_COUNT="1")
    assert code == 10
    assert f"{uuid(1)} is not there any more" in watch["findings"]
    assert "no case was run: its GPUs are not those that the ring was measured on" in watch["findings"]
    assert watch["cases"] == []
    (node,) = [path.stem for path in (measured / "out/example/nodes").iterdir()]
    assert watch["node"] == node, "it is that node still, though it has another id"


def test_another_driver_is_drift_of_the_node_and_of_both_arms(measured: Path) -> None:
    code, watch = soak(measured, FAKE_DRIVER="580.95.05")
    assert code == 10
    assert "the node's driver was 570.124.06, and is 580.95.05" in watch["findings"]
    for arm in ("known-good", "candidate"):
        assert any(said.startswith(f"{arm} arm (") and "driver: nvml was " in said for said in watch["findings"])
