"""GitHub: stars, issues, sponsorships and other events of a repository or organisation.

Source: docs.github.com (validating deliveries, best practices) and octokit's examples. The older SHA-1 header is
ignored. GitHub does not retry by itself; a manual redelivery has the same id and body. People are identified by login.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from app.errors import Unreadable
from app.model import Delivery, Event, Response, SourceConfig
from app.sources.base import SignedProvider
from app.sources.fields import body_digest, find, id_at, instant, storable, text
from app.sources.forms import content_type, urlencoded
from app.sources.person_fields import own_address
from app.sources.signing import Scheme
from app.sources.strict_json import parse_object

if TYPE_CHECKING:
    from datetime import datetime

# Each exit with the field that its body has: the event's name stands in a header, which is not signed.
EXITS = {
    "star.deleted": "starred_at",
    "sponsorship.cancelled": "sponsorship",
    "organization.member_removed": "membership",
    "marketplace_purchase.cancelled": "marketplace_purchase",
}


class GitHub(SignedProvider):
    """The body identifies the event: name and id stand in headers that are not signed."""

    name = "github"
    header_prefixes = ("x-github-",)
    scheme = Scheme(header="x-hub-signature-256", prefix="sha256=")

    def handshake(self, delivery: Delivery, config: SourceConfig) -> Response | None:
        """Answer the signed ping that a new webhook sends."""
        return Response() if delivery.headers.get("x-github-event", "").strip() == "ping" else None

    def parsed(self, delivery: Delivery) -> dict[str, Any]:
        """Return the JSON of the body, or of a form's field `payload`."""
        if content_type(delivery) != "application/x-www-form-urlencoded":
            return parse_object(delivery.body)
        return parse_object(text(urlencoded(delivery.body), "payload") or "")

    def event(self, body: dict[str, Any], delivery: Delivery, config: SourceConfig) -> Event:
        """Return the one event; few events, such as a push, hold an address."""
        name, action = _header(delivery, "event") or "", id_at(body, "action")
        identifier = _header(delivery, "delivery")
        kind = f"{name}.{action}" if action else name
        if kind in EXITS and EXITS[kind] not in body:
            raise Unreadable("topic_mismatch", f"the event is {kind}, and the body has no {EXITS[kind]}")
        return Event(
            source=config.name,
            type=kind,
            dedupe=(body_digest(delivery.body),),
            id=identifier,
            occurred_at=_moment(body, name),
            email=own_address(text(body, "sender", "email"), text(body, "pusher", "email")),
            name=text(body, "sender", "name"),
            data=body,
            exit=kind in EXITS,
        )


def _header(delivery: Delivery, name: str) -> str | None:
    return storable(delivery.headers.get(f"x-github-{name}", "").strip()) or None


def _moment(body: dict[str, Any], name: str) -> datetime | None:
    """Return the time of a star, else the time of the last change of the event's subject."""
    subject = find(body, "issue" if name == "issues" else name)
    return instant(body, "starred_at") or instant(subject, "updated_at") or instant(subject, "created_at")


PROVIDER = GitHub()
