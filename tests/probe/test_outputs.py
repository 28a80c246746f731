from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from compat.probe.outputs import Encoded, differing, encode

NAN = np.array([0x7FC00000, 0x7FC00001, 0x3F800000], np.uint32).view(np.float32)  # two NaNs and a one


def encoded(**values: Any) -> dict[str, Encoded]:
    return {name: encode(value) for name, value in values.items()}


@pytest.mark.parametrize(
    ("first", "second", "count"),
    [
        ({}, {}, 0),
        ({"y": np.arange(6.0)}, {"y": np.arange(6.0)}, 0),
        ({"y": np.arange(6.0).reshape(2, 3)}, {"y": np.arange(6.0).reshape(2, 3)[::-1]}, 6),
        ({"y": np.array([1.0, 2.0, 3.0])}, {"y": np.array([1.0, np.nextafter(2.0, 3.0), 3.0])}, 1),
        ({"y": np.array([0.0, 1.0])}, {"y": np.array([-0.0, 1.0])}, 1),
        ({"y": NAN}, {"y": NAN.copy()}, 0),
        ({"y": NAN}, {"y": NAN[[1, 1, 2]]}, 1),
        ({"y": np.array([1j, 2j])}, {"y": np.array([1j, 3j])}, 1),
        ({"y": np.array([1, 2, 3], "i1")}, {"y": np.array([1, 2, 4], "i1")}, 1),
        ({"y": np.array(2.5)}, {"y": np.array(3.5)}, 1),
        ({"y": 3}, {"y": 4}, 1),
        ({"y": "a text"}, {"y": "another"}, 1),
        ({"y": "a text"}, {"y": "a text"}, 0),
        ({"y": np.zeros((2, 3))}, {"y": np.zeros((3, 2))}, 6),
        ({"y": np.zeros((2, 3))}, {"y": np.zeros(4)}, 6),
        ({"y": np.zeros(4)}, {"y": np.zeros(4, "f4")}, 4),
        ({"y": np.zeros(4)}, {"z": np.zeros(3)}, 7),
        ({"y": np.zeros(4)}, {}, 4),
        ({"y": np.zeros((0, 4))}, {}, 1),
        ({"y": np.zeros((0, 4))}, {"y": np.zeros((0, 4))}, 0),
        ({"y": np.zeros(4), "z": 1}, {"z": 2, "y": np.ones(4)}, 5),
    ],
)
def test_elements_that_are_not_the_same_bits_are_counted(
    first: dict[str, Any], second: dict[str, Any], count: int
) -> None:
    assert differing(encoded(**first), encoded(**second)) == count
    assert differing(encoded(**second), encoded(**first)) == count


@pytest.mark.parametrize("value", [None, [1, 2], np.array(["a"]), np.array([None]), b"bytes"])
def test_what_cannot_be_compared_is_refused(value: object) -> None:
    with pytest.raises(TypeError, match="cannot be compared"):
        encode(value)
