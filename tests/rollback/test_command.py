"""``compat rollback``: what an upgrade goes back to, trying it, and whether a node is back; through the command."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from compat.paths import content_folder
from tests.rig import gone
from tests.spoilt import Site
from tests.test_cli import compat

SCHEMA = json.loads((content_folder("reports") / "rollback.schema.json").read_text(encoding="utf-8"))


def plan(site: Site, *words: str, code: int = 0) -> dict[str, Any]:
    done = compat("rollback", "plan", "out/spoilt", "--json", *words, cwd=site.folder)
    assert (done.returncode, done.stderr) == (code, "")
    found: dict[str, Any] = json.loads(done.stdout)
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    jsonschema.validate(found, SCHEMA, cls=jsonschema.Draft202012Validator)
    return found


def rehearse(site: Site, *words: str, **variables: str) -> tuple[int, str, dict[str, Any]]:
    done = site.say("rollback", "rehearse", "out/spoilt", *words, **variables)
    assert done.stderr == ""
    return done.returncode, done.stdout, site.documents("rehearsals")[-1]


def verify(site: Site, *words: str, **variables: str) -> tuple[int, str, dict[str, Any]]:
    done = site.say("rollback", "verify", "out/spoilt", *words, **variables)
    assert done.stderr == ""
    return done.returncode, done.stdout, site.documents("rehearsals")[-1]


# -- plan --------------------------------------------------------------------------------------------------------------


def test_the_way_back_is_always_known(site: Site) -> None:
    found = plan(site)
    assert found["source"].startswith("known_good of the matrix")
    assert (found["promotion"], found["known_good"]) == (None, {"runtime": "old"})
    assert found["axes"] == [{"axis": "runtime", "now": "new", "back_to": "old", "undoable": True}]
    assert (found["runtime"]["kind"], found["runtime"]["variables"]) == ("in_place", ["ARM"])
    (node,) = found["nodes"]
    assert (node["state"], node["ring"]) == ("candidate", "canary")
    assert found["rehearsed"] is found["checked"] is found["available"] is None
    said = compat("rollback", "plan", "out/spoilt", cwd=site.folder)
    assert said.returncode == 0
    assert "  runtime: new -> old\n" in said.stdout
    assert "Rehearsed: never (compat rollback rehearse)" in said.stdout


def test_what_was_promoted_last_is_what_it_goes_back_to(site: Site) -> None:
    assert compat("baseline", "promote", "out/spoilt", "--by", "me", cwd=site.folder).returncode == 0
    promoted = plan(site)  # of the candidate itself: what was before it is the matrix's
    assert (promoted["promotion"], promoted["known_good"]) == (None, {"runtime": "old"})
    text = (site.folder / "spoilt.yaml").read_text()
    newer = text.replace("[old, new]", "[new, newest]").replace(
        "known_good: {runtime: old}", "known_good: {runtime: new}"
    )
    newer = newer.replace("candidate: {runtime: new}", "candidate: {runtime: newest}").replace(
        "ARM: old", "ARM: newest"
    )
    (site.folder / "spoilt.yaml").write_text(newer.replace("  old: {", "  newest: {"))
    done = site.say("run", "spoilt.yaml", "--case", "*quick*")
    assert done.returncode == 10, done.stderr
    found = plan(site)
    assert found["source"].startswith("promotion 1 of baseline spoilt, by me at ")
    assert (found["promotion"], found["known_good"]) == (1, {"runtime": "new"})
    assert found["runtime"]["name"] == "new"
    nowhere = compat("rollback", "plan", "out/spoilt", "--baseline", "other", cwd=site.folder)
    assert nowhere.returncode == 2
    assert "has no baseline 'other'; its baselines are: spoilt" in nowhere.stderr


def test_what_is_in_place_is_there_as_long_as_its_interpreter_is(site: Site) -> None:
    found = plan(site, "--check")
    assert found["available"] is True
    (part,) = found["checked"]
    assert (part["kind"], part["state"]) == ("in_place", "available")


# -- rehearse ----------------------------------------------------------------------------------------------------------


def test_a_command_that_takes_time(site: Site) -> None:
    code, said, found = rehearse(site, "--command", "sleep 1", "--command", "echo done > gone-back", "--by", "me")
    assert code == 0, said
    assert (site.folder / "gone-back").exists()
    assert (found["good"], found["real"], found["by"], found["findings"]) == (True, False, "me", [])
    assert list(found["phases"]) == ["command", "first start", "sentinels"]
    assert found["phases"]["command"] >= 1.0
    assert found["command"] == "sleep 1; echo done > gone-back"
    assert said.splitlines()[-1].startswith("REHEARSED: good after ")
    assert plan(site)["rehearsed"]["seconds"] == pytest.approx(sum(found["phases"].values()))
    done = compat("report", "out/spoilt", "--output", "pages", cwd=site.folder)
    assert done.returncode == 0, done.stderr
    verdict = json.loads((site.folder / "pages/verdict.json").read_text())
    assert verdict["rollback"]["seconds"] == pytest.approx(sum(found["phases"].values()))
    page = (site.folder / "pages/report.html").read_text()
    assert "rehearsed on node" in page
    assert "rehearsed on node" in (site.folder / "pages/report.md").read_text()


def test_a_command_that_fails_is_not_good_and_no_case_is_run(site: Site) -> None:
    code, said, found = rehearse(site, "--command", "echo out of order >&2; exit 3", "--command", "touch never")
    assert code == 1
    assert found["findings"] == ["the command 'echo out of order >&2; exit 3' ended with exit code 3: out of order"]
    assert (found["good"], found["cases"], list(found["phases"])) == (False, [], ["command"])
    assert not (site.folder / "never").exists()
    assert said.splitlines()[-1].startswith("NOT GOOD after ")
    assert plan(site)["rehearsed"] is None
    done = compat("report", "out/spoilt", "--output", "pages", cwd=site.folder)
    assert done.returncode == 0
    assert json.loads((site.folder / "pages/verdict.json").read_text())["rollback"] is None


def test_a_command_without_an_end_is_ended(site: Site) -> None:
    code, _, found = rehearse(site, "--command", "sleep 600 & echo $! > pid; wait", "--command-timeout", "500ms")
    assert code == 1
    assert re.search(r"; wait' did not end in \d+ s, and was ended$", found["findings"][0])
    assert gone(int((site.folder / "pid").read_text())), "and what it had begun"


def test_good_only_at_the_second_look(site: Site, tmp_path: Path) -> None:
    code, said, found = rehearse(site, "--command", "true", SPOIL=f"old:once={tmp_path / 'seen'}")
    assert code == 0, said
    assert said.count("not good yet: ") == 1
    assert ", known-good arm: it faulted in 1 of " in said
    assert (found["good"], found["findings"]) == (True, [])


def test_what_never_becomes_good_ends_with_its_time(site: Site) -> None:
    code, said, found = rehearse(site, "--command", "true", "--timeout", "8s", SPOIL="old:change")
    assert code == 1
    assert said.count("not good yet: ") == 1, "the same finding is said once"
    assert ", known-good arm: outputs: relative L2 difference of y is 0.05" in found["findings"][0]
    assert not found["good"]


def test_then_goes_to_the_candidate_again_whatever_came_of_it(site: Site) -> None:
    for command, code in (("true", 0), ("false", 1)):
        again, _, found = rehearse(site, "--command", command, "--then", "touch candidate")
        assert (again, found["good"]) == (code, not code)
        assert (site.folder / "candidate").exists()
        (site.folder / "candidate").unlink()
    done = site.say("rollback", "rehearse", "out/spoilt", "--command", "true", "--then", "exit 4")
    assert done.returncode == 1
    assert done.stderr == "compat: then: 'exit 4' ended with exit code 4: this node may not have the candidate\n"
    assert site.documents("rehearsals")[-1]["good"] is True


def test_killed_in_the_middle_it_leaves_nothing_and_says_so_when_run_again(site: Site) -> None:
    before = site.files()
    words = ["rollback", "rehearse", "out/spoilt", "--cache", "cache", "--content", "site"]
    command = [sys.executable, "-m", "compat", *words, "--command", "echo $$ > begun; mv begun there; sleep 600"]
    process = subprocess.Popen(command, cwd=site.folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    until = time.monotonic() + 60
    while not (site.folder / "there").exists():
        assert time.monotonic() < until
        time.sleep(0.05)
    other = site.say("rollback", "rehearse", "out/spoilt", "--command", "true")
    assert (other.returncode, other.stdout) == (2, "")
    assert "is measured on node" in other.stderr
    assert len(other.stderr.splitlines()) == 1
    shutil.copytree(site.store, site.folder / "copy")
    other = site.say("rollback", "rehearse", "copy", "--command", "true")
    assert (other.returncode, other.stdout) == (2, "")
    assert other.stderr == "compat: rehearse: another rehearsal runs on this node; wait until it has ended\n"
    process.send_signal(signal.SIGKILL)
    process.communicate()
    os.killpg(int((site.folder / "there").read_text()), signal.SIGKILL)  # the command itself is the user's
    assert {name for name in site.files() if "rehearsals" in name} == set()
    assert before.items() <= site.files().items()
    code, said, _ = rehearse(site, "--command", "true")
    assert code == 0
    assert (
        "(echo $$ > begun; mv begun there; sleep 600) did not end: nothing of it is on record, this one is new" in said
    )
    assert "did not end" not in rehearse(site, "--command", "true")[1]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "runtime old is in place: compat did not install it, and cannot; say how it goes back: --command"),
        (("--command", "true", "--timeout", "now"), "timeout: 'now' is not a duration"),
        (("--command", "true", "--case", "nothing"), "has no run of the known-good stack on this node for a case that"),
        (("--command", "true", "--ring", "early"), "has no ring 'early'"),
    ],
)
def test_what_cannot_be_rehearsed_is_one_line_and_touches_nothing(
    site: Site, words: tuple[str, ...], said: str
) -> None:
    before = site.files()
    done = site.say("rollback", "rehearse", "out/spoilt", *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert site.files() == before


# -- verify ------------------------------------------------------------------------------------------------------------


def test_a_node_that_is_back(site: Site) -> None:
    begun = subprocess.run(["date", "-Is", "-d", "-100 seconds"], capture_output=True, text=True, check=True)
    code, said, found = verify(site, "--since", begun.stdout.strip())
    assert code == 0, said
    assert (found["good"], found["real"], found["findings"]) == (True, True, [])
    assert found["phases"].keys() == {"rollback", "node", "runtime", "sentinels"}
    assert found["phases"]["rollback"] >= 100
    assert said.splitlines()[-1].startswith("BACK: node ")
    back = plan(site)
    assert [node["state"] for node in back["nodes"]] == ["back"]
    assert back["rehearsed"]["real"] is True
    stands = compat("rings", "out/spoilt", cwd=site.folder).stdout
    assert "belongs to this upgrade" not in stands, "another upgrade may take it"


def test_seconds_of_a_rollback_whose_begin_nobody_knows_are_no_rollback_time(site: Site) -> None:
    assert verify(site)[0] == 0
    assert plan(site)["rehearsed"] is None


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        ("old:crash", "it faulted in 3 of 3 runs"),
        ("old:change", "outputs: relative L2 difference of y is 0.05"),
        ("old:slow", r"latency \d+ % slower than before \(95 % interval "),
    ],
)
def test_a_node_that_is_not_back(site: Site, spoil: str, said: str) -> None:
    code, out, found = verify(site, SPOIL=spoil)
    assert code == 1
    assert re.search(said, found["findings"][0]), found["findings"]
    assert not found["good"]
    assert out.splitlines()[-1].startswith("NOT BACK: node ")
    assert [node["state"] for node in plan(site)["nodes"]] == ["candidate"]


def test_what_is_wrong_in_the_candidate_alone_is_no_matter_any_more(site: Site) -> None:
    assert verify(site, SPOIL="new:crash")[0] == 0


def test_speed_that_is_not_shown_to_be_much_slower_does_not_block(site: Site) -> None:
    assert verify(site, SPOIL="old:slower")[0] == 0


def test_a_node_or_an_arm_that_is_another_one(site: Site) -> None:
    site.node_said(kernel="5.0.0")
    code, _, found = verify(site, OMP_PROC_BIND="true")
    assert code == 1
    assert found["findings"][0].startswith("the node's kernel was 5.0.0, and is ")
    assert "known-good arm (new-" in found["findings"][1]
    assert "variable OMP_PROC_BIND was absent, and is true" in found["findings"][1]
    assert len(found["findings"]) == 2


def test_what_there_was_no_time_for_is_said_and_is_not_good(site: Site) -> None:
    code, _, found = verify(site, "--timeout", "1ms")
    assert code == 1
    (said,) = found["findings"]
    assert said.endswith("operator:doubles[quick] was not looked at: there was no time for it")
    assert found["cases"] == []


def test_a_case_that_hangs_does_not_take_all_the_time(site: Site) -> None:
    code, _, found = verify(site, "--timeout", "10s", SPOIL="old:hang")
    assert code == 1
    (said,) = found["findings"]  # in the ten seconds there is no room for three times the case's own twenty
    assert "it faulted in 3 of 3 runs, as it never did before: at stage prepare: hang: did not end in its time" in said


@pytest.mark.parametrize("since", ["yesterday", "2026-01-01T00:00:00", "2999-01-01T00:00:00+00:00"])
def test_a_begin_that_is_no_moment_of_the_past(site: Site, since: str) -> None:
    done = site.say("rollback", "verify", "out/spoilt", "--since", since)
    assert done.returncode == 2
    assert f"since: '{since}' is no moment of the past with a time zone" in done.stderr
    assert not (site.store / "rehearsals").exists()
