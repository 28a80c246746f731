"""Where everything can be run, as in CI, nothing may be skipped: COMPAT_NO_SKIPS=1 makes a failure of it."""

from __future__ import annotations

import os
from collections.abc import Generator
from typing import TypeVar

import pytest

__all__ = ["pytest_make_collect_report", "pytest_runtest_makereport"]

R = TypeVar("R", pytest.CollectReport, pytest.TestReport)


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """A module that skips all of its tests."""
    return _insisted((yield))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A test, or what it needs."""
    return _insisted((yield))


def _insisted(report: R) -> R:
    if report.skipped and not hasattr(report, "wasxfail") and os.environ.get("COMPAT_NO_SKIPS") == "1":
        report.outcome = "failed"
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.longrepr = f"COMPAT_NO_SKIPS is set, and this was skipped. {reason}"
    return report
