"""When ``compat serve`` does not start: where everybody could ask, and where there is nothing to tell."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from compat.model import Decision
from tests.gate.stores import upgrade, write_verdict
from tests.test_cli import compat


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "token-file: nobody says who may ask; say --token-file FILE, or env:NAME; or --no-token"),
        (("--host", "0.0.0.0", "--no-token"), "no-token: is for a loopback address, and 0.0.0.0 is none"),  # noqa: S104
        (("--host", "::", "--no-token"), "no-token: is for a loopback address, and :: is none"),
        (("--token-file", "nowhere"), "nowhere: cannot be read: No such file or directory"),
        (("--token-file", "env:COMPAT_NOTHING"), "variable COMPAT_NOTHING: has no token"),
        (("--token-file", "short"), "short: token 2 has 5 characters"),
        (("--token-file", "empty"), "empty: has no token"),
        (("--token-file", "odd"), "odd: token 1 has characters that a header cannot have"),
        (("--token-file", "good", "--no-token"), "token-file: and --no-token contradict each other"),
        (("--token-file", "good", "--host", "256.1.1.1"), "256.1.1.1:8787: cannot be listened on: "),
        (("--token-file", "good", "--host", "192.0.2.1", "--port", "0"), "192.0.2.1:0: cannot be listened on: "),
    ],
)
def test_it_does_not_start_where_everybody_could_ask(tmp_path: Path, words: tuple[str, ...], said: str) -> None:
    upgrade(tmp_path / "store")
    (tmp_path / "good").write_text("g" * 32 + "\n")
    (tmp_path / "short").write_text("g" * 32 + "\n\nshort\n")
    (tmp_path / "empty").write_text("\n \n")
    (tmp_path / "odd").write_text("größer-als-sechzehn-zeichen\n")
    done = compat("serve", "store", *words, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"compat: {said}")
    assert done.stderr.count("\n") == 1
    assert "short" not in done.stderr.replace("short:", "")


def test_without_its_extra_it_says_what_to_install(tmp_path: Path) -> None:
    upgrade(tmp_path / "store")
    code = "import sys; sys.modules['starlette.applications'] = None; from compat.cli import main; main()"
    words = [sys.executable, "-c", code, "serve", "store", "--no-token"]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("compat: compat serve needs starlette")
    assert done.stderr.endswith("which is not installed; pip install 'gpu-compat[serve]'\n")


def test_a_store_that_is_broken_is_an_error_of_the_call(tmp_path: Path) -> None:
    store, plan = upgrade(tmp_path / "store")
    write_verdict(store, plan, Decision.GO)
    (verdict,) = (tmp_path / "store/verdicts").rglob("*.json")
    verdict.write_text(verdict.read_text()[:-10])
    done = compat("serve", "store", "--no-token", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "is torn or not ours" in done.stderr
    done = compat("serve", "nowhere", "--no-token", cwd=tmp_path)
    assert done.stderr.startswith("compat: nowhere: is not a store")
