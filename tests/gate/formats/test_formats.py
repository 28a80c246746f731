"""Every format of a gate's answer: what it writes where, and that nothing in an answer gets out of its place."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from prometheus_client.parser import text_string_to_metric_families as prometheus_families

from compat.gate.answer import Answer, counts, worse
from compat.gate.formats import Part, Wanted, gate_formats
from compat.gate.formats.slurm import drain_commands
from compat.gate.standing import Stand
from compat.model import Decision, digest
from compat.paths import content_folder
from tests.gate.stores import upgrade, verdict_of

SCHEMA = json.loads((content_folder("reports") / "gate.schema.json").read_text())
HOSTILE = "bad\r\n::error::pwned%0A::set-output name=a::b\x1b[31m <img src=x> @all [x](http://a) `$(id)` | a\u202e"


def answer(tmp_path: Path, decision: Decision, reasons: tuple[str, ...] = ("it is so",), **changes: Any) -> Answer:
    _, plan = upgrade(tmp_path / "store")
    verdict = verdict_of(plan, decision, reasons=reasons)
    since = verdict.judged_at if decision is Decision.GO else ""
    stand = Stand("canary", decision, reasons, (), verdict, digest(verdict), since, since)
    found = Answer(
        stand, plan.name, plan.matrix_digest, digest(plan), verdict.judged_at, "0.1.0", False, ("n1", "n2.example"),
        worse(verdict), counts(verdict),
    )  # fmt: skip
    return replace(found, **changes)


def parts(name: str, found: Answer, **wanted: Any) -> list[Part]:
    return list(gate_formats()[name].parts(found, Wanted(**wanted)))


def test_a_format_is_a_file_and_has_its_name() -> None:
    assert list(gate_formats()) == ["github", "gitlab", "json", "slurm", "text"]


@pytest.mark.parametrize("decision", list(Decision))
@pytest.mark.parametrize("entering", [False, True])
def test_the_document_is_what_its_schema_says(tmp_path: Path, decision: Decision, entering: bool) -> None:
    found = answer(tmp_path, decision, (HOSTILE, "and more"), entering=entering)
    (part,) = parts("json", found)
    document = json.loads(part.text)
    jsonschema.Draft202012Validator(SCHEMA).validate(document)
    assert document == json.loads(found.json())
    assert part.text.isascii()
    assert document["decision"] == ("GO" if entering else decision.value)
    for key in document:  # nothing of it is there by chance
        less = {name: value for name, value in document.items() if name != key}
        assert not jsonschema.Draft202012Validator(SCHEMA).is_valid(less)
    for wrong in ({"exit_code": 3}, {"decision": "MAYBE"}, {"more": 1}, {"counts": {}}, {"schema_version": 2}):
        assert not jsonschema.Draft202012Validator(SCHEMA).is_valid({**document, **wrong})


def test_the_schema_refuses_an_exit_code_of_another_decision(tmp_path: Path) -> None:
    document = answer(tmp_path, Decision.HOLD).document()
    jsonschema.Draft202012Validator(SCHEMA).validate(document)
    assert not jsonschema.Draft202012Validator(SCHEMA).is_valid({**document, "exit_code": 0})
    assert not jsonschema.Draft202012Validator(SCHEMA).is_valid({**document, "decision": "GO", "exit_code": 10})


def test_text_is_one_line_whatever_a_reason_says(tmp_path: Path) -> None:
    (part,) = parts("text", answer(tmp_path, Decision.HOLD, (HOSTILE,)))
    assert part.text.count("\n") == 1
    assert part.text.startswith("HOLD torch-upgrade ring canary: bad ::error")
    assert "\x1b" not in part.text


# -- GitHub ------------------------------------------------------------------------------------------------------------

ANNOTATION = re.compile(r"::(error|warning|notice) ((?:\w+=[^:,\r\n]*,?)*)::([^\r\n]*)")


def github(tmp_path: Path, found: Answer, **wanted: Any) -> tuple[list[str], str, dict[str, str]]:
    """Annotations, the summary, and the outputs as a runner reads them."""
    variables = {name: str(tmp_path / name) for name in ("GITHUB_STEP_SUMMARY", "GITHUB_OUTPUT")}
    first, summary, outputs = parts("github", found, variables=variables, **wanted)
    assert [first.file, summary.file, outputs.file] == [None, *map(Path, variables.values())]
    assert [first.add, summary.add, outputs.add] == [False, True, True]
    return first.text.splitlines(), summary.text, read_outputs(outputs.text)


def read_outputs(text: str) -> dict[str, str]:
    """As the runner does: NAME<<DELIMITER, lines, DELIMITER."""
    found, lines = {}, iter(text.split("\n"))
    for line in lines:
        if line:
            name, _, end = line.partition("<<")
            value = []
            while (one := next(lines)) != end:
                value.append(one)
            found[name] = "\n".join(value)
    return found


@pytest.mark.parametrize(("decision", "level"), [("GO", "notice"), ("NO-GO", "error"), ("HOLD", "warning")])
def test_github_has_an_annotation_a_summary_and_outputs(tmp_path: Path, decision: str, level: str) -> None:
    found = answer(tmp_path, Decision(decision))
    lines, summary, outputs = github(tmp_path, found)
    assert lines == [f"::{level} title={decision} for torch-upgrade%2C ring canary::it is so"]
    assert summary.splitlines()[0].endswith(f"{decision} torch-upgrade ring canary: it is so")
    assert found.stand.digest in summary
    assert (outputs["decision"], outputs["ring"], outputs["reasons"]) == (decision, "canary", "it is so")
    assert outputs["exit-code"] == str({"GO": 0, "NO-GO": 1, "HOLD": 10}[decision])
    assert outputs["verdict-digest"] == found.stand.digest
    assert outputs["plan-digest"] == found.plan


def test_an_annotation_stays_one_command_of_the_runner(tmp_path: Path) -> None:
    (line,), summary, outputs = github(tmp_path, answer(tmp_path, Decision.HOLD, (HOSTILE,), matrix="a,b:c%\nd"))
    match = ANNOTATION.fullmatch(line)
    assert match is not None
    assert match[2] == "title=HOLD for a%2Cb%3Ac%25%0Ad%2C ring canary"
    assert match[3].startswith("bad%0A::error::pwned%250A::set-output")
    assert "\x1b" not in line
    assert "<img" not in summary
    assert re.search(r"(?<!\\)\[x(?<!\\)\]", summary) is None
    assert "@all" not in summary
    assert outputs["matrix"] == "a,b:c%\nd"
    assert set(outputs) == {
        "decision", "exit-code", "matrix", "ring", "reasons",
        "plan-digest", "matrix-digest", "verdict-digest", "evidence-digest", "judge-digest",
    }  # fmt: skip


def test_an_output_ends_where_nobody_could_know(tmp_path: Path) -> None:
    found = answer(tmp_path, Decision.HOLD)
    variables = {"GITHUB_OUTPUT": "o", "GITHUB_STEP_SUMMARY": "s"}
    texts = [parts("github", found, variables=variables)[2].text for _ in range(2)]
    ends = [re.findall(r"<<(\S+)", text) for text in texts]
    assert len({*ends[0], *ends[1]}) == 20
    assert read_outputs(texts[0]) == read_outputs(texts[1])


def test_ten_annotations_at_most_and_the_last_says_how_many_more(tmp_path: Path) -> None:
    reasons = tuple(f"reason {number}" for number in range(25))
    lines, summary, outputs = github(tmp_path, answer(tmp_path, Decision.NO_GO, reasons))
    assert len(lines) == 10
    assert lines[-1].endswith("::16 more reasons: see the summary of this job")
    assert "25. reason 24" in summary
    assert outputs["reasons"].splitlines() == list(reasons)


def test_what_is_open_beside_what_is_worse_is_a_warning(tmp_path: Path) -> None:
    lines, _, _ = github(tmp_path, answer(tmp_path, Decision.NO_GO, ("worse", "open"), worse=1))
    assert [line.split(" ")[0] for line in lines] == ["::error", "::warning"]


def test_a_summary_has_room_for_a_mebibyte_a_step_and_says_what_is_left_out(tmp_path: Path) -> None:
    reasons = tuple(f"{number} {'ä' * 1_000}" for number in range(2_000))
    there = tmp_path / "GITHUB_STEP_SUMMARY"
    for before in (0, 500_000, 1_048_570):
        there.write_bytes(b"a" * before)
        found = answer(tmp_path, Decision.HOLD, reasons, report=lambda room: "r" * room)
        _, summary, _ = github(tmp_path, found)
        assert before + len(summary.encode()) <= 1_048_576
        assert summary == "" or summary.splitlines()[-1].endswith("are left out here: compat report has them.**")
        assert summary.count("\n") > 100 or before > 1_000_000
    there.unlink()
    rooms: list[int] = []
    _, summary, _ = github(
        tmp_path, answer(tmp_path, Decision.GO, report=lambda room: rooms.append(room) or "REPORT\n")
    )
    assert summary.endswith("REPORT\n")
    assert 1_040_000 < rooms[0] < 1_048_576


def test_annotations_point_to_the_ring_in_the_matrix_file(tmp_path: Path) -> None:
    matrix = tmp_path / "a,b.yaml"
    matrix.write_text("name: a\nrings:\n  - {name: early}\n  - tiers: [cpu]\n    name: canary\n")
    (line,), _, _ = github(tmp_path, answer(tmp_path, Decision.HOLD), matrix=matrix)
    assert f"::warning file={tmp_path / 'a%2Cb.yaml'!s},line=4,title=" in line


def test_without_a_step_of_github_it_says_so(tmp_path: Path) -> None:
    first, *others = parts("github", answer(tmp_path, Decision.GO))
    assert first.text.startswith("::notice ")
    assert [part.text for part in others] == [
        "compat: GITHUB_STEP_SUMMARY is not set: this is no step of GitHub's\n",
        "compat: GITHUB_OUTPUT is not set: this is no step of GitHub's\n",
    ]
    assert all(part.error for part in others)


# -- GitLab ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("decision", list(Decision))
def test_gitlab_has_metrics_and_variables(tmp_path: Path, decision: Decision) -> None:
    found = answer(tmp_path, decision, matrix='a "quoted"\\ name\n# EOF')
    line, metrics, variables = parts("gitlab", found, output=Path("out/gate.metrics"))
    assert line.text.startswith(decision.value)
    assert (metrics.file, variables.file) == (Path("out/gate.metrics"), Path("out/gate.env"))
    for read in (text_string_to_metric_families, prometheus_families):
        families = {family.name: family for family in read(metrics.text)}
        (said,) = (one for one in families["compat_gate_decision"].samples if one.value == 1)
        assert said.labels == {"matrix": found.matrix, "ring": "canary", "decision": decision.value}
        assert sum(one.value for one in families["compat_gate_comparisons"].samples) == 1
        assert ("compat_gate_since_timestamp_seconds" in families) == (decision is Decision.GO)
    assert all(re.fullmatch(r"[A-Z_]+=[A-Za-z0-9%._:+/-]+", one) for one in variables.text.splitlines())
    assert f"COMPAT_DECISION={decision.value}\n" in variables.text
    assert f"COMPAT_VERDICT_DIGEST={found.stand.digest}\n" in variables.text
    assert "COMPAT_MATRIX=a%20%22quoted%22%5C%20name%0A%23%20EOF\n" in variables.text
    assert len(variables.text) < 5_000


# -- Slurm -------------------------------------------------------------------------------------------------------------


def test_slurm_drains_the_nodes_of_a_ring_that_is_no_go(tmp_path: Path) -> None:
    found = answer(tmp_path, Decision.NO_GO, ("worse", HOSTILE))
    (part,) = parts("slurm", found)
    said, *commands = part.text.splitlines()
    assert said == "# NO-GO torch-upgrade ring canary: worse"
    reason = f"Reason=compat: NO-GO for torch-upgrade, ring canary, verdict {found.stand.digest[:12]}"
    words = [["scontrol", "update", f"NodeName={name}", "State=DRAIN", reason] for name in ("n1", "n2.example")]
    assert [shlex.split(command) for command in commands] == words == drain_commands(found)


@pytest.mark.parametrize("decision", [Decision.GO, Decision.HOLD])
def test_slurm_drains_nothing_of_another_ring(tmp_path: Path, decision: Decision) -> None:
    (part,) = parts("slurm", answer(tmp_path, decision))
    assert all(line.startswith("#") for line in part.text.splitlines())
    assert drain_commands(answer(tmp_path, decision)) == []


@pytest.mark.parametrize("host", ["n[1-3]", "a,b", "ALL x", "n1;reboot", "-n1", "", "n1\nn2", "$(id)", "n" * 65, "ü"])
def test_a_name_that_slurm_would_expand_is_said_and_the_others_are_drained(tmp_path: Path, host: str) -> None:
    found = answer(tmp_path, Decision.NO_GO, hosts=("n1", host))
    assert [words[2] for words in drain_commands(found)] == ["NodeName=n1"]
    commands, said = parts("slurm", found)
    assert commands.text.count("\n") == 2
    assert said.error
    assert said.text.startswith(f"compat: node {host!a} is not drained: ")
    assert said.text.count("\n") == 1
    assert len(parts("slurm", answer(tmp_path, Decision.HOLD, hosts=(host,)))) == 1


def test_a_reason_for_slurm_is_one_short_line(tmp_path: Path) -> None:
    found = answer(tmp_path, Decision.NO_GO, matrix="x\nNodeName=ALL State=IDLE " * 50)
    for words in drain_commands(found):
        assert len(words) == 5
        assert "\n" not in words[4]
        assert len(words[4]) <= 207
