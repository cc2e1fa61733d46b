"""What a close look at the providers found: rotation by senders that sign twice, halves of emoji, repeated URLs."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from app.errors import Unauthenticated, Unreadable
from app.model import Delivery, Event, Secret, SourceConfig
from app.sources import PROVIDERS
from app.sources.diagnose import Check, diagnose

NOW = datetime(2026, 11, 3, 12, tzinfo=UTC)
ENDED = NOW - timedelta(hours=1)
URL = "https://segue.example/webhooks/x"
EMOJI = b"great \\ud83d"


def config(provider: str, *secrets: Secret, **options: Any) -> SourceConfig:
    return SourceConfig("x", provider, secrets, PROVIDERS[provider].Options(**options))


def delivery(body: bytes, url: str = URL, **headers: str) -> Delivery:
    return Delivery(
        "d", "x", NOW, "POST", url, {name.replace("_", "-"): value for name, value in headers.items()}, body
    )


def reason(sent: Delivery, source: SourceConfig) -> str:
    with pytest.raises(Unauthenticated) as refusal:
        PROVIDERS[source.provider].verify(sent, source, NOW)
    return refusal.value.reason


def digest(secret: str, content: bytes, algorithm: str = "sha256") -> str:
    return hmac.new(secret.encode(), content, algorithm).hexdigest()


@pytest.mark.parametrize("order", [["old", "new"], ["new", "old"]])
def test_a_sender_that_signs_with_both_secrets_is_taken_whichever_stands_first(order: list[str]) -> None:
    moments = {"old": ENDED, "new": None}
    source = config("stripe", *(Secret(name, moments[name]) for name in order))
    stamp = str(int(NOW.timestamp()))
    signatures = ",".join(f"v1={digest(name, stamp.encode() + b'.{}')}" for name in ("old", "new"))
    used = PROVIDERS["stripe"].verify(delivery(b"{}", stripe_signature=f"t={stamp},{signatures}"), source, NOW)
    assert used is not None
    assert used.value == "new"
    only_old = delivery(b"{}", stripe_signature=f"t={stamp},v1={digest('old', stamp.encode() + b'.{}')}")
    assert reason(only_old, source) == "expired"


def test_two_signature_headers_that_were_joined_are_both_read() -> None:
    key = b"a shared key of some length"
    source = config("standard-webhooks", Secret("whsec_" + base64.b64encode(key).decode()))
    stamp = str(int(NOW.timestamp()))
    good = base64.b64encode(hmac.digest(key, f"m.{stamp}.{{}}".encode(), "sha256")).decode()
    signature = f"v1,{good}, v1,{base64.b64encode(b'0' * 32).decode()}"
    sent = delivery(b"{}", webhook_id="m", webhook_timestamp=stamp, webhook_signature=signature)
    PROVIDERS["standard-webhooks"].verify(sent, source, NOW)


def test_a_shared_secret_does_not_stand_in_for_a_public_keys_signature_that_fails() -> None:
    key, private = b"a shared key of some length", Ed25519PrivateKey.generate()
    public = base64.b64encode(private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)).decode()
    shared = Secret("whsec_" + base64.b64encode(key).decode())
    source = config("standard-webhooks", shared, Secret(f"whpk_{public}"))
    stamp = str(int(NOW.timestamp()))
    signed = f"m.{stamp}.{{}}".encode()
    weak = "v1," + base64.b64encode(hmac.digest(key, signed, "sha256")).decode()
    strong = "v1a," + base64.b64encode(private.sign(signed)).decode()
    forged = "v1a," + base64.b64encode(b"0" * 64).decode()

    def sent(signature: str) -> Delivery:
        return delivery(b"{}", webhook_id="m", webhook_timestamp=stamp, webhook_signature=signature)

    for accepted in (weak, strong, f"{weak} {strong}"):
        PROVIDERS["standard-webhooks"].verify(sent(accepted), source, NOW)
    assert reason(sent(f"{weak} {forged}"), source) == "signature_mismatch"
    ended = config("standard-webhooks", shared, Secret(f"whpk_{public}", ENDED))
    PROVIDERS["standard-webhooks"].verify(sent(f"{weak} {strong}"), ended, NOW)


def test_half_an_emoji_costs_neither_the_lead_nor_the_batch() -> None:
    member = {"type": "track", "event": "x", "messageId": "1", "traits": {"email": "ada@corp.example"}}
    whole = json.dumps(member).encode()
    cut = whole.replace(b'"1"', b'"2"').replace(b'"x"', b'"' + EMOJI + b'"')
    source = config("segment", Secret("s"), tokens=["token-token-token-token-token-token"])
    events = PROVIDERS["segment"].events(delivery(b"[" + whole + b"," + cut + b"]"), source)
    assert [(event.email, event.dropped) for event in events] == [("ada@corp.example", None)] * 2
    assert events[1].data["event"] == "great \N{REPLACEMENT CHARACTER}"
    pair = PROVIDERS["segment"].events(delivery(cut.replace(EMOJI, b"\\ud83d\\ude00")), source)
    assert pair[0].data["event"] == "\N{GRINNING FACE}"


@pytest.mark.parametrize(
    ("change", "thin", "left"),
    [
        ({"subscriptionType": "object.creation", "objectTypeId": "0-1"}, True, False),
        ({"subscriptionType": "object.creation", "objectTypeId": "0-3"}, False, False),
        ({"subscriptionType": "object.deletion", "objectTypeId": "0-1"}, False, True),
        ({"subscriptionType": "object.deletion", "objectTypeId": "0-3"}, False, False),
        ({"subscriptionType": "contact.deletion"}, False, True),
        (
            {"subscriptionType": "contact.propertyChange", "propertyName": "hs_email_optout", "propertyValue": "true"},
            True,
            True,
        ),
    ],
)
def test_hubspots_generic_subscriptions_are_about_contacts_too(
    change: dict[str, str], *, thin: bool, left: bool
) -> None:
    body = json.dumps([{"eventId": 1, "objectId": 55, "occurredAt": 1, **change}]).encode()
    (event,) = PROVIDERS["hubspot"].events(delivery(body), config("hubspot", Secret("s")))
    assert (event.thin, event.exit) == (thin, left)


def test_a_url_that_a_proxy_repeats_in_a_header_is_kept_without_the_secret() -> None:
    secret = "made-up-secret-of-some-length-4f81"
    source = config("jotform", Secret(secret))
    sent = delivery(b"{}", f"{URL}/{secret}", x_original_uri=f"/webhooks/x/{secret}?a=b", referer=f"{URL}/{secret}")
    kept = PROVIDERS["jotform"].stored(sent, source)
    assert secret not in repr(kept)
    assert kept.headers == {"x-original-uri": "/webhooks/x/[verified]?a=b"}


def test_segment_looks_for_nothing_in_a_body_without_a_signature_or_beyond_an_events_length() -> None:
    source = config("segment", Secret("s"), batches="first-only")
    deep = b"[{" + b"{" * 1_000_000
    assert reason(delivery(deep), source) == "missing_signature"
    for body in (deep, b'[{"a":' + b'""' * 500_000, b'[{"a":"' + b"x" * 70_000 + b'"}]'):
        assert reason(delivery(body, x_signature=digest("s", body, "sha1")), source) == "signature_mismatch"


def test_another_unsigned_tail_adds_nothing_to_what_was_recorded_of_the_first() -> None:
    source = config("segment", Secret("s"), batches="first-only")
    first = b'{"type":"track","messageId":"1"}'

    def keys(tail: bytes) -> list[tuple[str, ...]]:
        return [event.dedupe for event in PROVIDERS["segment"].events(delivery(b"[" + first + tail + b"]"), source)]

    assert keys(b',{"a":1},{"b":2}') == keys(b',{"c":3},{"d":4}')
    assert keys(b',{"a":1}') == keys(b',{"c":3},{"d":4}')[:2]


def test_a_time_beyond_all_numbers_is_no_time() -> None:
    body = b'{"meta":{"action":"added","object":"person","timestamp_micro":1%s},"current":{}}' % (b"0" * 320)
    (event,) = PROVIDERS["pipedrive"].events(delivery(body), config("pipedrive", Secret("a:b")))
    assert event.occurred_at is None


@pytest.mark.parametrize("opening", [b'<SessionId xmlns="http://x/y">', b"<SessionId>", b"<ns:SessionId >"])
@pytest.mark.parametrize("inside", [b"00Dsecret", b"<![CDATA[00Dsecret]]>"])
def test_salesforces_session_is_not_kept_however_it_is_written(opening: bytes, inside: bytes) -> None:
    closing = b"</ns:SessionId>" if b"ns:" in opening else b"</SessionId>"
    sent = delivery(b"<a>" + opening + inside + closing + b"<b>kept</b></a>")
    kept = PROVIDERS["salesforce"].stored(sent, config("salesforce", Secret("made-up-secret-of-some-length")))
    assert kept.body == b"<a>" + opening + closing + b"<b>kept</b></a>"


def test_salesforce_sends_no_more_notifications_than_any_batch_has() -> None:
    outbound = 'xmlns="http://soap.sforce.com/2005/09/outbound"'
    many = f"<notifications {outbound}>{'<Notification/>' * 10_001}</notifications>"
    envelope = (
        '<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"><soapenv:Body>'
        f"{many}</soapenv:Body></soapenv:Envelope>"
    )
    with pytest.raises(Unreadable) as refusal:
        PROVIDERS["salesforce"].events(delivery(envelope.encode()), config("salesforce", Secret("s")))
    assert refusal.value.reason == "too_many_members"


def test_a_nonce_counts_however_it_is_spaced_and_only_where_one_signature_was_sent() -> None:
    source = config("http-message-signatures", Secret("c2VjcmV0"))

    def event_of(signatures: str) -> Event:
        return PROVIDERS["http-message-signatures"].events(delivery(b"{}", signature_input=signatures), source)[0]

    once = event_of('sig1=("@method");created=1;nonce="n1"').dedupe
    assert once == ("n1",) == event_of('sig1=("@method");created=1;  nonce="n1"').dedupe
    assert event_of('a=();nonce="n1", b=();nonce="n2"').dedupe == (hashlib.sha256(b"{}").hexdigest(),)


def checks(sent: Delivery, source: SourceConfig, why: str | None) -> dict[str, Check]:
    """What is said of a delivery as it is kept."""
    provider = PROVIDERS[source.provider]
    kept = provider.stored(sent, source)
    return {check.name: check for check in diagnose(kept, source, {}, provider, reason=why, maximum=10_000)}


def test_a_delivery_is_diagnosed_as_it_ended() -> None:
    old, new = "the-old-secret-of-some-length", "the-new-secret-of-some-length"
    source = config("gravity-forms", Secret(new), Secret(old, ENDED))
    header = PROVIDERS["gravity-forms"].sign(b"{}", config("gravity-forms", Secret(old)), NOW, method="POST", url=URL)
    sent = Delivery("d", "x", NOW, "POST", URL, header, b"{}")
    assert reason(sent, source) == "expired"
    proof = checks(sent, source, "expired")["proof"]
    assert (proof.passed, proof.detail.partition(":")[0]) == (False, "expired")
    literal = Delivery("d", "x", NOW, "POST", URL, dict.fromkeys(header, "[verified]"), b"{}")
    assert checks(literal, source, "auth_mismatch")["proof"].passed is False


def test_an_accepted_segment_delivery_with_a_token_is_diagnosed_as_accepted() -> None:
    source = config("segment", Secret("s"), tokens=["token-token-token-token-token-token"])
    provider = PROVIDERS["segment"]
    body = b'{"type":"track","messageId":"1"}'
    url = provider.address(URL, source, NOW)
    headers = provider.sign(body, source, NOW, method="POST", url=url)
    assert checks(Delivery("d", "x", NOW, "POST", url, headers, body), source, None)["proof"].passed is True
