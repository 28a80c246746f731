"""What CI insists on: a skip is a failure there, and only there."""

from __future__ import annotations

import pytest

SKIPPING = """
    import pytest

    @pytest.fixture
    def engine():
        pytest.skip("no engine")

    def test_it(engine): pass
    def test_itself(): pytest.skip("not today")
    @pytest.mark.skip(reason="never")
    def test_marked(): pass
    @pytest.mark.parametrize("version", [])
    def test_each(version): pass
    @pytest.mark.xfail(reason="known", strict=True)
    def test_known(): assert False
    def test_good(): pass
"""
MODULE = "import pytest\npytest.skip('nothing here', allow_module_level=True)\n"


@pytest.fixture
def site(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    pytester.makepyfile(SKIPPING)
    monkeypatch.delenv("COMPAT_NO_SKIPS", raising=False)
    return pytester


def test_a_skip_is_a_failure_where_nothing_may_be_skipped(
    site: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COMPAT_NO_SKIPS", "1")
    done = site.runpytest("-p", "tests.skips")
    done.assert_outcomes(errors=3, failed=1, xfailed=1, passed=1)  # three are skipped before they are called
    said = "COMPAT_NO_SKIPS is set, and this was skipped. Skipped: "
    done.stdout.fnmatch_lines_random([f"{said}no engine", f"{said}not today", f"{said}never", f"{said}got empty *"])


def test_a_module_that_skips_itself_is_one_too(site: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COMPAT_NO_SKIPS", "1")
    done = site.runpytest("-p", "tests.skips", site.makepyfile(module=MODULE))
    done.assert_outcomes(errors=1)
    done.stdout.fnmatch_lines(["COMPAT_NO_SKIPS is set, and this was skipped. Skipped: nothing here"])


def test_elsewhere_a_skip_is_a_skip(site: pytest.Pytester) -> None:
    site.runpytest("-p", "tests.skips").assert_outcomes(skipped=4, xfailed=1, passed=1)
