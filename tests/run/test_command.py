from __future__ import annotations

from pathlib import Path

from compat.run.command import run_command
from tests.rig import gone


def test_a_command_that_is_good(tmp_path: Path) -> None:
    ran = run_command(f"echo one && cd {tmp_path} && touch here && echo two >&2", 20.0)
    assert (ran.code, ran.output, ran.problem) == (0, "one\ntwo\n", "")
    assert (tmp_path / "here").exists()


def test_one_that_fails_says_its_last_line() -> None:
    assert run_command("echo first; echo last; echo; exit 7", 20.0).problem == "ended with exit code 7: last"
    assert run_command("kill -9 $$", 20.0).problem == "ended by signal 9"


def test_of_a_flood_the_end_is_kept() -> None:
    ran = run_command("head -c 50000000 /dev/zero | tr '\\0' x; echo; echo the end", 60.0)
    assert ran.code == 0
    assert len(ran.output) == 4096
    assert ran.output.endswith("\nthe end\n")


def test_one_whose_time_is_over_is_ended_with_what_it_began(tmp_path: Path) -> None:
    ran = run_command(f"trap '' TERM; sleep 600 & echo $! > {tmp_path}/pid; echo waits; wait; wait", 0.5)
    assert ran.code is None
    assert "did not end in " in ran.problem
    assert ran.problem.endswith(" s, and was ended: waits")
    assert gone(int((tmp_path / "pid").read_text()))


def test_it_has_no_input_and_bytes_that_are_no_text_are_shown() -> None:
    assert run_command("cat", 20.0).code == 0
    assert run_command("printf 'a\\377b'; exit 1", 20.0).problem == "ended with exit code 1: a\ufffdb"
