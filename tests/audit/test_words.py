"""What is asked wrongly, and what is torn, is one line."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from compat.model import Waiver, WaiverUse, canonical
from compat.store import Store
from tests.audit.build import the_verdict_s
from tests.test_attest import compat


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("00",), "is no file, and a digest needs a store"),
        (("zz", "store"), "has 0 verdicts whose digest begins with 'zz'"),
        (("", "store"), "word 2: is empty"),
        (("0" * 64, "store"), "has 0 verdicts"),
        (("00", "nowhere"), "is not a store"),
        (("example.yaml",), "is in no store"),
        (("example.yaml", "store"), "is torn or no verdict"),
        (("go.json", "store"), "is torn or not ours: schema_version: Field required"),
        (("digests.json", "store"), "is torn or not ours"),
        (("soon.json", "store"), "is torn or not ours: judged_at: 'soon' is no moment"),
        (("far.json", "store"), "is torn or not ours: judged_at: '9999-12-31T23:59:59+00:00' is no moment"),
        (("waived.json", "store"), "is torn or not ours: waivers.0.waiver.expires: 'never' is no day"),
    ],
)
def test_bad_input_is_one_line_and_exit_2(here: Path, words: tuple[str, ...], said: str) -> None:
    (here / "digests.json").write_text('{"digests": []}')
    waived = WaiverUse(Waiver("*", "*", "why", "ann", "never"), "in force", 1)
    write(here / "soon.json", here, judged_at="soon")
    write(here / "far.json", here, judged_at="9999-12-31T23:59:59+00:00")
    write(here / "waived.json", here, waivers=(waived,))
    done = compat("audit", *words, cwd=here)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1


def write(file: Path, here: Path, **changes: object) -> None:
    """The store's verdict as somebody changed it."""
    (verdict,) = Store(here / "store").verdicts()
    file.write_text(canonical(replace(verdict, **changes)))  # type: ignore[arg-type]


def test_a_ring_that_is_none_of_its_plan_s_does_not_stand(here: Path, store: Store) -> None:
    (verdict,) = store.verdicts()
    write(here / "other.json", here, ring="production")
    for name in ("other.json", store.put_verdict(replace(verdict, ring="production"))):
        done = compat("audit", name, "store", cwd=here)
        assert (done.returncode, done.stderr) == (1, "")
        assert "WRONG ring         'production' is none of its plan's\n" in done.stdout


def test_a_torn_moment_of_a_stored_verdict_is_one_line(here: Path) -> None:
    (file,) = (here / "store/verdicts").rglob("*.json")
    file.write_text(file.read_text().replace('"judged_at":"20', '"judged_at":"soon 20'))
    name = file.stem.rpartition("-")[2]
    for words in (("audit", name, "store"), ("gate", "store", "--stored", "--ring", "canary")):
        done = compat(*words, cwd=here)
        assert done.returncode == 2
        assert "is torn or not ours: judged_at: 'soon 20" in done.stderr
        assert len(done.stderr.splitlines()) == 1


def test_an_audit_writes_nothing(here: Path, store: Store) -> None:
    before = {path: path.read_bytes() for path in (here / "store").rglob("*") if path.is_file()}
    assert compat("audit", the_verdict_s(store), "store", "--trust", "ann.pub", cwd=here).returncode == 0
    assert {path: path.read_bytes() for path in (here / "store").rglob("*") if path.is_file()} == before
