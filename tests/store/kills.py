"""Kills of writers, mergers and promoters at random moments, in a process of its own: ``python -m tests.store.kills``.

A process that has imported everything forks the one that is struck, so that a kill costs milliseconds. After each
the store is verified, what was to be done is done again, and the store verified once more. Prints a JSON object.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable
from multiprocessing.sharedctypes import RawValue
from pathlib import Path
from typing import Any

from compat.model import Arm, digest
from compat.store import Store, merge
from compat.store.verify import verify

from .build import PLAN
from .full import fill, judged, measure, promote, record, take

__all__ = ["strike"]

_PAIRS = range(1, 9)


def _write(folder: Path) -> None:
    """A controller: it goes on from what is there, as a run does."""
    store = Store(folder / "store", create=True)
    there = {(found.pair, found.arm) for found in store.evidence(digest(PLAN))}
    measure(store, range(0))
    for pair in _PAIRS:
        for arm in Arm:
            if (pair, arm) not in there:
                store.put_evidence(record(store, pair, arm))


def _merge(folder: Path) -> None:
    merge([folder / "shard-1", folder / "shard-2"], folder / "store")


def _promote(folder: Path) -> None:
    store = Store(folder / "store", create=True)
    done = measure(store, range(1, 2)) if not store.plan_digests() else store.evidence(digest(PLAN))
    verdict = judged(done)
    if verdict not in store.verdicts(digest(PLAN), "canary"):
        store.put_verdict(verdict)
    for number in range(6):
        promote(store, verdict, f"promoter {number}")
        take(store)


def _written(store: Store) -> None:
    found = Counter((found.pair, found.arm) for found in store.evidence(digest(PLAN)))
    assert found == Counter((pair, arm) for pair in _PAIRS for arm in Arm)


def _merged(store: Store) -> None:
    _written(store)
    assert (len(store.watches(digest(PLAN))), len(store.rehearsals(digest(PLAN)))) == (1, 1)


def _promoted(store: Store) -> None:
    entries = store.baseline("prod").entries()
    assert [entry.number for entry in entries] == list(range(1, len(entries) + 1))
    assert [entry.by for entry in entries[-6:]] == [f"promoter {number}" for number in range(6)]


ACTS: dict[str, tuple[Callable[[Path], None], Callable[[Store], None]]] = {
    "write": (_write, _written),
    "merge": (_merge, _merged),
    "promote": (_promote, _promoted),
}


def _problems(place: Path) -> list[str]:
    lines: list[str] = []
    if (place / "store.json").exists():  # it was killed before there was a store
        verify(Store(place), lines.append)
    return lines


def _struck(act: Callable[[Path], None], folder: Path, names: int, after: float) -> bool:
    """Do it in a process of its own, and kill that; False where it was done by then.

    The moment is so many seconds after it has given a number of documents their names.
    """
    given, link = RawValue("i", 0), os.link

    def counted(*words: Any) -> None:
        link(*words)
        given.value += 1

    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.link = counted  # type: ignore[assignment]
            act(folder)
            code = 0
        except BaseException:
            traceback.print_exc()
            raise
        finally:
            os._exit(code)
    over = 0
    while given.value < names and not over:
        time.sleep(0.0001)
        over, status = os.waitpid(child, os.WNOHANG)
    if not over:
        time.sleep(after)
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return True
    assert os.WEXITSTATUS(status) == 0, "it failed by itself"
    return False


def strike(folder: Path, kills: int, choice: random.Random) -> dict[str, int]:
    """Kill so many times; by act, after how many of them the store was whole and the act was completed.

    AssertionError where it was not.
    """
    survived = dict.fromkeys(ACTS, 0)
    partial = dict.fromkeys(ACTS, 0)
    documents: dict[str, int] = {}
    for name, (act, _) in ACTS.items():
        place = folder / f"whole-{name}"
        _prepare(place)
        act(place)
        documents[name] = sum(1 for path in place.joinpath("store").rglob("*") if path.is_file())
    number = 0
    while sum(survived.values()) < kills:
        name = min(survived, key=lambda each: survived[each])
        act, check = ACTS[name]
        place = folder / str(number)
        number += 1
        _prepare(place)
        if not _struck(act, place, choice.randrange(documents[name]), choice.uniform(0, 0.003)):
            continue
        left = sum(1 for path in place.joinpath("store").rglob("*") if path.is_file())
        assert _problems(place / "store") == [], f"{name}, killed with {left} files written"
        act(place)
        assert _problems(place / "store") == [], f"{name}, done again"
        check(Store(place / "store"))
        shutil.rmtree(place)
        survived[name] += 1
        partial[name] += left > 1
    return {**survived, **{f"{name} had begun": count for name, count in partial.items()}}


def _prepare(place: Path) -> None:
    place.mkdir()
    for number, pairs in enumerate((_PAIRS[:4], _PAIRS[4:]), 1):
        shard = Store(place / f"shard-{number}", create=True)
        fill(shard, range(pairs[0], pairs[-1] + 1))


if __name__ == "__main__":
    print(json.dumps(strike(Path(sys.argv[1]), int(sys.argv[2]), random.Random(sys.argv[3]))))  # noqa: S311, T201
