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
from functools import partial
from multiprocessing.sharedctypes import RawValue
from pathlib import Path
from typing import Any

from compat.model import Arm, digest
from compat.store import Store, is_store, merge
from compat.store.bucket import BucketObjects
from compat.store.place import Where
from compat.store.verify import verify

from .build import PLAN
from .full import fill, judged, measure, promote, record, take

__all__ = ["strike"]

_PAIRS = range(1, 9)


def _write(_: Path, place: Where) -> None:
    """A controller: it goes on from what is there, as a run does."""
    store = Store(place, create=True)
    there = {(found.pair, found.arm) for found in store.evidence(digest(PLAN))}
    measure(store, range(0))
    for pair in _PAIRS:
        for arm in Arm:
            if (pair, arm) not in there:
                store.put_evidence(record(store, pair, arm))


def _merge(shards: Path, place: Where) -> None:
    merge([shards / "shard-1", shards / "shard-2"], place)


def _promote(_: Path, place: Where) -> None:
    store = Store(place, create=True)
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


ACTS: dict[str, tuple[Callable[[Path, Where], None], Callable[[Store], None]]] = {
    "write": (_write, _written),
    "merge": (_merge, _merged),
    "promote": (_promote, _promoted),
}


def _whole(place: Where) -> None:
    lines: list[str] = []
    if is_store(place):  # else it was killed before there was one
        verify(Store(place), lines.append)
    assert lines == []


class _Child:
    """A process that does something, forked from one that has imported all and has opened nothing."""

    def __init__(self, act: Callable[[], None]) -> None:
        self.given = RawValue("i", 0)  # how many documents it has given their names
        self._over = False
        self._pid = os.fork()
        if self._pid == 0:
            code = 1
            try:
                self._count()
                act()
                code = 0
            except BaseException:
                traceback.print_exc()
                raise
            finally:
                os._exit(code)

    def _count(self) -> None:
        def counted(what: Callable[..., Any]) -> Any:
            def call(*words: Any) -> Any:
                done = what(*words)
                self.given.value += 1
                return done

            return call

        os.link = counted(os.link)
        BucketObjects._create = counted(BucketObjects._create)  # type: ignore[method-assign]

    def kill(self, names: int, after: float) -> bool:
        """Kill it so many seconds after it has given so many names; False where it was done by then."""
        status = 0
        while self.given.value < names and not self._over:
            time.sleep(0.0001)
            over, status = os.waitpid(self._pid, os.WNOHANG)
            self._over = over != 0
        if not self._over:
            time.sleep(after)
            os.kill(self._pid, signal.SIGKILL)
            _, status = os.waitpid(self._pid, 0)
        if os.WIFSIGNALED(status):
            return True
        assert os.WEXITSTATUS(status) == 0, "it failed by itself"
        return False

    def end(self) -> int:
        """Wait for it; how many names it has given."""
        _, status = os.waitpid(self._pid, 0)
        assert status == 0, "it failed"
        return int(self.given.value)


def strike(folder: Path, kills: int, choice: random.Random, bucket: str = "") -> dict[str, int]:
    """Kill so many times; by act, after how many of them the store was whole and the act was completed.

    The stores are in ``folder``, or in a bucket of that address. AssertionError where one was not whole.
    """
    survived = dict.fromkeys(ACTS, 0)
    begun = dict.fromkeys(ACTS, 0)
    for number, pairs in enumerate((_PAIRS[:4], _PAIRS[4:]), 1):
        fill(Store(folder / f"shard-{number}", create=True), range(pairs[0], pairs[-1] + 1))
    for name, (act, check) in ACTS.items():  # so that all is imported that a child would import
        _retry(act, check, folder, folder / f"first-{name}")
    if bucket:
        import aiobotocore.session
        import s3fs  # noqa: F401

        aiobotocore.session.get_session()
    root: Where = bucket or folder
    names = {name: _Child(partial(act, folder, f"{root}/whole-{name}")).end() for name, (act, _) in ACTS.items()}
    number = 0
    while sum(survived.values()) < kills:
        name = min(survived, key=lambda each: survived[each])
        act, check = ACTS[name]
        place = f"{root}/{number}"
        number += 1
        struck = _Child(partial(act, folder, place))
        if not struck.kill(choice.randrange(names[name]), choice.uniform(0, 0.003)):
            continue
        _Child(partial(_retry, act, check, folder, place)).end()
        if not bucket:
            shutil.rmtree(place, ignore_errors=True)
        survived[name] += 1
        begun[name] += struck.given.value > 0
    return {**survived, **{f"{name} had begun": count for name, count in begun.items()}}


def _retry(act: Callable[[Path, Where], None], check: Callable[[Store], None], shards: Path, place: Where) -> None:
    """What was killed has left a store that is whole; done again, it is complete."""
    _whole(place)
    act(shards, place)
    _whole(place)
    check(Store(place))


if __name__ == "__main__":
    found = strike(Path(sys.argv[1]), int(sys.argv[2]), random.Random(sys.argv[3]), *sys.argv[4:])  # noqa: S311
    print(json.dumps(found))  # noqa: T201
