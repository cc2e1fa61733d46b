"""Signatures of ID tokens. The one module that knows joserfc: what comes out is of our own types."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from joserfc.errors import BadSignatureError, InvalidKeyIdError, JoseError
from joserfc.jwk import JWKRegistry, KeySet
from joserfc.jws import JWSRegistry
from joserfc.jwt import decode

from app.errors import ProviderFailed, SignInRefused

if TYPE_CHECKING:
    from collections.abc import Mapping

    from joserfc.jwk import Key

# Signatures with a private key. With a shared secret (HS256) anyone who knows the public key could sign where a library
# takes it for the secret, and `none` is no signature.
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "Ed25519")
KEY_TYPES = frozenset({"RSA", "EC", "OKP"})
SMALLEST_RSA = 2048  # bits


Keys = KeySet


class UnknownKey(SignInRefused):
    """No key that is known here can have signed the token: the provider may have a new one."""

    def __init__(self) -> None:
        super().__init__("The identity provider's token is signed with a key that the provider does not name.")


def read_keys(document: Any) -> Keys:
    """Return the public keys of a key set; what is no key for signatures is left out. Raises ProviderFailed."""
    listed = document.get("keys") if isinstance(document, dict) else None
    keys = [key for one in listed if (key := _key(one))] if isinstance(listed, list) else []
    if not keys:
        raise ProviderFailed("The identity provider names no key that could have signed a token.")
    return KeySet(keys)


def _key(data: Any) -> Key | None:
    if not isinstance(data, dict) or data.get("kty") not in KEY_TYPES or data.get("use", "sig") != "sig":
        return None
    try:
        key = JWKRegistry.import_key({**data})
    except (JoseError, ValueError, TypeError):  # a curve or a form that is not known here: another key may do
        return None
    return None if getattr(key.public_key, "key_size", SMALLEST_RSA) < SMALLEST_RSA and data["kty"] == "RSA" else key


def signed_claims(token: str, keys: Keys) -> Mapping[str, Any]:
    """Return the claims of a token whose signature is right. Raises UnknownKey and SignInRefused."""
    registry = JWSRegistry(algorithms=ALGORITHMS, strict_check_header=False)
    try:
        return decode(token, keys, registry=registry, algorithms=ALGORITHMS).claims
    except (InvalidKeyIdError, BadSignatureError) as error:
        # A provider that names no key ids, or has used one again, is only found out by the signature.
        raise UnknownKey from error
    except (JoseError, ValueError, TypeError) as error:
        raise SignInRefused("The identity provider's token cannot be read, or is not signed as it must be.") from error
