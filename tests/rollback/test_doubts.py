"""Ways back that ended by an error or by somebody, and those of which only some cases were looked at."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

from tests.rollback.test_command import plan, rehearse, verify
from tests.spoilt import Site
from tests.test_cli import compat


def test_an_error_is_a_finding_and_the_node_goes_to_the_candidate_again(site: Site) -> None:
    """As where the command changes a file of content, and its case is not the one that was planned any more."""
    spoil = "echo '# changed' >> site/workloads/doubles.py"
    code, said, found = rehearse(site, "--command", spoil, "--then", "touch candidate")
    assert code == 1
    assert (site.folder / "candidate").exists()
    (finding,) = found["findings"]
    assert finding.startswith("operator:doubles: its file is not what was planned: ")
    assert "restore it, or name its folder with --content" in finding
    assert (found["good"], found["cases"], list(found["phases"])) == (False, [], ["command", "waiting"])
    assert said.splitlines()[-1].startswith("NOT GOOD after ")


def test_somebody_who_ends_it_has_the_candidate_again_and_it_is_on_record(site: Site) -> None:
    words = ["rollback", "rehearse", "out/spoilt", "--cache", "cache", "--content", "site", "--then", "touch candidate"]
    # What a shell has put into the background ignores Ctrl-C, and so would whatever it starts.
    python = ["env", "--default-signal=INT", sys.executable]
    command = [*python, "-m", "compat", *words, "--command", "touch begun; sleep 600"]
    process = subprocess.Popen(command, cwd=site.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    until = time.monotonic() + 60
    while not (site.folder / "begun").exists():
        assert time.monotonic() < until
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode != 0
    assert (site.folder / "candidate").exists()
    (found,) = site.documents("rehearsals")
    assert (found["good"], found["findings"]) == (False, ["it was ended by KeyboardInterrupt"])
    assert "did not end" not in rehearse(site, "--command", "true")[1]


def test_a_rehearsal_that_was_narrowed_says_so_and_is_none_of_the_upgrade(site: Site) -> None:
    code, said, found = rehearse(site, "--command", "true", "--case", "*quick*")
    assert (code, found["good"], found["pattern"]) == (0, True, "*quick*")
    assert "the cases were narrowed to *quick*: no gate counts it as a rehearsal" in said.splitlines()
    assert plan(site)["rehearsed"] is None
    assert "pattern" not in rehearse(site, "--command", "true")[2]
    assert plan(site)["rehearsed"] is not None


def test_some_cases_do_not_say_that_a_node_is_back_and_it_keeps_its_upgrade(site: Site) -> None:
    code, said, found = verify(site, "--case", "*quick*")
    assert (code, found["good"], found["pattern"]) == (1, False, "*quick*")
    assert found["findings"] == [
        "the cases were narrowed to '*quick*': without --case it says whether the node is back"
    ]
    assert said.splitlines()[-1].startswith("NOT BACK: node ")
    assert [node["state"] for node in plan(site)["nodes"]] == ["candidate"]
    assert "belongs to this upgrade" in compat("rings", "out/spoilt", cwd=site.folder).stdout
