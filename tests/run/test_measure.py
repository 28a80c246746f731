from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from compat.errors import ContentError, RuntimeSetupError
from compat.model import Arm, Decision, Evidence, FaultKind, Runtime, Status
from compat.run.in_place import InPlaceRuntime
from compat.run.measure import Measuring, Progress
from compat.way import conclude
from tests.rig import gone

from .small_plan import CONTENT, KILLER, NODE, Small, check

STEADY, TEXT, CRASH = (f"operator:{stem}[case]@candidate" for stem in CONTENT)
OTHER = replace(NODE, id="node-2")


def _of(evidence: Sequence[Evidence], item: str) -> list[Evidence]:
    return [record for record in evidence if record.item == item]


def test_every_item_is_measured_in_whole_interleaved_pairs(tmp_path: Path) -> None:
    small = Small(tmp_path)
    assert small.measure() is True
    counts = check(small)
    evidence = small.evidence()
    assert counts[STEADY] in (4, 8)
    assert 2 <= counts[TEXT] <= 4
    assert counts[CRASH] == 6  # tried again before it counts, in three generations, of two pairs each

    for first, second in zip(evidence[::2], evidence[1::2], strict=True):  # nothing comes between the arms of a pair
        assert (first.item, first.pair, first.generation) == (second.item, second.pair, second.generation)
        assert {first.arm, second.arm} == set(Arm)
        assert first.started <= second.started
    assert [record.generation for record in evidence] == sorted(record.generation for record in evidence)

    steady = _of(evidence, STEADY)
    assert all(record.generation == (record.pair + 1) // 2 for record in steady)
    assert all(record.round == (1 if record.pair <= 4 else 2) for record in steady)
    assert {record.fault for record in steady} == {None}
    assert len({record.inputs for record in steady}) == 1
    assert all({m.metric for m in record.measurements} == {"latency", "memory"} for record in steady)
    assert len({record.outputs for record in steady}) == 1
    assert {(record.fault.kind, record.fault.signal) for record in _of(evidence, CRASH) if record.fault} == {
        (FaultKind.CRASH, "SIGABRT")
    }

    assert [progress.pairs for progress in small.seen] == list(range(len(evidence) // 2 + 1))
    assert {(progress.cases, progress.cells) for progress in small.seen} == {(3, 1)}
    assert small.measuring().found == len(evidence) // 2


def test_the_order_of_the_arms_varies(tmp_path: Path) -> None:
    small = Small(tmp_path, {f"text{number}": CONTENT["text"] for number in range(12)})
    assert small.measure() is True
    first = [record.arm for record in small.evidence()[::2]]
    assert len(first) >= 24
    assert 3 <= first.count(Arm.CANDIDATE) <= len(first) - 3  # all but never otherwise
    items = [[record.item for record in small.evidence()[start : start + 24 : 2]] for start in (0, 24)]
    assert set(items[0]) == set(items[1])
    assert items[0] != items[1]


def test_what_is_measured_is_not_measured_again(tmp_path: Path) -> None:
    small = Small(tmp_path)
    assert small.measure() is True
    before = small.files()
    assert small.measure() is True
    assert small.files() == before


@pytest.mark.parametrize("dropped", [1, 2])
def test_evidence_that_is_lost_is_measured_again(tmp_path: Path, dropped: int) -> None:
    small = Small(tmp_path)
    assert small.measure() is True
    before, whole = small.files(), check(small)
    lost = sorted(name for name in before if name.startswith("evidence"))[-dropped:]
    for name in lost:
        (small.store.root / name).unlink()
    assert small.measure() is True
    after = small.files()
    assert all(after[name] == data for name, data in before.items() if name not in lost)
    assert all(count >= min(whole[item], 4) for item, count in check(small, cuts=1).items())


def test_a_run_stops_when_its_budget_is_spent(tmp_path: Path) -> None:
    small = Small(tmp_path)
    assert small.measure(budget=0.0) is False
    assert small.evidence() == []
    assert small.measure(budget=0.01) is False  # a generation that was begun is finished
    assert set(check(small).values()) == {2}
    assert {record.generation for record in small.evidence()} == {1}
    assert small.measure() is True
    assert check(small)[STEADY] in (4, 8)
    assert max(record.generation for record in small.evidence()) > 1


def test_evidence_of_another_node_is_not_ours(tmp_path: Path) -> None:
    small = Small(tmp_path, {"text": CONTENT["text"]})
    assert small.measure() is True
    other = Measuring(small.plan, small.plan.items, small.store, OTHER, small.prepared, 60.0)
    assert other.found == 0
    assert other.run(small.seen.append) is True
    counts = [sum(record.node == node for record in small.evidence()) for node in (NODE.id, OTHER.id)]
    assert counts[0] == counts[1] >= 4


def test_a_zygote_that_dies_harms_its_own_case_only(tmp_path: Path) -> None:
    small = Small(tmp_path, {**CONTENT, "killer": KILLER})
    assert small.measure() is True
    check(small)
    evidence = small.evidence()
    killed = [record.fault for record in _of(evidence, "operator:killer[case]@candidate")]
    assert len(killed) >= 6
    assert {fault.kind for fault in killed if fault} == {FaultKind.INFRASTRUCTURE}
    assert not [record for record in (*_of(evidence, STEADY), *_of(evidence, TEXT)) if record.fault]


def test_an_import_that_ends_the_zygote_harms_its_own_case_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "fatal_module.py").write_text("import os\nos._exit(1)\n", encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    fatal = "def prepare(params, tools):\n    import fatal_module\n"
    small = Small(tmp_path / "small", {"text": CONTENT["text"], "fatal": fatal}, fatal=("fatal_module",))
    assert small.measure() is True
    check(small)
    evidence = small.evidence()
    assert not [record for record in _of(evidence, TEXT) if record.fault]
    faults = [record.fault for record in _of(evidence, "operator:fatal[case]@candidate")]
    assert {fault.kind for fault in faults if fault} == {FaultKind.EXIT}
    assert None not in faults


LARGE = "BLOCK = b'x' * (96 << 20)\n"
USES_LARGE = "def prepare(params, tools):\n    import large\n    return lambda: {'size': len(large.BLOCK)}\n"
# Its import ends the process: the first time only, or in the candidate's zygote (a case is in a folder of its own).
FIRST = "import os, pathlib\nif not os.path.exists('{mark}'): pathlib.Path('{mark}').touch(); os.kill(os.getpid(), 9)\n"
NEVER = "import os\nif os.environ.get('ARM') == 'new' and '/case-' not in os.getcwd(): os.kill(os.getpid(), 9)\n"


SLOW = FIRST.replace("os.kill(os.getpid(), 9)", "import time; time.sleep(60)")


@pytest.mark.parametrize("ends", [FIRST, SLOW, NEVER], ids=["once", "slow once", "always"])
def test_an_import_that_ends_one_arm_s_zygote_is_no_difference_between_the_arms(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ends: str
) -> None:
    """Nor is it silent: else one arm's cases would seem to take the memory that the other's zygote took for them."""
    (tmp_path / "large.py").write_text(ends.format(mark=tmp_path / "mark") + LARGE, encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    if ends == SLOW:
        monkeypatch.setattr("compat.run.session._START", 6.0)
    small = Small(tmp_path / "small", {"text": CONTENT["text"], "uses": USES_LARGE}, uses=("large",))
    small.prepared.runtimes["new"] = InPlaceRuntime(Runtime("new", env={"ARM": "new"}), small.prepared.folders)
    assert small.measure() is True
    check(small)
    evidence = small.evidence()
    assert not [record.fault for record in evidence if record.fault]
    memory = [m.samples[0] for record in evidence for m in record.measurements if m.metric == "memory"]
    assert max(memory) < 16 << 20
    found = {(c.item, c.status) for c in conclude(small.store).verdict.comparisons if c.metric == "memory"}
    assert found == {(item.key, Status.PASS) for item in small.plan.items}
    noted = {(record.arm, record.generation): " ".join(record.notes) for record in evidence}
    if ends != NEVER:
        assert [key for key, notes in noted.items() if "started again" in notes] in ([(arm, 1)] for arm in Arm)
        assert not any("no libraries" in notes for notes in noted.values())
    else:  # of no generation has one arm imported what the other has not
        assert all("no libraries are imported before the cases: " in notes for notes in noted.values())


def test_a_runtime_that_does_not_start_ends_the_run_with_one_line(tmp_path: Path) -> None:
    small = Small(tmp_path, {"text": CONTENT["text"]})
    spec = Runtime("new", python="/bin/false")
    small.prepared.runtimes["new"] = InPlaceRuntime(spec, small.prepared.folders)
    with pytest.raises(RuntimeSetupError, match="runtime new: its probe ended before it was ready"):
        small.measure()
    assert {record.arm for record in small.evidence()} <= {Arm.KNOWN_GOOD}


def test_a_runtime_that_starts_no_more_is_a_fault_of_ours_in_the_open_cases(tmp_path: Path) -> None:
    """Nor does it end the run: what was measured is judged, and what is open holds the ring."""
    small = Small(tmp_path / "small")
    starts = tmp_path / "starts"
    starts.write_text("", encoding="utf-8")
    python = tmp_path / "python"
    python.write_text(
        f"#!/bin/sh\necho >>{starts}\n[ $(wc -l <{starts}) -gt 1 ] && echo gone >&2 && exit 3\n"
        f'exec {sys.executable} "$@"\n',
        encoding="utf-8",
    )
    python.chmod(0o755)
    small.prepared.runtimes["new"] = InPlaceRuntime(Runtime("new", python=str(python)), small.prepared.folders)
    assert small.measure() is True
    check(small)
    evidence = small.evidence()
    failed = [record for record in evidence if record.fault and record.fault.kind is FaultKind.INFRASTRUCTURE]
    assert {record.arm for record in failed} == {Arm.CANDIDATE}
    assert {(record.item, record.fault.stage) for record in failed if record.fault} == {
        (STEADY, "start"),
        (CRASH, "start"),
    }
    assert all("its probe ended before it was ready: gone" in record.fault.detail for record in failed if record.fault)
    assert not [record for record in _of(evidence, STEADY) if record.fault and record.arm is Arm.KNOWN_GOOD]
    generations = len({record.generation for record in failed})
    assert len(starts.read_text(encoding="utf-8")) == 1 + 2 * generations  # twice in each, not for every case
    verdict = conclude(small.store).verdict
    assert verdict.decision is Decision.HOLD
    assert not [c for c in verdict.comparisons if c.status is Status.REGRESS and c.item != CRASH]


# -- cut by a kill -----------------------------------------------------------------------------------------------------


def _marked(mark: str) -> list[int]:
    """The processes that carry the variable ``mark``, whoever their parents are."""
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            if mark.encode() in path.read_bytes():
                found.append(int(path.parent.name))
        except OSError:
            continue
    return found


@pytest.mark.parametrize("attempt", range(2))
def test_a_run_that_was_killed_resumes_and_leaves_nothing(tmp_path: Path, attempt: int) -> None:
    mark = f"COMPAT_TEST_MARK={os.getpid()}-{attempt}-{time.monotonic_ns()}"
    name, _, value = mark.partition("=")
    root = Path(__file__).parents[2]
    command = [sys.executable, "-m", f"{__package__}.small_plan", str(tmp_path / "small")]
    cuts = 0
    for _ in range(3):
        process = subprocess.Popen(command, cwd=root, env={**os.environ, name: value})
        written = tmp_path / "small" / "store" / "evidence"
        before = len(list(written.rglob("*.json")))
        deadline = time.monotonic() + 30
        while len(list(written.rglob("*.json"))) == before and process.poll() is None:
            assert time.monotonic() < deadline
            time.sleep(0.005)
        assert len(_marked(mark)) >= (2 if process.poll() is None else 0)
        time.sleep(random.uniform(0.0, 0.5))  # noqa: S311 - any moment will do
        process.send_signal(signal.SIGKILL)
        cuts += process.wait(10) != 0
        for pid in _marked(mark):
            assert gone(pid), f"process {pid} was left"
    assert cuts >= 1
    small = Small(tmp_path / "small")
    check(small, cuts)
    before_resume = small.files()
    assert small.measure() is True
    after = small.files()
    assert all(after[path] == data for path, data in before_resume.items())
    counts = check(small, cuts)
    assert counts[STEADY] >= 4
    assert counts[TEXT] >= 2
    crashed = [record.arm for record in _of(small.evidence(), CRASH)]
    assert min(crashed.count(arm) for arm in Arm) >= 3  # half a pair is an attempt of one arm
    generations = [record.generation for record in small.evidence()]
    assert generations == sorted(generations)


def test_content_that_changes_while_it_is_measured_ends_the_run(tmp_path: Path) -> None:
    small = Small(tmp_path)
    text = small.prepared.content["operator:text"]

    def change(progress: Progress) -> None:
        small.seen.append(progress)
        if progress.pairs == 3:
            text.write_text(CONTENT["text"] + "\n", encoding="utf-8")

    with pytest.raises(ContentError) as caught:
        small.measuring().run(change)
    assert str(caught.value) == (
        f"{text}: was changed while it was measured; start again: the plan will have the new file"
    )
    assert {record.content for record in _of(small.evidence(), TEXT)} <= {small.plan.content["operator:text"]}
    text.write_text(CONTENT["text"], encoding="utf-8")  # as it was: what was measured counts, and the rest follows
    assert small.measure() is True
