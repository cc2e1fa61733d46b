"""How a scheme's headers are written: the signature, and the id and the timestamp that it covers."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Literal, NamedTuple

from app.errors import Unauthenticated

if TYPE_CHECKING:
    from collections.abc import Mapping

    from app.sources.signing import Scheme

# A sender that rotates sends two or three. Each one costs time, and any caller may send many.
MOST_SIGNATURES = 16


class Presented(NamedTuple):
    """What the request claims: the signatures, decoded, and the signed header values as they were written."""

    signatures: tuple[bytes, ...]
    id: str
    timestamp: str


def read(scheme: Scheme, headers: Mapping[str, str]) -> Presented:
    """Return what the headers claim. Raises Unauthenticated for a missing or unreadable header."""
    value = _required(headers, scheme.header)
    identifier = _required(headers, scheme.id_header) if scheme.id_header else ""
    timestamp = _required(headers, scheme.timestamp_header) if scheme.timestamp_header else ""
    entries, timestamp = _entries(scheme, value, timestamp)
    each = [decoded(text, scheme.encoding) for text in entries[:MOST_SIGNATURES]]
    signatures = tuple([signature for signature in each if signature])
    if not signatures:
        raise Unauthenticated(
            "malformed_signature", f"the {scheme.header} header holds no signature of the expected form"
        )
    return Presented(signatures, identifier, timestamp)


def _entries(scheme: Scheme, value: str, timestamp: str) -> tuple[list[str], str]:
    """Return the signatures as the header writes them, and the timestamp: the header's own in the layout `pairs`."""
    if scheme.layout == "plain":
        return [value.removeprefix(scheme.prefix)] if value.startswith(scheme.prefix) else [], timestamp
    if scheme.layout == "list":
        # Two header lines of this name are joined by a comma.
        entries = [entry.rstrip(",").partition(",") for entry in value.split()]
        return [rest for tag, _, rest in entries if tag == scheme.version], timestamp
    parts = [part.partition(scheme.equals) for part in value.split(scheme.separator)]
    pairs = [(name.strip(), rest.strip()) for name, _, rest in parts]
    timestamp = next((rest for name, rest in pairs if name == scheme.timestamp_tag), "")
    return [rest for name, rest in pairs if name == scheme.version], timestamp


def written(scheme: Scheme, signature: bytes, timestamp: str) -> str:
    """Return the value of the signature's header."""
    text = signature.hex() if scheme.encoding == "hex" else base64.b64encode(signature).decode()
    if scheme.layout == "list":
        return f"{scheme.version},{text}"
    if scheme.layout == "pairs":
        return (
            f"{scheme.timestamp_tag}{scheme.equals}{timestamp}{scheme.separator}{scheme.version}{scheme.equals}{text}"
        )
    return scheme.prefix + text


def _required(headers: Mapping[str, str], name: str) -> str:
    if value := headers.get(name, "").strip():
        return value
    raise Unauthenticated("missing_signature", f"the {name} header is missing")


def decoded(text: str, encoding: Literal["hex", "base64"]) -> bytes | None:
    """Return the bytes in a text; None where it is not of this encoding, which counts as no signature or key."""
    try:
        return binascii.unhexlify(text) if encoding == "hex" else binascii.a2b_base64(text, strict_mode=True)
    except ValueError:  # binascii.Error is one
        return None
