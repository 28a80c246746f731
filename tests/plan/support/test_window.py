from __future__ import annotations

from compat.plan.support.tables import load_tables
from compat.plan.support.window import window_of, windows

TABLES = load_tables()


def said(axis: str, value: str, day: str) -> str:
    window = window_of(axis, value, TABLES)
    assert window is not None
    return window.in_words(day)


def test_days_to_the_last_one() -> None:
    window = window_of("driver", "580.95.05", TABLES)
    assert window is not None
    assert window.ends == "2028-06-30"  # the earlier of two documents
    assert [window.days_left(day) for day in ("2028-06-29", "2028-06-30", "2028-07-01")] == [1, 0, -1]
    assert [window.is_over(day) for day in ("2028-06-30", "2028-07-01")] == [False, True]
    assert said("driver", "580.95.05", "2028-06-01T10:00:00+00:00") == (
        "driver 580.95.05: supported until 2028-06-30, 29 days left"
    )


def test_over_and_nobody_says_since_when() -> None:
    window = window_of("driver", "550.54.14", TABLES)
    assert window is not None
    assert window.is_over("2000-01-01")
    assert said("driver", "550.54.14", "2026-11-29") == "driver 550.54.14: its support has ended"


def test_what_is_unconfirmed_or_unlisted_has_no_known_end() -> None:
    for value in ("470.256.02", "590.44.01", "999.1", "R580"):
        assert said("driver", value, "2026-11-29") == f"driver {value}: the end of its support is not known"


def test_pythons_and_axes_without_a_table() -> None:
    assert said("python", "3.11.2", "2026-11-29") == "python 3.11.2: supported until 2027-10-31, 336 days left"
    assert window_of("runtime", "3.11", TABLES) is None
    found = windows({"driver": "580.95.05", "python": "3.9", "runtime": "torch-2.11"}, TABLES)
    assert [window.axis for window in found] == ["driver", "python"]
