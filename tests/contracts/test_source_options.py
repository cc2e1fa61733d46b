"""What a source's own keys may say, and what `check` says of those that contradict each other."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from app.errors import StartError, Unauthenticated
from app.model import Delivery, Secret, SourceConfig
from app.sources import PROVIDERS
from app.sources.form_labels import meaning

NOW = datetime(2026, 11, 3, 12, tzinfo=UTC)
URL = "https://segue.example/webhooks/x"
HEADER = {"header": "X-Signature"}
TIMED = {**HEADER, "timestamp_header": "X-Time", "template": "{timestamp}.{body}"}


def source(provider: str, *secrets: str, **options: Any) -> SourceConfig:
    model = PROVIDERS[provider].Options.model_validate(options)
    return SourceConfig("x", provider, tuple(Secret(value) for value in secrets), model)


def mistakes(provider: str, *secrets: str, **options: Any) -> str:
    return "\n".join(PROVIDERS[provider].check(source(provider, *secrets, **options)))


@pytest.mark.parametrize("provider", sorted(PROVIDERS))
def test_options_are_strict(provider: str) -> None:
    with pytest.raises(ValidationError):
        PROVIDERS[provider].Options.model_validate({"signatur": {}})
    PROVIDERS[provider].Options.model_json_schema()


@pytest.mark.parametrize("provider", sorted(set(PROVIDERS) - {"json"}))
def test_secrets_are_checked_without_being_printed(provider: str) -> None:
    assert "at least one secret" in mistakes(provider)
    found = mistakes(provider, "whsec_c2VndWUtbWFkZS11cA", " s3cret ")
    assert "secret 2 " in found
    assert "s3cret" not in found
    assert "whsec_" not in found
    assert mistakes(provider, "  ").startswith("secret 1 is ")


def test_a_standard_webhooks_secret_is_base64() -> None:
    assert mistakes("standard-webhooks", "whsec_not base64").startswith("secret 1 is not base64")
    assert mistakes("standard-webhooks", "whsec_").startswith("secret 1 is not base64")
    assert "32 bytes" in mistakes("standard-webhooks", "whpk_c2VndWU=")
    assert "the sender's own" in mistakes("svix", "whsk_c2VndWU=")
    assert mistakes("standard-webhooks", "whpk_" + "A" * 43 + "=") == ""


def test_a_secret_that_cannot_be_a_key_opens_nothing() -> None:
    provider, config = PROVIDERS["standard-webhooks"], source("standard-webhooks", "whsec_not base64")
    headers = {"webhook-id": "1", "webhook-timestamp": str(int(NOW.timestamp())), "webhook-signature": "v1,AAAA"}
    with pytest.raises(Unauthenticated):
        provider.verify(Delivery("d", "x", NOW, "POST", URL, headers, b"{}"), config, NOW)
    with pytest.raises(StartError):
        provider.sign(b"{}", config, NOW, method="POST", url=URL)


def test_signing_takes_the_first_secret_in_force() -> None:
    over = Secret("over", not_after=NOW - timedelta(seconds=1))
    config = SourceConfig("x", "typeform", (over, Secret("one"), Secret("two")))
    signed = PROVIDERS["typeform"].sign(b"{}", config, NOW, method="POST", url=URL)
    assert signed == PROVIDERS["typeform"].sign(b"{}", source("typeform", "one"), NOW, method="POST", url=URL)
    with pytest.raises(StartError):
        PROVIDERS["typeform"].sign(b"{}", SourceConfig("x", "typeform", (over,)), NOW, method="POST", url=URL)


@pytest.mark.parametrize("provider", ["zoom", "calendly", "stripe", "standard-webhooks"])
def test_the_tolerance_can_be_set(provider: str) -> None:
    config = source(provider, "c2VndWUtbWFkZS11cA==", tolerance=1000)
    headers = PROVIDERS[provider].sign(b"{}", config, NOW, method="POST", url=URL)
    delivery = Delivery("d", "x", NOW, "POST", URL, headers, b"{}")
    PROVIDERS[provider].verify(delivery, config, NOW + timedelta(seconds=1000))
    with pytest.raises(Unauthenticated, match="signed 16 minutes 41 seconds ago"):
        PROVIDERS[provider].verify(delivery, config, NOW + timedelta(seconds=1001))


@pytest.mark.parametrize(
    ("secrets", "options", "said"),
    [
        ((), {}, "needs `signature:`"),
        (("s",), {}, "needs `signature:`"),
        ((), {"signature": HEADER}, "at least one secret"),
        ((), {"verify": "none"}, "allow_unverified"),
        ((), {"verify": "none", "allow_unverified": True, "signature": HEADER}, "contradicts"),
        (("s",), {"verify": "none", "allow_unverified": True}, "contradicts"),
        (("s",), {"signature": {**HEADER, "timestamp_header": "X-Time"}}, "go together"),
        (("s",), {"signature": {**HEADER, "template": "{timestamp}.{body}"}}, "go together"),
    ],
)
def test_json_keys_that_contradict_each_other(secrets: tuple[str, ...], options: dict[str, Any], said: str) -> None:
    assert said in mistakes("json", *secrets, **options)


@pytest.mark.parametrize(
    ("secrets", "options"),
    [
        ((), {"verify": "none", "allow_unverified": True}),
        (("s",), {"signature": HEADER}),
        (("s",), {"signature": TIMED, "fields": {"email": "/a~1b/0", "id": "header:X-Id", "name": "$.a.b"}}),
    ],
)
def test_json_keys_that_agree(secrets: tuple[str, ...], options: dict[str, Any]) -> None:
    assert mistakes("json", *secrets, **options) == ""


@pytest.mark.parametrize(
    "options",
    [
        {"verify": "some"},
        {"fields": {"email": "email"}},
        {"fields": {"email": "$."}},
        {"fields": {"email": "header:"}},
        {"fields": {"email": {"const": "x"}}},
        {"signature": {**HEADER, "template": "{timestamp}"}},
        {"signature": {**HEADER, "template": "{url}{body}"}},
        {"signature": {**HEADER, "algorithm": "md5"}},
        {"signature": {**HEADER, "tolerance": 0}},
    ],
)
def test_json_keys_that_cannot_be_read(options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        PROVIDERS["json"].Options.model_validate(options)


def test_an_open_json_source_takes_unsigned_deliveries() -> None:
    config = source("json", verify="none", allow_unverified=True)
    PROVIDERS["json"].verify(Delivery("d", "x", NOW, "POST", URL, {}, b"{}"), config, NOW)
    assert PROVIDERS["json"].sign(b"{}", config, NOW, method="POST", url=URL) == {}


def test_a_json_source_without_a_signature_is_closed_even_with_a_secret() -> None:
    config = source("json", "s")
    delivery = Delivery("d", "x", NOW, "POST", URL, {"x-signature": "00"}, b"{}")
    with pytest.raises(Unauthenticated, match="no `signature:`"):
        PROVIDERS["json"].verify(delivery, config, NOW)
    with pytest.raises(StartError, match="no `signature:`"):
        PROVIDERS["json"].sign(b"{}", config, NOW, method="POST", url=URL)


def test_a_json_key_may_be_a_number() -> None:
    config = source("json", verify="none", allow_unverified=True, fields={"id": "$.a.0.1", "email": "/0"})
    delivery = Delivery("d", "x", NOW, "POST", URL, {}, b'{"a":[{"1":"yes"}],"0":"a@corp.example"}')
    event = PROVIDERS["json"].events(delivery, config)[0]
    assert (event.id, event.email) == ("yes", "a@corp.example")


@pytest.mark.parametrize(
    ("label", "field"),
    [
        ("What is your first name?", "first_name"),
        ("first_name", "first_name"),
        ("Last name", "last_name"),
        ("What's your name?", "name"),
        ("What is the name of your company?", "company"),
        ("Which company do you work for?", "company"),
        ("Work e-mail", "email"),
        ("How many people work at your company?", None),
        ("Company size", None),
        ("What do you do for work?", None),
        ("", None),
    ],
)
def test_a_question_is_told_by_its_wording(label: str, field: str | None) -> None:
    assert meaning(label) == field
