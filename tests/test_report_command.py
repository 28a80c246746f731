"""``compat report --open``: the written file, and no other, in the browser that is there."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.example import write_example
from tests.test_cli import compat


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("measured")
    write_example(folder)
    assert compat("run", "example.yaml", "--content", "site", cwd=folder).returncode == 0
    return folder


def programs(folder: Path, *names: str) -> dict[str, str]:
    """An environment in which these programs alone are found, and each writes down what it was asked to open."""
    folder.mkdir()
    for name in names:
        file = folder / name
        file.write_text(f'#!/bin/sh\necho "$0 $*" >> "{folder}/asked"\n')
        file.chmod(0o755)
    return {"PATH": str(folder), "BROWSER": "", "DISPLAY": "", "WAYLAND_DISPLAY": ""}


def asked(folder: Path) -> list[str]:
    return (folder / "asked").read_text().splitlines()


@pytest.mark.parametrize("way", ["BROWSER", "desktop"])
def test_the_written_file_is_opened(measured: Path, tmp_path: Path, way: str) -> None:
    bin_ = tmp_path / "bin"
    variables = programs(bin_, "my-browser", "xdg-open")
    variables |= {"BROWSER": "my-browser"} if way == "BROWSER" else {"DISPLAY": ":0"}
    output = tmp_path / "a folder #1"
    done = compat("report", "out/example", "--open", "--output", str(output), cwd=measured, **variables)
    assert (done.returncode, done.stderr) == (0, "")
    (line,) = asked(bin_)
    program, _, address = line.partition(" ")
    assert program == str(bin_ / ("my-browser" if way == "BROWSER" else "xdg-open"))
    assert address == (output / "report.html").as_uri()
    assert "browser" not in done.stdout


@pytest.mark.parametrize("lack", ["neither", "no display", "no handler", "no such program"])
def test_without_a_browser_it_says_where_the_report_is(measured: Path, tmp_path: Path, lack: str) -> None:
    bin_ = tmp_path / "bin"
    variables = programs(bin_, *([] if lack == "neither" else ["xdg-open"]))
    if lack == "no handler":
        variables["DISPLAY"] = ":0"
        (bin_ / "xdg-open").write_text("#!/bin/sh\nexit 3\n")
    if lack == "no such program":
        variables["BROWSER"] = "nowhere"
    pages = tmp_path / "pages"
    done = compat("report", "out/example", "--open", "--output", str(pages), cwd=measured, **variables)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1] == f"no browser can be opened here: {pages / 'report.html'}"
    assert (pages / "report.html").is_file()
    assert not (bin_ / "asked").exists()


def test_nothing_is_opened_that_was_not_asked_for(measured: Path, tmp_path: Path) -> None:
    bin_ = tmp_path / "bin"
    variables = programs(bin_, "my-browser", "xdg-open") | {"BROWSER": "my-browser"}
    assert (
        compat("report", "out/example", "--output", str(tmp_path / "pages"), cwd=measured, **variables).returncode == 0
    )
    assert not (bin_ / "asked").exists()


@pytest.fixture
def accepted(tmp_path: Path) -> Path:
    """A folder with the example, measured: GO because of a waiver."""
    write_example(tmp_path, add="0.5")
    lines = [
        f'  - {{case: "operator:adder[{case}]", metric: outputs, reason: "known", owner: me, expires: "2099-01-01"}}'
        for case in ("one", "two")
    ]
    (tmp_path / "accepted.yaml").write_text("\n".join(("waivers:", *lines)) + "\n")
    words = ("run", "example.yaml", "--content", "site", "--waivers", "accepted.yaml")
    assert compat(*words, cwd=tmp_path).returncode == 0
    assert "<title>GO:" in (tmp_path / "out/example/report.html").read_text()
    return tmp_path


def test_a_report_takes_no_waiver_away(accepted: Path) -> None:
    verdicts = sorted((accepted / "out/example/verdicts").rglob("*.json"))
    done = compat("report", "out/example", "--output", "elsewhere", cwd=accepted)
    assert (done.returncode, done.stderr) == (0, "")
    assert (accepted / "elsewhere/report.html").read_text().count("<title>GO:") == 1
    assert sorted((accepted / "out/example/verdicts").rglob("*.json")) == verdicts
    # Whoever judges, judges by what is said now.
    done = compat("judge", "out/example", cwd=accepted)
    assert "VERDICT: NO-GO" in done.stdout
    assert len(list((accepted / "out/example/verdicts").rglob("*.json"))) == len(verdicts) + 1


def test_a_report_of_lost_outputs_is_not_go_whatever_was_said_before(accepted: Path) -> None:
    for blob in (accepted / "out/example/blobs").rglob("*"):
        if blob.is_file():
            blob.unlink()
    assert compat("report", "out/example", cwd=accepted).returncode == 0
    assert "<title>HOLD:" in (accepted / "out/example/report.html").read_text()
