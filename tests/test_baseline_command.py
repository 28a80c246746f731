"""Baselines through the front door: one upgrade after the other becomes known-good, or does not."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

from tests.example import WORKLOAD
from tests.test_cli import compat

MATRIX = """name: {name}
axes:
  runtime: ["{old}", "{new}"]
known_good: {{runtime: "{old}"}}
candidate: {{runtime: "{new}"}}
runtimes:
  "{old}": {{in_place: true, env: {{VERSION: "{old}", ADD: "0", SPILLS: "{before}"}}}}
  "{new}": {{in_place: true, env: {{VERSION: "{new}", ADD: "{add}", SPILLS: "{after}"}}}}
workloads:
  - {{select: "operator:adder"}}
policy: {{spilled: {{relative: 0%, absolute: 32}}}}
rings:
  - {{name: canary, tiers: [cpu]}}
"""
EARLY = "  - {name: early, tiers: [cpu], after: canary}\n"
SPILLS = """
METRICS = ({"name": "spilled", "unit": "B", "direction": "lower", "kind": "exact"},)


def observe(params, tools):
    return {"spilled": float(os.environ["SPILLS"])}
"""


class Site:
    """A folder with a workload, and matrices of one upgrade after the other, measured into one store."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "site/workloads").mkdir(parents=True)
        (folder / "site/workloads/adder.py").write_text(WORKLOAD + SPILLS)

    def measure(self, old: str, new: str, *, spills: tuple[int, int] = (0, 0), add: str = "0", then: str = "") -> int:
        """Measure an upgrade in its first ring; the exit code. ``then`` is what its matrix says of later ones."""
        name = f"upgrade-{old}-to-{new}"
        text = MATRIX.format(name=name, old=old, new=new, before=spills[0], after=spills[1], add=add)
        (self.folder / f"{name}.yaml").write_text(text + then)
        done = self("run", f"{name}.yaml", "--ring", "canary", "--content", "site", "--store", "store")
        assert done.stderr == ""
        return done.returncode

    def promote(self, *words: str, ring: str = "canary") -> CompletedProcess[str]:
        return self("baseline", "promote", "store", "--ring", ring, "--name", "prod", "--by", "ann", *words)

    def entries(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self("baseline", "list", "store", "--json").stdout)["prod"]
        return found

    def __call__(self, *words: str) -> CompletedProcess[str]:
        return compat(*words, cwd=self.folder)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def test_what_is_go_becomes_known_good_once_with_its_provenance(site: Site) -> None:
    assert site.measure("1.0", "1.1") == 0
    done = site.promote("--expires", "2099-01-01")
    assert (done.returncode, done.stderr) == (0, "")
    first, second = done.stdout.splitlines()
    assert first == "baseline prod: runtime 1.1 is known-good now (entry 1, by ann)"
    assert second.startswith("  the upgrade is over, and lets go of ")
    again = site.promote()
    assert (again.returncode, again.stdout) == (0, "baseline prod: runtime 1.1 is known-good already (entry 1)\n")
    found = site.entries()
    assert (found["in_force"], found["kept"], len(found["entries"])) == (1, [1], 1)
    (entry,) = found["entries"]
    assert entry["runtime"]["env"]["VERSION"] == "1.1"
    assert (entry["decision"], entry["ring"], entry["by"], entry["expires"]) == ("GO", "canary", "ann", "2099-01-01")
    assert len(entry["nodes"]) == 1
    assert list(entry["content"]) == ["operator:adder"]
    shown = site("baseline", "show", "store").stdout
    for value in (entry["verdict"], entry["evidence"], entry["plan"], entry["matrix_digest"], entry["policy"]):
        assert value in shown


def test_what_is_not_go_is_refused_and_by_override_it_is_on_record(site: Site) -> None:
    assert site.measure("1.0", "1.1", add="1") == 1
    done = site.promote()
    assert done.returncode == 1
    assert done.stdout.startswith("not promoted: the gate says NO-GO\n  operator:adder[two] outputs: relative L2")
    assert not (site.folder / "store/baselines").exists()
    unsigned = site.promote("--override", "it is what we want")
    assert unsigned.returncode == 2
    assert "ring canary is NO-GO, and nobody stands by it; sign it with --key KEY" in unsigned.stderr
    for name in ("ann", "eve"):
        assert site("key", "new", name).returncode == 0
    forced = site.promote("--override", "it is what we want", "--key", "ann")
    assert forced.returncode == 0, forced.stderr
    assert "by override, for ring canary is NO-GO: override: it is what we want" in forced.stdout
    assert "BY OVERRIDE (override: it is what we want)" in site("baseline", "list", "store").stdout
    assert "from ring canary, BY OVERRIDE (override: it is what we want)" in site("rings", "store").stdout
    for trust, said in (
        ((), "signature: there, not checked"),
        (("--trust", "eve.pub"), "signature: refused: "),
        (("--trust", "ann.pub"), "signature: by a key that is trusted"),
    ):
        shown = site("baseline", "show", "store", *trust).stdout
        assert "BY OVERRIDE: the ring was NO-GO" in shown
        assert said in shown


def test_a_verdict_against_another_stack_than_what_is_known_good_is_refused(site: Site) -> None:
    assert site.measure("1.0", "1.1") == 0
    assert site.promote().returncode == 0
    assert site.measure("1.0", "1.2") == 0
    done = site.promote()
    assert done.returncode == 2
    assert done.stderr == (
        "compat: baseline prod: is runtime 1.1 since entry 1; the verdict compares with runtime 1.0; "
        "measure the candidate against what is known-good now\n"
    )
    (hostname,) = json.loads(site("rings", "store", "--json").stdout)["hostnames"].values()
    assert site("rings", "store", "--release", hostname).returncode == 0
    assert site.measure("1.1", "1.2") == 0
    assert site.promote().returncode == 0


def test_who_has_not_seen_the_last_entry_promotes_nothing(site: Site) -> None:
    assert site.measure("1.0", "1.1") == 0
    done = site.promote("--seen", "3")
    assert done.returncode == 2
    assert "since we looked; look at what it says, and decide again" in done.stderr
    assert site.promote("--seen", "0").returncode == 0


def test_slow_drift_is_refused_though_each_step_was_go(site: Site) -> None:
    versions = ["1.0", "1.1", "1.2", "1.3", "1.4"]
    for step, (old, new) in enumerate(itertools.pairwise(versions)):
        assert site.measure(old, new, spills=(20 * step, 20 * step + 20)) == 0  # 32 are allowed
        done = site.promote()
        if step < 2:  # counted from what the first promotion made known-good
            assert done.returncode == 0, done.stderr
            continue
        assert done.returncode == 10
        assert "not promoted: drift beyond the margin since entry 1" in done.stdout
        assert "operator:adder[one] spilled 20 B -> " in done.stdout
        accepted = site.promote("--accept-drift", "we need it")
        assert accepted.returncode == 0
        assert "over 2 promotions: 2 of" in accepted.stdout or "over 3 promotions: 2 of" in accepted.stdout
    shown = site("baseline", "show", "store").stdout
    assert "drift: we need it" in shown
    assert "operator:adder[two] spilled 20 B -> 80 B, beyond" in shown
    told = site("baseline", "diff", "store", "1", "3").stdout
    assert "runtime: 1.1 -> 1.3" in told
    assert "spilled 20 B -> 60 B, beyond" in told
    expired = site("baseline", "expire", "store", "--before", "4", "--reason", "accepted by the team")
    assert "entries before 4 are kept no longer (entry 5)" in expired.stdout
    assert site.entries()["kept"] == [4]
    assert site.measure("1.4", "1.5", spills=(80, 100)) == 0
    assert site.promote().returncode == 0  # counted from entry 4 on


def test_a_promotion_of_the_last_ring_lets_the_nodes_go(site: Site) -> None:
    assert site.measure("1.0", "1.1", then=EARLY) == 0
    assert "lets go" not in site.promote("--name", "canaries").stdout
    node = json.loads(site("rings", "store", "--json").stdout)
    (held,) = node["leases"].values()
    assert held["upgrade"] == "upgrade-1.0-to-1.1: runtime 1.0 -> runtime 1.1"
    early = site("run", "upgrade-1.0-to-1.1.yaml", "--ring", "early", "--content", "site", "--store", "store")
    assert early.returncode == 0
    done = site.promote(ring="early")
    assert "the upgrade is over, and lets go of " in done.stdout
    assert json.loads(site("rings", "store", "--json").stdout)["leases"] == {}


def test_a_node_belongs_to_one_upgrade_at_a_time(site: Site) -> None:
    assert site.measure("1.0", "1.1", then=EARLY) == 0
    (lease,) = json.loads(site("rings", "store", "--json").stdout)["leases"]
    hostname = json.loads(site("rings", "store", "--json").stdout)["hostnames"][lease]
    name = "upgrade-1.0-to-9.9"
    (site.folder / "other.yaml").write_text(MATRIX.format(name=name, old="1.0", new="9.9", before=0, after=0, add="0"))
    words = ("run", "other.yaml", "--ring", "canary", "--content", "site", "--store", "store")
    done = site(*words)
    assert done.returncode == 2
    assert f"node {hostname}: belongs to the upgrade 'upgrade-1.0-to-1.1: runtime 1.0 -> runtime 1.1'" in done.stderr
    assert site("rings", "store", "--release", "nobody").returncode == 2
    released = site("rings", "store", "--release", hostname)
    assert released.stdout.startswith(f"node {hostname} belonged to upgrade-1.0-to-1.1")
    assert site(*words).returncode == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("list", "store"), "store: has no baseline; compat baseline promote makes one from a verdict"),
        (("list", "nowhere"), "nowhere: is not a store"),
        (("promote", "store", "--ring", "canary", "--expires", "soon"), "--expires: 'soon' is no day"),
        (("promote", "store", "--ring", "canary", "--expires", "2020-01-01"), "--expires: 2020-01-01 is over"),
        (("promote", "store"), "matrix upgrade-1.0-to-1.1: has several rings and none was named"),
        (("show", "store", "7"), "has no baseline"),
        (("promote", "store", "--ring", "canary", "--name", "../../out"), "baseline '../../out': is no name"),
        (("promote", "store", "--ring", "canary", "--name", "a/b"), "baseline 'a/b': is no name"),
        (("promote", "store", "--ring", "canary", "--name", ""), "--name: is empty"),
        (("promote", "store", "--ring", "canary", "--override", " "), "--override: is empty"),
        (("promote", "store", "--ring", "canary", "--accept-drift", " "), "--accept-drift: is empty"),
    ],
)
def test_what_is_wrong_is_one_line(site: Site, words: tuple[str, ...], said: str) -> None:
    assert site.measure("1.0", "1.1", then=EARLY) == 0
    done = site("baseline", *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_the_next_ring_of_the_same_upgrade_is_an_entry_of_its_own(site: Site) -> None:
    assert site.measure("1.0", "1.1", then=EARLY) == 0
    assert site.promote().returncode == 0
    done = site.promote(ring="early")
    assert done.returncode == 0, done.stderr
    assert "(entry 2, by ann)" in done.stdout
    assert "lets go of " in done.stdout
    assert site.promote(ring="early").stdout.startswith("baseline prod: runtime 1.1 is known-good already (entry 2)")
    stale = site.promote("--seen", "1", ring="early")
    assert (stale.returncode, "since we looked" in stale.stderr) == (2, True)


def test_what_was_promoted_by_override_is_not_go_for_who_asks_again(site: Site) -> None:
    assert site.measure("1.0", "1.1", add="1") == 1
    assert site("key", "new", "ann").returncode == 0
    assert site.promote("--override", "it is what we want", "--key", "ann").returncode == 0
    assert site.promote().returncode == 1
    assert len(site.entries()["entries"]) == 1


def test_drift_that_nobody_can_tell_is_refused(site: Site) -> None:
    for old, new in (("1.0", "1.1"), ("1.1", "1.2")):
        assert site.measure(old, new) == 0
        assert site.promote().returncode == 0
    lost = site.entries()["entries"][1]["verdict"]
    assert site.measure("1.2", "1.3") == 0
    for path in (site.folder / "store/verdicts").rglob(f"*-{lost[:16]}.json"):
        path.unlink()
    done = site.promote()
    assert done.returncode == 10
    assert "not promoted: how far it has drifted since entry 2 is not known" in done.stdout
    assert f"the verdict of entry 2 ({lost[:12]}) is not in this store" in done.stdout
    assert site.promote("--accept-drift", "the disk was lost").returncode == 0


def test_entries_that_are_not_there_are_one_line(site: Site) -> None:
    assert site.measure("1.0", "1.1") == 0
    assert site.promote().returncode == 0
    for words, said in (
        (("show", "store", "7"), "baseline prod: has no promotion 7; its promotions are 1"),
        (("diff", "store", "1", "1"), "entry 1 is not before entry 1"),
        (("expire", "store", "--before", "2"), "has entry 1 in force, which is before 2"),
        (("list", "store", "--name", "other"), "baseline other: is not in this store; there is prod"),
    ):
        done = site("baseline", *words)
        assert done.returncode == 2
        assert said in done.stderr
