"""Reads the data of SVG paths, as a browser does: for tests of what is drawn."""

from __future__ import annotations

import re

__all__ = ["points", "segments"]

_COMMAND = re.compile(r"([MmLlHhVv])([^A-Za-z]*)")
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")


def points(data: str) -> list[tuple[float, float]]:
    """Where each subpath begins."""
    return [begin for begin, _ in segments(data)]


def segments(data: str) -> list[tuple[tuple[float, float], list[tuple[float, float]]]]:
    """Each subpath: where it begins, and the ends of its segments."""
    assert "".join(letter + rest for letter, rest in _COMMAND.findall(data)) == data, data
    found: list[tuple[tuple[float, float], list[tuple[float, float]]]] = []
    x = y = 0.0
    for letter, rest in _COMMAND.findall(data):
        numbers = [float(each) for each in _NUMBER.findall(rest)]
        base_x, base_y = (x, y) if letter.islower() else (0.0, 0.0)
        if letter in "Hh":
            (x,) = (base_x + numbers[0],)
        elif letter in "Vv":
            (y,) = (base_y + numbers[0],)
        else:
            assert len(numbers) == 2, data
            x, y = base_x + numbers[0], base_y + numbers[1]
        if letter in "Mm":
            found.append(((x, y), []))
        else:
            found[-1][1].append((x, y))
    return found
