from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from compat.errors import UsageError
from compat.model import Arm, Evidence, Item, Output, digest
from compat.plan.golden import read_golden
from compat.store import Store
from compat.store.golden import golden_tensors

from .build import CASE, CELL, EVIDENCE, PLAN

ITEMS = tuple(
    Item(f"{workload}[{case}]@new", CELL, replace(CASE, workload=workload, id=case), 60.0)
    for workload, case in (("model:digits", "a"), ("model:digits", "b"), ("model:words", "a"))
)
A, B, WORDS = (item.key for item in ITEMS)
Y = np.arange(6, dtype="<f4").reshape(2, 3)
VALUES: dict[str, Any] = {
    "y": Y,
    "scalar": np.array(2.5),
    "flags": np.array([True, False]),
    "empty": np.zeros((0, 4), "<i8"),
    "angle": np.array([1j], "<c8"),
    "text": "some wörds",
    "with/slash": Y[0],
}


class Kept:
    """A store with evidence of the plan's items."""

    def __init__(self, root: Path) -> None:
        self.store = Store(root, create=True)
        self.plan = replace(PLAN, items=ITEMS)
        self.store.put_plan(self.plan)
        self._pairs = 0

    def ran(self, item: str, arm: Arm = Arm.KNOWN_GOOD, **values: Any) -> Evidence:
        """Keep a run of ``item`` that returned ``values``; ``y_seed_1`` is the output y of the second seed."""
        outputs = []
        for name, value in values.items():
            data = value.encode() if isinstance(value, str) else value.tobytes()
            dtype, shape = ("utf-8", ()) if isinstance(value, str) else (value.dtype.str, value.shape)
            outputs.append(
                Output(name.removesuffix("_seed_1"), dtype, shape, self.store.put_blob(data), int("_seed_" in name))
            )
        outputs.append(Output("y", "<f8", (2, 3), self.store.put_blob(b"oracle"), 0, reference=True))
        self._pairs += 1
        record = replace(
            EVIDENCE, plan=digest(self.plan), item=item, arm=arm, pair=self._pairs, fault=None, outputs=tuple(outputs)
        )
        self.store.put_evidence(record)
        return record

    def golden(self, pattern: str = "*") -> dict[str, tuple[Output, ...]]:
        """The golden file as planning reads it."""
        data = golden_tensors(self.store, pattern)
        path = self.store.root / "golden.safetensors"
        path.write_bytes(data)
        return read_golden(path, digest(data), "here")


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    return Kept(tmp_path / "store")


def test_planning_reads_what_was_written(kept: Kept) -> None:
    record = kept.ran(A, **VALUES, y_seed_1=Y + 1)
    kept.ran(A, **VALUES, y_seed_1=Y + 1)
    kept.ran(A, Arm.CANDIDATE, y=Y * 5)  # the candidate is not what is golden
    found = kept.golden(A)
    assert found.keys() == {"a"}
    returned = {(o.name, o.seed): o for o in record.outputs if not o.reference}
    assert {(o.name, o.seed) for o in found["a"]} == returned.keys()
    for output in found["a"]:
        known = returned[output.name, output.seed]
        assert output.digest == known.digest
        if output.name in ("angle", "text"):  # safetensors has no such type: they are there as their bytes
            assert (output.dtype, len(output.shape)) == ("|u1", 1)
        else:
            assert output == known


def test_every_case_of_the_workload_is_there(kept: Kept) -> None:
    kept.ran(A, y=Y)
    kept.ran(B, y=Y, text="b")
    kept.ran(WORDS, y=Y)
    assert {case: [o.name for o in outputs] for case, outputs in kept.golden("model:digits*").items()} == {
        "a": ["y"],
        "b": ["text", "y"],
    }


def refused(kept: Kept, pattern: str) -> str:
    with pytest.raises(UsageError) as caught:
        golden_tensors(kept.store, pattern)
    return str(caught.value)


def test_a_file_is_of_one_workload(kept: Kept) -> None:
    assert refused(kept, "*") == (
        "golden: '*' selects several workloads: model:digits, model:words; "
        "select the cases of one, such as '*/model:minilm*'"
    )
    assert "'nothing*' selects no case" in refused(kept, "nothing*")


def test_what_was_not_measured_is_not_golden(kept: Kept) -> None:
    kept.ran(B, Arm.CANDIDATE, y=Y)
    assert f"{B} has no run of the known-good arm that returned something" in refused(kept, B)


def test_what_changes_from_run_to_run_is_not_golden(kept: Kept) -> None:
    kept.ran(A, y=Y, same="text")
    kept.ran(A, y=np.nextafter(Y, np.float32(9)), same="text")
    assert f"{A} does not return the same each time in the known-good arm (y)" in refused(kept, A)
