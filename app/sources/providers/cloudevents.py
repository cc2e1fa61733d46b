"""CloudEvents over HTTP: binary, structured and batched, with the web hook handshake.

Source: github.com/cloudevents/spec (HTTP protocol binding, JSON format, http-webhook). A token authenticates the
sender, in the Authorization header or as `access_token`. Rules see the same event in all three modes: its attributes,
and `data`. The CloudEvents SDK is not used: it accepts attributes that are not UTF-8 and formats that it cannot read,
and the specification forbids both.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import Any
from urllib.parse import unquote_to_bytes, urlsplit

from pydantic import Field

from app.errors import Unreadable, UnsupportedMedia
from app.model import Delivery, Event, Response, SourceConfig
from app.sources.base import CredentialProvider
from app.sources.batches import each, rows
from app.sources.credentials import Credential
from app.sources.fields import as_instant, storable, text
from app.sources.forms import content_type
from app.sources.options import StrictOptions, options_of
from app.sources.person_fields import person_in
from app.sources.strict_json import parse

REQUIRED = ("id", "source", "specversion", "type")
VERSIONS = frozenset({"1.0", "0.3"})
ESCAPED = re.compile(r"\\(.)")
ORIGIN = re.compile(r"[A-Za-z0-9.:-]{1,253}")
RATE = re.compile(r"[1-9][0-9]{0,8}")


class CloudEventsOptions(StrictOptions):
    """Keys of a CloudEvents source."""

    origins: list[str] = Field(
        default=[], description="Who may ask to send, by WebHook-Request-Origin; any when empty."
    )
    rate: int | None = Field(
        default=None, ge=1, description="Requests per minute that are consented to; as asked when not set."
    )


class CloudEvents(CredentialProvider):
    """`source` and `id` together identify an event."""

    name = "cloudevents"
    header_prefixes = ("ce-", "webhook-request-")
    Options = CloudEventsOptions
    credential = Credential("bearer")

    def probe(self, delivery: Delivery, config: SourceConfig) -> Response | None:
        """Consent to deliveries. A callback URL is never called, so one at another host than the origin is refused."""
        if delivery.method != "OPTIONS":
            return super().probe(delivery, config)
        origin = delivery.headers.get("webhook-request-origin", "").strip()
        if not ORIGIN.fullmatch(origin):
            raise Unreadable("not_a_handshake", "there is no WebHook-Request-Origin that could be allowed")
        _check_callback(delivery.headers.get("webhook-request-callback", ""), origin)
        options = options_of(config, CloudEventsOptions)
        allowed = {"allow": "POST"}
        if not options.origins or origin in options.origins:
            allowed |= {
                "webhook-allowed-origin": origin,
                **_rate(delivery.headers.get("webhook-request-rate"), options),
            }
        return Response(content_type="text/plain; charset=utf-8", headers=allowed)

    def events(self, delivery: Delivery, config: SourceConfig) -> list[Event]:
        """Return the one event, or each of a batch."""
        kind = content_type(delivery)
        if kind.startswith("application/cloudevents-batch"):
            _require_json(kind, "application/cloudevents-batch+json")
            members = rows(parse(delivery.body), "the batch")
            return each(members, lambda index: _event(members[index], config), delivery, config)
        if kind.startswith("application/cloudevents"):
            _require_json(kind, "application/cloudevents+json")
            return [_event(parse(delivery.body), config)]
        return [_event(_binary(delivery, kind), config)]


def _require_json(kind: str, wanted: str) -> None:
    if kind != wanted:
        raise UnsupportedMedia("unsupported_media_type", f"{kind} is not read; send {wanted}")


def _event(attributes: Any, config: SourceConfig) -> Event:
    if not isinstance(attributes, dict):
        raise Unreadable("malformed_body", "the event is not a JSON object")
    for name in REQUIRED:
        if text(attributes, name) is None:
            raise Unreadable("missing_field", f"the attribute {name} is missing, empty or no text")
    if attributes["specversion"] not in VERSIONS:
        raise Unreadable("malformed_field", f"specversion is none of {', '.join(sorted(VERSIONS))}")
    data = attributes | {"data": _data(attributes)}
    return Event(
        source=config.name,
        type=data["type"],
        dedupe=(data["source"], data["id"]),
        id=data["id"],
        occurred_at=as_instant(data.get("time")),
        data=data,
        **person_in(data["data"]),
    )


def _data(attributes: dict[str, Any]) -> Any:
    """Return the data; base64 is decoded and parsed where the content type is JSON."""
    encoded = attributes.get("data_base64")
    if not isinstance(encoded, str):
        return attributes.get("data")
    try:
        raw = binascii.a2b_base64(encoded, strict_mode=True)
    except ValueError as error:
        raise Unreadable("malformed_field", "data_base64 is not base64") from error
    return parse(raw) if _is_json(str(attributes.get("datacontenttype") or "application/json")) else encoded


def _binary(delivery: Delivery, kind: str) -> dict[str, Any]:
    """Return the attributes that the headers carry, and the body as data."""
    names = [name for name in delivery.headers if name.startswith("ce-")]
    attributes: dict[str, Any] = {name.removeprefix("ce-"): _decoded(delivery.headers[name]) for name in names}
    if not delivery.body:
        return attributes | {"data": None}
    data = parse(delivery.body) if _is_json(kind or "application/json") else base64.b64encode(delivery.body).decode()
    return attributes | {"datacontenttype": kind, "data": data}


def _is_json(kind: str) -> bool:
    bare = kind.partition(";")[0].strip().lower()
    return bare.endswith(("/json", "+json"))


def _decoded(value: str) -> str:
    """Return a header's value decoded as the binding defines: unquoted, then percent-decoded once, strictly."""
    bare = value.strip()
    if len(bare) > 1 and bare[0] == bare[-1] == '"':
        bare = ESCAPED.sub(r"\1", bare[1:-1])
    try:
        return storable(unquote_to_bytes(bare).decode())
    except UnicodeError as error:
        raise Unreadable("malformed_header", "an attribute's header is not UTF-8 once decoded") from error


def _rate(requested: str | None, options: CloudEventsOptions) -> dict[str, str]:
    """Return the header with the allowed rate: the requested one, or the source's own where that is lower."""
    if requested is None:
        return {}
    if not RATE.fullmatch(requested.strip()):
        raise Unreadable("malformed_header", "WebHook-Request-Rate is no positive whole number")
    wanted = int(requested)
    return {"webhook-allowed-rate": str(wanted if options.rate is None else min(wanted, options.rate))}


def _check_callback(callback: str, origin: str) -> None:
    try:
        parts = urlsplit(callback.strip())
        host = parts.hostname or ""
    except ValueError as error:
        raise Unreadable("untrusted_callback_url", "WebHook-Request-Callback is no URL") from error
    own = origin.partition(":")[0].lower()
    if callback and (parts.scheme != "https" or not (host == own or host.endswith(f".{own}"))):
        raise Unreadable("untrusted_callback_url", "WebHook-Request-Callback is not at the origin that asks")


PROVIDER = CloudEvents()
