"""The workloads that need numpy only: their arithmetic, against independent answers."""

from __future__ import annotations

import importlib.util
import json
import struct
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from compat.probe.tools import Tools

WORKLOADS = Path(__file__).parents[2] / "workloads"


def load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"workload_{name}", WORKLOADS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def relative(found: Any, expected: Any) -> float:
    difference = np.linalg.norm(np.asarray(found, dtype=np.float64) - expected)
    return float(difference / np.linalg.norm(np.asarray(expected, dtype=np.float64)))


LINALG = load("numpy_linalg")
MINILM = load("minilm")
PROMOTION = load("numpy_promotion")
SILERO = load("silero_vad")


@pytest.mark.parametrize("case", LINALG.CASES)
def test_linalg_agrees_with_its_oracle_far_within_the_tolerance(case: str) -> None:
    # A store and a request are JSON: tuples arrive as lists.
    params = json.loads(json.dumps(LINALG.CASES[case]))
    tools = Tools(0)
    found = LINALG.prepare(params, tools)()
    drawn = tools.inputs_digest()
    tools.restart()
    oracle = LINALG.reference(params, tools)
    assert tools.inputs_digest() == drawn
    assert found.keys() == oracle.keys()
    for name, value in found.items():
        assert oracle[name].dtype == np.float64
        assert value.shape == oracle[name].shape
        assert relative(value, oracle[name]) <= params.get("tolerance", LINALG.TOLERANCE) / 2


def test_the_transform_oracle_is_the_definition() -> None:
    x = np.array([[1.0, 2.0, 3.0], [0.0, 0.0, 1.0]])
    turn = np.exp(-2j * np.pi / 3)
    expected = [[6.0, 1 + 2 * turn + 3 * turn**2], [1.0, turn**2]]
    assert np.allclose(LINALG._transform(x), expected, rtol=0, atol=1e-14)


def test_promotion_cases_follow_the_numpy_that_runs_them() -> None:
    found = {case: PROMOTION.prepare(params, Tools(0))()["y"] for case, params in PROMOTION.CASES.items()}
    if int(np.__version__.split(".")[0]) >= 2:
        assert (found["float32-scalar-plus-float"].dtype, float(found["float32-scalar-plus-float"])) == ("f4", 2.0**24)
        assert found["uint8-scalar-plus-300"] == "OverflowError"
        assert found["solve-stacked"].shape == (2, 2, 2)
        assert found["fft-float32"].dtype == np.float32
    else:
        assert (found["float32-scalar-plus-float"].dtype, float(found["float32-scalar-plus-float"])) == (
            "f8",
            2.0**24 + 1,
        )
        assert int(found["uint8-scalar-plus-300"]) == 301
        assert found["solve-stacked"].shape == (2, 2)
        assert found["fft-float32"].dtype == np.float64
    assert found["int32-array-plus-float32-array"].dtype == np.float64
    assert found["float32-array-times-float"].dtype == np.float32


@pytest.mark.parametrize("module", [LINALG, PROMOTION], ids=["numpy_linalg", "numpy_promotion"])
def test_a_case_that_is_not_there_is_refused(module: ModuleType) -> None:
    with pytest.raises(ValueError, match="no such case: nothing"):
        module.prepare({"what": "nothing", "shape": (1,)}, Tools(0))()


def write_safetensors(path: Path, tensors: dict[str, Any]) -> None:
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    blob = b""
    for name, value in tensors.items():
        kind = {"float32": "F32", "int64": "I64"}[str(value.dtype)]
        data_offsets = [len(blob), len(blob) + value.nbytes]
        header[name] = {"dtype": kind, "shape": list(value.shape), "data_offsets": data_offsets}
        blob += value.tobytes()
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + blob)


def small_encoder(channels: int = 24, inner: int = 48, words: int = 30522) -> dict[str, Any]:
    """An encoder of MiniLM's structure with other widths; its weights are drawn."""
    tools = Tools(7)
    shapes = {
        "embeddings.word_embeddings": (words, channels),
        "embeddings.position_embeddings": (128, channels),
        "embeddings.token_type_embeddings": (2, channels),
    }
    for layer in range(MINILM.LAYERS):
        at = f"encoder.layer.{layer}"
        for part in ("self.query", "self.key", "self.value", "output.dense"):
            shapes[f"{at}.attention.{part}"] = (channels, channels)
        shapes[f"{at}.intermediate.dense"] = (inner, channels)
        shapes[f"{at}.output.dense"] = (channels, inner)
    weights = {f"{name}.weight": tools.uniform(shape) for name, shape in shapes.items()}
    weights |= {f"{name}.bias": tools.uniform(shape[0]) for name, shape in shapes.items() if "embed" not in name}
    norms = ["embeddings.LayerNorm"]
    for layer in range(MINILM.LAYERS):
        norms += [f"encoder.layer.{layer}.{part}.LayerNorm" for part in ("attention.output", "output")]
    weights |= {f"{name}.weight": 1.0 + 0.1 * tools.uniform(channels) for name in norms}
    weights |= {f"{name}.bias": tools.uniform(channels) for name in norms}
    weights["embeddings.position_ids"] = np.arange(128).reshape(1, 128)
    return {name: value.astype(np.float32) if value.dtype.kind == "f" else value for name, value in weights.items()}


def test_safetensors_are_read_as_they_were_written(tmp_path: Path) -> None:
    tensors: dict[str, Any] = {"a": np.arange(6, dtype=np.float32).reshape(2, 3), "b": np.arange(4, dtype=np.int64)}
    write_safetensors(tmp_path / "model.safetensors", tensors)
    found = MINILM.read_safetensors(tmp_path / "model.safetensors")
    assert found.keys() == tensors.keys()
    for name, value in tensors.items():
        assert type(found[name]) is np.ndarray
        assert found[name].dtype == value.dtype
        assert np.array_equal(found[name], value)


def test_embeddings_are_finite_of_norm_one_and_blind_to_padding() -> None:
    weights = small_encoder()
    ids = Tools(3).integers(1000, MINILM.VOCABULARY, (3, 11))
    mask = np.ones((3, 11), dtype=np.float32)
    mask[1, 7:] = 0.0
    found = MINILM.embed(weights, ids, mask)
    assert found.dtype == np.float32
    assert np.isfinite(found).all()
    assert np.allclose(np.linalg.norm(found, axis=1), 1.0, atol=1e-6)
    alone = MINILM.embed(weights, ids[1:2, :7], mask[1:2, :7])
    assert relative(found[1:2], alone.astype(np.float64)) < 1e-5
    changed = ids.copy()
    changed[1, 8] += 1
    assert relative(MINILM.embed(weights, changed, mask)[1], found[1].astype(np.float64)) == 0.0
    assert relative(MINILM.embed(weights, changed + 1, mask)[1], found[1].astype(np.float64)) > 1e-3


def test_a_model_is_prepared_from_its_artifact(tmp_path: Path) -> None:
    write_safetensors(tmp_path / "model.safetensors", small_encoder())
    for case, params in MINILM.CASES.items():
        found = MINILM.prepare(params, Tools(0, str(tmp_path / "model.safetensors")))()["embedding"]
        assert found.shape == (params["batch"], 24), case
        assert np.allclose(np.linalg.norm(found, axis=1), 1.0, atol=1e-6), case


def test_the_error_function_is_within_its_published_error() -> None:
    import math

    x = np.linspace(-4.0, 4.0, 801)
    expected = np.array([math.erf(value) for value in x])
    assert np.abs(MINILM._erf(x) - expected).max() < 1.6e-7


def test_the_vowel_is_a_sound_of_even_level() -> None:
    sound = np.array(SILERO.vowel(4096))
    assert 0.2 < np.abs(sound).max() < 1.0
    # It has settled: each eighth of a second is about as loud as the one before.
    assert np.linalg.norm(sound[2048:]) == pytest.approx(np.linalg.norm(sound[:2048]), rel=0.2)
    # The 120 Hz of the voice: the strongest lag between 6 and 12 ms is a period of 133 samples.
    best = max(range(96, 192), key=lambda lag: float(sound[:-192] @ sound[lag : lag - 192]))
    assert best in (133, 134)
