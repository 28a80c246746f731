"""Backends in a real torch: what is compiled, what that took, and what is said where it cannot be."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from compat.model import FaultKind, Runtime, Tier
from compat.model.backends import BACKENDS
from compat.plan.cases import cases_of
from compat.plan.content import read_file
from compat.probe.protocol import CaseResult
from compat.probe.tools import Tools
from compat.run.in_place import InPlaceRuntime
from tests.rig import Rig, make_folders

SOURCE = '''
"""A network of one layer."""
KIND = "model"
TIERS = ("cpu",)
COMPONENTS = ("torch",)
IMPORTS = ("torch",)
TOLERANCE = 1e-6
CASES = {"one": PARAMS}

def prepare(params, tools):
    import torch

    class Network(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.layer, self.drop = torch.nn.Linear(4, 3), torch.nn.Dropout(0.5)

        def forward(self, x):
            y = self.drop(self.layer(x))
            if params.get("broken"):
                torch._dynamo.graph_break()
            return torch.relu(y) + 1

    network, x = Network(), torch.from_numpy(tools.uniform((5, 4)))
    with torch.no_grad():
        network.layer.weight.fill_(0.5)
        network.layer.bias.zero_()
    BEFORE
    call = tools.through(params.get("through", params["backend"]), network, (x,))
    assert not network.training and not call(x).requires_grad
    return lambda: {"y": call(x)}

def reference(params, tools):
    import numpy as np

    return {"y": np.maximum(tools.uniform((5, 4)).astype("f8") @ np.full((4, 3), 0.5), 0) + 1}
'''


@pytest.fixture(scope="module")
def torch_rig(torch_python: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    folders = make_folders(tmp_path_factory.mktemp("backends"))
    rig = Rig(InPlaceRuntime(Runtime("torch", python=str(torch_python)), folders), folders)
    yield rig
    rig.close()


def run(rig: Rig, params: dict[str, Any], before: str = "pass") -> tuple[CaseResult, dict[str, tuple[float, ...]]]:
    """The case with these parameters, as it is planned: what it came to, and its samples by metric.

    Where it is no fault, it is right, and has measured what planning promises.
    """
    path = rig.write(SOURCE.replace("PARAMS", repr(params)).replace("BEFORE", before))
    (case,) = cases_of(read_file(path, kernel=False), {Tier.CPU})
    result, frames = rig.session.run(case, path, None, 120.0)
    found = {one.metric: one.samples for one in result.measurements}
    if result.fault is None:
        promised = {metric.name for metric in case.metrics}
        assert found.keys() <= promised
        assert promised - found.keys() <= {"import_time", "memory_cgroup"}
        y, expected = (np.frombuffer(frame, head.dtype) for head, frame in zip(result.outputs, frames, strict=True))
        assert np.allclose(y, expected, atol=1e-6)
    return result, found


def said(result: CaseResult) -> tuple[FaultKind, str, str]:
    assert result.fault is not None
    return result.fault.kind, result.fault.stage, result.fault.detail


def test_a_name_that_is_none_is_refused_with_those_that_are() -> None:
    with pytest.raises(ValueError, match=f"'tvm' is no backend: expected one of {', '.join(BACKENDS)}"):
        Tools(0).through("tvm", None, ())


@pytest.mark.network
def test_as_it_is_nothing_is_compiled(torch_rig: Rig) -> None:
    result, found = run(torch_rig, {"backend": "eager"})
    assert result.fault is None
    assert result.took == {"backend": "eager"}
    assert "latency" in found
    assert not found.keys() & {"compile_time", "graph_breaks"}


@pytest.mark.network
@pytest.mark.parametrize("cold", [False, True])
def test_an_exported_program(torch_rig: Rig, cold: bool) -> None:
    result, found = run(torch_rig, {"backend": "exported", "cold": cold})
    assert result.fault is None
    assert result.took == {"backend": "exported"}
    assert found["compile_time"][0] > 0.01
    assert ("latency" in found) != cold


@pytest.mark.network
def test_torch_compile_and_its_graph_breaks(torch_rig: Rig) -> None:
    result, found = run(torch_rig, {"backend": "inductor", "broken": True})
    assert result.fault is None, result.fault
    assert found["graph_breaks"] == (1.0,)
    assert found["compile_time"][0] > 10 * max(found["first_call"][0], found["latency"][0])  # it is before these


@pytest.mark.network
def test_a_runtime_that_lacks_a_backend_says_so(torch_rig: Rig) -> None:
    kind, stage, detail = said(run(torch_rig, {"backend": "tensorrt"})[0])
    assert (kind, stage) == (FaultKind.IMPORT, "prepare")
    assert "torch_tensorrt cannot be imported in this runtime" in detail
    before = "import torch._inductor; del torch._inductor.aoti_load_package"
    kind, stage, detail = said(run(torch_rig, {"backend": "aot_inductor"}, before)[0])
    assert (kind, stage) == (FaultKind.COMPILE, "prepare")
    assert "has no AOTInductor packages: they came with 2.5" in detail


@pytest.mark.network
def test_what_cannot_be_exported_whole_is_a_fault(torch_rig: Rig) -> None:
    kind, stage, _ = said(
        run(torch_rig, {"backend": "exported"}, "network.forward = lambda x: x if x.sum() > 0 else -x")[0]
    )
    assert (kind, stage) == (FaultKind.COMPILE, "prepare")


@pytest.mark.network
def test_a_case_that_compiles_nothing_is_a_fault(torch_rig: Rig) -> None:
    kind, stage, detail = said(run(torch_rig, {"backend": "exported", "through": "eager"})[0])
    assert (kind, stage) == (FaultKind.EXCEPTION, "prepare")
    assert "prepare() compiled nothing by tools.through(), and the case's backend is 'exported'" in detail
