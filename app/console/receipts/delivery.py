"""Why a delivery was rejected, and what to do: a sentence for each reason. Pure."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from app.enrollments.reasons import Why

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from app.console.receipts.wording import Clock

_SECRET = "Compare the source's secret in the rules with the tool's, then have the tool send it again."  # noqa: S105  # a sentence
_BODY = "Look at the kept delivery: the tool, or something between the tool and Segue, changes it."
_AGAIN = "Nothing has to be done: the tool sends it again."
_CLOCK = "Compare the clocks of this machine and of the tool; an old delivery was sent again by a person or a program."

REJECTIONS: Mapping[str, Why] = MappingProxyType(
    {
        "unknown_source": Why(
            "the rules have no source of the name in its URL",
            "Correct the URL in the tool, or add the source to the rules.",
        ),
        "missing_signature": Why(
            "it has no signature, or nothing it could be checked by",
            "Switch signing on in the tool, or correct the source's settings in the rules.",
        ),
        "malformed_signature": Why("its signature is not of the form that the provider writes", _SECRET),
        "signature_mismatch": Why("its signature fits no secret of the source", _SECRET),
        "digest_mismatch": Why("its digest is not that of the body", _BODY),
        "auth_missing": Why("it brings no secret, or the source has none", _SECRET),
        "auth_mismatch": Why("the secret that it brings is not the source's", _SECRET),
        "expired": Why(
            "it was proved by a secret or key whose time is over", "Give the tool the newer secret of the source."
        ),
        "timestamp_too_old": Why("its signature is too old, so that it may be a replay", _CLOCK),
        "timestamp_in_future": Why("its signature is dated in the future", _CLOCK),
        "unsafe_xml": Why("its XML declares entities, which the provider never does", _BODY),
        "malformed": Why("it is no proper HTTP request", _BODY),
        "malformed_body": Why("its body cannot be read as what the provider sends", _BODY),
        "malformed_field": Why("a field of it has another form than the provider writes", _BODY),
        "malformed_header": Why("a header of it cannot be read", _BODY),
        "malformed_encoding": Why("its body cannot be unpacked", _BODY),
        "missing_field": Why(
            "it lacks a field without which it is no event",
            "Send that field, or name another place by the source's `map:`.",
        ),
        "not_a_handshake": Why("it asks to be confirmed, and does not say by whom", _BODY),
        "untrusted_callback_url": Why(
            "it asks for a confirmation at a URL that the source does not trust", "Confirm the subscription by hand."
        ),
        "topic_mismatch": Why("its header names another kind of event than its body holds", _BODY),
        "unsupported_media_type": Why("its content type is one that the provider never sends", _BODY),
        "content_encoding": Why(
            "its body is packed in a way that is not read", "Have the tool send it unpacked, or as gzip."
        ),
        "too_large": Why(
            "its body is larger than the limit", "Send smaller batches, or raise the limit in the settings."
        ),
        "too_many_members": Why("its batch has more members than the limit", "Send smaller batches."),
        "method_not_allowed": Why("it came by a method that the provider does not use", "Send it by POST."),
        "headers_too_large": Why("its headers are larger than the limit", _BODY),
        "too_many_headers": Why("it has more headers than the limit", _BODY),
        "headers_too_slow": Why("its headers did not come whole in time", _AGAIN),
        "body_too_slow": Why("its body did not come whole in time", _AGAIN),
        "client_gone": Why("the tool closed the connection before the delivery was whole", _AGAIN),
        "too_many_waiting": Why("its connection had too many requests waiting", _AGAIN),
        "too_many_connections": Why("there were too many connections", _AGAIN),
        "too_many_bodies": Why("too many deliveries were coming in at the same time", _AGAIN),
        "no_rulebook": Why("no rules were loaded yet", _AGAIN),
        "no_intake": Why("this process receives no deliveries", "Send it to a process that does."),
        "stopping": Why("this process was stopping", _AGAIN),
        "defect": Why(
            "a defect of Segue kept it from being taken", "Report the error in Segue's log; the tool sends it again."
        ),
        "unstorable": Why("the database cannot hold what is in it", _BODY),
        "store_unavailable": Why("the database could not be reached", _AGAIN),
        "queue_full": Why("too many deliveries were waiting to be stored", _AGAIN),
        "source_queue_full": Why("too many deliveries of this source were waiting to be stored", _AGAIN),
    }
)


def rejection(reason: str) -> Why:
    """Return why deliveries are rejected for this reason; one of an older version is said to be unknown."""
    return REJECTIONS.get(reason) or Why(f"a check failed that this version has no sentence for ({reason})")


def rejection_sentence(source: str, reason: str, at: datetime, clock: Clock) -> str:
    """Return the sentence of one rejected delivery, and what to do."""
    found = rejection(reason)
    return f"A delivery to {source} was rejected {clock.moment(at)}: {found.clause}. {found.do}".rstrip()
