"""Keys that verdicts are signed with, and keys that are trusted: ed25519, in PEM, from a file or from a variable.

A private key is read, used and forgotten: no message, document or log has any part of it. Every problem is one line
that names the file or the variable, and says nothing of what is in it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from compat.errors import UsageError

if TYPE_CHECKING:
    from securesystemslib.signer import CryptoSigner, SSlibKey

__all__ = ["lacking", "new_key", "public_name", "signing_key", "trusted_keys"]

_ENV = "env:"
_LONGEST = 1 << 20  # bytes of a file with keys
_PUBLIC = re.compile(rb"-----BEGIN PUBLIC KEY-----.*?-----END PUBLIC KEY-----\n?", re.DOTALL)


def lacking(what: str, extra: str) -> UsageError:
    """The error that says what to install for an optional part."""
    return UsageError(what, "needs packages that are not installed", f"pip install 'gpu-compat[{extra}]'")


def public_name(path: Path) -> Path:
    """Where the public half of the key in ``path`` is."""
    return path.with_name(f"{path.name}.pub")


def new_key(path: Path) -> str:
    """Make a pair: the private key in ``path`` (mode 0600), the public one beside it with ``.pub``; the key's id.

    UsageError where one of the two is there already, or cannot be written: nothing is overwritten, and no half is left.
    """
    try:
        from securesystemslib.signer import CryptoSigner

        made = CryptoSigner.generate_ed25519()
    except ImportError:
        raise lacking("compat key new", "sign") from None
    private, public = made.private_bytes, _public_pem(made)
    written: list[Path] = []
    try:
        for place, data, mode in ((path, private, 0o600), (public_name(path), public, 0o644)):
            handle = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
            written.append(place)
            with os.fdopen(handle, "wb") as file:
                os.fchmod(handle, mode)  # whatever the umask is
                file.write(data)
                file.flush()
                os.fsync(handle)
    except OSError as problem:
        for half in written:
            half.unlink(missing_ok=True)
        if isinstance(problem, FileExistsError):
            there = str(problem.filename)
            raise UsageError(there, "is there already and is not overwritten", "name another file") from None
        raise UsageError(str(path), f"cannot be written: {problem.strerror}", "name another folder") from None
    return str(made.public_key.keyid)


def signing_key(reference: str) -> CryptoSigner:
    """The private key in a file, or in the variable of ``env:NAME``. UsageError, which never says what was read."""
    try:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
        from cryptography.hazmat.primitives.serialization import load_pem_private_key
        from securesystemslib.signer import CryptoSigner
    except ImportError:
        raise lacking("signing", "sign") from None
    where, data = _read(reference)
    try:
        key = load_pem_private_key(data, None)
    except TypeError:
        raise UsageError(where, "has a private key with a passphrase", "give one without, from a secret") from None
    except Exception:  # noqa: BLE001 - whatever a library says of a secret is not repeated
        what = "has a public key, and signing needs the private one" if _PUBLIC.search(data) else "has no private key"
        raise UsageError(where, what, "make a key with compat key new FILE") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise UsageError(where, "has a key that is not ed25519", "make one with compat key new FILE")
    return CryptoSigner(key)


def trusted_keys(references: Sequence[str]) -> tuple[SSlibKey, ...]:
    """Every public key in these files (or variables, ``env:NAME``), each of which may have several, once.

    UsageError for one without a key, or with a private one: that has no business where signatures are checked.
    """
    try:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
        from cryptography.hazmat.primitives.serialization import load_pem_public_key
        from securesystemslib.signer import SSlibKey
    except ImportError:
        raise lacking("checking a signature", "sign") from None
    found: dict[str, SSlibKey] = {}
    for reference in references:
        where, data = _read(reference)
        if b"PRIVATE KEY" in data:
            raise UsageError(where, "has a private key, and a public one is asked for", "name its .pub file")
        blocks = _PUBLIC.findall(data)
        if not blocks:
            raise UsageError(where, "has no public key in PEM", "name the .pub file of compat key new")
        for block in blocks:
            try:
                key = load_pem_public_key(block)
            except Exception:  # noqa: BLE001 - of a library in C: ValueError, UnsupportedAlgorithm, and what may come
                raise UsageError(where, "has a public key that cannot be read", "restore the file") from None
            if not isinstance(key, Ed25519PublicKey):
                raise UsageError(where, "has a key that is not ed25519", "name the .pub file of compat key new")
            one = SSlibKey.from_crypto(key)
            found[one.keyid] = one
    return tuple(found.values())


def _public_pem(signer: CryptoSigner) -> bytes:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    raw = Ed25519PublicKey.from_public_bytes(bytes.fromhex(signer.public_key.keyval["public"]))
    return raw.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def _read(reference: str) -> tuple[str, bytes]:
    """Where a key is, for people, and what is there."""
    if reference.startswith(_ENV):
        name = reference.removeprefix(_ENV)
        value = os.environ.get(name)
        if not value:
            raise UsageError(reference, "names a variable that is not set, or is empty", "set it, or name a file")
        return reference, value.encode("utf-8", "replace")
    if "-----BEGIN" in reference:
        raise UsageError("a key", "was given itself", "name its file, or a variable: env:NAME")
    try:
        with Path(reference).open("rb") as file:
            data = file.read(_LONGEST + 1)
    except OSError as problem:
        raise UsageError(reference, f"cannot be read: {problem.strerror}", "name a file, or env:NAME") from None
    if len(data) > _LONGEST:
        raise UsageError(reference, "is too large to be a key", "name the file of compat key new")
    return reference, data
