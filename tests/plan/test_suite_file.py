"""Test suites as content: what a file of kind pytest declares."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from compat.errors import ContentError
from compat.model import digest
from compat.plan.content import read_file

if TYPE_CHECKING:
    from .conftest import Write

SUITE = '''\
"""Somebody's tests."""

KIND = "pytest"
COMPONENTS = ("numpy",)
TIERS = ("cpu",)
CASES = {"a": {"path": "mine/test_a.py", "options": ("-x",)}, "b": {"module": "scipy.linalg.tests.test_basic"}}
'''


def test_a_suite_has_a_case_for_each_file_with_digests_of_what_lies_beside_it(write: Write) -> None:
    write("x = 1\n", "mine/test_a.py")
    write("y = 2\n", "mine/data/more.txt")
    workload = read_file(write(SUITE, "w.py"), kernel=False)
    assert (workload.name, workload.timed, workload.oracle) == ("pytest:w", set(), False)
    files = {"data/more.txt": "y = 2\n", "test_a.py": "x = 1\n"}
    assert workload.cases["a"]["files"] == {name: digest(text) for name, text in files.items()}
    assert workload.cases["b"] == {"module": "scipy.linalg.tests.test_basic"}


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            "TIERS",
            "SEEDS = 2\nTIERS",
            "FILE:5: expected: a file of kind pytest declares CASES, COMPONENTS, IMPORTS, KIND, METRICS, TIERS",
        ),
        (
            "mine/test_a.py",
            "mine/test_b.py",
            "FILE:6: expected: CASES['a']['path'] is a file; DIR/mine/test_b.py is none",
        ),
        (
            "mine/test_a.py",
            "test_a.py",
            "FILE:6: expected: CASES['a']['path'] is in a folder of its own, with all that it needs",
        ),
        (
            "mine/test_a.py",
            "../test_a.py",
            "FILE:6: expected: CASES['a']['path'] is a path below the file's own folder",
        ),
        (
            '"module": "scipy',
            '"path": "mine/test_a.py", "module": "scipy',
            "FILE:6: expected: CASES['b'] has either module or path",
        ),
        ("scipy.linalg", "scipy linalg", "FILE:6: expected: CASES['b']['module'] is the name of a module"),
        ('("-x",)', '"-x"', "FILE:6: expected: CASES['a']['options'] is a tuple of texts"),
        (
            '"options"',
            '"option"',
            "FILE:6: CASES['a'] has the unknown key 'option'; expected module, options, path, tiers",
        ),
    ],
)
def test_a_suite_is_refused(write: Write, old: str, new: str, expected: str) -> None:
    write("x = 1\n", "mine/test_a.py")
    write("x = 1\n", "test_a.py")
    assert old in SUITE
    path = write(SUITE.replace(old, new), "w.py")
    with pytest.raises(ContentError) as caught:
        read_file(path, kernel=False)
    assert str(caught.value).replace(str(path), "FILE").replace(str(path.parent), "DIR") == expected
