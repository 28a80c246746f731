"""The torch workloads on a CPU: every case against its oracle, and what becomes of a rank that is wrong or silent.

Of the models those cases that no C++ compiler is needed for, which takes half a minute: tests/probe/test_backends.py
has a smaller module.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from compat.model import Tier
from compat.model.backends import compiled_by
from compat.plan.cases import cases_of
from compat.plan.content import read_file
from compat.run.session import Session
from compat.run.venv import VenvRuntime

from .agreement import wrong
from .conftest import ROOT

MODELS = ("conv3d_net", "convnet", "decoder", "mixture_of_experts", "unet_block")
FILES = [*(ROOT / "workloads").glob("torch_*.py"), *(ROOT / "workloads" / f"{name}.py" for name in MODELS)]
WORKLOADS = [path for path in sorted(FILES) if Tier.CPU in read_file(path, kernel=False).tiers]

pytestmark = pytest.mark.network


@pytest.fixture(scope="module")
def session(triton_runtime: VenvRuntime) -> Iterator[Session]:
    opened = Session(triton_runtime, ("torch",))
    yield opened
    opened.close()


@pytest.mark.parametrize("path", WORKLOADS, ids=lambda path: path.stem)
def test_a_workload_agrees_with_its_oracle(session: Session, triton_runtime: VenvRuntime, path: Path) -> None:
    own = triton_runtime._folders.content[1] / path.name
    own.write_bytes(path.read_bytes())
    cases = [
        case
        for case in cases_of(read_file(path, kernel=False), {Tier.CPU}, ["sm_90"])
        if compiled_by(case.workload, case.params) in (None, "exported")
    ]
    assert cases
    assert {case.id: said for case in cases if (said := wrong(session, own, case))} == {}


COLLECTIVES = (ROOT / "workloads" / "torch_collectives.py").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("expected = torch.from_numpy(", "expected = 1 + torch.from_numpy(", "Connection"),
        ("    while True:\n", "    import time\n\n    time.sleep(60)\n    while True:\n", "Timed out waiting 2000ms"),
        (
            "    collective = _member(params, inputs, rank",
            "    return\n    collective = _member(params, inputs, rank",
            "Wait timeout",
        ),
    ],
    ids=["wrong", "silent", "absent"],
)
def test_a_rank_that_is_not_there_or_wrong_is_the_case_s_fault(
    session: Session, triton_runtime: VenvRuntime, before: str, after: str, expected: str
) -> None:
    assert before in COLLECTIVES
    path = triton_runtime._folders.content[1] / "torch_collectives.py"
    path.write_text(COLLECTIVES.replace(before, after).replace("_SECONDS = 20", "_SECONDS = 2"), encoding="utf-8")
    case = next(case for case in cases_of(read_file(path, kernel=False), {Tier.CPU}) if case.id.endswith("-1025"))
    said = wrong(session, path, case, 20.0)
    assert said.startswith("exception in ")
    assert expected in said
