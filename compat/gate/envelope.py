"""Signed envelopes: DSSE (Dead Simple Signing Envelope 1.0.0), with ed25519, over an in-toto statement.

An envelope has one text, so that any byte of it that is changed is seen: base64 and JSON have several for the same
content, and the names of keys are no part of what is signed. Several keys may sign one; which of them count is for the
verifier to say. https://github.com/secure-systems-lab/dsse/blob/v1.0.0/protocol.md
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from compat.errors import UsageError
from compat.model import canonical

if TYPE_CHECKING:
    from securesystemslib.dsse import Envelope
    from securesystemslib.signer import Key, Signature, Signer

__all__ = ["LONGEST", "PAYLOAD_TYPE", "Opened", "cosign", "opened", "payload", "seal"]

PAYLOAD_TYPE = "application/vnd.in-toto+json"
LONGEST = 1 << 26  # bytes: the names of a million cases
_MOST = 100  # signatures: each is tried with every trusted key
_MEMBERS, _OF_ONE = {"payload", "payloadType", "signatures"}, {"keyid", "sig"}


@dataclass(frozen=True)
class Opened:
    """An envelope after its signatures were checked. Nobody may look at the payload while there are ``reasons``."""

    payload: bytes
    signers: tuple[str, ...]  # ids of the trusted keys that signed it
    reasons: tuple[str, ...] = ()
    foreign: bool = False  # whether nothing is wrong with it but that too few keys that are trusted signed it


def seal(statement: Mapping[str, Any], signers: Sequence[Signer]) -> bytes:
    """Sign the statement with every key; the envelope's text."""
    from securesystemslib.dsse import Envelope

    envelope = Envelope(canonical(statement).encode(), PAYLOAD_TYPE, {})
    for signer in signers:
        envelope.sign(signer)
    return _text(envelope)


def cosign(data: bytes, signers: Sequence[Signer]) -> bytes:
    """The same envelope with more signatures. UsageError where it is none, or where a key has signed it already."""
    envelope = _parsed(data)
    if isinstance(envelope, str):
        raise UsageError("the envelope", envelope, "sign what compat attest has written")
    for signer in signers:
        if signer.public_key.keyid in envelope.signatures:
            raise UsageError("the envelope", f"is signed by the key {_short(signer.public_key.keyid)} already")
        envelope.sign(signer)
    return _text(envelope)


def opened(data: bytes, trusted: Sequence[Key], needed: int = 1) -> Opened:
    """Check an envelope's text and its signatures: ``needed`` different trusted keys have to have signed it.

    A signature by a key that is not trusted says nothing, for or against. One that names a trusted key and is not
    by it is refused whatever the others are: the envelope was changed.
    """
    envelope = _parsed(data)
    if isinstance(envelope, str):
        return Opened(b"", (), (envelope,))
    if envelope.payload_type != PAYLOAD_TYPE:
        return Opened(b"", (), (f"it is of the type {envelope.payload_type!r}, not {PAYLOAD_TYPE}",))
    if not envelope.signatures:
        return Opened(b"", (), ("it is not signed",))
    wrong, by = [], set[str]()
    for signature in envelope.signatures.values():
        keys = {key.keyid for key in trusted if _made(key, signature, envelope.pae())}
        if keys - {signature.keyid} or (not keys and signature.keyid in {key.keyid for key in trusted}):
            wrong.append(f"its signature by the key {_short(signature.keyid)} is not right: it was changed")
        by |= keys
    if wrong:
        return Opened(b"", (), tuple(wrong))
    if len(by) < max(1, needed):
        names = ", ".join(_short(name) for name in sorted(envelope.signatures))
        of = f"{len(by)} of the {needed} trusted keys that are needed" if by else "no key that is trusted"
        return Opened(b"", (), (f"it is signed by {of}; its signatures name {names}",), True)
    return Opened(envelope.payload, tuple(sorted(by)))


def payload(data: bytes) -> bytes:
    """What an envelope holds, whoever signed it, and whether or not: for who is about to sign it. Empty for none."""
    envelope = _parsed(data)
    return b"" if isinstance(envelope, str) else envelope.payload


def _made(key: Key, signature: Signature, signed: bytes) -> bool:
    """Whether the key made the signature, whatever the signature names: that name is a hint, and is not signed."""
    from securesystemslib.exceptions import UnverifiedSignatureError
    from securesystemslib.signer import Signature

    try:
        key.verify_signature(Signature(key.keyid, signature.signature), signed)
    except UnverifiedSignatureError:
        return False
    return True


def _parsed(data: bytes) -> Envelope | str:
    """The envelope of a text that is as ``_text`` writes it; else why it is not."""
    from securesystemslib.dsse import Envelope

    if len(data) > LONGEST:
        return "it is too large for an envelope"
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        return "it is no JSON: it is torn, was changed, or is something else"
    if not isinstance(document, dict) or document.keys() != _MEMBERS:
        return "it is no envelope: it does not have payload, payloadType and signatures, and nothing else"
    listed = document["signatures"]
    plain = isinstance(document["payload"], str) and isinstance(document["payloadType"], str)
    if not plain or not isinstance(listed, list):
        return "it is no envelope: its members are not of the types of DSSE"
    if len(listed) > _MOST:
        return f"it has {len(listed)} signatures, and {_MOST} are the most that are looked at"
    if not all(isinstance(one, dict) and one.keys() == _OF_ONE for one in listed):
        return "it is no envelope: a signature has keyid and sig, and nothing else"
    if not all(isinstance(value, str) for one in listed for value in one.values()):
        return "it is no envelope: keyid and sig are text"
    try:
        envelope: Envelope = Envelope.from_dict(document)  # it takes the document apart
        written = _text(envelope)
    except ValueError:
        return "it is no envelope: it is not in base64, or two signatures name one key"
    return envelope if written == data else "it is not as it was written: it was changed, or another tool rewrote it"


def _text(envelope: Envelope) -> bytes:
    return canonical(envelope.to_dict()).encode()


def _short(keyid: str) -> str:
    """The beginning of a key's id, for people; what is no id is shown without what could harm a terminal."""
    return ascii(keyid[:12])[1:-1]
