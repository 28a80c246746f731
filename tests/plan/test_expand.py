"""The examples of GitHub's documentation on strategy.matrix, and the corners it describes in words."""

from __future__ import annotations

import itertools

from compat.plan.expand import excluded_by, expand, product


def test_product_is_every_combination() -> None:
    points = list(product({"version": ["10", "12", "14"], "os": ["ubuntu-latest", "windows-latest"]}))
    assert len(points) == 6
    assert points[0] == {"version": "10", "os": "ubuntu-latest"}
    assert points[1] == {"version": "10", "os": "windows-latest"}
    assert points[-1] == {"version": "14", "os": "windows-latest"}


def test_without_axes_there_is_no_point() -> None:
    assert list(product({})) == []


def test_include_example_of_the_documentation() -> None:
    points = expand(
        {"fruit": ["apple", "pear"], "animal": ["cat", "dog"]},
        include=[
            {"color": "green"},
            {"color": "pink", "animal": "cat"},
            {"fruit": "apple", "shape": "circle"},
            {"fruit": "banana"},
            {"fruit": "banana", "animal": "cat"},
        ],
    )
    assert list(points) == [
        {"fruit": "apple", "animal": "cat", "color": "pink", "shape": "circle"},
        {"fruit": "apple", "animal": "dog", "color": "green", "shape": "circle"},
        {"fruit": "pear", "animal": "cat", "color": "pink"},
        {"fruit": "pear", "animal": "dog", "color": "green"},
        {"fruit": "banana"},
        {"fruit": "banana", "animal": "cat"},
    ]


def test_include_expands_and_adds() -> None:
    axes = {"os": ["windows-latest", "ubuntu-latest"], "node": ["14", "16"]}
    expanded = list(expand(axes, include=[{"os": "windows-latest", "node": "16", "npm": "6"}]))
    assert len(expanded) == 4
    assert [point for point in expanded if "npm" in point] == [{"os": "windows-latest", "node": "16", "npm": "6"}]
    added = list(expand(axes, include=[{"os": "windows-latest", "node": "17"}]))
    assert len(added) == 5
    assert added[-1] == {"os": "windows-latest", "node": "17"}


def test_include_alone_makes_the_points() -> None:
    entries = [{"site": "production", "datacenter": "a"}, {"site": "staging", "datacenter": "b"}]
    assert list(expand({}, include=entries)) == entries


def test_exclude_example_of_the_documentation() -> None:
    axes = {
        "os": ["macos-latest", "windows-latest"],
        "version": ["12", "14", "16"],
        "environment": ["staging", "production"],
    }
    exclude = [
        {"os": "macos-latest", "version": "12", "environment": "production"},
        {"os": "windows-latest", "version": "16"},
    ]
    points = list(expand(axes, exclude))
    assert len(points) == 9
    assert {"os": "macos-latest", "version": "12", "environment": "staging"} in points
    assert not [point for point in points if point["os"] == "windows-latest" and point["version"] == "16"]


def test_include_comes_after_exclude_and_brings_a_point_back() -> None:
    points = list(expand({"a": ["1", "2"]}, [{"a": "2"}], [{"a": "2"}]))
    assert points == [{"a": "1"}, {"a": "2"}]


def test_excluded_by_names_the_first_entry() -> None:
    exclude = [{"a": "2"}, {"b": "1"}]
    assert excluded_by({"a": "1", "b": "1"}, exclude) == 1
    assert excluded_by({"a": "2", "b": "1"}, exclude) == 0
    assert excluded_by({"a": "1", "b": "2"}, exclude) is None
    assert excluded_by({"a": "1"}, exclude) is None


def test_expand_is_lazy() -> None:
    axes = {f"axis{index}": ["0", "1"] for index in range(40)}
    assert len(list(itertools.islice(expand(axes), 3))) == 3


def test_expand_leaves_its_arguments_alone() -> None:
    include = [{"b": "1"}, {"a": "9"}]
    for point in expand({"a": ["1"]}, include=include):
        point["c"] = "changed"
    assert include == [{"b": "1"}, {"a": "9"}]
