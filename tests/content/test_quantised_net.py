"""What the quantised network is made of: no doubtful rounding where float32 could decide it, elsewhere exact halves."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from compat.probe.child import load_content
from compat.probe.tools import Tools

NET = str(Path(__file__).parents[2] / "workloads" / "quantised_net.py")
CASES = ("batch-1", "batch-6", "powers-batch-5")


def run(case: str, monkeypatch: pytest.MonkeyPatch) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the oracle says of a case, and in steps what each layer quantised: real, less the zero point's place."""
    net = load_content(NET)
    seen: dict[str, Any] = {}
    quantised = net._quantised

    def spy(real: Any, constants: dict[str, Any], layer: str) -> Any:
        seen[layer] = real / float(constants[f"{layer}.x_scale"]) + float(constants[f"{layer}.x_zero"])
        return quantised(real, constants, layer)

    monkeypatch.setattr(net, "_quantised", spy)
    params = json.loads(json.dumps(net.CASES[case]))
    return net.reference(params, Tools(0)), seen


def doubt(steps: Any) -> Any:
    """How far values that do not saturate are from half of a step, in steps."""
    inside = steps[(steps > 0) & (steps < 255)]
    return np.abs(inside - np.floor(inside) - 0.5)


@pytest.mark.parametrize("case", CASES)
def test_every_layer_saturates_and_uses_its_range(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    _, seen = run(case, monkeypatch)
    assert seen.keys() == {"conv1", "conv2", "matmul", "gemm"}
    for steps in seen.values():
        assert 0.0 < np.mean((steps > 255.5) | (steps < -0.5)) < 0.7  # of what Relu lets through half is nothing
        assert np.std(np.clip(steps, 0, 255)) > 25


@pytest.mark.parametrize("case", ["batch-1", "batch-6"])
def test_no_value_is_so_near_to_half_of_a_step_that_float32_would_decide(
    case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, seen = run(case, monkeypatch)
    assert min(doubt(steps).min() for steps in seen.values()) > 3.5e-5  # two last bits of 255 in float32: 3.1e-5


def test_where_scales_are_powers_of_two_halves_occur_exactly(monkeypatch: pytest.MonkeyPatch) -> None:
    _, seen = run("powers-batch-5", monkeypatch)
    for layer in ("conv2", "matmul"):
        assert np.count_nonzero(doubt(seen[layer]) == 0.0) > 10


@pytest.mark.parametrize("case", CASES)
def test_classes_differ_and_are_no_close_call(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    expected, _ = run(case, monkeypatch)
    best = np.sort(expected["logits"], axis=1)
    assert np.min(best[:, -1] - best[:, -2]) > 1e-3 * np.linalg.norm(expected["logits"])
    assert len(set(expected["class"].tolist())) >= min(len(best), 4)
