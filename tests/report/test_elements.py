"""Worst elements in a report: read from the store when it is made, through the command and in the view."""

from __future__ import annotations

import re
import shlex
from dataclasses import replace
from html import unescape
from typing import TYPE_CHECKING

import numpy as np
import pytest

from compat.model import Arm, Status, digest
from compat.report.elements import MOST_ITEMS
from compat.report.view import View, view
from compat.store import Store
from tests.example import write_example
from tests.judge.build import POOL, World, case, item, plan, world
from tests.test_cli import compat

if TYPE_CHECKING:
    from pathlib import Path

    from compat.report.case_parts import WorstTable

ORACLE = np.linspace(-1.0, 1.0, 96).reshape(8, 12)
GOOD = ORACLE.astype("f4")


def spoilt(made: World | None = None) -> World:
    """A candidate with two wrong elements."""
    made = made or world(plan(POOL))
    bad = GOOD.copy()
    bad[2, 3], bad[7, 11] = 5.0, 9.0
    return made.edit(made.returns(y=bad, y_ref=ORACLE), arm=Arm.CANDIDATE)


def shown(made: World, blob: object = None) -> View:
    read = made.blobs.__getitem__ if blob is None else blob
    nodes = list(made.nodes.values())
    return view(made.verdict(), made.plan, nodes, made.identities, made.evidence, blob=read)  # type: ignore[arg-type]


def tables(made: View) -> tuple[WorstTable, ...]:
    return next(one.worst for one in made.items if one.workload == POOL.case.workload)


def test_the_command_writes_them_into_the_page_of_the_case(tmp_path: Path) -> None:
    made = spoilt()
    store = Store(tmp_path / "a store", create=True)
    store.put_plan(made.plan)
    for node in made.nodes.values():
        store.put_node(node)
    for identity in made.identities.values():
        store.put_identity(identity)
    for data in made.blobs.values():
        store.put_blob(data)
    for record in made.evidence:
        store.put_evidence(record)
    done = compat("report", "a store", cwd=tmp_path)
    assert done.stderr == ""
    page = unescape((tmp_path / "a store/report.html").read_text())
    assert "Worst elements of y" in page
    assert re.search(
        r"2 of 96 elements of the candidate arm differ from the reference by more than \S+ \(tolerance", page
    )
    row = re.search(r'<tr><th scope="row">\[7, 11\]</th>(.*?)</tr>', page, re.DOTALL)
    assert row is not None
    assert re.findall(r">([^<]+)</td>", row[1]) == ["1.0", "9.0", "1.0", "8"]
    (command,) = set(re.findall(r"compat case 'a store' .*? --plan \w+ --repeat 20", page))
    assert shlex.split(command)[2:4] == ["a store", POOL.key]
    done = compat("show", "a store", POOL.key, cwd=tmp_path)
    assert done.stderr == ""
    lines = [line.split() for line in done.stdout.splitlines()]
    assert ["[7,", "11]", "1.0", "9.0", "1.0", "8"] in lines
    assert "Node n1: nothing out of the ordinary was seen, load not read, governor not read" in done.stdout


def test_the_command_of_a_page_repeats_its_case(tmp_path: Path) -> None:
    write_example(tmp_path, add="0.5")
    compat("run", "example.yaml", "--content", "site", cwd=tmp_path)
    page = unescape((tmp_path / "out/example/report.html").read_text())
    assert "8 of 8 elements of the candidate arm differ from the known-good arm" in page
    command = next(found for found in re.findall(r"<pre[^>]*>(compat case .*?)</pre>", page) if "[two]" in found)
    words = shlex.split(command)
    assert words[-2:] == ["--repeat", "20"]
    done = compat(*words[1:-1], "2", "--content", "site", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "adder[two]: known-good 2 times, candidate 2 times" in done.stdout
    numbers = next(found for found in re.findall(r"<code>(compat show .*?)</code>", page) if "[one]" in found)
    done = compat(*shlex.split(numbers)[1:], cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.split()[:3] == ["item", "metric", "unit"]  # every pair, and nothing but the pairs
    assert sum(" memory " in line for line in done.stdout.splitlines()) == 2


def test_a_page_says_where_not_every_run_was_read(monkeypatch: pytest.MonkeyPatch) -> None:
    made = spoilt()
    bad = GOOD.copy()
    bad[0, 0] = 90.0
    made.edit(made.returns(y=bad, y_ref=ORACLE), arm=Arm.CANDIDATE, pairs=[1])
    (found,) = tables(shown(made))
    assert found.elements[0].candidate == "90.0"
    assert "values read" not in found.said
    monkeypatch.setattr("compat.judge.worst_elements._MOST_BYTES", 1)
    (found,) = tables(shown(made))
    assert found.elements[0].candidate == "9.0"
    runs = len({(run.node, run.pair) for run in made.evidence if run.item == POOL.key and run.arm is Arm.CANDIDATE})
    assert found.said.endswith(f"; values read: the first 1 of {runs}")


def test_what_passed_is_not_read_again() -> None:
    read: list[str] = []

    def blob(name: str) -> bytes:
        read.append(name)
        return b""

    made = shown(world(plan(POOL)), blob)
    assert tables(made) == ()
    assert read == []


def test_bytes_that_are_gone_are_said_on_the_page() -> None:
    (table,) = tables(shown(spoilt(), lambda _: b""))
    assert table.elements == ()
    assert table.said.startswith("the bytes of y are not what their digest says: its elements cannot be shown")


def test_without_a_store_there_are_none() -> None:
    made = spoilt()
    plain = view(made.verdict(), made.plan, list(made.nodes.values()), made.identities, made.evidence)
    assert tables(plain) == ()


def test_what_the_known_good_arm_had_wrong_is_shown_of_it() -> None:
    made = world(plan(POOL))
    bad = GOOD.copy()
    bad[6, 6] = 7.0
    made.edit(made.returns(y=bad, y_ref=ORACLE), arm=Arm.KNOWN_GOOD)
    found = shown(made)
    (row,) = (row for one in found.items for row in one.rows if row.metric == "outputs")
    assert row.status is Status.FIXED
    (table,) = tables(found)
    assert table.said.startswith("1 of 96 elements of the known-good arm differ from the reference")


def test_a_report_reads_the_outputs_of_so_many_cases_and_no_more() -> None:
    items = [item(case("operator:average_pool", f"case-{number:03}")) for number in range(MOST_ITEMS + 2)]
    made = spoilt(world(plan(*items), pairs=2))
    found = [one.worst for one in shown(made).items if one.workload == "operator:average_pool"]
    assert len(found) == MOST_ITEMS + 2
    assert all(tables[0].elements for tables in found[:MOST_ITEMS])
    assert [tables[0].elements for tables in found[MOST_ITEMS:]] == [(), ()]
    assert found[-1][0].said == "worst elements are shown of the first 50 cases of a report"


def test_many_outputs_are_shown_by_the_worst_of_them() -> None:
    made = world(plan(POOL))
    values = dict.fromkeys("abcdef", GOOD)
    made.edit(made.returns(**values), arm=Arm.KNOWN_GOOD)
    bad = {name: GOOD + np.float32(number + 1) * (number / 10 < ORACLE) for number, name in enumerate("abcdef")}
    made.edit(made.returns(**{name: value.astype("f4") for name, value in bad.items()}), arm=Arm.CANDIDATE)
    found = tables(shown(made))
    assert [table.output for table in found] == ["a", "b", "c", "d", "2 more outputs"]


def test_the_evidence_is_what_the_judge_read() -> None:
    made = spoilt()
    assert digest(made.plan) == made.evidence[0].plan
    changed = [replace(run, outputs=()) if run.arm is Arm.CANDIDATE else run for run in made.evidence]
    made.evidence = changed
    assert tables(shown(made)) == ()
