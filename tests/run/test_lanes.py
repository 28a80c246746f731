"""Every GPU of a node is a lane of its own: side by side, numbered together, and only one of them seen by a case."""

from __future__ import annotations

import _thread
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from compat.errors import RuntimeSetupError
from compat.model import Gpu, Place, Tier
from compat.run.arms import Arms
from compat.run.lanes import Lane, places_of, side_by_side
from compat.run.measure import Measuring, Progress

from .on_gpus import measured, on_gpus
from .small_plan import CONTENT, NODE, Small, check

SEES = "import os\n\ndef prepare(params, tools):\n    seen = os.environ['CUDA_VISIBLE_DEVICES']\n"
SEES += "    return lambda: {'seen': seen}\n"
GPUS = (Gpu("GPU-1"), Gpu("GPU-2"), Gpu("GPU-3"))


def lane(name: str) -> Lane:
    return Lane(Arms({}, (name,), (name,)), [])


def test_an_item_runs_on_each_gpu_or_on_as_many_as_the_ring_asks_for(tmp_path: Path) -> None:
    (item, *_) = Small(tmp_path, {"text": CONTENT["text"]}).plan.items
    node = replace(NODE, gpus=GPUS)
    assert places_of(item, node) == (Place(NODE.id),)
    kernel = replace(item, case=replace(item.case, tier=Tier.GPU))
    assert places_of(kernel, node) == tuple(Place(NODE.id, (gpu.uuid,)) for gpu in GPUS)
    assert places_of(kernel, node, 2) == places_of(kernel, node)[:2]
    assert places_of(kernel, node, 8) == places_of(kernel, node)
    assert places_of(kernel, NODE) == (Place(NODE.id),)
    together = replace(kernel, case=replace(kernel.case, all_gpus=True))
    assert places_of(together, node, 2) == (Place(NODE.id, ("GPU-1", "GPU-2")),)


def test_every_case_is_measured_on_every_gpu_and_sees_that_one_alone(tmp_path: Path) -> None:
    made, _ = on_gpus(tmp_path, {"sees": SEES, "other": SEES})
    evidence = measured(made)
    check(made)  # numbers are those of the node: none is there twice
    for record in evidence:
        assert [made.store.blob(output.digest).decode() for output in record.outputs] == list(record.devices)
    places = {(record.item, record.devices) for record in evidence}
    assert places == {(item.key, (gpu,)) for item in made.plan.items for gpu in ("GPU-1", "GPU-2")}
    pairs = {place: sum((e.item, e.devices) == place for e in evidence) for place in places}
    assert set(pairs.values()) == {4}
    assert {record.generation for record in evidence} == {1}  # a generation visits all places


def test_lanes_of_different_gpus_run_at_the_same_time_and_all_others_by_themselves() -> None:
    meet, running = threading.Barrier(3, timeout=30.0), []

    def measure(one: Lane) -> None:
        name = one.arms._imports[0]
        running.append(name)
        if name.startswith("GPU"):
            meet.wait()  # passed by three at once, or by nobody
        else:
            time.sleep(0.05)
            assert running[-1] == name

    lanes = {(name,) if name.startswith("GPU") else (): [lane(name)] for name in ("GPU-1", "GPU-2", "GPU-3")}
    alone = {(): [lane("one"), lane("two")], ("GPU-1", "GPU-2"): [lane("both")]}
    side_by_side({**lanes, **alone}, measure, threading.Event())
    assert running[:3] == ["one", "two", "both"]
    assert sorted(running[3:]) == ["GPU-1", "GPU-2", "GPU-3"]


@pytest.mark.parametrize("gpus", [1, 3])
def test_an_error_in_one_lane_ends_the_others_after_what_they_have_begun(gpus: int) -> None:
    stop, begun, measured_lanes = threading.Event(), threading.Barrier(gpus, timeout=30.0), []

    def measure(one: Lane) -> None:
        begun.wait()
        if one.arms._imports[0] == "GPU-0":
            raise RuntimeSetupError("runtime new", "does not start")
        assert stop.wait(30.0)
        measured_lanes.append(one)

    lanes = {(f"GPU-{n}",): [lane(f"GPU-{n}"), lane("never")] for n in range(gpus)}
    with pytest.raises(RuntimeSetupError, match="does not start"):
        side_by_side(lanes, measure, stop)
    assert len(measured_lanes) == gpus - 1


def test_ctrl_c_stops_lanes_at_once() -> None:
    """It reaches the thread that waits for them: it tells them before it waits on."""
    stop, begun = threading.Event(), threading.Barrier(2, timeout=30.0)

    def measure(one: Lane) -> None:
        if begun.wait() == 0:
            _thread.interrupt_main()
        assert stop.wait(30.0), one

    with pytest.raises(KeyboardInterrupt):
        side_by_side({(f"GPU-{n}",): [lane(f"GPU-{n}")] for n in range(2)}, measure, stop)


def test_ctrl_c_while_lanes_run_ends_the_run_and_loses_nothing(tmp_path: Path) -> None:
    made, _ = on_gpus(tmp_path, {f"sees{n}": SEES for n in range(3)})
    node = replace(NODE, id="node-gpu", gpus=GPUS)
    made.store.put_node(node)

    def interrupt(progress: Progress) -> None:
        if progress.pairs:  # it is told before the first one, too
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Measuring(made.plan, made.plan.items, made.store, node, made.prepared, 60.0).run(interrupt)
    kept = made.evidence()
    assert all(record.fault is None for record in kept)
    again = Measuring(made.plan, made.plan.items, made.store, node, made.prepared, 60.0)
    assert 0 < again.found <= len(kept) // 2
    assert again.run(made.seen.append) is True
    assert made.evidence()[: len(kept)] == kept
    whole = made.evidence()
    assert Measuring(made.plan, made.plan.items, made.store, node, made.prepared, 60.0).run(made.seen.append) is True
    assert made.evidence() == whole
