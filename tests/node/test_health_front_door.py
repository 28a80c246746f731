"""A run during which something happens to a GPU, through the command: its case is HOLD, and says why."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.node.fake import uuid
from tests.test_cli import compat

RUN = ("run", "example.yaml", "--content", "site", "--cache", "cache")
POLICY = "policy: {memory_device: {gate: false}}\n"  # nobody holds memory of this GPU


def _run(folder: Path, **variables: str) -> tuple[int, str, list[dict[str, Any]]]:
    """The exit code, what was said, and the records that have an event."""
    matrix = folder / "example.yaml"
    matrix.write_text(matrix.read_text() + POLICY)
    done = compat(*RUN, cwd=folder, **variables)
    assert done.stderr == ""
    records = [json.loads(path.read_text()) for path in sorted((folder / "out/example/evidence").rglob("*.json"))]
    return done.returncode, done.stdout, [record for record in records if "events" in record["conditions"]]


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"FAKE_XIDS": "-,79,-"}, f"Xid 79 on {uuid(0)}"),
        ({"FAKE_UNCORRECTED": "0,0,0,2"}, f"2 uncorrected ECC errors on {uuid(0)}"),
        ({"FAKE_LINKS": "uuu,uuu,uuu,uud,uuu"}, f"NVLink 2 of {uuid(0)} went down"),
    ],
    ids=["Xid", "ECC", "NVLink"],
)
def test_a_run_with_something_hard_is_hold(example: Path, variables: dict[str, str], said: str) -> None:
    code, out, (record,) = _run(example, **variables)
    assert code == 10
    assert f"execution: a GPU was not sound: {said}, during 1 run of the {record['arm']} arm" in " ".join(out.split())
    judged = compat("gate", "out/example", cwd=example)  # from the evidence alone
    assert judged.returncode == 10
    assert said in judged.stdout
    verdicts = [json.loads(path.read_text()) for path in (example / "out/example/verdicts").rglob("*.json")]
    held = {one["item"] for verdict in verdicts for one in verdict["comparisons"] if one["status"] == "invalid"}
    assert held == {record["item"]}  # the other case is not its matter


def test_an_application_s_own_xid_is_shown_and_changes_nothing(example: Path) -> None:
    code, _, (record,) = _run(example, FAKE_XIDS="-,13,-")
    assert code == 0
    said = f"Xid 13 on {uuid(0)}, during 1 run of the {record['arm']} arm"
    assert said in (example / "out/example/report.html").read_text()


def test_what_happened_in_an_attempt_that_took_the_probe_with_it_is_not_lost(example: Path) -> None:
    workload = example / "site/workloads/adder.py"
    killed = example / "killed"
    once = (
        f"    if not os.path.exists({str(killed)!r}):\n"
        f"        open({str(killed)!r}, 'w').close()\n"
        "        os.kill(os.getppid(), 9)\n"
    )
    workload.write_text(workload.read_text().replace("    x = tools", f"{once}    x = tools"))
    code, _, (record,) = _run(example, FAKE_XIDS="119,-")
    assert killed.exists()
    assert (code, record["fault"]) == (10, None)  # the second attempt had none
    assert [event["number"] for event in record["conditions"]["events"]] == [119]
    assert any("tried again in a new probe" in note for note in record["notes"])


def test_what_happened_in_a_group_that_faulted_and_runs_again_alone_is_not_lost(example: Path) -> None:
    workload = example / "site/workloads/adder.py"
    begun, failed = example / "begun", example / "failed"
    once = (  # the second case that runs, whichever it is: a group is in random order
        f"    if not os.path.exists({str(begun)!r}):\n"
        f"        open({str(begun)!r}, 'w').close()\n"
        f"    elif not os.path.exists({str(failed)!r}):\n"
        f"        open({str(failed)!r}, 'w').close()\n"
        "        raise RuntimeError('an error of CUDA')\n"
    )
    workload.write_text(workload.read_text().replace("    x = tools", f"{once}    x = tools"))
    code, _, records = _run(example, FAKE_XIDS="94,94,-")  # of both cases of the first group
    assert failed.exists()
    assert code == 10
    assert {(record["item"].partition("[")[2][:3], record["pair"]) for record in records} == {("one", 1), ("two", 1)}
    assert [event["number"] for record in records for event in record["conditions"]["events"]] == [94, 94]
    assert all(any("ran alone" in note for note in record["notes"]) for record in records)


def test_repeating_a_case_shows_what_happened(example: Path) -> None:
    _run(example)
    words = ("case", "out/example", "*[two]*", "--repeat", "2", "--content", "site", "--cache", "cache")
    done = compat(*words, cwd=example, FAKE_XIDS="-,79,-")
    assert (done.returncode, done.stderr) == (0, "")
    assert f"GPU: Xid 79 on {uuid(0)}, during 1 run of the " in done.stdout
    assert "GPU: " not in compat(*words, cwd=example).stdout


def test_a_quiet_run_is_go_and_its_records_say_nothing(example: Path) -> None:
    assert _run(example)[::2] == (0, [])
