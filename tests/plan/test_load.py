"""Every bad matrix file is one line: where, what was expected, what to do."""
# ruff: noqa: E501 - an error is one line, and here it stands whole

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import pytest

from compat.errors import MatrixError
from compat.model import digest
from compat.plan import load_matrix

from .conftest import AXES, MATRIX

if TYPE_CHECKING:
    from .conftest import Write


def refused(write: Write, text: str) -> str:
    path = write(text)
    with pytest.raises(MatrixError) as caught:
        load_matrix(path)
    return str(caught.value).replace(str(path), "FILE")


def test_a_matrix(write: Write) -> None:
    matrix = load_matrix(write(MATRIX))
    assert matrix.name == "demo"
    assert matrix.digest == digest(MATRIX)
    assert matrix.path.name == "matrix.yaml"
    assert matrix.spec.rings[0].budget == 1200
    assert [field.name for field in dataclasses.fields(matrix)] == ["file", "spec", "points"]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("- {name: canary", "- {nmae: canary", "FILE:15: unknown key 'nmae' in rings[0]; did you mean 'name'?"),
        ("name: demo\n", "nam: demo\n", "FILE:1: unknown key 'nam'; did you mean 'name'?"),
        ("name: demo\n", "", "FILE:1: the file lacks the key 'name'; add it"),
        (
            "name: demo",
            "name: Demo 1",
            "FILE:1: name: 'Demo 1' is not a name; write lower-case letters, digits, dots and hyphens, at most 100",
        ),
        ("name: demo", "name: 12.10", 'FILE:1: name: 12.10 is read as the number 12.1; write "12.10"'),
        ("name: demo", "name:", "FILE:1: name is empty; write a value"),
        ("name: demo", "name: [x]", "FILE:1: name: expected text, found a list"),
        ("[old, new]", "[old, 12.10]", 'FILE:3: axes.runtime[1]: 12.10 is read as the number 12.1; write "12.10"'),
        ("[old, new]", "[old, no]", 'FILE:3: axes.runtime[1]: no is read as false; write "no"'),
        ("[old, new]", "[old, ~]", 'FILE:3: axes.runtime[1]: ~ is read as nothing; write "~"'),
        ("[old, new]", "[old, old]", "FILE:3: axes.runtime: 'old' is there twice; keep one of them"),
        ("[old, new]", "[]", "FILE:3: axes.runtime is empty; write at least one entry"),
        ("[old, new]", "old", "FILE:3: axes.runtime: expected a list, found the text 'old'"),
        (
            "[old, new]",
            '[old, "a b"]',
            "FILE:3: axes.runtime[1]: 'a b' is not a value; write letters, digits and . _ + : @ / -, at most 200",
        ),
        (
            "  model: [tiny]",
            "  Model: [tiny]",
            "FILE:4: axes.Model: 'Model' is not a name of an axis; write lower-case letters, digits and _, at most 100",
        ),
        ("candidate: {runtime: new}", "candidate: new", "FILE:6: candidate: expected a mapping, found the text 'new'"),
        ("candidate: {runtime: new}", "candidate: {}", "FILE:6: candidate is empty; write at least one entry"),
        (
            "budget: 20m",
            "budget: 20",
            "FILE:15: rings[0].budget: 20 is not a duration; write a number above 0 with ms, s, m, h or d, such as 20m",
        ),
        (
            "budget: 20m",
            "soak: 9999999d",
            "FILE:15: rings[0].soak: '9999999d' is more than ten years; write at most 3650d",
        ),
        (
            "budget: 20m",
            "minimum_nodes: 0",
            "FILE:15: rings[0].minimum_nodes: expected greater than or equal to 1, found the number 0",
        ),
        ("budget: 20m", "minimum_nodes: true", "FILE:15: rings[0].minimum_nodes: expected a whole number, found true"),
        ("budget: 20m", "nodes: {label: {}}", "FILE:15: unknown key 'label' in rings[0].nodes; did you mean 'labels'?"),
        (
            "[static, aot, cpu]",
            "[statik]",
            "FILE:15: rings[0].tiers[0]: expected 'static', 'aot', 'interpreted', 'cpu' or 'gpu', found the text 'statik'",
        ),
        (
            "timeout: 5m",
            "required: maybe",
            "FILE:13: workloads[2].required: expected true or false, found the text 'maybe'",
        ),
        (
            "[sm_75, sm_80]",
            "[sm_90a]",
            "FILE:11: workloads[0].targets[0]: 'sm_90a' is not a target; write one such as sm_80 (without a or f)",
        ),
        (
            "margin: 10%",
            "margin: 10",
            "FILE:17: policy.latency.margin: 10 is not a ratio; write a percentage such as 3%, or a number below 1 such as 0.03",
        ),
        ("margin: 10%", "marign: 10%", "FILE:17: unknown key 'marign' in policy.latency; did you mean 'margin'?"),
        (
            "absolute: 16MiB",
            "absolute: 16MB",
            "FILE:18: policy.memory.absolute: '16MB' is not an amount; write a number, or bytes with B, KiB, MiB or GiB, such as 16MiB",
        ),
        (
            "latency: {margin: 10%}",
            "numerics: {ratio: 0.5}",
            "FILE:17: policy.numerics.ratio: expected greater than or equal to 1, found the number 0.5",
        ),
        (
            "latency: {margin: 10%}",
            "environment: {undeclared: ask}",
            "FILE:17: policy.environment.undeclared: expected 'hold' or 'warn', found the text 'ask'",
        ),
        (
            "latency: {margin: 10%}",
            "pass_alpha: .nan",
            "FILE:17: policy.pass_alpha: expected less than 0.5, found the number nan",
        ),
        (
            '"numpy==2.2.6"',
            '"numpy=2.2.6"',
            "FILE:9: runtimes.new.requirements[1]: 'numpy=2.2.6' is not a requirement; write name==version",
        ),
        (
            '"numpy==2.2.6"',
            '"Triton==1"',
            "FILE:9: runtimes.new: the requirement triton is there twice; keep one of them",
        ),
        (
            'new: {base: "debian:bookworm", requirements: ["onnxruntime==1.23.2", "numpy==2.2.6", "triton==3.5.1"]',
            'new: {base: "d", in_place: true',
            "FILE:9: runtimes.new: base is what requirements are installed on; write requirements too, or leave it out",
        ),
        (
            'new: {base: "debian:bookworm", ',
            'new: {image: x, base: "d", ',
            "FILE:9: runtimes.new: expected one of image, requirements and in_place, found image and requirements",
        ),
        (
            'new: {base: "debian:bookworm", ',
            'new: {python: "/x", base: "d", ',
            "FILE:9: runtimes.new: python is for in_place: true; leave it out",
        ),
        (
            'new: {base: "debian:bookworm", ',
            'new: {cuda: "1", values: {cuda: "1"}, base: "d", ',
            "FILE:9: runtimes.new: cuda is there twice; write it as cuda or in values",
        ),
        (
            'new: {base: "debian:bookworm", ',
            'new: {env: {"A-B": x}, base: "d", ',
            "FILE:9: runtimes.new.env.A-B: 'A-B' is not a name of an environment variable",
        ),
        (
            'new: {base: "debian:bookworm", ',
            "new: {in_place: false, base: d, ",
            "FILE:9: runtimes.new.in_place: expected True, found false",
        ),
        ("{base:", "{basis:", "FILE:9: unknown key 'basis' in runtimes.new; did you mean 'base'?"),
        (
            "latency: {margin: 10%}",
            "faults: {atempts: 3}",
            "FILE:17: unknown key 'atempts' in policy.faults; did you mean 'attempts'?",
        ),
        (
            "latency: {margin: 10%}",
            "environment: {x: 3}",
            "FILE:17: unknown key 'x' in policy.environment; expected settings, undeclared",
        ),
        ("timeout: 5m", "timeouts: 5m", "FILE:13: unknown key 'timeouts' in workloads[2]; did you mean 'timeout'?"),
        ("workloads:\n", "workload:\n", "FILE:10: unknown key 'workload'; did you mean 'workloads'?"),
    ],
)
def test_refused(write: Write, old: str, new: str, expected: str) -> None:
    assert MATRIX.count(old) >= 1
    head, _, tail = MATRIX.rpartition(old)
    assert refused(write, head + new + tail) == expected


def test_a_file_that_is_no_mapping(write: Write) -> None:
    assert refused(write, "- a\n") == "FILE:1: the file: expected a mapping, found a list"


def test_node_axes_and_realised_axes_resolve(write: Write) -> None:
    points = load_matrix(write(AXES)).points
    assert points.known_good == {"driver": "570.172.08", "cuda": "12.8", "runtime": "old"}
    assert points.candidate == {"driver": "580.95.05", "cuda": "13.0", "runtime": "new"}
