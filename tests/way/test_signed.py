"""A second signature is given to exactly what would be signed anew, whatever somebody has put into the store."""

from __future__ import annotations

import datetime
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from securesystemslib.dsse import Envelope

from compat.gate.envelope import seal
from compat.gate.keys import signing_key
from compat.model import digest
from compat.store import Store
from compat.store.attestations import attestations, put_attestation
from tests.example import write_example
from tests.test_attest import compat, the_verdict

Change = Callable[[dict[str, Any]], object]

ADD = ("attest", "store", "--add", "--key", "ben", "--output", "two.json")
NOW = datetime.datetime.now(datetime.UTC).replace(microsecond=0)


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the example, measured and GO, its verdict signed by ann."""
    folder = tmp_path_factory.mktemp("once")
    write_example(folder)
    for words in (
        ("run", "example.yaml", "--content", "site", "--store", "store"),
        ("key", "new", "ann"),
        ("key", "new", "ben"),
        ("key", "new", "eve"),
        ("attest", "store", "--key", "ann", "--output", "one.json"),
    ):
        done = compat(*words, cwd=folder)
        assert (done.returncode, done.stderr) == (0, "")
    return folder


@pytest.fixture
def here(once: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(once, tmp_path / "here"))


def statement_of(file: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(Envelope.from_dict(json.loads(file.read_text())).payload)
    return found


def plant(here: Path, change: Change, *, alone: bool = True) -> None:
    """What somebody who may write into the store puts there: ann's statement, changed, and sealed by nobody we know.

    ``alone``: and ann's is gone.
    """
    statement = statement_of(here / "one.json")
    change(statement)
    store, name = Store(here / "store"), digest(the_verdict(here / "store"))
    if alone:
        for path in attestations(store, name):
            (here / "store" / path).unlink()
    put_attestation(store, name, seal(statement, [signing_key(str(here / "eve"))]))


def claims(**changes: object) -> Change:
    return lambda statement: statement["predicate"]["gpu_compat"].update(changes)


def issued(statement: dict[str, Any]) -> str:
    return str(statement["predicate"]["gpu_compat"]["issued_at"])


def later(days: float) -> str:
    return (NOW + datetime.timedelta(days=days)).isoformat()


def test_what_is_as_it_would_be_signed_is_signed(here: Path) -> None:
    done = compat(*ADD, cwd=here)
    assert (done.returncode, done.stderr) == (0, "")
    assert statement_of(here / "two.json") == statement_of(here / "one.json")
    two = ("--trust", "ann.pub", "--trust", "ben.pub", "--signatures", "2", "--store", "store")
    assert compat("verify-attestation", "two.json", *two, cwd=here).returncode == 0


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda s: s["subject"].append({"name": "image:x@sha256:eee", "digest": {"sha256": "e" * 64}}), "subject"),
        (lambda s: s["subject"].pop(0), "subject"),
        (lambda s: s["predicate"]["passedTests"].append("never/run"), "passedTests"),
        (lambda s: s["predicate"]["configuration"].pop(), "configuration"),
        (lambda s: s["predicate"].update(more="than there is"), "more than that"),
        (lambda s: s.update({"\x1b[2J": None}), "more than that"),
        (claims(matrix="another"), "matrix"),
        (claims(judged_at="2020-01-01T00:00:00+00:00"), "judged_at"),
        (claims(compat_version="99", matrix="x"), "matrix, compat_version"),
        (lambda s: claims(issued_at=issued(s).replace("+00:00", "Z"))(s), "issued_at"),  # one moment, another text
    ],
)
def test_what_says_anything_else_is_not_signed(here: Path, change: Change, said: str) -> None:
    plant(here, change)
    done = compat(*ADD, cwd=here)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        f"compat: the envelope: it says something else than the verdict: {said}; sign the verdict anew, without --add\n"
    )
    assert not (here / "two.json").exists()
    assert len(attestations(Store(here / "store"), digest(the_verdict(here / "store")))) == 1


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (claims(valid_until="9000-01-01T00:00:00+00:00"), "for longer than --valid says"),
        (claims(valid_until=later(31)), "for longer than --valid says"),
        (claims(issued_at=later(-40)), "for longer than --valid says"),
        (claims(issued_at="0001-01-01T00:00:00+23:59"), "does not say from when until when"),
        (claims(valid_until="soon"), "does not say from when until when"),
        (claims(issued_at=later(3), valid_until=later(4)), "still to come"),
        (claims(issued_at=later(-4), valid_until=later(-3)), "it was valid until"),
        (claims(verdict="0" * 64), "has no envelope of verdict"),
        (claims(decision="HOLD"), "has no envelope of verdict"),
        (claims(ring="early"), "it is of another ring"),
    ],
)
def test_what_is_valid_for_too_long_or_of_something_else_is_not_signed(here: Path, change: Change, said: str) -> None:
    plant(here, change)
    done = compat(*ADD, cwd=here)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not (here / "two.json").exists()


def test_how_long_it_may_be_believed_is_for_each_who_signs_to_say(here: Path) -> None:
    for words, code in ((("--valid", "29d"), 2), (("--valid", "30d"), 0)):
        assert compat(*ADD, *words, cwd=here).returncode == code


def test_what_somebody_has_put_beside_it_is_passed_over(here: Path) -> None:
    plant(here, claims(issued_at=later(1 / 8640), valid_until=later(1), matrix="another"), alone=False)
    assert compat(*ADD, cwd=here).returncode == 0
    assert statement_of(here / "two.json") == statement_of(here / "one.json")


def test_ten_years_are_the_longest(here: Path) -> None:
    for words in (("--valid", "9999999d"), ("--valid", "3651d")):
        done = compat("attest", "store", "--key", "ben", *words, cwd=here)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr == f"compat: --valid: '{words[1]}' is more than ten years; write at most 3650d\n"
    assert compat("attest", "store", "--key", "ben", "--valid", "3650d", cwd=here).returncode == 0
