"""``compat soak``: a look at a node while an upgrade soaks there, through the command and the gate of the next ring."""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

import pytest

from tests.spoilt import Site
from tests.test_cli import compat


def test_all_is_as_it_was(site: Site, tmp_path: Path) -> None:
    before = site.files()
    room = tmp_path / "room"
    room.mkdir()
    code, said, watch = site.soak(TMPDIR=str(room))
    assert code == 0
    assert said[-1].startswith("SOAK: all is as it was (1 case on node ")
    (item,) = watch["cases"]
    assert item.endswith("operator:doubles[quick]"), "the case that takes least time"
    assert (watch["ring"], watch["findings"]) == ("canary", [])
    assert watch["seconds"] > 0
    after = site.files()
    assert {name for name in after if not name.startswith("watches/")} == before.keys()
    assert before.items() <= after.items(), "its evidence is not the ring's"
    assert list(room.iterdir()) == []


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        ("new:crash", ", candidate arm: it faulted in 3 of 3 runs, as it never did before: at stage prepare: crash"),
        ("old:crash", ", known-good arm: it faulted in 3 of 3 runs, as it never did before: at stage prepare: crash"),
        ("new:change", ", candidate arm: outputs: relative L2 difference of y is 0\\.05"),
        ("new:slow", r": latency \d+ % slower \(95 % interval "),
    ],
)
def test_what_is_not_as_it_was_is_found_and_holds_the_ring_after_it(site: Site, spoil: str, said: str) -> None:
    code, lines, watch = site.soak(SPOIL=spoil)
    assert code == 10
    (finding,) = watch["findings"]
    assert finding.startswith("operator:doubles[quick] of new-")
    assert re.search(said, finding), finding
    assert lines[-2:-1] == [f"- {finding}"]
    assert lines[-1].startswith("SOAK: 1 finding (")
    assert len(site.documents("watches")) == 1
    stands = compat("rings", "out/spoilt", cwd=site.folder)
    assert stands.returncode == 0


def test_a_slowdown_that_is_not_large_is_no_finding(site: Site) -> None:
    """The matrix lets 80 % pass, which is more than what is large by itself."""
    code, _, watch = site.soak(SPOIL="new:slower")
    assert (code, watch["findings"]) == (0, [])


def test_a_look_that_was_narrowed_is_on_record_as_that_and_is_not_the_one_that_a_gate_asks_for(tmp_path: Path) -> None:
    site = Site(tmp_path)
    matrix = tmp_path / "spoilt.yaml"
    rings = "soak: 1ms, rehearsal: 1d}\n  - {name: early, tiers: [cpu], after: canary}"
    matrix.write_text(matrix.read_text().replace("soak: 1ms}", rings))
    assert site.say("run", "spoilt.yaml", "--ring", "canary").returncode == 0
    enter = ("gate", "out/spoilt", "--ring", "early", "--enter")
    ring = ("--ring", "canary")
    for case, held in (("*quick*", True), ("*", False)):
        code, said, watch = site.soak(*ring, "--case", case)
        assert (code, watch.get("pattern", "*"), len(watch["cases"])) == (0, case, 1)
        assert ("narrowed to *quick*: for the gate of the next ring nobody has looked yet" in said[-2]) == held
        done = compat(*enter, cwd=tmp_path)
        assert (done.returncode, "nobody has looked at node " in done.stdout) == (10, held)
    assert "no rollback was rehearsed on a node of ring canary" in done.stdout, "the next thing that is missing"
    for case, held in (("*quick*", True), ("*", False)):
        back = site.say("rollback", "rehearse", "out/spoilt", *ring, "--command", "true", "--case", case)
        assert (back.returncode, "no gate counts it as a rehearsal" in back.stdout) == (0, held)
        done = compat(*enter, cwd=tmp_path)
        assert (done.returncode, "no rollback was rehearsed" in done.stdout) == (10 * held, held)


WAIVER = """waivers:
  - {case: "operator:doubles*", metric: latency, reason: traded, owner: ana@example.org, expires: "2999-12-31"MOST}
"""


@pytest.mark.parametrize(("most", "found"), [("", 1), (", at_most: 500%", 0)])
def test_a_slowdown_that_was_accepted_is_known_only_so_far(tmp_path: Path, most: str, found: int) -> None:
    """By 40 % when it was judged, and by as much again at the first look; three times as slow at the second."""
    site = Site(tmp_path)
    matrix = tmp_path / "spoilt.yaml"
    matrix.write_text(matrix.read_text().replace("margin: 80%", "margin: 10%"))
    (tmp_path / "waivers.yaml").write_text(WAIVER.replace("MOST", most))
    done = site.say("run", "spoilt.yaml", "--waivers", "waivers.yaml", SPOIL="new:slower")
    assert done.returncode == 0, done.stdout
    assert site.soak(SPOIL="new:slower")[2]["findings"] == []
    code, _, watch = site.soak(SPOIL="new:slow")
    assert (code, len(watch["findings"])) == (10 * found, found), watch
    assert all(": latency 1" in said or ": latency 2" in said for said in watch["findings"])


def test_a_ring_without_a_case_that_stands_for_it_has_its_node_looked_at(tmp_path: Path) -> None:
    site = Site(tmp_path)
    matrix = tmp_path / "spoilt.yaml"
    matrix.write_text(matrix.read_text().replace("timeout: 20s", "timeout: 20s, required: false"))
    assert site.say("run", "spoilt.yaml").returncode == 10
    assert site.soak()[0] == 0
    site.node_said(kernel="5.0.0")
    code, said, watch = site.soak()
    assert (code, watch["cases"]) == (10, [])
    assert said[-1].startswith("SOAK: 1 finding (0 cases on node ")


def test_what_the_node_and_the_arms_are_now(site: Site) -> None:
    site.node_said(kernel="5.0.0", cores=1000)
    code, _, watch = site.soak(OMP_PROC_BIND="true")
    assert code == 10
    found = watch["findings"]
    assert any(said.startswith("the node's cores was 1000, and is ") for said in found)
    assert any(said.startswith("the node's kernel was 5.0.0, and is ") for said in found)
    arms = [said for said in found if "variable OMP_PROC_BIND was absent, and is true" in said]
    assert [said.partition(" arm")[0] for said in arms] == ["known-good", "candidate"]
    assert len(found) == 4


def test_a_hanging_case_and_no_time_are_findings(site: Site) -> None:
    code, _, watch = site.soak("--timeout", "1ms")
    assert code == 10
    assert [said.endswith("was not looked at: there was no time for it") for said in watch["findings"]] == [True]
    assert watch["cases"] == []


def test_a_runtime_that_is_gone_is_a_finding(site: Site, tmp_path: Path) -> None:
    """As a virtual environment that somebody removed from under the plan."""
    matrix = site.folder / "spoilt.yaml"
    python = tmp_path / "python"
    shutil.rmtree(site.store)
    python.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    python.chmod(0o755)
    matrix.write_text(matrix.read_text().replace("new: {in_place: true,", f"new: {{in_place: true, python: {python},"))
    site.measure()
    python.unlink()
    code, _, watch = site.soak()
    assert code == 10
    assert watch["findings"][0].startswith("its runtimes cannot be had any more: runtime new: there is no interpreter ")


def test_another_upgrade_that_has_the_node_is_a_finding(site: Site) -> None:
    (plan,) = [path.stem for path in (site.store / "plans").iterdir()]
    (node,) = [path.stem for path in (site.store / "nodes").iterdir()]
    assert compat("rings", "out/spoilt", "--release", node, cwd=site.folder).returncode == 0
    text = (site.folder / "spoilt.yaml").read_text()
    (site.folder / "other.yaml").write_text(text.replace("name: spoilt", "name: other"))
    done = site.say("run", "other.yaml", "--store", "out/spoilt", "--case", "*quick*")
    assert done.returncode == 10, done.stderr
    code, _, watch = site.soak("--plan", plan[:12])
    assert code == 10
    (finding,) = watch["findings"]
    assert finding.startswith("the node belongs to another upgrade since ")
    assert "other: runtime old -> runtime new (by " in finding


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("nowhere",), "is not a store"),
        (("out/spoilt", "--ring", "early"), "has no ring 'early'; choose one of canary"),
        (("out/spoilt", "--case", "nothing"), "'nothing' selects no required case of ring canary that is run"),
        (("out/spoilt", "--timeout", "soon"), "timeout: 'soon' is not a duration; write for example 20m"),
        (("out/spoilt", "--plan", "zz"), "has 0 plans whose digest begins with 'zz'"),
        (("out/spoilt", "--engine", "podman"), "not one of auto, docker, venv"),
        (("out/spoilt", "--content", "no"), "no: expected a folder with kernels/ or workloads/ in it; check the path"),
    ],
)
def test_what_is_refused_is_one_line_and_leaves_nothing(site: Site, words: tuple[str, ...], said: str) -> None:
    before = site.files()
    done = site.say("soak", *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert site.files() == before


def test_without_a_verdict_or_without_evidence_of_this_node_there_is_nothing_to_watch(site: Site) -> None:
    elsewhere = site.say("soak", "out/spoilt", COMPAT_NODE="elsewhere")
    assert elsewhere.returncode == 2
    assert "has no evidence of this node (elsewhere, " in elsewhere.stderr
    shutil.rmtree(site.store / "verdicts")
    unjudged = site.say("soak", "out/spoilt")
    assert unjudged.returncode == 2
    assert "has no verdict for ring canary; say compat judge out/spoilt --ring canary first" in unjudged.stderr
    assert not (site.store / "watches").exists()
