"""What is stored of a delivery's head: what Segue reads of it, and no credential of another system's."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from typing import Any

import pytest

from app.model import Delivery, Secret, SourceConfig
from app.sources import PROVIDERS

NOW = datetime(2026, 11, 3, 12, tzinfo=UTC)
URL = "https://segue.example/webhooks/x"
FOREIGN = {
    "authorization": "Bearer not-ours",
    "cookie": "session=not-ours",
    "x-api-key": "not-ours",
    "proxy-authorization": "Basic not-ours",
    "x-gateway-token": "not-ours",
}
SECRET = Secret("c2VjcmV0LW9mLXRoZS1zb3VyY2Utd2l0aC0zMi1ieXRlcw==")


def source(provider: str, **options: Any) -> SourceConfig:
    return SourceConfig("x", provider, (SECRET,), PROVIDERS[provider].Options.model_validate(options))


def stored(config: SourceConfig, headers: dict[str, str], *, url: str = URL, body: bytes = b"{}") -> Delivery:
    sent = Delivery("d", "x", NOW, "POST", url, headers, body)
    return PROVIDERS[config.provider].stored(sent, config)


@pytest.mark.parametrize("provider", sorted(PROVIDERS))
def test_no_provider_keeps_the_credentials_of_others(provider: str) -> None:
    options = {"verify": "none", "allow_unverified": True} if provider == "json" else {}
    kept = stored(source(provider, **options), FOREIGN | {"content-type": "application/json", "user-agent": "Sender/1"})
    assert "not-ours" not in str(kept)
    assert kept.headers["content-type"] == "application/json"
    assert kept.headers["user-agent"] == "Sender/1"


@pytest.mark.parametrize("kind", ["header", "basic", "bearer"])
def test_a_wrong_password_is_not_kept_and_the_right_one_is_marked(kind: str) -> None:
    config = source("json", credential={"kind": kind, "header": "X-Key"} if kind == "header" else {"kind": kind})
    header = "x-key" if kind == "header" else "authorization"

    def sent(value: str) -> str:
        basic = "Basic " + base64.b64encode(value.encode()).decode()
        return {"header": value, "basic": basic, "bearer": f"Bearer {value}"}[kind]

    assert "[verified]" in stored(config, {header: sent(SECRET.value)}).headers[header]
    assert stored(config, {header: sent("the-former-password")}).headers == {header: "[not kept]"}


def test_a_token_in_a_url_that_is_not_signed_is_not_kept() -> None:
    url = f"{URL}?flow=demo&token=hunter2&api_key=hunter3&access_token=[verified]#token=x"
    open_source = source("json", verify="none", allow_unverified=True)
    assert stored(open_source, {}, url=url).url == (
        f"{URL}?flow=demo&token=[not kept]&api_key=[not kept]&access_token=[verified]#token=x"
    )
    assert stored(source("hubspot"), {}, url=url).url == url


def test_headers_that_the_configuration_names_are_kept() -> None:
    config = source("json", verify="none", allow_unverified=True, fields={"id": "header:X-Lead-Id"})
    mapped = SourceConfig("x", "typeform", (SECRET,), PROVIDERS["typeform"].Options(), {"company": "header:X-Company"})
    assert stored(config, {"x-lead-id": "1", "x-other": "2"}).headers == {"x-lead-id": "1"}
    assert stored(mapped, {"x-company": "Acme", "typeform-signature": "s"}).headers == {
        "x-company": "Acme",
        "typeform-signature": "s",
    }


def test_what_a_message_signature_covers_is_kept_but_for_credentials() -> None:
    config = source("http-message-signatures")
    covering = {"signature-input": 's=("@method" "x-lead" "authorization");created=1', "signature": "s=:AA==:"}
    kept = stored(config, covering | {"x-lead": "1", "authorization": "Bearer not-ours", "content-digest": "d"})
    assert kept.headers == covering | {"x-lead": "1", "content-digest": "d"}
