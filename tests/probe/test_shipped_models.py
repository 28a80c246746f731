"""The shipped models that are built or fetched here, in real runtimes: right by their oracles, and alike in both."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from compat.judge.arrays import relative_l2
from compat.model import Runtime
from compat.plan.content import read_file
from compat.probe.protocol import CaseResult
from compat.run.artifacts import fetch_artifact
from compat.run.in_place import InPlaceRuntime
from compat.run.runtime import Folders, RealisedRuntime
from compat.run.session import Session
from compat.run.venv import VenvRuntime
from tests.rig import make_case, make_folders

ROOT = Path(__file__).parents[2]
TOKENIZERS = (("tokenizers==0.19.1", "numpy==1.26.4"), ("tokenizers==0.20.3", "numpy==2.2.6"))
Answer = tuple[CaseResult, dict[tuple[str, bool], Any]]  # its outputs by name, and whether they are the oracle's


def answers(runtime: RealisedRuntime, name: str, cache: Path) -> dict[str, Answer]:
    """What every case of a shipped model answers through a probe in that runtime; none may be a fault."""
    path = ROOT / "workloads" / f"{name}.py"
    workload = read_file(path, kernel=False)
    artifact = None if workload.artifact is None else fetch_artifact(workload.artifact, cache / "artifacts")
    session = Session(runtime, workload.imports)
    found = {}
    try:
        for id_, params in workload.cases.items():
            case = make_case(
                workload=workload.name,
                id=id_,
                params=params,
                metrics=workload.own_metrics,
                components=workload.components,
            )
            result, frames = session.run(case, path, artifact, 60.0)
            assert result.fault is None, (id_, result.fault)
            outputs = zip(result.outputs, frames, strict=True)
            found[id_] = result, {(o.name, o.reference): decoded(o.dtype, o.shape, data) for o, data in outputs}
    finally:
        session.close()
    return found


def decoded(dtype: str, shape: tuple[int, ...], data: bytes) -> Any:
    return data.decode() if dtype == "utf-8" else np.frombuffer(data, dtype).reshape(shape)


def folders(path: Path) -> Folders:
    path.mkdir(parents=True)
    return make_folders(path)


def in_demo(runtimes: dict[str, Path], tmp_path: Path, cache: Path, name: str) -> list[dict[str, Answer]]:
    """The answers of the demo's two arms: onnxruntime 1.20.1 with numpy 1.26.4, and 1.23.2 with 2.2.6."""
    found = []
    for arm, python in runtimes.items():
        spec = Runtime(arm, python=str(python))
        found.append(answers(InPlaceRuntime(spec, folders(tmp_path / arm)), name, cache))
    return found


def value(answer: Answer, metric: str) -> float:
    (found,) = [measurement for measurement in answer[0].measurements if measurement.metric == metric]
    return float(found.samples[0])


def check_alike(one: Answer, other: Answer, tolerance: float) -> None:
    """Floating point within the tolerance, and everything else the same; what is loaded and drawn is the same, too."""
    assert one[0].inputs == other[0].inputs
    assert one[1].keys() == other[1].keys()
    for key, x in one[1].items():
        y = other[1][key]
        if isinstance(x, str) or x.dtype.kind != "f":
            assert np.array_equal(x, y), key
        else:
            assert (x.dtype, x.shape) == (y.dtype, y.shape)
            assert relative_l2(y, x) <= tolerance, key


def check_right(answer: Answer, tolerance: float) -> None:
    """Floating point within the tolerance of the oracle, and everything else what the oracle says."""
    outputs = answer[1]
    named = {name for name, reference in outputs if reference}
    assert named == {name for name, reference in outputs if not reference} - {"loaded tensors"}
    for name in named:
        found, oracle = outputs[name, False], outputs[name, True]
        assert found.shape == oracle.shape
        if found.dtype.kind == "f":
            assert np.isfinite(found).all()
            assert relative_l2(found, oracle) <= tolerance, name
        else:
            assert np.array_equal(found, oracle), name


@pytest.mark.network
@pytest.mark.parametrize("name", ["convnet_onnx", "quantised_net"])
def test_a_network_is_right_in_both_and_alike(
    runtimes: dict[str, Path], tmp_path: Path, runtime_cache: Path, name: str
) -> None:
    workload = read_file(ROOT / "workloads" / f"{name}.py", kernel=False)
    assert workload.tolerance is not None
    before, after = in_demo(runtimes, tmp_path, runtime_cache, name)
    for id_, params in workload.cases.items():
        tolerance = float(params.get("tolerance", workload.tolerance))
        for arm in (before, after):
            check_right(arm[id_], tolerance)
            assert value(arm[id_], "nondeterministic") == 0
            assert arm[id_][0].took == {"providers": "CPUExecutionProvider"}
            assert arm[id_][1]["loaded tensors", False].count(".weight ") >= 4
        check_alike(before[id_], after[id_], tolerance)


@pytest.mark.network
@pytest.mark.parametrize("name", ["convnet_onnx", "quantised_net"])
def test_the_optimisations_are_what_a_case_says(runtimes: dict[str, Path], tmp_path: Path, name: str) -> None:
    # Folded normalisations and integer kernels round elsewhere: the last bits tell that the graph was another.
    spec = Runtime("here", python=str(runtimes["candidate"]))
    found = answers(InPlaceRuntime(spec, make_folders(tmp_path)), name, tmp_path)
    for id_ in [id_ for id_ in found if id_.startswith("batch") and f"{id_}-unoptimised" in found]:
        one, other = (found[key][1]["logits", False] for key in (id_, f"{id_}-unoptimised"))
        assert not np.array_equal(one, other), id_


@pytest.mark.network
def test_what_is_observed_of_fetched_models_is_nothing(
    runtimes: dict[str, Path], tmp_path: Path, runtime_cache: Path
) -> None:
    for name, metric in (("minilm", "cosine_distance"), ("silero_vad", "frame_errors")):
        for arm in in_demo(runtimes, tmp_path / name, runtime_cache, name):
            assert {id_: value(answer, metric) for id_, answer in arm.items()} == dict.fromkeys(arm, 0.0)


@pytest.mark.network
def test_two_tokenizers_say_the_same(tmp_path: Path, runtime_cache: Path) -> None:
    arms = []
    for number, requirements in enumerate(TOKENIZERS):
        spec = Runtime(f"tokenizers-{number}", requirements=requirements)
        runtime = VenvRuntime(spec, folders(tmp_path / spec.name), runtime_cache)
        runtime.build()
        arms.append(answers(runtime, "wordpiece", runtime_cache))
    before, after = arms
    for id_ in before:
        check_alike(before[id_], after[id_], 0.0)
        assert value(after[id_], "nondeterministic") == 0
    outputs = before["whole"][1]
    lengths = outputs["lengths", False].tolist()
    # BERT's own ids, as everyone knows them: [CLS] hello , world ! it ' s ... ; an empty text is [CLS] [SEP].
    assert outputs["ids", False][:9].tolist() == [101, 7592, 1010, 2088, 999, 2009, 1005, 1055, 1023]
    assert (lengths[1], lengths[2]) == (2, 2)
    lines = outputs["text", False].splitlines()
    assert lines[3] == "[CLS] cafe naive angstrom istanbul stra\u00dfe [SEP]"
    # Accents that are characters of their own leave the same words as those that are part of one.
    assert lines[4].startswith("[CLS] cafe naive angstrom istanbul ")
    padded = before["padded-left"][1]
    assert set(padded["lengths", False].tolist()) == {24}
    assert padded["ids", False].reshape(-1, 24)[1].tolist() == [0] * 22 + [101, 102]
    assert padded["attention", False].reshape(-1, 24)[1].tolist() == [0] * 22 + [1, 1]
