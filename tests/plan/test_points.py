# ruff: noqa: E501 - an error is one line, and here it stands whole
from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from compat.plan import load_matrix

from .conftest import AXES, MATRIX
from .test_load import refused

if TYPE_CHECKING:
    from .conftest import Write

OLD = {"driver": "570.172.08", "cuda": "12.8", "runtime": "old"}
NEW = {"driver": "580.95.05", "cuda": "13.0", "runtime": "new"}


def test_points_that_no_runtime_realises_drop_out(write: Write) -> None:
    points = load_matrix(write(AXES)).points
    assert [stack for stack, _ in points.points] == [
        OLD,
        {"driver": "570.172.08", "cuda": "13.0", "runtime": "new"},
        {"driver": "580.95.05", "cuda": "12.8", "runtime": "old"},
        NEW,
    ]
    assert [(rejection.what, rejection.reason, rejection.blocking) for rejection in points.rejections] == [
        ("runtime=new, cuda=12.8", "2 points drop out: the runtime new has cuda 13.0", False),
        ("runtime=old, cuda=13.0", "2 points drop out: the runtime old has cuda 12.8", False),
    ]


def test_excluded_points_are_listed(write: Write) -> None:
    path = write(AXES.replace("runtimes:\n", 'exclude:\n  - {driver: "570.172.08", runtime: new}\nruntimes:\n'))
    points = load_matrix(path).points
    assert {"driver": "570.172.08", "cuda": "13.0", "runtime": "new"} not in [stack for stack, _ in points.points]
    first = points.rejections[0]
    assert first.what == "exclude[0]: driver=570.172.08, runtime=new"
    assert first.reason == f"2 points are excluded by {path}:9"


def test_an_exclude_that_removes_nothing_is_not_listed(write: Write) -> None:
    points = load_matrix(write(AXES.replace("runtimes:\n", 'exclude: [{driver: "1"}]\nruntimes:\n'))).points
    assert len(points.rejections) == 2


def test_include_adds_a_point_and_fills_what_follows(write: Write) -> None:
    text = AXES.replace("runtimes:\n", 'include: [{driver: "590.44.01", runtime: new}]\nruntimes:\n')
    points = load_matrix(write(text)).points
    assert ({"driver": "590.44.01", "cuda": "13.0", "runtime": "new"}, None) in points.points


def test_include_may_bring_a_runtime_and_be_the_candidate(write: Write) -> None:
    text = AXES.replace(
        "runtimes:\n",
        'include: [{driver: "590.44.01", runtime: third}]\nruntimes:\n  third: {image: "x", cuda: "13.1"}\n',
    )
    text = text.replace(
        'candidate: {driver: "580.95.05", runtime: new}', 'candidate: {driver: "590.44.01", runtime: third}'
    )
    points = load_matrix(write(text)).points
    assert points.candidate == {"driver": "590.44.01", "cuda": "13.1", "runtime": "third"}


def test_a_single_value_fills_itself_in(write: Write) -> None:
    text = AXES.replace('driver: ["570.172.08", "580.95.05"]', 'driver: ["580.95.05"]')
    text = text.replace('driver: "570.172.08", ', "").replace('driver: "580.95.05", ', "")
    assert load_matrix(write(text)).points.known_good["driver"] == "580.95.05"


def test_models_multiply_points(write: Write) -> None:
    points = load_matrix(write(MATRIX.replace("[tiny]", "[tiny, small]"))).points
    assert [(stack["runtime"], model) for stack, model in points.points] == [
        ("old", "tiny"),
        ("old", "small"),
        ("new", "tiny"),
        ("new", "small"),
    ]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            'known_good: {driver: "570.172.08", ',
            "known_good: {",
            "FILE:6: known_good does not say its driver, and axes.driver has 2 values; add driver: one of 570.172.08, 580.95.05",
        ),
        (
            'candidate: {driver: "580.95.05", runtime: new}',
            'candidate: {driver: "580.95.05"}',
            "FILE:7: candidate does not say its runtime, and axes.runtime has 2 values; add runtime: one of old, new",
        ),
        (
            'candidate: {driver: "580.95.05"',
            'candidate: {driver: "580.95.06"',
            "FILE:7: candidate has driver '580.95.06', which axes.driver lacks; did you mean '580.95.05'?",
        ),
        (
            "candidate: {",
            'candidate: {cuda: "12.8", ',
            "FILE:7: candidate has cuda '12.8', but its runtime 'new' has '13.0'; leave cuda out: it follows from the runtime",
        ),
        (
            'candidate: {driver: "580.95.05", runtime: new}',
            'candidate: {driver: "570.172.08", runtime: old}',
            "FILE:7: known_good and candidate are the same stack (cuda=12.8, driver=570.172.08, runtime=old); change the candidate: there is nothing to compare",
        ),
        (
            "runtimes:\n",
            "exclude: [{runtime: new}]\nruntimes:\n",
            "FILE:7: candidate is not a point of the matrix: exclude[0] removes it; change one of them",
        ),
        (
            "runtimes:\n",
            'exclude: [{driver: "1"}, {driver: "570.172.08"}]\nruntimes:\n',
            "FILE:6: known_good is not a point of the matrix: exclude[1] removes it; change one of them",
        ),
        ("runtimes:\n", "include: [{runtime: new}]\nruntimes:\n", None),
    ],
)
def test_refused(write: Write, old: str, new: str, expected: str | None) -> None:
    assert old in AXES
    text = AXES.replace(old, new, 1)
    if expected is None:
        # An entry that fits points of the product adds nothing to them, and is no point of its own.
        assert len(load_matrix(write(text)).points.points) == 4
    else:
        assert refused(write, text) == expected


def test_an_include_that_leaves_an_axis_open(write: Write) -> None:
    text = AXES.replace("runtimes:\n", 'include:\n  - {cuda: "13.1"}\nruntimes:\n')
    expected = (
        "FILE:9: include[0] does not say its runtime, and axes.runtime has 2 values; add runtime: one of old, new"
    )
    assert refused(write, text) == expected


def test_a_candidate_excluded_model_by_model(write: Write) -> None:
    text = MATRIX.replace("runtimes:\n", "exclude: [{runtime: new, model: tiny}]\nruntimes:\n")
    expected = "FILE:6: candidate is not a point of the matrix: exclude removes it for every model; change one of them"
    assert refused(write, text) == expected
