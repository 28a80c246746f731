"""The examples of GitHub's documentation on strategy.matrix, and the corners it describes in words.

Source: docs.github.com, "Running variations of jobs in a workflow". Its examples are in github/docs, in these files of
data/reusables/actions/jobs: multi-dimension-matrix, matrix-include, matrix-expand-with-include, matrix-exclude,
matrix-add-with-include, section-using-a-build-matrix-for-your-jobs-failfast.
Last checked 2026-11. Versions are text here.
"""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

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


def test_example_of_two_variables() -> None:
    points = product({"os": ["ubuntu-22.04", "ubuntu-20.04"], "version": ["10", "12", "14"]})
    assert list(points) == [
        {"os": "ubuntu-22.04", "version": "10"},
        {"os": "ubuntu-22.04", "version": "12"},
        {"os": "ubuntu-22.04", "version": "14"},
        {"os": "ubuntu-20.04", "version": "10"},
        {"os": "ubuntu-20.04", "version": "12"},
        {"os": "ubuntu-20.04", "version": "14"},
    ]


def test_example_of_a_point_that_is_expanded_by_npm() -> None:
    axes = {"os": ["windows-latest", "ubuntu-latest"], "node": ["12", "14", "16"]}
    assert list(expand(axes, include=[{"os": "windows-latest", "node": "16", "npm": "6"}])) == [
        {"os": "windows-latest", "node": "12"},
        {"os": "windows-latest", "node": "14"},
        {"os": "windows-latest", "node": "16", "npm": "6"},
        {"os": "ubuntu-latest", "node": "12"},
        {"os": "ubuntu-latest", "node": "14"},
        {"os": "ubuntu-latest", "node": "16"},
    ]


def test_example_of_a_point_that_is_added() -> None:
    axes = {"os": ["macos-latest", "windows-latest", "ubuntu-latest"], "version": ["12", "14", "16"]}
    points = list(expand(axes, include=[{"os": "windows-latest", "version": "17"}]))
    assert len(points) == 10
    assert points[:9] == list(product(axes))
    assert points[9] == {"os": "windows-latest", "version": "17"}


def test_example_of_an_experimental_version() -> None:
    axes = {"version": ["6", "7", "8"], "experimental": ["false"]}
    assert list(expand(axes, include=[{"version": "9", "experimental": "true"}])) == [
        {"version": "6", "experimental": "false"},
        {"version": "7", "experimental": "false"},
        {"version": "8", "experimental": "false"},
        {"version": "9", "experimental": "true"},
    ]


def test_example_of_two_versions_on_another_system() -> None:
    axes = {"os": ["ubuntu-latest"], "perl": ["5.16", "5.20", "5.26", "5.30", "latest"]}
    include = [{"os": "macos-latest", "perl": "5.26"}, {"os": "macos-latest", "perl": "latest"}]
    assert list(expand(axes, include=include)) == [*product(axes), *include]


def test_include_alone_makes_the_points() -> None:
    entries = [{"site": "production", "datacenter": "site-a"}, {"site": "staging", "datacenter": "site-b"}]
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
    assert list(expand(axes, exclude)) == [
        {"os": "macos-latest", "version": "12", "environment": "staging"},
        {"os": "macos-latest", "version": "14", "environment": "staging"},
        {"os": "macos-latest", "version": "14", "environment": "production"},
        {"os": "macos-latest", "version": "16", "environment": "staging"},
        {"os": "macos-latest", "version": "16", "environment": "production"},
        {"os": "windows-latest", "version": "12", "environment": "staging"},
        {"os": "windows-latest", "version": "12", "environment": "production"},
        {"os": "windows-latest", "version": "14", "environment": "staging"},
        {"os": "windows-latest", "version": "14", "environment": "production"},
    ]


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


def test_an_entry_of_exclude_that_names_no_axis_removes_nothing() -> None:
    assert len(list(expand({"a": ["1", "2"]}, [{"a": "1", "z": "1"}]))) == 2


@given(st.data())
def test_it_is_the_rule_of_the_documentation_word_for_word(data: st.DataObject) -> None:
    axes = {axis: ["1", "2", "3"][: data.draw(st.integers(1, 3))] for axis in "abcd"[: data.draw(st.integers(0, 4))]}
    entry = st.dictionaries(st.sampled_from("abcdxy"), st.sampled_from("123"), min_size=1, max_size=3)
    exclude, include = data.draw(st.lists(entry, max_size=4)), data.draw(st.lists(entry, max_size=4))
    expected: list[dict[str, str]] = []
    left = [point for point in product(axes) if excluded_by(point, exclude) is None]
    added = [dict(point) for point in left]
    for one in include:
        fitting = [
            n for n, point in enumerate(left) if all(point.get(axis, value) == value for axis, value in one.items())
        ]
        for n in fitting:
            added[n].update(one)
        if not fitting:
            expected.append(one)
    assert list(expand(axes, exclude, include)) == [*added, *expected]
