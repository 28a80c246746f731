"""Signed verdicts through the front door: keys, signing, checking, and what a gate would refuse."""

from __future__ import annotations

import datetime
import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from securesystemslib.dsse import Envelope

from compat.gate.envelope import opened, seal
from compat.gate.keys import signing_key, trusted_keys
from compat.model import SCHEMA_VERSION, Decision, Promotion, Runtime, Verdict, digest
from compat.store import Store
from compat.store.attestations import attestations
from compat.way.signed import attest, signed
from compat.way.verified import Asked, verified
from tests.example import write_example

DAY = 86400.0
BEFORE = Runtime("before", python="")


def compat(*words: str, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "compat", *words],
        cwd=cwd, env={**os.environ, "COLUMNS": "200", **variables}, capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the example, measured and GO, and three pairs of keys."""
    folder = tmp_path_factory.mktemp("once")
    write_example(folder)
    done = compat("run", "example.yaml", "--content", "site", "--store", "store", cwd=folder)
    assert (done.returncode, done.stderr) == (0, "")
    for name in ("ann", "ben", "eve"):
        assert compat("key", "new", name, cwd=folder).returncode == 0
    return folder


@pytest.fixture
def here(once: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(once, tmp_path / "here"))


def the_verdict(store: Path) -> Verdict:
    return Store(store).verdicts()[-1]


def test_a_verdict_is_signed_and_checked_on_another_machine_without_its_store(here: Path, tmp_path: Path) -> None:
    done = compat("attest", "store", "--ring", "canary", "--key", "ann", "--output", "out/go.json", cwd=here)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(
        f"out/go.json: GO example ring canary, verdict {digest(the_verdict(here / 'store'))[:12]}"
    )
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    shutil.copy(here / "out/go.json", elsewhere)
    shutil.copy(here / "ann.pub", elsewhere)
    shutil.rmtree(here)
    done = compat("verify-attestation", "go.json", "--trust", "ann.pub", "--ring", "canary", cwd=elsewhere)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("accepted: GO example ring canary\n  from runtime before to runtime after\n")


def test_the_envelope_is_kept_beside_the_verdict_and_printed_as_it_is(here: Path) -> None:
    done = compat("attest", "store", "--key", "ann", cwd=here)
    assert (done.returncode, done.stderr) == (0, "")
    kept = attestations(Store(here / "store"), digest(the_verdict(here / "store")))
    assert list(kept.values()) == [done.stdout.encode()]
    assert list(kept) == [f"attestations/{digest(the_verdict(here / 'store'))}/{digest(done.stdout)}.json"]
    envelope = Envelope.from_dict(json.loads(done.stdout))
    assert envelope.verify(list(trusted_keys([str(here / "ann.pub")])), 1)


def test_nothing_of_a_private_key_is_anywhere_but_in_its_file(here: Path) -> None:
    secret = "".join((here / "ann").read_text().splitlines()[1:-1])
    said = ""
    for words in (
        ("attest", "store", "--key", "ann", "--output", "a.json"),
        ("attest", "store", "--key", "env:OUR_KEY"),
        ("attest", "store", "--key", "env:OUR_KEY", "--add"),
        ("verify-attestation", "a.json", "--trust", "ann.pub"),
        ("verify-attestation", "a.json", "--trust", "ann"),
        ("audit", "store/verdict.json", "--trust", "ann.pub", "--json"),
    ):
        done = compat(*words, cwd=here, OUR_KEY=(here / "ann").read_text())
        said += done.stdout + done.stderr
    (here / "ann").unlink()
    files = b"".join(path.read_bytes() for path in here.rglob("*") if path.is_file())
    for form in (secret, secret[-40:]):
        assert form not in said
        assert form.encode() not in files


def test_a_key_from_a_variable_signs(here: Path) -> None:
    done = compat(
        "attest", "store", "--key", "env:OUR_KEY", "--output", "a", cwd=here, OUR_KEY=(here / "ann").read_text()
    )
    assert done.returncode == 0
    done = compat("verify-attestation", "a", "--trust", "env:PUB", cwd=here, PUB=(here / "ann.pub").read_text())
    assert done.returncode == 0


def test_several_keys_sign_together_or_one_after_the_other(here: Path) -> None:
    assert compat("attest", "store", "--key", "ann", "--key", "ben", "--output", "both", cwd=here).returncode == 0
    two = ("--signatures", "2")
    trust = ("--trust", "ann.pub", "--trust", "ben.pub")
    assert compat("verify-attestation", "both", *trust, *two, cwd=here).returncode == 0
    done = compat("verify-attestation", "both", "--trust", "ann.pub", "--trust", "eve.pub", *two, cwd=here)
    assert done.returncode == 1
    assert done.stdout.startswith("refused: it is signed by 1 of the 2 trusted keys that are needed")
    assert compat("attest", "store", "--key", "eve", "--add", "--output", "three", cwd=here).returncode == 0
    done = compat("verify-attestation", "three", *trust, "--trust", "eve.pub", "--signatures", "3", cwd=here)
    assert done.returncode == 0
    again = compat("attest", "store", "--key", "eve", "--add", cwd=here)
    assert (again.returncode, again.stdout) == (2, "")
    assert "already" in again.stderr


def test_signing_after_somebody_else_needs_something_to_sign(here: Path) -> None:
    done = compat("attest", "store", "--key", "ann", "--add", cwd=here)
    assert done.returncode == 2
    assert "has no envelope of verdict" in done.stderr


def test_the_newest_verdict_of_a_store_is_what_may_be_asked_for(here: Path) -> None:
    assert compat("attest", "store", "--key", "ann", "--output", "old", cwd=here).returncode == 0
    ask = ("verify-attestation", "old", "--trust", "ann.pub", "--store", "store")
    assert compat(*ask, cwd=here).returncode == 0
    # more evidence: there is a newer verdict, and the old one is shown again
    assert compat("run", "example.yaml", "--content", "site", "--store", "store", "--fresh", cwd=here).returncode == 0
    done = compat(*ask, cwd=here)
    assert done.returncode == 1
    assert "refused: it is of another verdict: " in done.stdout
    assert "refused: it is of another evidence: " in done.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--trust", "eve.pub"), "refused: it is signed by no key that is trusted"),
        (("--trust", "ann.pub", "--ring", "early"), "refused: it is of another ring: canary, and early was asked for"),
        (("--trust", "ann.pub", "--plan", "0" * 64), "refused: it is of another plan"),
        (("--trust", "ann.pub", "--matrix", "other.yaml"), "refused: it is of another matrix"),
        (("--trust", "ann.pub", "--candidate", "runtime=x"), "refused: it is of another candidate: runtime after"),
        (("--trust", "ann.pub", "--baseline", f"h100={'0' * 64}"), "refused: it is of another baseline: none"),
    ],
)
def test_a_verdict_of_something_else_is_refused(here: Path, words: tuple[str, ...], said: str) -> None:
    (here / "other.yaml").write_text((here / "example.yaml").read_text() + "# changed\n")
    assert compat("attest", "store", "--key", "ann", "--output", "go", cwd=here).returncode == 0
    fine = ("--trust", "ann.pub", "--ring", "canary", "--matrix", "example.yaml", "--candidate", "runtime=after")
    assert compat("verify-attestation", "go", *fine, cwd=here).returncode == 0
    done = compat("verify-attestation", "go", *words, cwd=here)
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.startswith(said)


def test_every_byte_of_the_matrix_counts(here: Path) -> None:
    assert compat("attest", "store", "--key", "ann", "--output", "go", cwd=here).returncode == 0
    found = opened((here / "go").read_bytes(), trusted_keys([str(here / "ann.pub")]))
    matrix = here / "example.yaml"
    asked = Asked(matrix=matrix)
    assert verified(found, asked).accepted
    data = matrix.read_bytes()
    for place in range(len(data)):
        matrix.write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
        answer = verified(found, asked)
        assert not answer.accepted, place
        assert answer.lines[0].startswith("refused: it is of another matrix: ")


def test_expired_and_from_the_future(here: Path) -> None:
    store, now = Store(here / "store"), datetime.datetime.now(datetime.UTC)
    key = signing_key(str(here / "ann"))
    for name, days, said in (("old", -31, "it was valid until"), ("new", 1, "which is still to come")):
        made = attest(store, lambda text: seal(text, [key]), 30 * DAY, now=now + datetime.timedelta(days=days))
        (here / name).write_bytes(made.envelope)
        done = compat("verify-attestation", name, "--trust", "ann.pub", cwd=here)
        assert done.returncode == 1
        assert said in done.stdout
    assert compat("attest", "store", "--key", "ann", "--valid", "12h", "--output", "a", cwd=here).returncode == 0
    claimed = json.loads(Envelope.from_dict(json.loads((here / "a").read_text())).payload)["predicate"]["gpu_compat"]
    issued, until = (datetime.datetime.fromisoformat(claimed[name]) for name in ("issued_at", "valid_until"))
    assert until - issued == datetime.timedelta(hours=12)


def test_only_what_stands_is_signed(here: Path) -> None:
    blob = next((here / "store/blobs").rglob("*/*/*"))
    blob.write_bytes(b"another output")
    done = compat("attest", "store", "--key", "ann", cwd=here)
    assert (done.returncode, done.stdout) == (2, "")
    assert "does not stand: outputs: " in done.stderr
    assert not (here / "store/attestations").exists()


def test_what_is_not_go_is_signed_as_what_it_is(tmp_path: Path, here: Path) -> None:
    write_example(tmp_path, add="1")
    assert compat("run", "example.yaml", "--content", "site", "--store", "store", cwd=tmp_path).returncode == 1
    assert compat("attest", "store", "--key", str(here / "ann"), "--output", "no", cwd=tmp_path).returncode == 0
    done = compat("verify-attestation", "no", "--trust", str(here / "ann.pub"), cwd=tmp_path)
    assert done.stdout.startswith("accepted: NO-GO example ring canary")
    statement = json.loads(Envelope.from_dict(json.loads((tmp_path / "no").read_text())).payload)
    assert statement["predicate"]["result"] == "FAILED"
    assert [name for name in statement["predicate"]["failedTests"] if "adder[two]" in name]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("attest", "store"), "needs --key, or --keyless, and not both"),
        (("attest", "store", "--key", "ann", "--keyless"), "needs --key, or --keyless, and not both"),
        (("attest", "store", "--key", "nowhere"), "nowhere: cannot be read: No such file or directory"),
        (("attest", "store", "--key", "ann", "--valid", "30"), "--valid: '30' is not a duration"),
        (("attest", "store", "--key", "ann", "--ring", "early"), "choose one of canary"),
        (("attest", "store", "--key", "ann.pub"), "signing needs the private one"),
        (("attest", "nowhere", "--key", "ann"), "is not a store"),
        (("verify-attestation", "example.yaml"), "does not know whom to trust"),
        (("verify-attestation", "nowhere", "--trust", "ann.pub"), "nowhere: cannot be read"),
        (("verify-attestation", "example.yaml", "--trust", "ann.pub", "--matrix", "no"), "no: cannot be read"),
        (("verify-attestation", "example.yaml", "--trust", "ann"), "has a private key, and a public one is asked for"),
        (("verify-attestation", "example.yaml", "--trust", "ann.pub", "--plan", "12"), "has to be the whole digest"),
        (("verify-attestation", "example.yaml", "--trust", "ann.pub", "--candidate", "x"), "is not NAME=VALUE"),
        (("verify-attestation", "example.yaml", "--identity", "ann"), "does not know whom to trust"),
        (("attest", "store", "--key", "ann", "--output", "ann"), "output: ann is read by this command"),
        (("attest", "store", "--key", "ann", "--output", "store/go.json"), "output: store/go.json is in the store"),
        (("attest", "store", "--key", "ann", "--output", "store"), "output: 'store' is no file"),
        (("attest", "store", "--key", "ann", "--output", "ann/go.json"), "ann/go.json: cannot be written"),
        (("gate", "store", "--signatures", "2"), "signatures: asks for 2 trusted keys, and none is named"),
        (("rings", "store", "--signatures", "2"), "signatures: asks for 2 trusted keys, and none is named"),
        (("audit", "ab", "store", "--signatures", "2"), "signatures: asks for 2 trusted keys, and none is named"),
        (("baseline", "show", "store", "--signatures", "2"), "signatures: asks for 2 trusted keys, and none is named"),
        (("serve", "store", "--no-token", "--signatures", "2"), "signatures: asks for 2 trusted keys, and none"),
        (("verify-attestation", "x", "--identity", "a", "--issuer", "b", "--signatures", "2"), "asks for 2 trusted"),
        (("key", "new", "ann"), "ann: is there already and is not overwritten"),
        (("key", "new", "no/where"), "cannot be written: No such file or directory"),
    ],
)
def test_bad_input_is_one_line_and_exit_2(here: Path, words: tuple[str, ...], said: str) -> None:
    before = {path: path.read_bytes() if path.is_file() else b"" for path in here.rglob("*")}
    done = compat(*words, cwd=here)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert {path: path.read_bytes() if path.is_file() else b"" for path in here.rglob("*")} == before


def test_a_store_without_a_verdict_has_nothing_to_sign(here: Path) -> None:
    shutil.rmtree(here / "store/verdicts")
    done = compat("attest", "store", "--key", "ann", cwd=here)
    assert done.returncode == 2
    assert "has no verdict of ring canary" in done.stderr


# -- what a gate asks for ----------------------------------------------------------------------------------------------


def test_a_gate_hears_of_each_verdict_whether_it_is_signed(here: Path) -> None:
    store = Store(here / "store")
    plan, own = store.plan(), the_verdict(here / "store")
    name = digest(own)
    ann, eve = (trusted_keys([str(here / f"{who}.pub")]) for who in ("ann", "eve"))
    assert signed(store, [(name, own)], plan, ann) == {}
    assert compat("attest", "store", "--key", "eve", cwd=here).returncode == 0
    (why,) = signed(store, [(name, own)], plan, ann)[name]
    assert "no key that is trusted" in why
    assert compat("attest", "store", "--key", "ann", cwd=here).returncode == 0
    assert signed(store, [(name, own)], plan, ann) == {name: ()}  # one that is right is enough
    assert signed(store, [(name, own)], plan, eve) == {name: ()}
    assert signed(store, [(name, own)], plan, (*ann, *eve), needed=2)[name]
    later = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=31)
    assert "it was valid until" in signed(store, [(name, own)], plan, ann, later)[name][0]


def test_a_gate_by_stored_verdicts_asks_for_a_signature_of_who_is_trusted(here: Path) -> None:
    asked = ("gate", "store", "--stored", "--trust", "ann.pub")
    done = compat(*asked, cwd=here)
    assert done.returncode == 10
    assert "has no signature that could be checked" in done.stdout
    assert compat("gate", "store", "--stored", cwd=here).returncode == 0  # who trusts nobody asks for none
    assert compat("attest", "store", "--key", "eve", cwd=here).returncode == 0
    done = compat(*asked, cwd=here)
    assert (done.returncode, "no key that is trusted" in done.stdout) == (10, True)
    assert compat("attest", "store", "--key", "ann", cwd=here).returncode == 0
    assert compat(*asked, cwd=here).returncode == 0
    assert compat(*asked, "--signatures", "2", cwd=here).returncode == 10


def promotion(of: Verdict, number: int, previous: str, **changes: object) -> Promotion:
    made = Promotion(
        SCHEMA_VERSION, "fleet", number, previous, "promote", "ann", of.judged_at,
        stack=of.known_good, runtime=BEFORE, decision=Decision.GO, verdict="0" * 64,
    )  # fmt: skip
    return replace(made, **changes)  # type: ignore[arg-type]


def test_a_verdict_against_a_baseline_that_moved_on_is_refused(here: Path) -> None:
    store, verdict = Store(here / "store"), the_verdict(here / "store")
    store.baseline("fleet").append(lambda number, previous: promotion(verdict, number, previous))
    store.baseline("others").append(lambda number, previous: promotion(verdict, number, previous, stack={"x": "y"}))
    assert compat("attest", "store", "--key", "ann", "--output", "go", cwd=here).returncode == 0
    trusted, name = trusted_keys([str(here / "ann.pub")]), digest(verdict)
    assert signed(store, [(digest(verdict), verdict)], store.plan(), trusted) == {name: ()}
    store.baseline("others").append(lambda number, previous: promotion(verdict, number, previous, stack={"x": "z"}))
    assert signed(store, [(digest(verdict), verdict)], store.plan(), trusted) == {name: ()}  # another fleet's
    store.baseline("fleet").append(lambda number, previous: promotion(verdict, number, previous, stack={"x": "y"}))
    assert (
        "it is of another baseline: fleet "
        in signed(store, [(digest(verdict), verdict)], store.plan(), trusted)[name][0]
    )
    done = compat("verify-attestation", "go", "--trust", "ann.pub", "--store", "store", cwd=here)
    assert done.returncode == 1
    assert "refused: it is of another baseline" in done.stdout


def test_a_verdict_holds_after_its_own_upgrade_was_promoted(here: Path) -> None:
    store, verdict = Store(here / "store"), the_verdict(here / "store")
    assert compat("attest", "store", "--key", "ann", cwd=here).returncode == 0
    promoted = compat("baseline", "promote", "store", "--ring", "canary", cwd=here)
    assert promoted.returncode == 0, promoted.stderr
    trusted = trusted_keys([str(here / "ann.pub")])
    assert signed(store, [(digest(verdict), verdict)], store.plan(), trusted) == {digest(verdict): ()}
