"""Behind a proxy a signature may cover another URL than the one that arrives: `verify` says which."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from app.model import Delivery, Secret, SourceConfig
from app.sources import PROVIDERS
from app.sources.called_urls import called_urls
from app.sources.diagnose import diagnose

NOW = datetime(2026, 11, 3, 12, tzinfo=UTC)
ARRIVED = "http://10.0.0.7:8080/webhooks/portal?flow=1"
SOURCE = SourceConfig("portal", "hubspot", (Secret("app-secret"),), PROVIDERS["hubspot"].Options())


def remarks(called: str, arrived: str = ARRIVED, **headers: str) -> list[str]:
    """What is said of a delivery that was signed for `called` and is taken for `arrived`."""
    provider = PROVIDERS["hubspot"]
    signed = provider.sign(b"[]", SOURCE, NOW, method="POST", url=called)
    proxied = {name.replace("_", "-"): value for name, value in headers.items()}
    delivery = Delivery("d", "portal", NOW, "POST", arrived, {"host": "10.0.0.7:8080"} | proxied | signed, b"[]")
    found = diagnose(delivery, SOURCE, {}, provider, reason="signature_mismatch", maximum=1000)
    return [check.detail for check in found if check.passed is None]


@pytest.mark.parametrize(
    ("called", "headers", "said"),
    [
        ("https://10.0.0.7:8080/webhooks/portal?flow=1", {}, "https://..."),
        (
            "https://segue.example/webhooks/portal?flow=1",
            {"x_forwarded_host": "segue.example, b"},
            "//segue.example/...",
        ),
        (
            "https://segue.example/webhooks/portal?flow=1",
            {"forwarded": 'for=1;host="segue.example"'},
            "segue.example/...",
        ),
        (
            "https://segue.example/hooks/webhooks/portal?flow=1",
            {"x_forwarded_host": "segue.example", "x_forwarded_prefix": "/hooks/"},
            "https://segue.example/hooks/...",
        ),
        (
            "https://10.0.0.7:8080/a/b/webhooks/portal?flow=1",
            {"x_original_uri": "/a/b/webhooks/portal?flow=1"},
            "https://10.0.0.7:8080/a/b/...",
        ),
    ],
)
def test_the_url_that_the_sender_called_is_found(called: str, headers: dict[str, str], said: str) -> None:
    covered, miss = remarks(called, **headers)
    assert covered == f"the signature covers {ARRIVED}"
    assert said in miss
    assert "SEGUE_PUBLIC_URL" in miss


def test_a_public_url_that_says_too_much_is_found() -> None:
    set_wrongly = "https://other.example/hooks/webhooks/portal"
    _, miss = remarks("https://segue.example/webhooks/portal", set_wrongly, host="segue.example")
    assert "https://segue.example/..." in miss


def test_what_no_proxy_says_is_not_believed() -> None:
    delivery = Delivery("d", "x", NOW, "POST", "http://[half/webhooks/x", {}, b"")
    odd = replace(delivery, headers={"x-forwarded-host": "a b", "x-forwarded-prefix": "//../x", "forwarded": "host="})
    assert [url for _, url in called_urls(odd)] == ["https://[half/webhooks/x"]


def test_where_the_url_is_not_covered_it_is_not_shown() -> None:
    config = SourceConfig("x", "typeform", (Secret("s"),))
    delivery = Delivery("d", "x", NOW, "POST", ARRIVED, {}, b"{}")
    found = diagnose(delivery, config, {}, PROVIDERS["typeform"], reason="missing_signature", maximum=1000)
    assert "url" not in {check.name for check in found}
