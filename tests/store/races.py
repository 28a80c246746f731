"""Writers and promoters that race, each a process: ``python -m tests.store.races PLACE COUNT``. Prints a JSON object.

They are forked from one that has imported everything, and wait for each other before each of their writes.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections import Counter
from collections.abc import Callable
from multiprocessing import get_context
from typing import Any

from compat.errors import StoreError
from compat.model import digest
from compat.store import Store
from compat.store.verify import verify

from .build import IDENTITY, NODE, PLAN, evidence
from .full import judged, measure, promote

__all__ = ["race"]

_RECORDS = 5  # of each writer
_ROUNDS = 3  # of promotions: in each of them all have seen the same head
_PATIENCE = 120  # seconds for the others


def race(place: str, count: int) -> dict[str, Any]:
    """Race, and count: promotions that were won and lost, records that were written and that are there."""
    verdict = judged([evidence(pair=1)])
    forks = get_context("fork")
    barrier, won = forks.Barrier(count), forks.Array("i", [0] * count)

    def begin(_: int) -> None:
        measure(Store(place, create=True), range(1, 2))
        Store(place).put_verdict(verdict)

    def write_and_append(number: int) -> None:
        own = Store(place)
        for pair in range(_RECORDS):
            blob = own.put_blob(b"shared %d" % pair)
            barrier.wait(_PATIENCE)
            own.put_plan(PLAN)
            own.put_identity(IDENTITY)
            own.put_node(NODE)
            assert own.blob(blob) == b"shared %d" % pair
            own.put_evidence(evidence(runtime=f"writer {number}", pair=100 * (number + 1) + pair, outputs=()))

        for seen in range(_ROUNDS):
            barrier.wait(_PATIENCE)
            try:
                promote(own, verdict, f"promoter {number}", seen)
                won[number] += 1
            except StoreError as problem:
                if "since we looked" not in problem.problem:
                    raise
            barrier.wait(_PATIENCE)

    _all(begin, 1)  # the parent of the racers has no client, and no thread
    _all(write_and_append, count)
    lines: list[str] = []
    found = Store(place)
    verify(found, lines.append)
    records = Counter((record.runtime, record.pair) for record in found.evidence(digest(PLAN)))
    written = [(f"writer {number}", 100 * (number + 1) + pair) for number in range(count) for pair in range(_RECORDS)]
    entries = found.baseline("prod").entries()
    return {
        "lost": sum(records[one] == 0 for one in written),
        "doubled": sum(records[one] > 1 for one in written),
        "written": len(written),
        "promotions": len(entries),
        "won": sum(won),
        "rounds": _ROUNDS,
        "problems": len(lines),
        "first": lines[:1],
    }


def _all(act: Callable[[int], None], count: int) -> None:
    """Do it in so many processes at once. AssertionError where one of them fails."""
    children = []
    for number in range(count):
        child = os.fork()
        if child == 0:
            code = 1
            try:
                act(number)
                code = 0
            except BaseException:
                traceback.print_exc()
                raise
            finally:
                os._exit(code)
        children.append(child)
    codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    assert codes == [0] * count, codes


if __name__ == "__main__":
    print(json.dumps(race(sys.argv[1], int(sys.argv[2]))))  # noqa: T201
