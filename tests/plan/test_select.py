# ruff: noqa: E501 - an error is one line, and here it stands whole
from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from compat.errors import MatrixError
from compat.plan import load_matrix
from compat.plan.content import read_content
from compat.plan.select import Selected, select_workloads

from .conftest import MATRIX

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Write


def select(path: Path) -> dict[str, Selected]:
    matrix = load_matrix(path)
    return select_workloads(matrix.file, matrix.spec, read_content())


def test_selections_and_their_options(write: Write, shipped: Path) -> None:
    selected = select(write(MATRIX))
    assert {name: (each.targets, each.timeout, each.required) for name, each in selected.items()} == {
        "kernel:add": (("sm_75", "sm_80"), 300.0, True),
        "operator:total": ((), 300.0, True),
        "model:tiny": ((), 300.0, True),
    }


def test_the_last_selection_counts(write: Write, shipped: Path) -> None:
    text = MATRIX.replace("rings:\n", '  - {select: "*:t*", timeout: 1m, required: false}\nrings:\n')
    selected = select(write(text))
    assert (selected["operator:total"].timeout, selected["operator:total"].required) == (60, False)
    assert (selected["kernel:add"].timeout, selected["kernel:add"].required) == (300, True)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            '"operator:*"',
            '"operater:*"',
            "FILE:12: workloads[1] selects 'operater:*', which is no workload; did you mean 'operator:*'?",
        ),
        (
            '"operator:*"',
            '"operator:totl"',
            "FILE:12: workloads[1] selects 'operator:totl', which is no workload; did you mean 'operator:total'?",
        ),
        (
            '"operator:*"',
            '"zzz"',
            "FILE:12: workloads[1] selects 'zzz', which is no workload; expected kernel:*, kernel:add, model:*, model:tiny, operator:*, operator:total",
        ),
        (
            ", targets: [sm_75, sm_80]",
            "",
            "FILE:11: workloads[0] selects kernels (kernel:add) and names no targets; add targets: [sm_80, ...]",
        ),
        (
            '"operator:*"',
            '"operator:*", targets: [sm_80]',
            "FILE:12: workloads[1] names targets and selects nothing that is for a target; leave targets out",
        ),
        (
            "[tiny]",
            "[tiny, tny]",
            "FILE:4: the model 'tny' needs workloads/tny.py with KIND = 'model', or a line under models; did you mean 'tiny'?",
        ),
        (
            "[tiny]",
            "[tiny, total]",
            "FILE:4: the model 'total' needs workloads/total.py with KIND = 'model', or a line under models, and SHIPPED/workloads/total.py is of kind operator; expected tiny",
        ),
        (
            '  - {select: "model:*", timeout: 5m}\n',
            "",
            "FILE:4: the model 'tiny' is on an axis and no selection runs it; select model:*",
        ),
        (
            "  model: [tiny]\n",
            "",
            "FILE:12: workloads[2] selects only models that axes.model does not name (model:tiny); add them to axes.model, or remove the selection",
        ),
    ],
)
def test_refused(write: Write, shipped: Path, old: str, new: str, expected: str) -> None:
    assert old in MATRIX
    path = write(MATRIX.replace(old, new, 1))
    with pytest.raises(MatrixError) as caught:
        select(path)
    assert str(caught.value).replace(str(path), "FILE").replace(str(shipped), "SHIPPED") == expected


def test_no_models_at_all(write: Write, shipped: Path) -> None:
    (shipped / "workloads" / "tiny.py").unlink()
    path = write(MATRIX.replace('  - {select: "model:*", timeout: 5m}\n', ""))
    with pytest.raises(MatrixError) as caught:
        select(path)
    assert (
        str(caught.value)
        == f"{path}:4: the model 'tiny' needs workloads/tiny.py with KIND = 'model', or a line under models; add that file"
    )


def test_a_model_that_only_include_names(write: Write, shipped: Path) -> None:
    text = MATRIX.replace("runtimes:\n", "include:\n  - {runtime: new, model: extra}\nruntimes:\n")
    path = write(text)
    with pytest.raises(MatrixError) as caught:
        select(path)
    expected = "the model 'extra' needs workloads/extra.py with KIND = 'model', or a line under models; expected tiny"
    assert str(caught.value) == f"{path}:8: {expected}"
