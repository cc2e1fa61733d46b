"""Every provider passes the same cases, from files in the format that `SOURCE_CASES` folders share with tests/samples.

A case may add `options` (the source's own keys). Cases of the asymmetric `v1a` scheme are left out: no provider has it.
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

import pytest

from app.errors import Answer, Unauthentic, Unreadable
from app.model import Delivery, Event, Secret, SourceConfig
from app.sources import PROVIDERS

SAMPLES = Path(__file__).parent.parent / "samples"
ALIASES = {"svix": "standard-webhooks"}
NOON = datetime(2026, 11, 3, 12, tzinfo=UTC)
PERSON = ("id", "email", "first_name", "last_name", "name", "company")


@dataclass(frozen=True)
class Case:
    provider: str
    text: dict[str, Any]
    ours: bool

    @property
    def now(self) -> datetime:
        at = self.text["verify_at"]
        return NOON if at is None else datetime.fromtimestamp(at, UTC)

    @property
    def valid(self) -> bool:
        return bool(self.text["expected"]["valid"])

    @property
    def config(self) -> SourceConfig:
        secrets = self.text.get("secrets", [self.text["secret"]] if self.text["secret"] else [])
        options = dict(self.text.get("options", {}))
        if "authenticated_events" in self.text["expected"]:
            options = {"batches": "first-only"}
        model = PROVIDERS[self.provider].Options.model_validate(options)
        return SourceConfig("the-source", self.provider, tuple(Secret(value) for value in secrets), model)

    @property
    def delivery(self) -> Delivery:
        headers = {name.lower(): value for name, value in self.text["headers"].items()}
        body = self.text["body"].encode()
        return Delivery("d1", "the-source", self.now, self.text["method"], self.text["url"], headers, body)

    @property
    def expected_events(self) -> list[dict[str, Any]]:
        events = self.text.get("events") or ([self.text["event"]] if self.text.get("event") else [])
        return events[: self.text["expected"].get("authenticated_events", len(events))]


def load(folder: Path, *, ours: bool) -> list[Case]:
    cases: list[Case] = []
    for path in sorted(folder.rglob("*.json")):
        top = json.loads(path.read_text())
        provider = ALIASES.get(top.get("provider"), top.get("provider"))
        texts = [top, *top.get("more_cases", [])] if provider in PROVIDERS else []
        cases += [Case(provider, text, ours) for text in texts if not str(text.get("secret")).startswith("whpk_")]
    return cases


SHARED = os.environ.get("SOURCE_CASES")
CASES = load(SAMPLES, ours=True) + (load(Path(SHARED), ours=False) if SHARED else [])
GENUINE = [case for case in CASES if case.valid and case.text["signature_origin"] != "none"]
TIMED = [case for case in GENUINE if case.text["verify_at"] is not None]


def over(cases: list[Case]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("case", cases, ids=[f"{case.provider}: {case.text['case']}" for case in cases])


def verify(
    case: Case, *, config: SourceConfig | None = None, delivery: Delivery | None = None, now: datetime | None = None
) -> None:
    PROVIDERS[case.provider].verify(delivery or case.delivery, config or case.config, now or case.now)


def reason(case: Case, **changed: Any) -> str:
    with pytest.raises(Unauthentic) as refusal:
        verify(case, **changed)
    return refusal.value.reason


def receive(case: Case) -> list[Event]:
    verify(case)
    return PROVIDERS[case.provider].events(case.delivery, case.config)


def resolve(pointer: str, delivery: Delivery) -> str:
    kind, _, rest = pointer.partition(":")
    if kind == "header":
        return delivery.headers[rest.lower()]
    if kind == "query":
        return parse_qs(urlsplit(delivery.url).query)[rest][0]
    if pointer == "sha256(body)":
        return sha256(delivery.body).hexdigest()
    assert kind == "body"
    value = json.loads(delivery.body)
    for step in rest.split("/")[1:]:
        value = value[int(step)] if isinstance(value, list) else value[step]
    return str(value)


def test_every_provider_has_samples_of_its_own() -> None:
    assert {case.provider for case in CASES if case.ours} == set(PROVIDERS)
    assert {case.provider for case in GENUINE if case.ours} == set(PROVIDERS)


@over([case for case in CASES if not case.valid])
def test_an_invalid_case_is_refused_for_the_reason_its_file_names(case: Case) -> None:
    with pytest.raises(Answer) as refusal:
        receive(case)
    assert refusal.value.reason == case.text["expected"]["reason"] or not case.ours


@over([case for case in CASES if case.valid and case.text["expected"].get("handshake")])
def test_a_challenge_is_answered(case: Case) -> None:
    verify(case)
    answer = PROVIDERS[case.provider].handshake(case.delivery, case.config)
    expected = case.text["expected"]["response"]
    assert answer is not None
    assert (answer.status, json.loads(answer.body)) == (expected["status"], expected["json"])
    assert answer.content_type == expected["headers"]["Content-Type"]


@over([case for case in CASES if case.valid and not case.text["expected"].get("handshake")])
def test_a_valid_case_becomes_the_events_its_file_names(case: Case) -> None:
    provider = PROVIDERS[case.provider]
    verify(case)
    assert provider.handshake(case.delivery, case.config) is None
    events = provider.events(case.delivery, case.config)
    expected = case.expected_events
    assert len(events) == len(expected)
    for event, facts in zip(events, expected, strict=True):
        agree(event, facts, case.delivery)
    assert provider.events(case.delivery, case.config) == events


def agree(event: Event, facts: dict[str, Any], delivery: Delivery) -> None:
    assert event.source == "the-source"
    assert event.type == (facts["type"] or "")
    assert {key: getattr(event, key) for key in PERSON} == {key: facts[key] for key in PERSON}
    identity = tuple(resolve(pointer, delivery) for pointer in facts["dedupe_from"])
    assert event.dedupe[: len(identity)] == identity
    assert event.dedupe
    assert event.occurred_at == (facts["occurred_at"] and datetime.fromisoformat(facts["occurred_at"]))
    assert facts.get("data", {}).items() <= event.data.items()


@over(GENUINE)
def test_an_altered_body_is_refused(case: Case) -> None:
    first_letter = case.delivery.body.index(b'"') + 1 if b'"' in case.delivery.body else 0
    body = bytearray(case.delivery.body)
    body[first_letter] ^= 1
    assert reason(case, delivery=replace(case.delivery, body=bytes(body))) == "signature_mismatch"


@over(GENUINE)
def test_a_delivery_without_its_signature_is_refused(case: Case) -> None:
    kept = [name for name in case.delivery.headers if "signature" not in name and "hmac" not in name]
    headers = {name: case.delivery.headers[name] for name in kept}
    assert reason(case, delivery=replace(case.delivery, headers=headers)) == "missing_signature"


@over(GENUINE)
def test_each_signed_header_is_needed(case: Case) -> None:
    # HubSpot may send an older signature beside v3; that one alone is a genuine delivery too, so it is left out here.
    headers = {name: value for name, value in case.delivery.headers.items() if name != "x-hubspot-signature"}
    url = case.delivery.url
    signed = PROVIDERS[case.provider].sign(case.delivery.body, case.config, case.now, method="POST", url=url)
    for dropped in signed.keys() & headers.keys():
        kept = {name: value for name, value in headers.items() if name != dropped}
        assert reason(case, delivery=replace(case.delivery, headers=kept)) == "missing_signature"


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
    right, other = case.config.secrets[0].value, "whsec_" + "A" * 32
    in_force = replace(case.config, secrets=(Secret(other), Secret(right, not_after=case.now)))
    verify(case, config=in_force)
    run_out = replace(case.config, secrets=(Secret(other), Secret(right, case.now - timedelta(seconds=1))))
    assert reason(case, config=run_out) == "expired"
    assert reason(case, config=replace(case.config, secrets=(Secret(other),))) == "signature_mismatch"


@over(GENUINE)
def test_no_secret_means_the_door_is_closed(case: Case) -> None:
    closed = replace(case.config, secrets=())
    assert reason(case, config=closed) == "missing_signature"
    assert PROVIDERS[case.provider].check(closed)
    assert PROVIDERS[case.provider].check(replace(case.config, secrets=(Secret(""),)))
    assert PROVIDERS[case.provider].check(case.config) == []


@over(GENUINE)
def test_what_a_provider_signs_it_accepts(case: Case) -> None:
    sent, provider = case.delivery, PROVIDERS[case.provider]
    headers = provider.sign(sent.body, case.config, case.now, method="POST", url=sent.url)
    verify(case, delivery=replace(sent, headers=headers, method="POST"))


ODD = {
    "empty": b"",
    "no UTF-8": b'{"id":"\xff"}',
    "a byte order mark": b'\xef\xbb\xbf{"id":"1"}',
    "NaN": b'{"id":NaN}',
    "infinite": b'{"id":1e999}',
    "a key twice": b'{"id":1,"id":2}',
    "half a surrogate pair": b'{"id":"\\ud800"}',
    "half a surrogate pair beside a long number": b'{"id":"\\uDC00","n":123456789012345678901234567890}',
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
    case = next(case for case in GENUINE if case.provider == name)
    headers = PROVIDERS[name].sign(body, case.config, case.now, method="POST", url=case.delivery.url)
    delivery = replace(case.delivery, headers=headers, body=body)
    verify(case, delivery=delivery)
    with pytest.raises(Unreadable) as refusal:
        PROVIDERS[name].events(delivery, case.config)
    assert refusal.value.reason == "malformed_body"


@over([case for case in GENUINE if case.text["body"].startswith("{") and case.expected_events])
def test_long_numbers_survive_and_nul_characters_do_not(case: Case) -> None:
    added = f'{{"long":-{2**70},"nul":"a\\u0000b","text":"a\\\\u0000b",'
    delivery = replace(case.delivery, body=(added + case.text["body"][1:]).encode())
    data = PROVIDERS[case.provider].events(delivery, case.config)[0].data
    assert (data["long"], data["nul"], data["text"]) == (-(2**70), "a\ufffdb", "a\\u0000b")
