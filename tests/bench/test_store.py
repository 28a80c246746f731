"""What a store survives: writers and promoters that race, and kills at random moments."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.s3 import serve
from tests.store.test_kills import KILLS, kill
from tests.store.test_races import run_race

from .conftest import Record

RACERS = 16


@pytest.mark.figures("store.writers_lost")
def test_racing_writers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, record: Record, note: Callable[[str], None]
) -> None:
    with serve() as s3:
        for name, value in s3.environment.items():
            monkeypatch.setenv(name, value)
        found = {"a folder": run_race(str(tmp_path / "store"), RACERS), "S3": run_race(f"{s3.bucket()}/store", RACERS)}
    for place, one in found.items():
        note(
            f"{RACERS} writers and promoters at once on {place}: {one['written'] - one['lost']} of {one['written']}"
            f" records are there, {one['doubled']} of them twice; {one['won']} of {one['rounds']} promotions had one"
            f" winner; {one['problems']} problems"
        )
    record("store.writers_lost", sum(one["lost"] + one["rounds"] - one["promotions"] for one in found.values()))


@pytest.mark.figures("store.kills_survived")
def test_kills(record: Record, note: Callable[[str], None]) -> None:
    seed = str(random.SystemRandom().randrange(10**6))
    found = kill(KILLS, seed)
    survived = {act: found[act] for act in ("write", "merge", "promote")}
    note(f"kills that a store has survived (seed {seed}): " + ", ".join(f"{n} of {act}" for act, n in survived.items()))
    record("store.kills_survived", sum(survived.values()))
