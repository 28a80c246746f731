"""Every command that reads a store takes an address of a bucket; those that measure say that they need a folder."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.example import write_example
from tests.s3 import S3, serve
from tests.test_cli import compat


@pytest.fixture(scope="module")
def s3() -> Iterator[S3]:
    with serve() as server:
        yield server


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the example, measured into two shards: GO together."""
    folder = tmp_path_factory.mktemp("measured")
    write_example(folder)
    for shard in (1, 2):
        words = ("--store", f"shard-{shard}", "--shard", f"{shard}/2", "--measure-only")
        done = compat("run", "example.yaml", "--content", "site", *words, cwd=folder)
        assert (done.returncode, done.stderr) == (0, "")
    return folder


def test_a_bucket_is_merged_into_and_judged(s3: S3, measured: Path, tmp_path: Path) -> None:
    address, env = f"{s3.bucket()}/upgrades/one", s3.environment
    shards = [str(measured / f"shard-{number}") for number in (1, 2)]
    merged = compat("merge", *shards, "--output", address, cwd=tmp_path, **env)
    assert (merged.returncode, merged.stderr) == (0, "")
    assert merged.stdout.startswith(f"{address}: 8 runs on 1 node, 8 of them new (plan ")
    again = compat("store", "merge", *shards, "--output", address, cwd=tmp_path, **env)
    assert "8 runs on 1 node, 0 of them new" in again.stdout
    judged = compat("judge", address, cwd=tmp_path, **env)
    assert "VERDICT: GO" in judged.stdout, judged.stderr
    gate = compat("gate", address, cwd=tmp_path, **env)
    assert (gate.returncode, gate.stderr) == (0, "")
    report = compat("report", address, cwd=tmp_path, **env)
    assert report.stdout.splitlines()[0] == "out/example/report.html", report.stderr
    assert json.loads((tmp_path / "out/example/verdict.json").read_text())["decision"] == "GO"
    shown = compat("show", address, "*one*", cwd=tmp_path, **env)
    assert "operator:adder[one]" in shown.stdout, shown.stderr
    promoted = compat("baseline", "promote", address, cwd=tmp_path, **env)
    assert promoted.returncode == 0, promoted.stdout + promoted.stderr
    assert compat("rings", address, cwd=tmp_path, **env).returncode == 0
    golden = compat("golden", address, "--output", "golden.safetensors", cwd=tmp_path, **env)
    assert golden.stdout.startswith("GOLDEN = "), golden.stderr
    back = compat("merge", address, "--output", "back", cwd=tmp_path, **env)
    assert back.stdout.startswith("back: 8 runs on 1 node, 8 of them new"), back.stderr
    for store in (address, "back"):
        verified = compat("store", "verify", store, cwd=tmp_path, **env)
        assert (verified.returncode, verified.stderr) == (0, ""), verified.stdout
        assert "note: " not in verified.stdout, "the verdict's evidence is what is there"
    itself = compat("merge", f"{address}/", "--output", address, cwd=tmp_path, **env)
    assert (itself.returncode, "is merged from and into" in itself.stderr) == (2, True)


@pytest.mark.parametrize(
    "words",
    [
        ("run", "example.yaml", "--content", "site", "--store", "s3://bucket/store"),
        ("case", "shard-1", "*one*", "--content", "site", "--store", "s3://bucket/store"),
    ],
)
def test_measuring_needs_a_folder(measured: Path, words: tuple[str, ...]) -> None:
    before = sorted(measured.iterdir())
    done = compat(*words, cwd=measured)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "compat: --store: is no folder, and evidence is measured into one;"
        " measure into a folder, then say compat merge FOLDER --output s3://...\n"
    )
    assert sorted(measured.iterdir()) == before


def test_pytest_needs_a_folder_too(pytester: pytest.Pytester) -> None:
    write_example(pytester.path)
    done = pytester.runpytest_subprocess(
        "example.yaml", "--compat-content", "site", "--compat-store", "s3://bucket/store"
    )
    assert done.ret == 2
    done.stdout.fnmatch_lines(["*--store: is no folder, and evidence is measured into one;*"])
    assert not (pytester.path / "s3:").exists()


@pytest.mark.parametrize("words", [("gate",), ("judge",), ("store", "verify"), ("rings",), ("show",)])
def test_no_network_is_one_line_and_exit_2(s3: S3, tmp_path: Path, words: tuple[str, ...]) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    env = {**s3.environment, "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}", "AWS_MAX_ATTEMPTS": "1"}
    done = compat(*words, "s3://bucket/store", cwd=tmp_path, **env)
    assert (done.returncode, done.stdout) == (2, "")
    said = "cannot be read: the server does not answer; look at the network, and at AWS_ENDPOINT_URL"
    assert done.stderr == f"compat: s3://bucket/store/store.json: {said}\n"
