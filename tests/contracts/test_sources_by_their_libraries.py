"""What the makers' own libraries sign is accepted, one altered byte of it is not, and they accept what is signed here.

A library that only verifies stands on one side; where one only signs, its formula is asked for what is signed here.
Those that read the clock themselves are given the time of now.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
import standardwebhooks
import stripe
import svix.webhooks
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from http_message_signatures import (
    HTTPMessageSigner,
    HTTPMessageVerifier,
    InvalidSignature,
    MappingKeyResolver,
    algorithms,
)
from hubspot.utils.signature import Signature
from paddle_billing.Notifications import PaddleSignature
from paddle_billing.Notifications import Secret as PaddleSecret
from slack_sdk.signature import SignatureVerifier

from app.errors import Unauthenticated
from app.model import Delivery, Secret, SourceConfig
from app.sources import PROVIDERS

if TYPE_CHECKING:
    from collections.abc import Callable

URL = "https://segue.example/webhooks/x?flow=1"
BODY = json.dumps({"id": "evt_1", "type": "contact.created", "data": {"name": "Zoë"}}, ensure_ascii=False)
PLAIN, WHSEC = "whsec_made_up", "whsec_c2VndWUtbWFkZS11cC1rZXktMjRieXRl"
SHARED = base64.b64encode(b"made-up shared key of 32 bytes!!").decode()


@dataclass(frozen=True)
class Library:
    """A maker's code: headers that it signs `body` with, and whether it accepts headers that we signed."""

    provider: str
    secret: str
    sign: Callable[[str, datetime], dict[str, str]]
    accepts: Callable[[str, dict[str, str]], bool] | None


def standard(library: Any, prefix: str) -> Library:
    """Standard Webhooks' own library, and Svix's, which have the same face."""
    webhook = library.Webhook(WHSEC)

    def sign(body: str, now: datetime) -> dict[str, str]:
        names = {"id": "msg_1", "timestamp": str(int(now.timestamp())), "signature": webhook.sign("msg_1", now, body)}
        return {f"{prefix}-{name}": value for name, value in names.items()}

    def accepts(body: str, headers: dict[str, str]) -> bool:
        try:
            webhook.verify(body, headers)
        except library.WebhookVerificationError:
            return False
        return True

    return Library("standard-webhooks" if prefix == "webhook" else "svix", WHSEC, sign, accepts)


def stripes() -> Library:
    def sign(body: str, now: datetime) -> dict[str, str]:
        header = stripe.WebhookSignature.generate_signature_header(body, PLAIN, int(now.timestamp()))
        return {"stripe-signature": header}

    def accepts(body: str, headers: dict[str, str]) -> bool:
        try:
            return bool(stripe.WebhookSignature.verify_header(body, headers["stripe-signature"], PLAIN, 300))
        except stripe.SignatureVerificationError:
            return False

    return Library("stripe", PLAIN, sign, accepts)


def slacks() -> Library:
    verifier = SignatureVerifier(PLAIN)

    def sign(body: str, now: datetime) -> dict[str, str]:
        at = str(int(now.timestamp()))
        signature = verifier.generate_signature(timestamp=at, body=body)
        assert signature is not None
        return {"x-slack-request-timestamp": at, "x-slack-signature": signature}

    def accepts(body: str, headers: dict[str, str]) -> bool:
        return verifier.is_valid(body, headers["x-slack-request-timestamp"], headers["x-slack-signature"])

    return Library("slack", PLAIN, sign, accepts)


def hubspots(version: str) -> Library:
    def sign(body: str, now: datetime) -> dict[str, str]:
        at = str(int(now.timestamp() * 1000))
        signature = Signature.get_signature(PLAIN, body, version, URL, "POST", at)
        if version == "v3":
            return {"x-hubspot-signature-v3": signature, "x-hubspot-request-timestamp": at}
        return {"x-hubspot-signature": signature, "x-hubspot-signature-version": version}

    def accepts(body: str, headers: dict[str, str]) -> bool:
        # Ours signs the strongest version only, whichever the case is about.
        at, signature = headers["x-hubspot-request-timestamp"], headers["x-hubspot-signature-v3"]
        return bool(Signature.is_valid(signature, PLAIN, body, URL, "POST", "v3", at))

    return Library("hubspot", PLAIN, sign, accepts)


def paddles() -> Library:
    def sign(body: str, now: datetime) -> dict[str, str]:
        at = int(now.timestamp())
        digest = PaddleSignature.calculate_hmac(PLAIN, f"{at}:{body}".encode()).hexdigest()
        return {"paddle-signature": f"ts={at};h1={digest}"}

    def accepts(body: str, headers: dict[str, str]) -> bool:
        return bool(PaddleSignature().verify(headers["paddle-signature"], body, PaddleSecret(PLAIN)))

    return Library("paddle", PLAIN, sign, accepts)


@dataclass
class Message:
    """A request as the library of RFC 9421 wants it."""

    method: str
    url: str
    headers: dict[str, str]


def message_signatures(algorithm: Any, private: Any, secret: str) -> Library:
    keys = MappingKeyResolver(public_keys={}, private_keys={"k": private})

    def sign(body: str, now: datetime) -> dict[str, str]:
        message = Message("POST", URL, {})
        covered = ("@method", "@target-uri")
        HTTPMessageSigner(signature_algorithm=algorithm, key_resolver=keys).sign(
            message, key_id="k", created=now, body=body.encode(), covered_component_ids=covered
        )
        return {name.lower(): value for name, value in message.headers.items()}

    def accepts(body: str, headers: dict[str, str]) -> bool:
        known = MappingKeyResolver(public_keys={"segue": private}, private_keys={})
        verifier = HTTPMessageVerifier(signature_algorithm=algorithm, key_resolver=known)
        try:
            return bool(verifier.verify(Message("POST", URL, dict(headers)), body=body.encode()))
        except InvalidSignature:
            return False

    # With a public key nothing is signed here.
    return Library("http-message-signatures", secret, sign, accepts if isinstance(private, bytes) else None)


def public(key: Any) -> str:
    pem: bytes = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return pem.decode()


EDWARDS, CURVE = ed25519.Ed25519PrivateKey.generate(), ec.generate_private_key(ec.SECP256R1())
RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
LIBRARIES = {
    "standardwebhooks": standard(standardwebhooks.webhooks, "webhook"),
    "svix": standard(svix.webhooks, "svix"),
    "stripe": stripes(),
    "slack_sdk": slacks(),
    "hubspot v3": hubspots("v3"),
    "hubspot v2": hubspots("v2"),
    "hubspot v1": hubspots("v1"),
    "paddle": paddles(),
    "RFC 9421, shared key": message_signatures(algorithms.HMAC_SHA256, base64.b64decode(SHARED), SHARED),
    "RFC 9421, ed25519": message_signatures(algorithms.ED25519, EDWARDS, public(EDWARDS)),
    "RFC 9421, ECDSA": message_signatures(algorithms.ECDSA_P256_SHA256, CURVE, public(CURVE)),
    "RFC 9421, RSA": message_signatures(algorithms.RSA_PSS_SHA512, RSA, public(RSA)),
}
SIGNABLE = [name for name, library in LIBRARIES.items() if library.accepts is not None]
libraries = pytest.mark.parametrize("name", LIBRARIES)


def config_of(library: Library) -> SourceConfig:
    older = {"signatures": "any"} if library.provider == "hubspot" else {}
    options = PROVIDERS[library.provider].Options.model_validate(older)
    return SourceConfig("x", library.provider, (Secret(library.secret),), options)


def signed(library: Library, now: datetime) -> Delivery:
    return Delivery("d1", "x", now, "POST", URL, library.sign(BODY, now), BODY.encode())


@libraries
def test_what_the_makers_library_signs_is_accepted(name: str) -> None:
    library, now = LIBRARIES[name], datetime.now(UTC)
    secret = PROVIDERS[library.provider].verify(signed(library, now), config_of(library), now)
    assert secret == Secret(library.secret)


@libraries
@pytest.mark.parametrize("place", [0, len(BODY) // 2, -1])
def test_one_altered_byte_is_refused(name: str, place: int) -> None:
    library, now = LIBRARIES[name], datetime.now(UTC)
    altered = bytearray(BODY.encode())
    altered[place] ^= 1
    delivery = replace(signed(library, now), body=bytes(altered))
    with pytest.raises(Unauthenticated) as refusal:
        PROVIDERS[library.provider].verify(delivery, config_of(library), now)
    assert refusal.value.reason == ("digest_mismatch" if name.startswith("RFC") else "signature_mismatch")


@pytest.mark.parametrize("name", SIGNABLE)
def test_the_makers_library_accepts_what_is_signed_here_and_nothing_else(name: str) -> None:
    library = LIBRARIES[name]
    provider, now = PROVIDERS[library.provider], datetime.now(UTC)
    headers = provider.sign(BODY.encode(), config_of(library), now, method="POST", url=URL)
    assert library.accepts is not None
    assert library.accepts(BODY, headers)
    assert not library.accepts(BODY + " ", headers)
