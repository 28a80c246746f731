from __future__ import annotations

import datetime
from dataclasses import replace

import pytest

from compat.judge import rested
from compat.judge.rested import Ran
from compat.model import Arm, Evidence, Tier, digest
from tests.store.build import EVIDENCE, ITEM, NODE, PLAN, VERDICT

RING = replace(PLAN.rings[0], labels={"rack": "7"}, tiers=(Tier.CPU,))
OURS = replace(PLAN, rings=(RING,))
NODES = {name: replace(NODE, id=name) for name in ("n1", "n2", "n3")} | {"far": replace(NODE, id="far", labels={})}
BEGAN = datetime.datetime(2026, 11, 23, 12, 0, tzinfo=datetime.UTC)


def run(node: str, pair: int, at: float = 0.0, **changes: object) -> Evidence:
    """A run of a node that ended ``at`` minutes after noon."""
    started = (BEGAN + datetime.timedelta(minutes=at, seconds=-EVIDENCE.seconds)).isoformat()
    return replace(EVIDENCE, node=node, pair=pair, started=started, arm=Arm.CANDIDATE, **changes)  # type: ignore[arg-type]


def verdict(evidence: list[Evidence], judged: float = 60.0, *, counted: bool = True) -> object:
    """A verdict that rests on these, reached so many minutes after noon."""
    counts = {node: sum(e.node == node for e in evidence) for node in {e.node for e in evidence}}
    return replace(
        VERDICT,
        evidence=digest(sorted(map(digest, evidence))),
        judged_at=(BEGAN + datetime.timedelta(minutes=judged)).isoformat(),
        records=counts if counted else {},
    )


def rows(evidence: list[Evidence]) -> list[Ran]:
    return [Ran.of(record, digest(record), number) for number, record in enumerate(evidence)]


def rested_on(said: object, plan: object, evidence: list[Evidence], nodes: dict) -> dict[str, Evidence] | None:
    """The records themselves."""
    found = rested.rested_on(said, plan, rows(evidence), nodes)
    return None if found is None else {own: evidence[ran.number] for own, ran in found.items()}


def ended_by(record: Evidence, judged_at: str) -> bool:
    return rested.ended_by(Ran.of(record, "", 0), judged_at)


@pytest.mark.parametrize("counted", [True, False])
@pytest.mark.parametrize("count", range(7))
def test_the_first_so_many_of_one_node(count: int, counted: bool) -> None:
    there = [run("n1", pair, at=pair) for pair in range(6)]
    found = rested_on(verdict(there[:count], judged=100, counted=counted), OURS, there, NODES)
    assert found == {digest(e): e for e in there[:count]}


@pytest.mark.parametrize("counted", [True, False])
def test_nodes_whose_clocks_are_apart(counted: bool) -> None:
    """One node's clock is a day ahead: by moments, its runs came after all others, and after the verdict."""
    one = [run("n1", pair, at=pair) for pair in range(5)]
    ahead = [run("n2", pair, at=1440 + pair) for pair in range(5)]
    then = [*one[:3], *ahead[:2]]
    found = rested_on(verdict(then, counted=counted), OURS, [*one, *ahead], NODES)
    assert found == {digest(e): e for e in then}


def test_by_moments_where_nobody_counted() -> None:
    """Far too many combinations of three nodes to try: but their clocks are right, and so the moment is enough."""
    there = [run(node, pair, at=pair) for node in ("n1", "n2", "n3") for pair in range(150)]
    then = [e for e in there if e.pair <= 60]
    found = rested_on(verdict(then, judged=60, counted=False), OURS, there, NODES)
    assert found == {digest(e): e for e in then}


def test_what_nobody_counted_and_cannot_be_tried_out_is_not_found() -> None:
    there = [run(node, pair, at=1440) for node in ("n1", "n2", "n3") for pair in range(150)]
    odd = [e for e in there if e.pair % 2]
    assert rested_on(verdict(odd, counted=False), OURS, there, NODES) is None


def test_records_of_other_nodes_items_and_rings_are_left_aside() -> None:
    own = [run("n1", 1), run("n1", 2)]
    others = [run("far", 1), run("n1", 3, item="another"), run("n2", 1, item="another")]
    found = rested.ring_records(OURS, "canary", rows([*others, *own]), NODES)
    assert list(found) == [digest(e) for e in own]
    assert rested_on(verdict(own), OURS, [others[0], own[0], *others[1:], own[1]], NODES) is not None


def test_a_copy_counts_once() -> None:
    own = [run("n1", 1), run("n1", 2)]
    found = rested_on(verdict(own), OURS, [own[0], own[0], own[1], run("n1", 3)], NODES)
    assert found == {digest(e): e for e in own}


@pytest.mark.parametrize("counted", [True, False])
def test_a_record_that_is_gone_or_changed_is_not_found(counted: bool) -> None:
    own = [run("n1", 1), run("n1", 2), run("n1", 3)]
    said = verdict(own, counted=counted)
    for there in (own[1:], own[:-1], [own[0], replace(own[1], seconds=9.0), own[2]], []):
        assert rested_on(said, OURS, [*there, run("n1", 4)], NODES) is None


def test_when_a_run_ended() -> None:
    noon = BEGAN.isoformat()
    assert ended_by(run("n1", 1, at=0), noon)
    assert ended_by(run("n1", 1, at=1 / 60), noon)  # a verdict's moment is a whole second
    assert not ended_by(run("n1", 1, at=1), noon)
    assert ended_by(run("n1", 1, at=-1), noon.replace("+00:00", ""))
    for unknown in ("yesterday", "2026-11-23T12:00:00"):
        assert ended_by(replace(EVIDENCE, started=unknown), noon)  # it does not say: it may have been there
    assert not ended_by(replace(EVIDENCE, started="9999-12-31T23:59:59.999+00:00", seconds=1e12), noon)
    assert ITEM.key == EVIDENCE.item
