"""``compat support`` and ``compat check``, as somebody at a terminal asks them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest


def compat(*words: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "compat", *words],
        cwd=cwd,
        env={**os.environ, "COLUMNS": "80"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("cuda", "13.0", "--driver", "570.172"), 1, "fail: CUDA 13.0 on driver 570.172: below the floor 580"),
        (("cuda", "13.0", "--driver", "580.95.05"), 0, "native: CUDA 13.0 on driver 580.95.05: native"),
        (("cuda", "12.8", "--driver", "535.54.03"), 0, "minor_compat: CUDA 12.8 on driver 535.54.03"),
        (
            ("cuda", "13.0", "--driver", "570.172", "--cuda-compat", "--gpu", "NVIDIA H100 PCIe"),
            0,
            "forward_compat: CUDA 13.0 on driver 570.172",
        ),
        (
            ("cuda", "13.0", "--driver", "570.172", "--cuda-compat", "--gpu", "NVIDIA GeForce RTX 4090"),
            1,
            "refuses cuda-compat (error 804)",
        ),
        (("torch", "2.11.0", "--gpu", "Tesla V100-SXM2-32GB"), 1, "and no PTX (gpu-code)"),
        (("gpu", "NVIDIA H100 PCIe", "--driver", "590.44.01"), 0, "known (driver-gpu)"),
        (("cuda", "19.0"), 10, "unknown: no table has it"),
    ],
)
def test_support(words: tuple[str, ...], code: int, said: str) -> None:
    done = compat("support", *words)
    assert (done.returncode, done.stderr) == (code, "")
    assert said in done.stdout


def test_support_as_a_document() -> None:
    document = json.loads(compat("support", "cuda", "13.0", "--driver", "570.172", "--json").stdout)
    assert document["schema_version"] == 1
    verdict = document["verdicts"]["cuda-driver"]
    assert (verdict["status"], verdict["level"]) == ("fail", "fail")
    assert verdict["remedy"].startswith("driver 580 or later")
    assert all(source.endswith(")") for source in verdict["sources"])
    assert {"issue", "said", "source", "sure"} == set(document["facts"][0])


def test_check_says_what_would_be_go() -> None:
    words = ("check", "--from", "torch 2.10.0, driver 570.172.08", "--to", "torch 2.11.0", "--on", "2026-11-29")
    done = compat(*words, "--gpu", "NVIDIA H100 80GB HBM3")
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.startswith("BLOCKED on 2026-11-29\n")
    assert "what helps: driver 580 or later, or cuda-compat of CUDA 13.0 on base branch 570" in done.stdout
    document = json.loads(compat(*words, "--json").stdout)
    assert document["answer"] == "blocked"
    assert document["changes"]["cuda"] == {"from": "12.8", "to": "13.0"}
    assert document["support_windows"][0]["days_left"] == -274


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("torch 2.10.0, driver 570.172.08", "driver 580.95.05", 0),
        ("cuda 12.4, driver 550.54.15", "cuda 12.8", 10),
        ("pillow 10.0.0", "pillow 11.0.0", 10),
    ],
)
def test_exit_codes_of_check(old: str, new: str, code: int) -> None:
    assert compat("check", "--from", old, "--to", new, "--on", "2026-11-29").returncode == code


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("support", "tritn", "3.6"), "support: there is no table of 'tritn'; did you mean 'triton'?"),
        (("support", "cuda", "latest"), "support: 'latest' is no version; write for example: compat support cuda 13.0"),
        (("support", "cuda", "13.0", "--on", "tomorrow"), "--on: 'tomorrow' is no day; write it as 2026-11-29"),
        (("support", "cuda", "13.0", "--tables", "nowhere"), "nowhere: is no folder of support tables;"),
        (("check", "--from", "torch", "--to", "torch 2"), "--from: 'torch' is no component with a version;"),
        (("check", "--from", "torch 2.10.0", "--to", ","), "--to: it names no component;"),
    ],
)
def test_what_is_mistyped_is_one_line(words: tuple[str, ...], said: str) -> None:
    done = compat(*words)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"compat: {said}")
    assert done.stderr.count("\n") == 1


def test_a_row_of_ones_own_overrides_ours(tmp_path: Path) -> None:
    site = tmp_path / "tables"
    site.mkdir()
    site.joinpath("branches.yaml").write_text(
        'rows:\n  - {branch: "570", kind: PB, eol: "2027-12", source: "our contract", checked: "2026-11"}\n'
    )
    site.joinpath("issues.yaml").write_text(
        "rows:\n"
        "  - {id: site-1, component: pillow, affected: '>=11', effect: memory, symptom: leaks, when: always here,\n"
        '     remedy: "10.4", source: ticket 7, checked: "2026-11"}\n'
    )
    words = ("check", "--from", "torch 2.10.0, driver 570.172.08", "--to", "driver 580.95.05", "--on", "2026-11-29")
    done = compat(*words, "--tables", "tables", cwd=tmp_path)
    assert "supported until 2027-12-31, 397 days left (our contract (checked 2026-11))" in done.stdout
    assert "Staying behind: the tables know of nothing that it costs" in done.stdout
    added = compat("check", "--from", "pillow 10.0", "--to", "pillow 11.0", "--tables", "tables", cwd=tmp_path)
    assert "known-issue site-1: pillow >=11: leaks (always here)" in added.stdout


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        (
            "branches.yaml",
            "rows:\n  - {branch: 570, kind: PB, source: s, checked: '2026-11'}\n",
            "branches.yaml:2: rows[0].branch: 570 is read as the number 570",
        ),
        ("branches.yaml", "rows: []\nrow: 1\n", "branches.yaml:2: unknown key 'row'"),
        (
            "brunches.yaml",
            "rows: []\n",
            "brunches.yaml: there is no support table of this name; did you mean 'branches'?",
        ),
        ("issues.yaml", "", "issues.yaml:1: "),
    ],
)
def test_a_table_of_ones_own_that_is_wrong(tmp_path: Path, name: str, text: str, said: str) -> None:
    tmp_path.joinpath(name).write_text(text)
    done = compat("support", "driver", "570.26", "--tables", str(tmp_path))
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert done.stderr.count("\n") == 1
