from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from compat.errors import UsageError
from compat.gate.keys import new_key, public_name, signing_key, trusted_keys


def pem(key: object, *, public: bool = False, encryption: object = None) -> bytes:
    if public:
        return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption or NoEncryption())


def refused(raised: pytest.ExceptionInfo[UsageError], *secrets: bytes) -> str:
    said = str(raised.value)
    assert "\n" not in said
    for secret in secrets:
        for line in secret.decode().splitlines()[1:-1]:
            assert line not in said
    assert raised.value.__cause__ is None
    return said


def test_a_pair_signs_and_is_trusted(tmp_path: Path) -> None:
    keyid = new_key(tmp_path / "key")
    signer = signing_key(str(tmp_path / "key"))
    (trusted,) = trusted_keys([str(tmp_path / "key.pub")])
    assert keyid == signer.public_key.keyid == trusted.keyid
    trusted.verify_signature(signer.sign(b"data"), b"data")


def test_the_private_key_is_for_its_user_alone_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        new_key(tmp_path / "key")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "key").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "key.pub").stat().st_mode) == 0o644
    assert b"PRIVATE" not in (tmp_path / "key.pub").read_bytes()


@pytest.mark.parametrize("there", ["key", "key.pub"])
def test_nothing_is_overwritten_and_no_half_is_left(tmp_path: Path, there: str) -> None:
    (tmp_path / there).write_text("mine")
    with pytest.raises(UsageError) as raised:
        new_key(tmp_path / "key")
    assert f"{there}: is there already and is not overwritten" in refused(raised)
    assert (tmp_path / there).read_text() == "mine"
    assert [path.name for path in tmp_path.iterdir()] == [there]


def test_a_place_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as raised:
        new_key(tmp_path / "nowhere" / "key")
    assert "cannot be written: No such file or directory" in refused(raised)


def test_a_half_that_could_not_be_followed_by_the_other_is_taken_back(tmp_path: Path) -> None:
    name = "k" * 253  # with .pub it is longer than a name may be
    with pytest.raises(UsageError, match="cannot be written: File name too long"):
        new_key(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_keys_come_from_a_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keyid = new_key(tmp_path / "key")
    monkeypatch.setenv("OUR_KEY", (tmp_path / "key").read_text())
    monkeypatch.setenv("OUR_PUB", (tmp_path / "key.pub").read_text())
    assert signing_key("env:OUR_KEY").public_key.keyid == keyid
    assert [key.keyid for key in trusted_keys(["env:OUR_PUB"])] == [keyid]


def test_a_file_may_have_several_keys_and_each_counts_once(tmp_path: Path) -> None:
    for name in "abc":
        new_key(tmp_path / name)
    texts = [public_name(tmp_path / name).read_text() for name in "abc"]
    (tmp_path / "all").write_text("the team's\n" + "and the old one's\n".join(texts))
    assert len(trusted_keys([str(tmp_path / "all")])) == 3
    assert len(trusted_keys([str(tmp_path / "all"), str(tmp_path / "a.pub")])) == 3
    assert trusted_keys([]) == ()


SECRET = Ed25519PrivateKey.generate()
PRIVATE, PUBLIC = pem(SECRET), pem(SECRET, public=True)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "has no private key"),
        (b"nothing", "has no private key"),
        (PRIVATE[:60], "has no private key"),
        (PRIVATE.replace(b"M", b"N", 3), "has no private key"),
        (PUBLIC, "has a public key, and signing needs the private one"),
        (pem(SECRET, encryption=BestAvailableEncryption(b"word")), "has a private key with a passphrase"),
        (pem(ec.generate_private_key(ec.SECP256R1())), "has a key that is not ed25519"),
        (b"x" * 2_000_000, "is too large to be a key"),
    ],
    ids=["empty", "text", "torn", "spoiled", "public", "passphrase", "other", "large"],
)  # fmt: skip
def test_what_is_no_signing_key_is_one_line_without_what_was_read(tmp_path: Path, data: bytes, said: str) -> None:
    (tmp_path / "key").write_bytes(data)
    with pytest.raises(UsageError) as raised:
        signing_key(str(tmp_path / "key"))
    assert said in refused(raised, PRIVATE)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "has no public key"),
        (PUBLIC[:60], "has no public key"),
        (PUBLIC.replace(b"M", b"N", 3), "has a public key that cannot be read"),
        (PUBLIC + PRIVATE, "has a private key, and a public one is asked for"),
        (PRIVATE, "has a private key, and a public one is asked for"),
        (pem(rsa.generate_private_key(65537, 2048), public=True), "has a key that is not ed25519"),
    ],
    ids=["empty", "torn", "spoiled", "both", "private", "other"],
)
def test_what_is_no_trusted_key_is_one_line_without_what_was_read(tmp_path: Path, data: bytes, said: str) -> None:
    (tmp_path / "pub").write_bytes(data)
    with pytest.raises(UsageError) as raised:
        trusted_keys([str(tmp_path / "pub")])
    assert said in refused(raised, PRIVATE, PUBLIC)


def test_a_key_that_is_given_itself_is_not_repeated() -> None:
    for read in (signing_key, lambda text: trusted_keys([text])):
        with pytest.raises(UsageError) as raised:
            read(PRIVATE.decode())
        assert "was given itself" in refused(raised, PRIVATE)


@pytest.mark.parametrize("value", [None, ""])
def test_a_variable_that_is_not_set_is_named(monkeypatch: pytest.MonkeyPatch, value: str | None) -> None:
    monkeypatch.delenv("OUR_KEY", raising=False)
    if value is not None:
        monkeypatch.setenv("OUR_KEY", value)
    with pytest.raises(UsageError) as raised:
        signing_key("env:OUR_KEY")
    assert "env:OUR_KEY: names a variable that is not set, or is empty" in refused(raised)


WITHOUT = """
import sys
for name in ("securesystemslib", "cryptography", "sigstore"):
    sys.modules[name] = None
from compat.cli import main
sys.argv = ["compat", *sys.argv[1:]]
main()
"""


@pytest.mark.parametrize(
    ("words", "extra"),
    [
        (["key", "new", "k"], "sign"),
        (["attest", "store", "--key", "k"], "sign"),
        (["verify-attestation", "file", "--trust", "pub"], "sign"),
        (["verify-attestation", "file", "--identity", "a", "--issuer", "b"], "keyless"),
        (["audit", "00", "store", "--trust", "pub"], "sign"),
    ],
)
def test_without_the_packages_a_command_says_what_to_install(tmp_path: Path, words: list[str], extra: str) -> None:
    (tmp_path / "file").write_text("{}")
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT, *words], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert f"pip install 'gpu-compat[{extra}]'" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "k").exists()
