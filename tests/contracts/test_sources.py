"""Every provider passes the same cases, from files in the format that `SOURCE_CASES` folders share with our samples.

A case may add `options` (the source's own keys) and `map`. What a folder knows only as facts of a case (that a source
is given one organisation, or takes signatures that cover no body) becomes the options that say so.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit
from xml.etree.ElementTree import canonicalize

import pytest
from defusedxml.ElementTree import fromstring

import app.sources
from app.errors import DeliveryRejected, Unauthenticated, Unreadable
from app.model import Delivery, Event, Response, Secret, SourceConfig
from app.sources import PROVIDERS
from app.sources.field_map import mapped
from app.sources.forms import form

SAMPLES = Path(app.sources.__file__).parent / "samples"
NOON = datetime(2026, 11, 3, 12, tzinfo=UTC)
PERSON = ("id", "email", "first_name", "last_name", "name", "company")
UNSIGNED_IDS = frozenset({"github", "shopify"})  # of an event: what a folder names stands in headers that prove nothing
OTHER = "A" * 32  # a secret, a password, a key in base64: and none of those that signed
SALESFORCE = "{http://soap.sforce.com/2005/09/outbound}"


@dataclass(frozen=True)
class Case:
    provider: str
    text: dict[str, Any]
    scheme: dict[str, Any]
    ours: bool

    @property
    def now(self) -> datetime:
        at = self.text["verify_at"]
        return NOON if at is None else datetime.fromtimestamp(at, UTC)

    @property
    def expected(self) -> dict[str, Any]:
        return dict(self.text["expected"])

    @property
    def valid(self) -> bool:
        return bool(self.expected["valid"])

    @property
    def handshake(self) -> bool:
        return bool(self.expected.get("handshake"))

    @property
    def signed(self) -> bool:
        return self.valid and self.text["signature_origin"] != "none"

    @property
    def options(self) -> dict[str, Any]:
        options = dict(self.text.get("options", {}))
        if self.provider == "hubspot" and "x-hubspot-signature" in self.delivery.headers:
            options.setdefault("signatures", "any")
        if "authenticated_events" in self.expected:
            options["batches"] = "first-only"
        if self.expected.get("body_authenticated") is False:
            options["components"] = []
        if "allowed_organization_id" in self.scheme:
            options["organization_ids"] = [self.scheme["allowed_organization_id"]]
        return options

    @property
    def config(self) -> SourceConfig:
        secrets = self.text.get("secrets", [self.text["secret"]] if self.text["secret"] else [])
        model = PROVIDERS[self.provider].Options.model_validate(self.options)
        fields = self.text.get("map", self.expected.get("mapping", {}))
        return SourceConfig("the-source", self.provider, tuple(Secret(value) for value in secrets), model, fields)

    @property
    def delivery(self) -> Delivery:
        headers = {name.lower(): value for name, value in self.text["headers"].items()}
        body = self.text["body"].encode()
        return Delivery("d1", "the-source", self.now, self.text["method"], self.text["url"], headers, body)

    @property
    def expected_events(self) -> list[dict[str, Any]]:
        events = self.text.get("events") or ([self.text["event"]] if self.text.get("event") else [])
        return events[: self.expected.get("authenticated_events", len(events))]


def load(folder: Path, *, ours: bool) -> list[Case]:
    cases: list[Case] = []
    for path in sorted(folder.rglob("*.json")):
        top = json.loads(path.read_text())
        if top.get("provider") in PROVIDERS:
            texts = [top, *top.get("more_cases", [])]
            cases += [Case(top["provider"], text, top.get("scheme", {}), ours) for text in texts]
    return cases


SHARED = os.environ.get("SOURCE_CASES")
CASES = load(SAMPLES, ours=True) + (load(Path(SHARED), ours=False) if SHARED else [])
VALID = [case for case in CASES if case.valid and not case.handshake]
GENUINE = [case for case in CASES if case.signed]
KNOWN = [case for case in VALID if not case.signed and case.text["secret"]]
TIMED = [case for case in GENUINE if case.text["verify_at"] is not None]
BODIED = [case for case in GENUINE if case.expected.get("body_authenticated") is not False]


def over(cases: list[Case]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("case", cases, ids=[f"{case.provider}: {case.text['case']}" for case in cases])


def verify(
    case: Case, *, config: SourceConfig | None = None, delivery: Delivery | None = None, now: datetime | None = None
) -> Secret | None:
    return PROVIDERS[case.provider].verify(delivery or case.delivery, config or case.config, now or case.now)


def reason(case: Case, **changed: Any) -> str:
    with pytest.raises(Unauthenticated) as refusal:
        verify(case, **changed)
    return refusal.value.reason


def receive(case: Case) -> list[Event]:
    """What the intake makes of a case, up to its events."""
    provider, config = PROVIDERS[case.provider], case.config
    if provider.probe(case.delivery, config) is not None:
        return []
    verify(case)
    delivery = provider.stored(case.delivery, config)
    if provider.handshake(delivery, config) is not None:
        return []
    return [mapped(event, config, delivery.headers) for event in provider.events(delivery, config)]


@over([case for case in VALID if case.expected.get("body_parseable") is not False])
def test_what_nothing_hears_has_the_same_types_and_what_is_heard_is_the_same(case: Case) -> None:
    provider, config = PROVIDERS[case.provider], case.config
    delivery = provider.stored(case.delivery, config)
    events = provider.events(delivery, config)
    assert provider.heard_events(delivery, config, lambda _: True) == events
    unheard = provider.heard_events(delivery, config, lambda _: False)
    assert [(event.source, event.type, event.dropped) for event in unheard] == [
        (event.source, event.type, event.dropped) for event in events
    ]
    assert provider.hints(unheard) == provider.hints(events)


def challenged(case: Case) -> Response | None:
    provider, config = PROVIDERS[case.provider], case.config
    probed = provider.probe(case.delivery, config)
    if probed is None:
        verify(case)
    return probed or provider.handshake(case.delivery, config)


def resolve(pointer: str, delivery: Delivery) -> str:
    kind, _, rest = pointer.partition(":")
    if kind == "header":
        return delivery.headers[rest.lower()]
    if kind == "query":
        return parse_qs(urlsplit(delivery.url).query)[rest][0]
    if kind == "form":
        return str(form(delivery)[rest])
    if kind == "xml":
        return _in_xml(rest.strip("/"), delivery.body)
    if pointer == "sha256(body)":
        return sha256(delivery.body).hexdigest()
    assert kind == "body"
    value = json.loads(delivery.body)
    for step in rest.split("/")[1:]:
        value = value[int(step)] if isinstance(value, list) else value[step]
    return str(value)


def _in_xml(path: str, body: bytes) -> str:
    steps = "/".join(SALESFORCE + step for step in path.split("/"))
    found = fromstring(body).findtext(f".//{steps}")
    assert found is not None
    return str(found)


def test_every_provider_has_samples_of_its_own() -> None:
    assert {case.provider for case in CASES if case.ours} == set(PROVIDERS)
    assert {case.provider for case in [*GENUINE, *KNOWN] if case.ours} == set(PROVIDERS)
    assert {case.provider for case in CASES if case.ours and not case.valid} == set(PROVIDERS)
    assert {case.provider for case in VALID if case.ours and case.expected_events} == set(PROVIDERS)


def test_a_folder_of_cases_names_no_provider_that_there_is_not() -> None:
    names = {json.loads(path.read_text())["provider"] for path in Path(SHARED or SAMPLES).rglob("*.json")}
    assert names <= set(PROVIDERS)


@over([case for case in CASES if not case.valid])
def test_an_invalid_case_is_refused_for_the_reason_its_file_names(case: Case) -> None:
    with pytest.raises(DeliveryRejected) as refusal:
        receive(case)
    assert refusal.value.reason == case.expected["reason"] or not case.ours


@over([case for case in CASES if case.valid and case.handshake])
def test_a_challenge_is_answered(case: Case) -> None:
    answer = challenged(case)
    assert answer is not None
    assert_answered(answer, case)
    assert receive(case) == []


@over([case for case in VALID if "response" in case.expected])
def test_a_delivery_is_answered_in_its_providers_form(case: Case) -> None:
    answer = PROVIDERS[case.provider].answer(case.delivery, None)
    assert answer is not None
    assert_answered(answer, case)


def assert_answered(answer: Response, case: Case) -> None:
    expected = case.expected["response"]
    assert answer.status == expected["status"]
    sent = {"content-type": answer.content_type, **answer.headers}
    headers = {name.lower(): value for name, value in expected.get("headers", {}).items()}
    assert {name: sent.get(name) for name in headers} == headers
    if "json" in expected:
        assert json.loads(answer.body) == expected["json"]
    if "xml" in expected:
        assert canonicalize(answer.body.decode()) == canonicalize(expected["xml"])
    if "text" in expected or "body" in expected:
        assert answer.body.decode() == expected.get("text", expected.get("body"))


@over([case for case in VALID if case.expected.get("body_parseable") is False])
def test_a_body_that_is_no_event_is_authentic_all_the_same(case: Case) -> None:
    verify(case)


@over(
    [
        case
        for case in VALID
        if case.expected.get("body_parseable") is not False and case.expected.get("body_authenticated") is not False
    ]
)
def test_a_valid_case_becomes_the_events_its_file_names(case: Case) -> None:
    events = receive(case)
    used = [event for event in events if event.dropped is None]
    expected = case.expected_events
    assert len(used) == len(expected)
    assert len(events) == case.expected.get("batch_size", len(events))
    for event, facts in zip(used, expected, strict=True):
        agree(event, facts, case.delivery, case.provider)
    assert receive(case) == events


def agree(event: Event, facts: dict[str, Any], delivery: Delivery, provider: str) -> None:
    assert event.source == "the-source"
    assert event.type == (facts["type"] or "")
    assert {key: getattr(event, key) for key in PERSON} == {key: facts[key] for key in PERSON}
    identity = tuple(resolve(pointer, delivery) for pointer in facts["dedupe_from"])
    if provider in UNSIGNED_IDS:
        identity = (sha256(delivery.body).hexdigest(),)
    assert event.dedupe[: len(identity)] == identity
    assert event.dedupe
    assert event.occurred_at == (facts["occurred_at"] and datetime.fromisoformat(facts["occurred_at"]))
    assert facts.get("data", {}).items() <= event.data.items()
    assert facts.get("answers", {}).items() <= event.answers.items()
    assert event.exit is facts.get("exit", event.exit)


@over(BODIED)
def test_an_altered_body_is_refused(case: Case) -> None:
    first_letter = case.delivery.body.index(b'"') + 1 if b'"' in case.delivery.body else 0
    body = bytearray(case.delivery.body)
    body[first_letter] ^= 1
    wrong = reason(case, delivery=replace(case.delivery, body=bytes(body)))
    assert wrong == ("digest_mismatch" if "content-digest" in case.delivery.headers else "signature_mismatch")


@over(GENUINE)
def test_a_delivery_without_its_signature_is_refused(case: Case) -> None:
    kept = [name for name in case.delivery.headers if not any(word in name for word in ("signature", "hmac", "hash"))]
    headers = {name: case.delivery.headers[name] for name in kept}
    assert reason(case, delivery=replace(case.delivery, headers=headers)) == "missing_signature"


@over([case for case in BODIED if not str(case.text["secret"]).startswith(("whpk_", "-----BEGIN"))])
def test_each_signed_header_is_needed(case: Case) -> None:
    # HubSpot may send an older signature beside v3; that one alone is a genuine delivery too, so it is left out here.
    headers = {name: value for name, value in case.delivery.headers.items() if name != "x-hubspot-signature"}
    url = case.delivery.url
    signed = PROVIDERS[case.provider].sign(case.delivery.body, case.config, case.now, method="POST", url=url)
    for dropped in signed.keys() & headers.keys():
        kept = {name: value for name, value in headers.items() if name != dropped}
        wrong = reason(case, delivery=replace(case.delivery, headers=kept))
        # A component that is covered and not there leaves a signature that fits nothing.
        assert wrong == {"content-digest": "signature_mismatch", "x-segue-token": "auth_missing"}.get(
            dropped, "missing_signature"
        )


@over(TIMED)
def test_a_stale_delivery_is_refused(case: Case) -> None:
    assert reason(case, now=case.now + timedelta(days=1)) == "timestamp_too_old"


@over([case for case in TIMED if case.provider != "stripe"])
def test_a_delivery_from_the_future_is_refused(case: Case) -> None:
    assert reason(case, now=case.now - timedelta(days=1)) == "timestamp_in_future"


@over([case for case in TIMED if case.provider == "stripe"])
def test_stripe_judges_the_past_only_as_its_own_library_does(case: Case) -> None:
    verify(case, now=case.now - timedelta(days=1))


@over(GENUINE)
def test_any_secret_in_force_will_do_while_secrets_rotate(case: Case) -> None:
    right = next(secret for secret in case.config.secrets if secret == verify(case)).value
    in_force = replace(case.config, secrets=(Secret(OTHER), Secret(right, not_after=case.now)))
    assert verify(case, config=in_force) == Secret(right, not_after=case.now)
    run_out = replace(case.config, secrets=(Secret(OTHER), Secret(right, case.now - timedelta(seconds=1))))
    assert reason(case, config=run_out) == "expired"
    wrong = reason(case, config=replace(case.config, secrets=(Secret(OTHER),)))
    # A key of the other kind finds no signature of its kind at all.
    assert wrong == ("malformed_signature" if right.startswith("whpk_") else "signature_mismatch")


@over(GENUINE)
def test_no_secret_means_the_door_is_closed(case: Case) -> None:
    closed = replace(case.config, secrets=())
    assert reason(case, config=closed) == "missing_signature"
    assert PROVIDERS[case.provider].check(closed)
    assert PROVIDERS[case.provider].check(replace(case.config, secrets=(Secret(""),)))
    assert PROVIDERS[case.provider].check(case.config) == [] or not case.ours


@over(KNOWN)
def test_a_password_is_needed_and_must_be_the_right_one(case: Case) -> None:
    assert verify(case) == case.config.secrets[0]
    assert reason(case, config=replace(case.config, secrets=(Secret(OTHER),))) == "auth_mismatch"
    assert reason(case, delivery=unproved(case)) == "auth_missing"
    assert reason(case, config=replace(case.config, secrets=())) == "auth_missing"
    assert PROVIDERS[case.provider].check(replace(case.config, secrets=()))
    assert PROVIDERS[case.provider].check(replace(case.config, secrets=(Secret(""),)))
    assert PROVIDERS[case.provider].check(case.config) == [] or not case.ours


def unproved(case: Case) -> Delivery:
    """The delivery without what proves it, which stands in a header, in the query, or behind the source's name."""
    provider, url = PROVIDERS[case.provider], "https://segue.example/webhooks/the-source"
    proving = provider.sign(b"", case.config, case.now, method="POST", url=url)
    headers = {name: value for name, value in case.delivery.headers.items() if name not in proving}
    return replace(case.delivery, headers=headers, url=url)


@over(KNOWN)
def test_passwords_rotate_and_run_out(case: Case) -> None:
    right = case.config.secrets[0].value
    verify(case, config=replace(case.config, secrets=(Secret(OTHER), Secret(right, not_after=case.now))))
    run_out = replace(case.config, secrets=(Secret(OTHER), Secret(right, case.now - timedelta(seconds=1))))
    assert reason(case, config=run_out) == "expired"


@over(KNOWN)
def test_a_password_is_in_nothing_that_is_kept(case: Case) -> None:
    sent = case.config.secrets[0].value
    kept = PROVIDERS[case.provider].stored(case.delivery, case.config)
    basic = PROVIDERS[case.provider].sign(b"", case.config, case.now, method="POST", url="").get("authorization", sent)
    for secret in (sent, basic.removeprefix("Basic ")):
        assert secret not in kept.url
        assert secret not in str(kept.headers)
        assert secret.encode() not in kept.body


@over([case for case in [*GENUINE, *KNOWN] if not str(case.text["secret"]).startswith(("whpk_", "-----BEGIN"))])
def test_what_a_provider_signs_it_accepts(case: Case) -> None:
    sent, provider = case.delivery, PROVIDERS[case.provider]
    url = provider.address("https://segue.example/webhooks/the-source", case.config, case.now)
    headers = provider.sign(sent.body, case.config, case.now, method="POST", url=url)
    verify(case, delivery=replace(sent, headers=headers, method="POST", url=url))


ODD = {
    "empty": b"",
    "no UTF-8": b'{"id":"\xff"}',
    "a byte order mark": b'\xef\xbb\xbf{"id":"1"}',
    "NaN": b'{"id":NaN}',
    "infinite": b'{"id":1e999}',
    "a key twice": b'{"id":1,"id":2}',
    "more digits than can be read": b'{"id":' + b"1" * 5000 + b"}",
    "nested deep": b'{"id":' + b"[" * 101 + b"]" * 101 + b"}",
    "nested too deep for any stack": b'{"id":' + b"[" * 200_000 + b"]" * 200_000 + b"}",
    "no end": b'{"id":"\\',
    "null": b"null",
    "a number": b"7",
    "a text": b'"id"',
}


@pytest.mark.parametrize("name", sorted(PROVIDERS))
@pytest.mark.parametrize("body", ODD.values(), ids=ODD.keys())
def test_odd_bytes_are_unreadable_even_when_signed(name: str, body: bytes) -> None:
    case = next(case for case in [*GENUINE, *KNOWN] if case.provider == name and case.ours)
    url = case.delivery.url
    proved = PROVIDERS[name].sign(body, case.config, case.now, method="POST", url=url)
    delivery = replace(case.delivery, headers={**case.delivery.headers, **proved}, body=body, method="POST")
    verify(case, delivery=delivery)
    with pytest.raises(Unreadable) as refusal:
        PROVIDERS[name].events(delivery, case.config)
    assert refusal.value.reason == "malformed_body"


@over([case for case in VALID if case.text["body"].startswith("{") and case.expected_events])
def test_long_numbers_survive_and_nul_characters_do_not(case: Case) -> None:
    added = f'{{"long":-{2**70},"nul":"a\\u0000b","text":"a\\\\u0000b",'
    delivery = replace(case.delivery, body=(added + case.text["body"][1:]).encode())
    events = PROVIDERS[case.provider].events(delivery, case.config)
    data = next(event.data for event in events if event.dropped is None)
    if "ce-id" in case.delivery.headers:
        data = data["data"]
    assert (data["long"], data["nul"], data["text"]) == (-(2**70), "a\ufffdb", "a\\u0000b")
