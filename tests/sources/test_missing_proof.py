"""A delivery is refused before its body is read only where no body could save it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from app.errors import Unauthenticated
from app.model import Delivery, Secret, SourceConfig
from app.sources import PROVIDERS
from app.sources.missing_proof import unproved
from tests.sources.test_kept_headers import SECRET, source

NOW = datetime(2026, 11, 3, 12, tzinfo=UTC)
URL = "https://segue.example/webhooks/x"
OPTIONS: dict[str, dict[str, Any]] = {"json": {"verify": "none", "allow_unverified": True}}


def sent(headers: dict[str, str], *, method: str = "POST", url: str = URL) -> Delivery:
    return Delivery("d", "x", NOW, method, url, headers, b"")


def usable(name: str) -> SourceConfig:
    config = source(name, **OPTIONS.get(name, {}))
    return replace(config, secrets=(Secret("user:" + SECRET.value),)) if name == "pipedrive" else config


@pytest.mark.parametrize("name", sorted(PROVIDERS))
def test_what_the_sender_sends_is_read(name: str) -> None:
    config, provider = usable(name), PROVIDERS[name]
    try:
        headers = provider.sign(b"{}", config, NOW, method="POST", url=URL)
    except Exception:  # noqa: BLE001  # a secret of another form; what is sent then proves nothing
        return
    assert unproved(sent(headers), config, provider) is None


@pytest.mark.parametrize("name", sorted(PROVIDERS))
def test_what_is_refused_early_is_refused_for_the_same_reason_whole(name: str) -> None:
    config, provider = usable(name), PROVIDERS[name]
    refusal = unproved(sent({}), config, provider)
    if refusal is None:
        return
    for body in (b"", b"{}", b"a=b"):
        with pytest.raises(Unauthenticated) as whole:
            provider.verify(replace(sent({}), body=body), config, NOW)
        assert whole.value.reason == refusal.reason


@pytest.mark.parametrize("name", ["standard-webhooks", "stripe", "github", "typeform"])
def test_a_missing_signature_is_known_by_the_headers(name: str) -> None:
    refusal = unproved(sent({"content-type": "application/json"}), source(name), PROVIDERS[name])
    assert refusal is not None
    assert refusal.reason == "missing_signature"


def test_the_other_name_of_a_signature_counts() -> None:
    headers = {"svix-signature": "v1,AAAA", "svix-id": "m", "svix-timestamp": "1"}
    assert unproved(sent(headers), source("standard-webhooks"), PROVIDERS["standard-webhooks"]) is None


def test_a_token_in_the_url_counts() -> None:
    config = source("json", credential={"kind": "bearer"})
    assert unproved(sent({}), config, PROVIDERS["json"]) is not None
    assert unproved(sent({}, url=f"{URL}?access_token=a"), config, PROVIDERS["json"]) is None


@pytest.mark.parametrize("method", ["HEAD", "GET", "PUT"])
def test_what_may_be_a_sign_of_life_or_comes_by_another_method_is_left_to_the_reader(method: str) -> None:
    assert unproved(sent({}, method=method), source("standard-webhooks"), PROVIDERS["standard-webhooks"]) is None
