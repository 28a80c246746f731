from __future__ import annotations

from dataclasses import replace

from compat.model import (
    SCHEMA_VERSION,
    Arm,
    Artifact,
    Cell,
    Decision,
    Evidence,
    Identity,
    Node,
    Phase,
    Plan,
    Promotion,
    Rehearsal,
    Ring,
    Runtime,
    Tier,
    digest,
)
from compat.plan.way_back import newest_rehearsal, way_back
from tests.judge.build import POOL, item, plan, world

IMAGE = "registry.example/torch@sha256:" + "a" * 64
OLD = {"driver": "570.1", "firmware": "1", "runtime": "old", "site": "a"}
NEW = {"driver": "580.1", "firmware": "2", "runtime": "new", "site": "b"}
RINGS = tuple(Ring(name, (Tier.CPU,), labels={"ring": name}) for name in ("canary", "early"))
RUNTIMES = {
    "old": Runtime("old", image=IMAGE, env={"TOKEN": "env:SECRET"}),
    "new": Runtime("new", requirements=("numpy==2.2.6",)),
}
CASE = replace(POOL.case, artifact=Artifact("magika==1.0", "m/model.onnx", "c" * 64))
CELL = Cell("cell", NEW, OLD, None)
MADE = plan(item(CASE, CELL), known_good=OLD, candidate=NEW, rings=RINGS, runtimes=RUNTIMES, items=(item(CASE, CELL),))
NODES = {
    name: Node(name, f"host-{name}", None, 2, None, "6.1", labels={"ring": ring})
    for name, ring in (("n1", "canary"), ("n2", "early"), ("n3", "early"), ("n4", "canary"))
}


def identity(driver: str, image: str = "") -> Identity:
    digests = ("sha256:" + "b" * 64,) if image else ()
    return Identity(
        "3.11", "CPython", "x86_64", {}, driver={"kernel_module": driver}, image=image, image_digests=digests
    )


KNOWN = {digest(one): one for one in (identity("570.1", "sha256:id"), identity("580.1"))}
TEMPLATE = world(plan(POOL)).evidence[0]


def ran(node: str, arm: Arm, at: str = "2027-01-01T00:00:00+00:00", phase: Phase | None = None) -> Evidence:
    good = arm is Arm.KNOWN_GOOD
    own = identity("570.1", "sha256:id") if good else identity("580.1")
    runtime = "old" if good else "new"
    return replace(TEMPLATE, node=node, arm=arm, runtime=runtime, identity=digest(own), started=at, phase=phase)


def both(node: str, at: str = "2027-01-01T00:00:00+00:00") -> list[Evidence]:
    return [ran(node, arm, at) for arm in Arm]


def rehearsal(**fields: object) -> Rehearsal:
    made = Rehearsal(
        SCHEMA_VERSION, "0" * 64, "canary", "n1", "2027-01-02T00:00:00+00:00", "me", False, True, {"command": 2.0}
    )
    return replace(made, **fields)


def test_libraries_go_back_before_the_driver_and_firmware_last() -> None:
    found = way_back(MADE, None, both("n1"), NODES, KNOWN, ())
    assert [axis.axis for axis in found.axes] == ["runtime", "site", "driver", "firmware"]
    assert [axis.undoable for axis in found.axes] == [True, True, True, None]
    assert [step.partition(":")[0] for step in found.steps[1:5]] == ["runtime", "site", "driver", "firmware"]
    assert found.steps[1] == f"runtime: from new back to old (image {IMAGE})"
    assert found.steps[4].endswith("; nobody says whether it can be undone")


def test_images_have_the_digests_that_they_were_seen_under_and_secrets_stay_names() -> None:
    found = way_back(MADE, None, both("n1"), NODES, KNOWN, ()).runtime
    assert found is not None
    assert found.digests == ("sha256:" + "a" * 64, "sha256:" + "b" * 64)
    assert found.ids == ("sha256:id",)
    assert found.variables == ("TOKEN",)


def test_nodes_go_back_the_way_the_upgrade_came() -> None:
    runs = [*both("n1"), *both("n2"), *both("n3"), ran("n4", Arm.KNOWN_GOOD)]
    found = way_back(MADE, None, runs, NODES, KNOWN, ()).nodes
    assert [(node.id, node.ring) for node in found] == [("n2", "early"), ("n3", "early"), ("n1", "canary")]
    assert {(node.driver_now, node.driver_back) for node in found} == {("580.1", "570.1")}


def test_a_node_is_back_until_the_candidate_runs_there_again() -> None:
    real = rehearsal(real=True, node="n2")
    runs = [*both("n1"), *both("n2")]
    found = way_back(MADE, None, runs, NODES, KNOWN, (real,)).nodes
    assert [(node.id, node.state) for node in found] == [("n1", "candidate"), ("n2", "back")]
    again = [*runs, ran("n2", Arm.CANDIDATE, "2027-01-03T00:00:00+00:00")]
    assert way_back(MADE, None, again, NODES, KNOWN, (real,)).nodes[0].state == "candidate"
    tried = way_back(MADE, None, runs, NODES, KNOWN, (rehearsal(node="n2"), replace(real, good=False))).nodes
    assert {node.state for node in tried} == {"candidate"}, "tried, or in vain"
    phased = [*both("n1"), ran("n1", Arm.KNOWN_GOOD, "2027-01-01T01:00:00+00:00", Phase.BACK)]
    assert way_back(MADE, None, phased, NODES, KNOWN, ()).nodes[0].state == "back"


def test_files_are_named_by_their_digest_once() -> None:
    twice: Plan = replace(MADE, items=(*MADE.items, replace(MADE.items[0], key="other")))
    (one,) = way_back(twice, None, both("n1"), NODES, KNOWN, ()).artifacts
    assert (one.workload, one.package, one.sha256) == ("operator:average_pool", "magika==1.0", "c" * 64)


def test_what_was_promoted_is_what_it_goes_back_to_as_its_own_matrix_stated_it() -> None:
    older = {**OLD, "runtime": "older"}
    stated = Runtime("older", requirements=("torch==2.9",))
    promoted = Promotion(
        SCHEMA_VERSION, "prod", 3, "", "promote", "me", "2027-01-01T00:00:00+00:00", older, stated, decision=Decision.GO
    )
    found = way_back(MADE, promoted, both("n1"), NODES, KNOWN, ())
    assert (found.known_good, found.promotion) == (older, 3)
    assert found.runtime is not None
    assert found.runtime.requirements == ("torch==2.9",)
    assert found.source == "promotion 3 of baseline prod, by me at 2027-01-01T00:00:00+00:00"
    override = way_back(MADE, replace(promoted, decision=Decision.HOLD, reason="a hurry"), (), {}, {}, ())
    assert override.source.endswith(", by override: a hurry")
    unknown = way_back(MADE, replace(promoted, runtime=None), (), {}, {}, ())
    assert unknown.runtime is None


def test_the_rollback_time_is_that_of_the_newest_whole_way_that_was_good() -> None:
    first = rehearsal()
    later = rehearsal(at="2027-01-03T00:00:00+00:00", phases={"install": 5.0, "sentinels": 1.0})
    assert newest_rehearsal([later, first]) is later
    assert newest_rehearsal([first, replace(later, good=False)]) is first
    looked = replace(later, real=True, phases={"node": 0.1})
    assert newest_rehearsal([first, looked]) is first, "looking afterwards is not all of the way"
    real = replace(later, real=True, phases={"rollback": 600.0, "node": 0.1})
    assert newest_rehearsal([first, real]) is real
    assert newest_rehearsal([first, replace(later, pattern="*quick*")]) is first, "what was narrowed is not all of it"
    assert newest_rehearsal([first], "early") is None
    assert newest_rehearsal([]) is None
    found = way_back(MADE, None, (), {}, {}, (first, later)).rehearsed
    assert found is not None
    assert found.seconds == 6.0
