"""What a report and a terminal are given of a verdict that is stored: its ages are of now, not of the verdict."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from compat.model import digest
from compat.way.conclude import Concluded
from tests.report import build
from tests.way.story import story


def test_a_way_back_of_long_ago_is_old_in_a_report_that_is_written_today(tmp_path: Path) -> None:
    store, new, last = story(tmp_path)  # of November 2025, and its last way back was good
    ring = dataclasses.replace(new.rings[0], rehearsal=7 * 86400.0)
    plan = dataclasses.replace(new, rings=(ring, *new.rings[1:]))
    rehearsals = store.rehearsals(digest(new))
    concluded = Concluded(last, digest(last), plan, [build.NODE], {}, {}, store, rehearsals)
    for shown in (concluded.view, concluded.summary):
        found = next(measure for measure in shown.measures if measure.key == "rollback_seconds")
        assert (found.value, found.tone) == ("42 s", "hold")
        assert "the ring asks for one in the last 7" in found.said
