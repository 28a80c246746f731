"""Keyless signatures of Sigstore: a certificate for who is logged in, instead of a key that has to be kept.

Signing asks Sigstore's public services, with the identity of the CI job or of whoever logs in with a browser; the
result is a bundle, which holds the signed statement, the certificate and the entry in a public log. Written to the
interface of sigstore 4 (https://sigstore.github.io/sigstore-python/); it has never run against these services.
"""

from __future__ import annotations

import json
from typing import Any

from compat.errors import UsageError
from compat.gate.envelope import PAYLOAD_TYPE, Opened
from compat.gate.keys import lacking
from compat.model import canonical

__all__ = ["is_bundle", "open_bundle", "seal_keyless"]

_BUNDLE = "application/vnd.dev.sigstore.bundle"
_WHERE = "keyless signing"


def is_bundle(data: bytes) -> bool:
    """Whether this is a bundle of Sigstore, by its media type."""
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        return False
    return isinstance(document, dict) and str(document.get("mediaType", "")).startswith(_BUNDLE)


def seal_keyless(statement: dict[str, Any], *, browser: bool) -> bytes:
    """The bundle of a statement, signed as whoever this job is, or logs in with a ``browser``. UsageError if not."""
    try:
        from sigstore.dsse import Statement
        from sigstore.errors import Error
        from sigstore.models import ClientTrustConfig
        from sigstore.oidc import ExpiredIdentity, IdentityToken, Issuer, IssuerError, detect_credential
        from sigstore.sign import SigningContext
    except ImportError:
        raise lacking(_WHERE, "keyless") from None
    try:
        trust = ClientTrustConfig.production()
        found = detect_credential()
        if not found and not browser:
            raise UsageError(_WHERE, "has no identity: this job has none, and nobody can log in", "or sign with --key")
        token = IdentityToken(found) if found else Issuer(trust.signing_config.get_oidc_url()).identity_token()
        with SigningContext.from_trust_config(trust).signer(token) as signer:
            bundle = signer.sign_dsse(Statement(canonical(statement).encode()))
    except (Error, ExpiredIdentity, IssuerError, OSError) as problem:
        raise UsageError(
            _WHERE, f"failed: {problem}", "it needs a network and an identity; or sign with --key"
        ) from None
    return bundle.to_json().encode()


def open_bundle(data: bytes, identity: str, issuer: str) -> Opened:
    """Check that ``identity``, as ``issuer`` knows it, signed a bundle; with the trust root that is in the cache."""
    try:
        from sigstore.errors import Error, VerificationError
        from sigstore.models import Bundle
        from sigstore.verify import Verifier
        from sigstore.verify.policy import Identity
    except ImportError:
        raise lacking("checking a keyless signature", "keyless") from None
    try:
        bundle = Bundle.from_json(data)
    except (Error, ValueError, RecursionError):
        return Opened(b"", (), ("it is no bundle of Sigstore, or of a version that is not known here",))
    try:
        verifier = Verifier.production(offline=True)
    except (Error, OSError, ValueError) as problem:
        remedy = "refresh Sigstore's trust root once with a network: sigstore verify"
        raise UsageError("Sigstore's trust root", f"cannot be read: {problem}", remedy) from None
    try:
        kind, payload = verifier.verify_dsse(bundle, Identity(identity=identity, issuer=issuer))
    except VerificationError as problem:
        return Opened(b"", (), (f"its keyless signature is refused: {' '.join(str(problem).split())}",))
    if kind != PAYLOAD_TYPE:
        return Opened(b"", (), (f"it is of the type {kind!r}, not {PAYLOAD_TYPE}",))
    return Opened(payload, (identity,))
