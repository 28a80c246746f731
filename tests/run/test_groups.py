"""Cases that share a process, as they do on a GPU: in random order, and each alone once one of them has faulted."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from compat.errors import RuntimeSetupError
from compat.model import Arm, FaultKind, Runtime
from compat.run.in_place import InPlaceRuntime
from compat.run.session import Session, Work
from tests.rig import Rig, make_case, make_folders

from .on_gpus import measured, on_gpus
from .small_plan import Small, check

PID = "import os\n\ndef prepare(params, tools):\n    return lambda: {'pid': os.getpid()}\n"
CRASH = "import os\n\ndef prepare(params, tools):\n    return os.abort\n"
RAISES = "def prepare(params, tools):\n    raise ValueError('no')\n"
FAILS = (
    "import os\n\ndef prepare(params, tools):\n    assert os.environ['ARM'] != '{arm}'\n"
    "    return lambda: {{'pid': os.getpid()}}\n"
)
MARK = (
    "import os\n\ndef prepare(params, tools):\n    os.environ['MARK'] = '1'\n    return lambda: {'pid': os.getpid()}\n"
)


def _work(rig: Rig, *sources: str) -> list[Work]:
    return [Work(make_case(), rig.write(source), None, 20.0) for source in sources]


def test_a_group_is_one_process_and_answers_in_order(rig: Rig) -> None:
    three = "def prepare(params, tools):\n    print('third')\n    return lambda: {'three': 3}\n"
    first, second, third = rig.session.run_group(_work(rig, PID, PID, three))
    assert [a.result.fault for a in (first, second, third)] == [None] * 3
    assert first.frames == second.frames != third.frames == ((3).to_bytes(8, "little"),)
    assert len({a.result.id for a in (first, second, third)}) == 3
    other = rig.session.run_group(_work(rig, PID))
    assert other[0].frames != first.frames
    rig.is_as_new()


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        (CRASH, FaultKind.CRASH),
        (RAISES, FaultKind.EXCEPTION),
        ("import os\n\ndef prepare(params, tools):\n    return lambda: os._exit(0)\n", FaultKind.EXIT),
        ("def prepare(params, tools):\n    while True: pass\n", FaultKind.HANG),
    ],
    ids=["crash", "exception", "exit", "hang"],
)
def test_a_fault_ends_the_group_and_belongs_to_its_case(rig: Rig, source: str, kind: FaultKind) -> None:
    works = [replace(work, timeout=1.0) for work in _work(rig, PID, source, PID)]
    answers = rig.session.run_group(works)
    assert len(answers) == 2  # the third did not run
    assert answers[0].result.fault is None
    assert answers[1].result.fault is not None
    assert answers[1].result.fault.kind is kind
    assert answers[1].frames == ()
    rig.is_as_new()


def test_each_case_of_a_group_has_its_own_time(in_place: Rig) -> None:
    slow = "import time\n\ndef prepare(params, tools):\n    time.sleep(0.7)\n    return lambda: {}\n"
    works = [replace(work, timeout=1.2) for work in _work(in_place, slow, slow, slow)]
    assert [answer.result.fault for answer in in_place.session.run_group(works)] == [None] * 3


def test_a_fault_in_a_group_has_the_end_of_what_was_printed(in_place: Rig) -> None:
    prints = "def prepare(params, tools):\n    print('mine')\n    return lambda: {}\n"
    fails = "def prepare(params, tools):\n    print('yours')\n    raise ValueError\n"
    answers = in_place.session.run_group(_work(in_place, prints, fails))
    assert answers[1].result.fault is not None
    assert answers[1].result.fault.output == "mine\nyours\n"


def test_what_a_group_does_to_its_process_ends_with_it(in_place: Rig) -> None:
    in_place.session.run_group(_work(in_place, MARK, PID))
    assert in_place.value("os.environ.get('MARK')") == "None"


# -- the whole act of measuring, with a driver of libcuda's ABI --------------------------------------------------------


def test_cases_on_a_gpu_share_a_process_until_one_faults(tmp_path: Path) -> None:
    made, cuda = on_gpus(tmp_path, {**{f"good{n}": PID for n in range(17)}, "crash": CRASH})
    evidence = measured(made, gpus=1)
    check(made)
    crashed = [record for record in evidence if record.item.startswith("operator:crash")]
    assert {record.fault.kind for record in crashed if record.fault} == {FaultKind.CRASH}
    good = [record for record in evidence if record not in crashed]
    assert {record.fault for record in good} == {None}
    assert {record.devices for record in evidence} == {("GPU-1",)}  # the lane's, and nobody else's
    processes = {output.digest for record in good for output in record.outputs}
    assert processes  # each said its process id: groups share one, but for the group with the crash
    assert len(processes) <= len(good) - 2
    assert {"cuInit", "cuDevicePrimaryCtxRetain"} <= cuda.callers().keys()
    orders = [[r.item for r in good if (r.arm, r.pair) == (Arm.CANDIDATE, pair)] for pair in (1, 2)]
    assert sorted(orders[0]) == sorted(orders[1])
    assert orders[0] != orders[1]


@pytest.mark.parametrize("faulty", ["old", "new"])
def test_where_one_arm_s_cases_had_to_run_alone_the_other_s_did_too(tmp_path: Path, faulty: str) -> None:
    """What a case measures depends on its company: in one arm only that would look like the upgrade's doing."""
    content = {f"good{n}": PID for n in range(4)}
    made, _ = on_gpus(tmp_path, {**content, "fails": FAILS.format(arm=faulty)})
    evidence = measured(made, gpus=1)
    check(made)
    arm = Arm.KNOWN_GOOD if faulty == "old" else Arm.CANDIDATE
    assert {record.arm for record in evidence if record.fault} == {arm}
    assert {record.item for record in evidence if record.fault} == {"operator:fails[case]@candidate"}
    alone = [record for record in evidence if record.pair <= 2]  # all five cases were in one group
    assert len(alone) == 2 * 2 * 5
    processes = [output.digest for record in alone for output in record.outputs]
    assert len(set(processes)) == len(processes)
    memory = [m.samples[0] for record in evidence for m in record.measurements if m.metric == "memory"]
    assert max(memory) < 16 << 20  # nor does anybody pay for the context
    for record in alone:
        assert "ran alone: a case that shared its process faulted (exception in prepare)" in record.notes


def test_whom_a_case_shared_its_process_with_is_noted(tmp_path: Path) -> None:
    made, _ = on_gpus(tmp_path, {f"good{n}": PID for n in range(3)})
    evidence = measured(made, gpus=1)
    assert all("ran in one process with 2 other cases" in record.notes for record in evidence)


def test_a_node_with_mps_is_refused_before_anything_is_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, cuda = on_gpus(tmp_path, {"good": PID})
    monkeypatch.setenv("CUDA_MPS_PIPE_DIRECTORY", str(tmp_path))
    (tmp_path / "control").touch()
    with pytest.raises(RuntimeSetupError, match="node here: its GPUs are shared by MPS") as refused:
        measured(made, gpus=1)
    assert "\n" not in str(refused.value)
    assert cuda.callers() == {}
    on_cpu = Small(tmp_path / "cpu", {"good": PID})
    assert on_cpu.measure() is True


def test_no_kind_of_runtime_lets_torch_initialise_cuda_to_count_gpus(rig: Rig) -> None:
    assert rig.value("os.environ['PYTORCH_NVML_BASED_CUDA_CHECK']") == "1"


def test_a_session_sees_its_devices_and_no_others(tmp_path: Path) -> None:
    folders = make_folders(tmp_path)
    content = folders.content[0] / "sees.py"
    content.write_text(
        "import os\n\ndef prepare(params, tools):\n    return lambda: {'seen': os.environ['CUDA_VISIBLE_DEVICES']}\n"
    )
    runtime = InPlaceRuntime(Runtime("here"), folders)
    for devices in ((), ("GPU-1", "GPU-2")):
        session = Session(runtime, (), devices)
        _, frames = session.run(make_case(), content, None, 20.0)
        session.close()
        assert frames == (",".join(devices).encode(),)
