# ruff: noqa: E501 - an error is one line, and here it stands whole
from __future__ import annotations

import pytest

from .conftest import AXES, Write
from .test_load import refused


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("  runtime: [old, new]\n", "", "FILE:2: axes lacks the axis 'runtime'; add runtime: [NAME, NAME]"),
        (
            "runtime: [old, new]",
            "runtime: [old, new, newer]",
            "FILE:5: the runtime 'newer' is not defined under runtimes; did you mean 'new'?",
        ),
        (
            "runtime: [old, new]",
            "runtime: [old]",
            "FILE:10: the runtime 'new' is defined and not in axes.runtime (old); add it to the axis, or remove it",
        ),
        (
            "known_good: {driver",
            "known_good: {drivr",
            "FILE:6: known_good names 'drivr', which is not an axis; did you mean 'driver'?",
        ),
        (
            "known_good: {",
            "known_good: {model: x, ",
            "FILE:6: known_good names 'model', which is not an axis; expected cuda, driver, runtime",
        ),
        (
            "runtimes:\n",
            "exclude: [{x: y}]\nruntimes:\n",
            "FILE:8: exclude names 'x', which is not an axis; expected cuda, driver, runtime",
        ),
        (
            "runtimes:\n",
            "include:\n  - {runtime: old}\n  - {runtime: odl}\nruntimes:\n",
            "FILE:10: the runtime 'odl' is not defined under runtimes; did you mean 'old'?",
        ),
        (', cuda: "12.8"', "", "FILE:9: the runtime 'old' does not say its cuda; add values: {cuda: \"...\"}"),
        (
            ', cuda: "12.8"',
            ', cuda: "12.9"',
            "FILE:9: the runtime 'old' has cuda 12.9, which axes.cuda does not list; did you mean '12.8'?",
        ),
        (
            'values: {cuda: "13.0"}',
            'values: {cuda: "13.0", driver: "1"}',
            "FILE:10: the runtime 'new' cannot bring a driver; leave it out",
        ),
        (
            'values: {cuda: "13.0"}',
            'values: {cuda: "13.0", cudnn: "9"}',
            "FILE:10: the runtime 'new' has a value for 'cudnn', which is not an axis; did you mean 'cuda'?",
        ),
        (
            "tiers: [cpu]}",
            "tiers: [cpu]}\n  - {name: canary, tiers: [cpu]}",
            "FILE:15: the ring 'canary' is there twice; rename one",
        ),
        (
            "tiers: [cpu]}",
            "tiers: [cpu], after: early}\n  - {name: early, tiers: [cpu]}",
            "FILE:14: the ring 'canary' comes after 'early', which is not a ring above it; list the rings in their order",
        ),
    ],
)
def test_refused(write: Write, old: str, new: str, expected: str) -> None:
    assert old in AXES
    assert refused(write, AXES.replace(old, new, 1)) == expected


def test_a_model_on_an_arm(write: Write) -> None:
    text = AXES.replace("  runtime: [old, new]\n", "  runtime: [old, new]\n  model: [a]\n")
    text = text.replace("candidate: {", "candidate: {model: a, ")
    assert refused(write, text) == "FILE:8: candidate names a model, but both arms run every model; leave model out"
