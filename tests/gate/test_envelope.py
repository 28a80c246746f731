from __future__ import annotations

import base64
import json
from collections.abc import Callable

import pytest
from securesystemslib.dsse import Envelope

from compat.errors import UsageError
from compat.gate.envelope import LONGEST, PAYLOAD_TYPE, cosign, opened, payload, seal
from compat.model import canonical
from tests.gate.build import ANN, BEN, EVE, public

SAID = {"what": "it may go", "number": 1}
SEALED = seal(SAID, [ANN])


def test_another_library_s_own_way_verifies_it() -> None:
    envelope = Envelope.from_dict(json.loads(SEALED))
    assert envelope.payload_type == PAYLOAD_TYPE == "application/vnd.in-toto+json"
    assert envelope.verify(public(ANN), 1) == {ANN.public_key.keyid: ANN.public_key}
    assert json.loads(envelope.payload) == SAID


def test_what_is_signed_is_the_encoding_of_dsse() -> None:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    document = json.loads(SEALED)
    body = base64.b64decode(document["payload"])
    signed = b"DSSEv1 28 application/vnd.in-toto+json %d %s" % (len(body), body)
    key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(ANN.public_key.keyval["public"]))
    key.verify(base64.b64decode(document["signatures"][0]["sig"]), signed)  # InvalidSignature if not


def test_it_opens_for_who_trusts_the_key() -> None:
    found = opened(SEALED, public(BEN, ANN))
    assert (json.loads(found.payload), found.signers, found.reasons) == (SAID, (ANN.public_key.keyid,), ())


def test_a_foreign_key_opens_nothing_and_says_whose_it_is() -> None:
    for trusted in ([], public(BEN), public(BEN, EVE)):
        found = opened(SEALED, trusted)
        assert (found.payload, found.signers, found.foreign) == (b"", (), True)
        assert found.reasons[0] == (
            f"it is signed by no key that is trusted; its signatures name {ANN.public_key.keyid[:12]}"
        )


def test_without_a_signature_nothing_opens() -> None:
    found = opened(seal(SAID, []), public(ANN))
    assert (found.payload, found.reasons, found.foreign) == (b"", ("it is not signed",), False)


def test_of_another_type_nothing_opens() -> None:
    envelope = Envelope(b"{}", "text/plain", {})
    envelope.sign(ANN)
    found = opened(canonical(envelope.to_dict()).encode(), public(ANN))
    assert found.reasons == ("it is of the type 'text/plain', not application/vnd.in-toto+json",)


@pytest.mark.parametrize("signers", [[ANN], [ANN, BEN]], ids=["one signature", "two"])
def test_every_byte_counts(signers: list) -> None:
    """Each byte of an envelope, to each of the values that could pass for it, and to some that could not."""
    data = seal(SAID, signers)
    trusted = public(ANN, BEN)
    assert opened(data, trusted).reasons == ()
    for place, byte in enumerate(data):
        others = {byte ^ 1, byte ^ 4, byte ^ 32, 0, ord(" "), ord("\n"), ord("="), ord("A"), ord("a"), ord('"')} - {
            byte
        }
        for other in others:
            changed = data[:place] + bytes([other]) + data[place + 1 :]
            found = opened(changed, trusted)
            assert found.reasons, f"byte {place}: {byte} -> {other}"
            assert found.payload == b""


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda text: text[:-1], "no JSON"),
        (lambda text: text[:100], "no JSON"),
        (lambda text: text[:0], "no JSON"),
        (lambda text: b"\xff" + text, "no JSON"),
        (lambda text: text[:0] + b"[" * 100_000, "no JSON"),
        (lambda text: text[:0] + b"null", "no envelope"),
        (lambda text: text + b"\n", "not as it was written"),
        (lambda text: b" " + text, "not as it was written"),
        (lambda text: json.dumps(json.loads(text), indent=1).encode(), "not as it was written"),
        (lambda text: text.replace(b'{"payload"', b'{"payload":"e30=","payload"'), "not as it was written"),
        (lambda text: text.replace(b'"signatures"', b'"more":1,"signatures"'), "nothing else"),
        (lambda text: text.replace(b'"sig"', b'"cert":"","sig"'), "a signature has keyid and sig"),
        (lambda text: text.replace(b'"payloadType":"', b'"payloadType":7,"payload":"'), "types"),
        (lambda text: text.replace(b'"keyid":"', b'"keyid":1,"x":"'), "a signature has keyid and sig"),
        (lambda text: text.replace(b'"payload":"ey', b'"payload":"\\u00e9y'), "not in base64"),
        (lambda text: text.replace(b'"payload":"ey', b'"payload":"\\ud800'), "not in base64"),
    ],
)  # fmt: skip
def test_what_is_no_envelope_is_said_to_be_none(change: Callable[[bytes], bytes], said: str) -> None:
    found = opened(change(SEALED), public(ANN))
    assert len(found.reasons) == 1
    assert said in found.reasons[0]
    assert "\n" not in found.reasons[0]


def test_what_is_far_too_much_is_refused_before_it_is_looked_at() -> None:
    assert opened(b"[" * (LONGEST + 1), public(ANN)).reasons == ("it is too large for an envelope",)
    document = json.loads(SEALED)
    many = canonical({**document, "signatures": document["signatures"] * 101}).encode()
    assert "101 signatures" in opened(many, public(ANN)).reasons[0]


def test_base64_has_one_spelling() -> None:
    document = json.loads(SEALED)
    plain = document["payload"]
    for other in (plain.rstrip("="), plain + "=", plain.replace("=", "") + "\n"):
        if other != plain:
            assert opened(canonical({**document, "payload": other}).encode(), public(ANN)).reasons


def test_several_keys_sign_one_envelope() -> None:
    both = seal(SAID, [ANN, BEN])
    assert opened(both, public(ANN)).signers == (ANN.public_key.keyid,)
    assert opened(both, public(BEN)).reasons == ()
    assert len(opened(both, public(ANN, BEN), 2).signers) == 2
    found = opened(both, public(ANN, EVE), 2)
    assert "1 of the 2 trusted keys that are needed" in found.reasons[0]
    assert found.foreign
    assert opened(seal(SAID, [ANN]), public(ANN), 2).reasons


def test_a_key_that_signed_twice_is_one_key() -> None:
    document = json.loads(SEALED)
    (own,) = document["signatures"]
    again = canonical({**document, "signatures": [own, {**own, "keyid": "another name"}]}).encode()
    assert opened(again, public(ANN), 2).reasons
    assert opened(again, public(ANN)).reasons  # its name was changed


def test_a_signature_is_tried_with_every_key_whatever_it_names() -> None:
    document = json.loads(SEALED)
    for name in ("", "x", BEN.public_key.keyid):
        renamed = canonical({**document, "signatures": [{**document["signatures"][0], "keyid": name}]}).encode()
        found = opened(renamed, public(ANN, BEN))
        assert "was changed" in found.reasons[0]
        assert not found.foreign


def test_a_signature_that_names_a_trusted_key_and_is_not_its_own_spoils_the_others() -> None:
    document = json.loads(SEALED)
    (own,) = document["signatures"]
    forged = {"keyid": BEN.public_key.keyid, "sig": base64.b64encode(bytes(64)).decode()}
    data = canonical({**document, "signatures": [own, forged]}).encode()
    assert "was changed" in opened(data, public(ANN, BEN)).reasons[0]
    assert opened(data, public(ANN)).reasons == ()  # who does not trust that key is not harmed


def test_a_signature_is_added_by_another_key_and_not_by_the_same() -> None:
    both = cosign(SEALED, [BEN])
    assert len(opened(both, public(ANN, BEN), 2).signers) == 2
    assert payload(both) == payload(SEALED) == canonical(SAID).encode()
    assert payload(b"{}") == b""
    with pytest.raises(UsageError, match=r"is signed by the key .* already"):
        cosign(both, [ANN])
    with pytest.raises(UsageError, match="no JSON"):
        cosign(SEALED[:-1], [BEN])


def test_a_rotated_key_is_trusted_beside_the_old_one_and_then_alone() -> None:
    old, new = seal(SAID, [ANN]), seal(SAID, [BEN])
    assert opened(old, public(ANN, BEN)).reasons == opened(new, public(ANN, BEN)).reasons == ()
    assert opened(old, public(BEN)).reasons
    assert opened(cosign(old, [BEN]), public(BEN)).reasons == ()
