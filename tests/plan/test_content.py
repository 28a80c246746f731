# ruff: noqa: E501 - an error is one line, and here it stands whole
from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from compat.errors import ContentError
from compat.model import AOT_METRICS, Artifact, Direction, Kind, Metric, Tier, digest
from compat.plan.cases import cases_of
from compat.plan.content import read_content, read_file

from .conftest import KERNEL, MODEL, OPERATOR

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Write

SHA = "0" * 64


def test_what_there_is(shipped: Path) -> None:
    content = read_content()
    assert list(content) == ["kernel:add", "model:tiny", "operator:total"]
    kernel, model, operator = content.values()
    assert (kernel.kind, kernel.stem, kernel.tiers, kernel.cases) == ("kernel", "add", (Tier.AOT,), {})
    assert kernel.own_metrics == ()
    assert kernel.digest == digest(KERNEL)
    assert kernel.imports == ("triton",)
    assert (model.tiers, model.onnx_ir, model.tolerance) == ((Tier.CPU, Tier.GPU), 8, 1e-4)
    assert model.components == ("onnxruntime", "numpy")
    assert (operator.seeds, operator.artifact, operator.onnx_ir, operator.imports) == (1, None, None, ())
    assert (operator.timed, operator.items, operator.splits, operator.golden) == ({Tier.CPU}, None, False, None)
    assert (kernel.timed, kernel.splits) == (set(), False)


def test_the_metrics_of_kernels_are_oriented() -> None:
    assert {metric.name: (metric.unit, metric.direction, metric.kind, metric.gated) for metric in AOT_METRICS} == {
        "scalar_dots": ("dots", Direction.LOWER, Kind.EXACT, True),
        "spills": ("B", Direction.LOWER, Kind.EXACT, True),
        "occupancy": ("warps", Direction.HIGHER, Kind.EXACT, True),
        "atomics": ("operations", Direction.HIGHER, Kind.EXACT, True),
        "matrix_instructions": ("instructions", Direction.HIGHER, Kind.EXACT, False),
        "registers": ("registers", Direction.LOWER, Kind.EXACT, False),
        "shared_memory": ("B", Direction.LOWER, Kind.EXACT, False),
        "code_size": ("B", Direction.LOWER, Kind.EXACT, False),
        "compile_time": ("s", Direction.LOWER, Kind.SAMPLED, False),
    }


def test_everything_that_may_be_declared(write: Write) -> None:
    extra = (
        "SEEDS = 4\nTIMED = False\n"
        'METRICS = ({"name": "chunks", "unit": "1", "direction": "higher", "kind": "exact", "gated": False},)\n'
        f'ARTIFACT = {{"package": "m==1.0", "path": "m/m.onnx", "sha256": "{SHA}"}}\n'
    )
    workload = read_file(write(OPERATOR + extra, "w.py"), kernel=False)
    assert workload.own_metrics == (Metric("chunks", "1", Direction.HIGHER, Kind.EXACT, gated=False),)
    assert workload.timed == set()
    assert workload.artifact == Artifact("m==1.0", "m/m.onnx", SHA)
    assert workload.seeds == 4


@pytest.mark.parametrize(("text", "items"), [('ITEMS = "n"\n', "n"), ("ITEMS = 2.5\n", 2.5)])
def test_what_a_call_works_off(write: Write, text: str, items: float | str) -> None:
    assert read_file(write(OPERATOR + text, "w.py"), kernel=False).items == items


def test_a_function_split_declares_that_a_batch_can_be_split(write: Write) -> None:
    text = OPERATOR + "def split(params, tools):\n    return lambda: {}\n"
    assert read_file(write(text, "w.py"), kernel=False).splits
    inside = OPERATOR + "def prepare(params, tools):\n    def split(params, tools): ...\n"
    assert not read_file(write(inside, "w.py"), kernel=False).splits


def test_site_content_comes_beside(shipped: Path, write: Write, tmp_path: Path) -> None:
    write(OPERATOR, "site/workloads/own.py")
    write("nonsense(", "site/workloads/_helper.py")
    write("nonsense(", "site/workloads/notes.txt")
    assert "operator:own" in read_content([tmp_path / "site"])


def test_two_files_of_one_name(shipped: Path, write: Write, tmp_path: Path) -> None:
    path = write(OPERATOR, "site/workloads/total.py")
    with pytest.raises(ContentError) as caught:
        read_content([tmp_path / "site"])
    other = shipped / "workloads" / "total.py"
    assert str(caught.value) == f"{path}:1: operator:total is also defined by {other}; rename one file"


def test_folders_that_are_none(shipped: Path, tmp_path: Path) -> None:
    with pytest.raises(ContentError, match=r"expected a folder with kernels/ or workloads/ in it; check the path"):
        read_content([tmp_path / "nowhere"])
    (shipped / "kernels" / "add.py").unlink()
    (shipped / "kernels").rmdir()
    with pytest.raises(ContentError, match="the folder cannot be read: No such file or directory; check its rights"):
        read_content()


def test_a_file_name_that_is_none(write: Write) -> None:
    path = write(OPERATOR, "My-Work.py")
    with pytest.raises(ContentError) as caught:
        read_file(path, kernel=False)
    assert str(caught.value) == f"{path}: expected a file name of lower-case letters, digits and _; rename the file"


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ('"""Sums."""\n', "", "FILE:1: the docstring is missing; say in its first line what the file is"),
        ('KIND = "operator"\n', "", "FILE:1: KIND is missing; declare KIND = ... at the top level"),
        (
            "TOLERANCE = 1e-6\n",
            "",
            "FILE:6: expected: CASES['small'] has a tolerance (so has a file with TOLERANCE), or a dtype among "
            "fp64, fp32, tf32, fp16, bf16, fp8e4nv, fp8e5, i64, i32, i16, i8, u8, i1",
        ),
        ('"operator"', '"kernel"', "FILE:4: expected: KIND is 'operator', 'model', 'loader' or 'pytest'"),
        ('("cpu",)', '("aot",)', "FILE:5: expected: TIERS has 'cpu', 'gpu' or both"),
        ('("cpu",)', '("cpu", "cpu")', "FILE:5: expected: TIERS has 'cpu', 'gpu' or both"),
        ('("cpu",)', '"cpu"', "FILE:5: expected: TIERS has 'cpu', 'gpu' or both"),
        ("= 1e-6", "= -1", "FILE:6: expected: TOLERANCE is a number, 0 or more"),
        ("= 1e-6", "= 1e999", "FILE:6: expected: TOLERANCE is a number, 0 or more"),
        ("= 1e-6", "= True", "FILE:6: expected: TOLERANCE is a number, 0 or more"),
        (
            '"tolerance": 1e-3',
            '"tolerance": "1e-3"',
            "FILE:7: expected: CASES['large']['tolerance'] is a number, 0 or more",
        ),
        ('{"n": 3}', "3", "FILE:7: expected: CASES['small'] is a dict"),
        ('{"n": 3}', '{"n": {1, 2}}', "FILE:7: expected: CASES['small'] has only what JSON has: no sets, bytes, NaN"),
        ('{"n": 3}', '{"n": 1e999}', "FILE:7: expected: CASES['small'] has only what JSON has: no sets, bytes, NaN"),
        ('{"n": 3}', "{1: 3}", "FILE:7: expected: CASES['small'] has only what JSON has: no sets, bytes, NaN"),
        ('"small"', '"a/b"', "FILE:7: expected: CASES has ids of letters, digits and _ . , = + - (found 'a/b')"),
        (
            '{"small": {"n": 3}, "large": {"n": 300, "tolerance": 1e-3}}',
            "{}",
            "FILE:7: expected: CASES is a dict with at least one case",
        ),
        ('("numpy",)', "()", "FILE:3: expected: COMPONENTS is a tuple of names"),
        ('("numpy",)', '"numpy"', "FILE:3: expected: COMPONENTS is a tuple of names"),
        ("TOLERANCE", 'IMPORTS = ("a-b",)\nTOLERANCE', "FILE:6: expected: IMPORTS is a tuple of module names"),
        ("TOLERANCE", "SEEDS = 0\nTOLERANCE", "FILE:6: expected: SEEDS is a whole number above 0"),
        ("TOLERANCE", "GPUS = 2\nTOLERANCE", "FILE:6: expected: GPUS is 'each' or 'all'"),
        ("TOLERANCE", "TIMED = 1\nTOLERANCE", "FILE:6: expected: TIMED is True, False, or some of cpu"),
        (
            "TOLERANCE",
            "ITEMS = 0\nTOLERANCE",
            "FILE:6: expected: ITEMS is a number above 0, or the name of a parameter",
        ),
        (
            "TOLERANCE",
            "ITEMS = ()\nTOLERANCE",
            "FILE:6: expected: ITEMS is a number above 0, or the name of a parameter",
        ),
        ("TOLERANCE", 'ITEMS = "m"\nTOLERANCE', "FILE:6: expected: CASES['small']['m'] is a whole number above 0"),
        (
            "TOLERANCE",
            'ITEMS = "n"\nTIMED = False\nTOLERANCE',
            "FILE:6: expected: ITEMS goes with a TIMED that is not False",
        ),
        (
            "TOLERANCE",
            "def split(x, n): ...\nTOLERANCE",
            "FILE:6: expected: a function split has the arguments params, tools",
        ),
        ("TOLERANCE", "GOLDEN = 1\nTOLERANCE", "FILE:6: expected: GOLDEN is a dict of text"),
        ("TOLERANCE", 'GOLDEN = {"path": "x"}\nTOLERANCE', "FILE:6: GOLDEN lacks the key 'sha256'; add it"),
        (
            "TOLERANCE",
            'GOLDEN = {"path": "../x", "sha256": ""}\nTOLERANCE',
            "FILE:6: expected: GOLDEN['path'] is a path below the file's own folder",
        ),
        (
            "TOLERANCE",
            'GOLDEN = {"path": "/x", "sha256": ""}\nTOLERANCE',
            "FILE:6: expected: GOLDEN['path'] is a path below the file's own folder",
        ),
        (
            "TOLERANCE",
            'GOLDEN = {"path": "x", "sha256": "0"}\nTOLERANCE',
            "FILE:6: expected: GOLDEN['sha256'] is 64 hex digits",
        ),
        ("TOLERANCE", "ONNX_IR = '8'\nTOLERANCE", "FILE:6: expected: ONNX_IR is a whole number above 0"),
        ("TOLERANCE", "METRICS = {}\nTOLERANCE", "FILE:6: expected: METRICS is a tuple of dicts"),
        ("TOLERANCE", "METRICS = (1,)\nTOLERANCE", "FILE:6: expected: METRICS[0] is a dict"),
        ("TOLERANCE", 'METRICS = ({"name": "x"},)\nTOLERANCE', "FILE:6: METRICS[0] lacks the key 'direction'; add it"),
        (
            "TOLERANCE",
            'METRICS = ({"nam": "x"},)\nTOLERANCE',
            "FILE:6: METRICS[0] has the unknown key 'nam'; expected direction, gated, kind, name, unit",
        ),
        ("TOLERANCE", "ARTIFACT = 1\nTOLERANCE", "FILE:6: expected: ARTIFACT is a dict"),
        (
            "TOLERANCE",
            f'ARTIFACT = {{"package": "m", "path": "x", "sha256": "{SHA}"}}\nTOLERANCE',
            "FILE:6: expected: ARTIFACT['package'] is name==version",
        ),
        (
            "TOLERANCE",
            f'ARTIFACT = {{"package": "m==1", "path": "../x", "sha256": "{SHA}"}}\nTOLERANCE',
            "FILE:6: expected: ARTIFACT['path'] is a path inside the wheel",
        ),
        (
            "TOLERANCE",
            'ARTIFACT = {"package": "m==1", "path": "x", "sha256": "abc"}\nTOLERANCE',
            "FILE:6: expected: ARTIFACT['sha256'] is 64 hex digits",
        ),
        (
            "TOLERANCE",
            "CASE = {}\nTOLERANCE",
            "FILE:6: CASE is not a declaration; did you mean CASES? If not, rename it",
        ),
    ],
)
def test_a_workload_is_refused(write: Write, old: str, new: str, expected: str) -> None:
    assert old in OPERATOR
    path = write(OPERATOR.replace(old, new, 1), "w.py")
    with pytest.raises(ContentError) as caught:
        read_file(path, kernel=False)
    assert str(caught.value).replace(str(path), "FILE") == expected


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"name": "latency"}, "FILE:8: expected: METRICS[0]['name'] is a new word of lower-case letters, digits and _"),
        (
            {"name": "numerics"},
            "FILE:8: expected: METRICS[0]['name'] is a new word of lower-case letters, digits and _",
        ),
        ({"unit": 1}, "FILE:8: expected: METRICS[0]['unit'] is text"),
        ({"direction": "up"}, "FILE:8: expected: METRICS[0]['direction'] is one of ['lower', 'higher']"),
        ({"kind": "mean"}, "FILE:8: expected: METRICS[0]['kind'] is one of ['exact', 'bounded', 'sampled']"),
        ({"gated": 1}, "FILE:8: expected: METRICS[0]['gated'] is True or False"),
    ],
)
def test_a_metric_is_refused(write: Write, change: dict[str, object], expected: str) -> None:
    metric = {"name": "x", "unit": "B", "direction": "lower", "kind": "exact", "gated": True, **change}
    path = write(OPERATOR + f"METRICS = ({metric},)\n", "w.py")
    with pytest.raises(ContentError) as caught:
        read_file(path, kernel=False)
    assert str(caught.value).replace(str(path), "FILE") == expected


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("AOT = ", "AOTS = ", "FILE:5: AOTS is not a declaration; did you mean AOT? If not, rename it"),
        ('"constexprs": {"BLOCK": 64}, ', "", "FILE:5: AOT['fp16'] lacks the key 'constexprs'; add it"),
        (
            '"constexprs"',
            '"constants"',
            "FILE:5: AOT['fp16'] has the unknown key 'constants'; expected constexprs, "
            "divisible, kernel, num_stages, num_warps, signature, since",
        ),
        ('{"BLOCK": 64}', "64", "FILE:5: expected: AOT['fp16']['constexprs'] is a dict"),
        ('"n": "i32"', '"n": 32', "FILE:5: expected: AOT['fp16']['signature'] maps arguments to type names"),
        ('("x",)', '("y",)', "FILE:5: expected: AOT['fp16']['divisible'] names arguments of its signature"),
        ('("x",)', '("x",), "num_warps": 0', "FILE:5: expected: AOT['fp16']['num_warps'] is a whole number above 0"),
        ('("x",)', "([],)", "FILE:5: expected: AOT['fp16']['divisible'] names arguments of its signature"),
        ("AOT = ", 'KERNEL = "a b"\nAOT = ', "FILE:5: expected: KERNEL names a function"),
        ('COMPONENTS = ("triton",)\n', "", "FILE:1: COMPONENTS is missing; declare COMPONENTS = ... at the top level"),
    ],
)
def test_a_kernel_is_refused(write: Write, old: str, new: str, expected: str) -> None:
    assert old in KERNEL
    path = write(KERNEL.replace(old, new, 1), "k.py")
    with pytest.raises(ContentError) as caught:
        read_file(path, kernel=True)
    assert str(caught.value).replace(str(path), "FILE") == expected


def test_a_model_without_an_ir_version(write: Write) -> None:
    assert read_file(write(MODEL.replace("ONNX_IR = 8\n", ""), "tiny.py"), kernel=False).onnx_ir is None


WITH_CASES = """
CASES = {"a": {"dtype": "fp32", "n": 8, "length": 4}, "b": {"dtype": "i32", "n": 3, "tiers": ("gpu",), "needs": ("sort",)}}
NEEDS = ("scan",)
COST = {"operations": "2 * n", "bytes": "n * width"}
SEEDS = 2


def prepare(params, tools):
    pass


def reference(params, tools):
    pass


def split(params, tools):
    pass
"""


def test_a_kernel_with_cases(write: Write) -> None:
    kernel = read_file(write(KERNEL + WITH_CASES, "add.py"), kernel=True)
    assert kernel.tiers == (Tier.AOT, Tier.INTERPRETED, Tier.GPU)
    assert (kernel.timed, kernel.splits, kernel.oracle, kernel.seeds, kernel.tolerance) == (
        {Tier.GPU}, True, True, 2, None
    )  # fmt: skip
    assert kernel.cases["a"]["needs"] == ("scan",)
    assert kernel.cases["b"]["needs"] == ("scan", "sort")
    assert kernel.cost is not None
    assert kernel.cost.of(kernel.cases["a"]) == (16.0, 32.0)
    assert list(kernel.configurations) == ["fp16"]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ('"dtype": "fp32", ', "", "FILE:7: expected: CASES['a'] has a tolerance (so has a file with TOLERANCE), or a dtype"),
        ('"n": 8', '"n": 8, "needs": "sort"', "FILE:7: expected: CASES['a']['needs'] is a tuple of names"),
        ('("gpu",)', '("cpu",)', "FILE:7: expected: CASES['b']['tiers'] has some of interpreted, gpu"),
        ('"length": 4', '"length": -4', "FILE:7: expected: CASES['a']['length'] is a number, 0 or more"),
        ("SEEDS = 2", "SEEDS = 0", "FILE:10: expected: SEEDS is a whole number above 0"),
        ("def reference", "def oracle", "FILE:7: expected: a kernel with CASES has a function reference(params, tools)"),
        ("prepare(params, tools)", "prepare(tools)", "FILE:7: expected: a kernel with CASES has a function prepare("),
        ("split(params, tools)", "split(tools)", "FILE:21: expected: a function split has the arguments params, tools"),
        (', "bytes": "n * width"', "", "FILE:9: COST lacks the key 'bytes'; add it"),
        ('"2 * n"', '"2 * m"', "FILE:9: it does not fit CASES['a']: 'm' is not + - * / // of numbers and of length, n, width"),
        ('"2 * n"', '"n ** 2"', "FILE:9: it does not fit CASES['a']: 'n ** 2' is not + - * / // of numbers and of "),
        ('"2 * n"', '"n //"', "FILE:9: it does not fit CASES['a']: 'n //' cannot be evaluated: "),
        ('"2 * n"', '"n // 0"', "FILE:9: it does not fit CASES['a']: 'n // 0' cannot be evaluated: "),
    ],
)  # fmt: skip
def test_the_cases_of_a_kernel_are_refused(write: Write, old: str, new: str, expected: str) -> None:
    assert old in WITH_CASES
    path = write(KERNEL + WITH_CASES.replace(old, new, 1), "add.py")
    with pytest.raises(ContentError) as caught:
        read_file(path, kernel=True)
    assert str(caught.value).replace(str(path), "FILE").startswith(expected)


def test_a_configuration_may_name_a_function_of_the_file_and_what_the_hardware_must_have(write: Write) -> None:
    text = KERNEL.replace('"divisible": ("x",)', '"divisible": ("x",), "since": 89, "kernel": "back"')
    with pytest.raises(ContentError, match=r"AOT\['fp16'\]\['kernel'\] names a function of the file"):
        read_file(write(text, "add.py"), kernel=True)
    kernel = read_file(write(text + "\n\ndef back(x, n, BLOCK):\n    pass\n", "add.py"), kernel=True)
    cases = cases_of(kernel, {Tier.AOT}, ["sm_80", "sm_89", "sm_120", "gfx942"])
    assert [case.id for case in cases] == ["fp16-sm_89", "fp16-sm_120", "fp16-gfx942"]
