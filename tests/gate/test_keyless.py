"""Keyless signing cannot run here: it is held against what the real package has, and refuses what it can."""

from __future__ import annotations

import ast
import contextlib
import importlib
import inspect
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import compat.gate.keyless as module
from compat.errors import UsageError
from compat.gate.keyless import is_bundle, open_bundle, seal_keyless
from tests.gate.build import envelope, statement

BUNDLE = json.dumps({"mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json"}).encode()


def test_every_name_that_it_imports_is_there() -> None:
    tree = ast.parse(Path(module.__file__).read_text())
    found = [
        (node.module, alias.name)
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("sigstore")
        for alias in node.names
    ]
    assert len(found) >= 10
    for name, attribute in found:
        assert hasattr(importlib.import_module(name), attribute), (name, attribute)


def test_what_it_calls_takes_what_it_gives() -> None:
    from sigstore.models import Bundle, ClientTrustConfig, SigningConfig
    from sigstore.oidc import IdentityToken, Issuer, detect_credential
    from sigstore.sign import Signer, SigningContext
    from sigstore.verify import Verifier
    from sigstore.verify.policy import Identity

    calls: list[tuple[Any, tuple, dict]] = [
        (ClientTrustConfig.production, (), {}),
        (detect_credential, (), {}),
        (IdentityToken, ("token",), {}),
        (Issuer, ("https://issuer",), {}),
        (Issuer.identity_token, (None,), {}),
        (SigningConfig.get_oidc_url, (None,), {}),
        (SigningContext.from_trust_config, (None,), {}),
        (SigningContext.signer, (None, None), {}),
        (Signer.sign_dsse, (None, None), {}),
        (Bundle.to_json, (None,), {}),
        (Bundle.from_json, (b"",), {}),
        (Verifier.production, (), {"offline": True}),
        (Verifier.verify_dsse, (None, None, None), {}),
        (Identity, (), {"identity": "a", "issuer": "b"}),
    ]
    for function, given, named in calls:
        inspect.signature(function).bind(*given, **named)  # TypeError if it does not take them
    assert isinstance(inspect.getattr_static(ClientTrustConfig, "signing_config"), property)


class _Signing:
    """Stands where Sigstore's services would be: takes the statement and gives a bundle."""

    def __init__(self) -> None:
        self.signed: list[Any] = []

    @contextlib.contextmanager
    def signer(self, token: Any) -> Iterator[_Signing]:
        self.token = token
        yield self

    def sign_dsse(self, given: Any) -> _Signing:
        self.signed.append(given)
        return self

    def to_json(self) -> str:
        return BUNDLE.decode()


def test_the_statement_reaches_the_signer_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    services = _Signing()
    monkeypatch.setattr("sigstore.models.ClientTrustConfig.production", lambda: None)
    monkeypatch.setattr("sigstore.oidc.detect_credential", lambda: "a token")
    monkeypatch.setattr("sigstore.oidc.IdentityToken", lambda token: f"identity of {token}")
    monkeypatch.setattr("sigstore.sign.SigningContext.from_trust_config", lambda _: services)
    assert seal_keyless(statement(), browser=False) == BUNDLE
    assert services.token == "identity of a token"  # noqa: S105
    (given,) = services.signed
    assert json.loads(given._contents) == json.loads(json.dumps(statement()))


def test_a_job_without_an_identity_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sigstore.models.ClientTrustConfig.production", lambda: None)
    monkeypatch.setattr("sigstore.oidc.detect_credential", lambda: None)
    with pytest.raises(UsageError, match="has no identity: this job has none, and nobody can log in"):
        seal_keyless(statement(), browser=False)


def test_services_that_do_not_answer_are_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    from sigstore.errors import TUFError

    def away() -> None:
        raise TUFError("Failed to refresh TUF metadata")

    monkeypatch.setattr("sigstore.models.ClientTrustConfig.production", away)
    with pytest.raises(UsageError, match="keyless signing: failed: Failed to refresh TUF metadata; it needs a network"):
        seal_keyless(statement(), browser=False)


def test_a_bundle_is_told_from_an_envelope() -> None:
    assert is_bundle(BUNDLE)
    assert not any(is_bundle(data) for data in (envelope(), b"", b"[]", b"[" * 100_000))


@pytest.mark.parametrize("data", [envelope(), BUNDLE, b"", b"{}"], ids=["envelope", "hollow", "empty", "nothing"])
def test_what_is_no_bundle_is_refused(data: bytes) -> None:
    found = open_bundle(data, "ann@example.org", "https://issuer.example")
    assert (found.payload, found.signers) == (b"", ())
    assert found.reasons[0].startswith("it is no bundle of Sigstore")
    assert "\n" not in found.reasons[0]
