from __future__ import annotations

import math

import pytest

from compat.plan.units import Amount, amount, duration, ratio


@pytest.mark.parametrize(("text", "value"), [("3%", 0.03), ("2.5 %", 0.025), ("150%", 1.5), (0.03, 0.03), (0, 0.0)])
def test_ratio(text: object, value: float) -> None:
    assert ratio(text) == pytest.approx(value)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("3", "'3'"),
        (3, "3"),
        (1, "1"),
        (-0.1, "-0.1"),
        (True, "True"),
        ("-3%", "'-3%'"),
        ("3%%", "'3%%'"),
        ("٣%", "'٣%'"),
        ("3%\n", "'3%\n'"),
        (math.nan, "nan"),
        (math.inf, "inf"),
        ("9" * 400 + "%", f"'{'9' * 400}%'"),
        (None, "None"),
    ],
)
def test_not_a_ratio(text: object, shown: str) -> None:
    with pytest.raises(ValueError, match="is not a ratio") as caught:
        ratio(text)
    expected = f"{shown} is not a ratio; write a percentage such as 3%, or a number below 1 such as 0.03"
    assert str(caught.value) == expected


@pytest.mark.parametrize(
    ("text", "seconds"), [("20m", 1200), ("24h", 86400), ("90s", 90), ("250ms", 0.25), ("1.5 d", 129600)]
)
def test_duration(text: str, seconds: float) -> None:
    assert duration(text) == pytest.approx(seconds)


def test_ten_years_are_the_longest() -> None:
    assert duration("3650d") == 3650 * 86400
    for text in ("3650.01d", "9999999d", "9" * 300 + "s"):
        with pytest.raises(ValueError, match="' is more than ten years; write at most 3650d"):
            duration(text)


@pytest.mark.parametrize("text", ["20", 20, "0s", "m", "20 minutes", "1h30m", "9" * 400 + "s", "1s\n", None, False])
def test_not_a_duration(text: object) -> None:
    with pytest.raises(
        ValueError, match="is not a duration; write a number above 0 with ms, s, m, h or d, such as 20m"
    ):
        duration(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("16MiB", Amount(16 << 20, "B")),
        ("1.5 KiB", Amount(1536, "B")),
        ("2GiB", Amount(2 << 30, "B")),
        ("64B", Amount(64, "B")),
        (8, Amount(8, None)),
        (0.5, Amount(0.5, None)),
    ],
)
def test_amount(text: object, value: Amount) -> None:
    assert amount(text) == value


@pytest.mark.parametrize("text", ["16MB", "16", -1, math.nan, math.inf, True, "9" * 400 + "B", "", None])
def test_not_an_amount(text: object) -> None:
    with pytest.raises(ValueError, match="is not an amount; write a number, or bytes with B, KiB, MiB or GiB"):
        amount(text)
