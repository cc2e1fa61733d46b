"""HTTP Message Signatures (RFC 9421) over JSON events: for senders whose platform signs requests that way.

Source: RFC 9421 and RFC 9530. A signature covers the body only through a covered digest: by default the digest, the
method and the target are required.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

from pydantic import Field

from app.model import Delivery, Event, SourceConfig
from app.sources.base import Provider
from app.sources.fields import any_text, body_digest, find, first_text, id_at, instant, storable
from app.sources.message_signatures import MessageSignature
from app.sources.options import StrictOptions, options_of
from app.sources.person_fields import person_in

NONCE = re.compile(r';[ ]*nonce="([^"]*)"')


class SignatureOptions(StrictOptions):
    """Keys of a source that signs by RFC 9421."""

    components: list[str] = Field(
        default=["@method", "@target-uri", "content-digest"],
        description="What a signature must cover. Without content-digest the body is not protected. "
        "`@target-uri` is also covered by `@path` together with `@authority`. An empty list asks for nothing.",
    )
    tag: str | None = Field(
        default=None, description="Which signature counts where a request carries several: the one with this `tag`."
    )
    tolerance: int = Field(default=300, ge=1, le=86_400, description="How many seconds `created` may be off.")


class HttpMessageSignatures(Provider):
    """The body's `id` identifies the event, else the signature's nonce, else the whole body."""

    name = "http-message-signatures"
    Options = SignatureOptions

    def authentication(self, config: SourceConfig) -> MessageSignature:
        """Return the signature that the source's options ask for."""
        options = options_of(config, SignatureOptions)
        return MessageSignature(tuple(options.components), options.tag, timedelta(seconds=options.tolerance))

    def event(self, body: dict[str, Any], delivery: Delivery, config: SourceConfig) -> Event:
        """Return the one event: type, time and person of the body, or of its `data`."""
        data = find(body, "data")
        identifier = id_at(body, "id")
        return Event(
            source=config.name,
            type=any_text(body, "type", "event_type") or "",
            dedupe=(first_text(identifier, _nonce(delivery)) or body_digest(delivery.body),),
            id=identifier,
            occurred_at=instant(body, "occurred_at") or instant(body, "timestamp"),
            data=body,
            **person_in(data if isinstance(data, dict) else body),
        )


def _nonce(delivery: Delivery) -> str | None:
    """Return the nonce that the verified signature carries."""
    found = NONCE.findall(delivery.headers.get("signature-input", ""))
    # Of several signatures only one was verified: the nonce of another one proves nothing.
    return storable(found[0]) or None if len(found) == 1 else None


PROVIDER = HttpMessageSignatures()
