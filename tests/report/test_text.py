from __future__ import annotations

import math

import pytest

from compat.report.text import MINUS, NOTHING, anchor, clean, clip, difference, percent, quantity


@pytest.mark.parametrize(
    ("value", "unit", "words"),
    [
        (0.00031, "s", "310 µs"),
        (2.5, "s", "2.5 s"),
        (3e-9, "s", "3 ns"),
        (0.0, "s", "0 s"),
        (191.5 * 2**20, "B", "191.5 MiB"),
        (0.0, "B", "0 B"),
        (1.0, "instructions", "1 instruction"),
        (1234.0, "instructions", "1,234 instructions"),
        (0.165, "", "0.165"),
        ("ran", "s", "ran"),
        (None, "s", NOTHING),
        (math.nan, "s", "nan (not finite)"),
        (-math.inf, "B", "-inf (not finite)"),
    ],
)
def test_quantity(value: float | str | None, unit: str, words: str) -> None:
    assert quantity(value, unit) == words


def test_difference_is_signed_and_only_of_numbers() -> None:
    assert difference(32.0, 0.0, "instructions") == f"{MINUS}32 instructions"
    assert difference(1.0, 1.0, "B") == "no change"
    assert difference("ran", 1.0, "") == NOTHING
    assert difference(1.0, math.nan, "") == NOTHING
    assert difference(None, 1.0, "") == NOTHING


def test_percent() -> None:
    assert percent(math.log(1.03)) == "+3.00 %"
    assert percent(math.log(0.5)) == f"{MINUS}50.00 %"
    assert percent(0.0) == "0.00 %"
    assert percent(-1e-9) == "0.00 %"
    assert percent(-math.inf) == f"{MINUS}∞"
    assert percent(1e4) == "+∞"
    assert percent(math.nan) == "nan (not finite)"


def test_what_steers_a_terminal_or_turns_a_line_is_made_visible() -> None:
    assert clean("a\x1b[31mb") == "a\\x1b[31mb"
    assert clean("a\u202eb\u2028c\x00d\ud800e") == "a\\u202eb\\u2028c\\x00d\\ud800e"
    assert clean("one\r\ntwo\n\tthree") == "one\ntwo\n\tthree"
    assert clean("naïve 漢字 🙂") == "naïve 漢字 🙂"
    clean("\ud800").encode()


def test_an_anchor_is_a_plain_name_and_unique() -> None:
    one = anchor("item", "cell/operator:x[a b]")
    assert one == anchor("item", "cell/operator:x[a b]")
    assert one.startswith("item-")
    assert len(one) == 15
    assert one != anchor("item", "cell/operator:x[a-b]")
    assert anchor("item", "\"><script>\ud800'").replace("-", "").isalnum()
    assert anchor("item", "漢字").isascii()


def test_what_is_clipped_is_said() -> None:
    assert clip("abcdef", 6) == "abcdef"
    assert clip("abcdefg", 6) == "abcdef… (1 more characters)"
