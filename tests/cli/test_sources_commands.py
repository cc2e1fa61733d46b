"""`sources` and `verify` as an operator runs them, the latter against a service over a real database."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import httpx
import pytest

from app.clock import utc_now
from app.model import Secret, SourceConfig
from app.sources import PROVIDERS
from tests.support.commands import run
from tests.support.service import running

if TYPE_CHECKING:
    from pathlib import Path

    from typer.testing import Result


def test_sources_lists_every_provider_with_what_it_proves() -> None:
    listed = json.loads(run("sources", "--json").stdout)
    assert [row["provider"] for row in listed] == sorted(PROVIDERS)
    proofs = {row["provider"]: (row["proof"], row["covers"], row["replay"]) for row in listed}
    assert proofs["stripe"] == ("HMAC-SHA256 in stripe-signature", "timestamp, body", "for 5 minutes")
    assert proofs["jotform"][1:] == ("the sender, not what is sent", "while the secret is in force")
    assert proofs["segment"][1] == "an event, or the first of a batch"
    shown = run("sources").stdout
    assert all(name in shown for name in PROVIDERS)


CHECKED = """\
version: 1
sources:
  stripe: {provider: stripe, secrets: ["${STRIPE_SECRET}", {value: "${OLD_SECRET}", not_after: 2026-01-01T00:00:00Z}]}
  other-stripe: {provider: stripe, secrets: ["${OTHER_SECRET}"]}
  forms: {provider: jotform, secrets: ["${JOTFORM_SECRET}"]}
  portal: {provider: hubspot, secrets: ["${HUBSPOT_SECRET}"]}
senders: {}
rules:
  - {id: all, source: stripe, type: customer.created, ignore: true}
"""
KNOWN = {
    "STRIPE_SECRET": "whsec_right",
    "OLD_SECRET": "whsec_old",
    "OTHER_SECRET": "whsec_other",
    "JOTFORM_SECRET": "tok_made_up_4f81c2d9e0b7",
    "HUBSPOT_SECRET": "portal",
}
BODY = {"id": "evt_1", "type": "customer.created", "data": {"object": {"object": "customer"}}}


@pytest.mark.parametrize(
    ("secret", "lines"),
    [
        ("whsec_wrong", ["proof: signature_mismatch", "secret 1: signature_mismatch"]),
        ("whsec_old", ["proof: expired", "secret 2: expired: signed with a secret whose not_after has passed"]),
        ("whsec_other", ["it passes as a delivery of the source other-stripe: is the URL its own?"]),
    ],
)
async def test_verify_says_which_check_failed_and_prints_no_secret(
    database_url: str, tmp_path: Path, secret: str, lines: list[str]
) -> None:
    async with running(database_url, written(tmp_path), secrets=KNOWN) as web:
        raw = json.dumps(BODY).encode()
        signature = stripe_signature(raw, secret)
        answer = await web.client.post("/webhooks/stripe", content=raw, headers={"stripe-signature": signature})
        assert answer.status_code == 401
        await web.rows_once_there("SELECT 1 FROM refused_deliveries")
        shown = await asked(database_url, tmp_path, answer.json()["id"])
    assert shown.exit_code == 1
    assert all(line in shown.stdout for line in lines), shown.stdout
    assert "content: 1 event: customer.created" in shown.stdout
    assert not [value for value in [*KNOWN.values(), secret] if value in shown.stdout]


def stripe_signature(raw: bytes, secret: str) -> str:
    config = SourceConfig("x", "stripe", (Secret(secret),))
    return PROVIDERS["stripe"].sign(raw, config, utc_now(), method="POST", url="")["stripe-signature"]


def written(tmp_path: Path) -> Path:
    path = tmp_path / "rules.yaml"
    path.write_text(CHECKED)
    return path


async def asked(database_url: str, tmp_path: Path, *arguments: str) -> Result:
    environment = {**KNOWN, "SEGUE_DATABASE_URL": database_url, "SEGUE_HUBSPOT_TOKEN": "pat"}
    return await asyncio.to_thread(run, "verify", *arguments, "--rules", tmp_path / "rules.yaml", **environment)


async def test_verify_finds_what_a_proxy_does_to_a_delivery(database_url: str, tmp_path: Path) -> None:
    async with running(database_url, written(tmp_path), secrets=KNOWN) as web:
        raw = json.dumps(BODY).encode()
        headers = {"stripe-signature": stripe_signature(raw, "whsec_right")}
        await web.client.post("/webhooks/stripe", content=raw + b"\n", headers=headers)
        plain = web.signed("portal", b"[]")
        async with httpx.AsyncClient(transport=web.client._transport, base_url="http://segue.example") as client:
            await client.post("/webhooks/portal", content=b"[]", headers=plain)
        while len(await web.rows("SELECT 1 FROM refused_deliveries")) < 2:  # noqa: ASYNC110  # a row is no event
            await asyncio.sleep(0.01)
        shown = await asked(database_url, tmp_path, "--source", "stripe")
        portal = await asked(database_url, tmp_path, "--source", "portal")
    assert "it would pass with a body without its last line's end" in shown.stdout
    assert "it would pass with the URL as https://...: set SEGUE_PUBLIC_URL" in portal.stdout


async def test_verify_looks_at_what_was_taken_too_though_its_secret_is_not_kept(
    database_url: str, tmp_path: Path
) -> None:
    async with running(database_url, written(tmp_path), secrets=KNOWN) as web:
        raw = json.dumps(BODY).encode()
        headers = {"stripe-signature": stripe_signature(raw, "whsec_right")}
        answer = await web.client.post("/webhooks/stripe", content=raw, headers=headers)
        shown = await asked(database_url, tmp_path, answer.json()["id"])
        await web.client.post(f"/webhooks/forms/{KNOWN['JOTFORM_SECRET']}", content=b"no form")
        (kept,) = await web.rows_once_there("SELECT url, reason FROM refused_deliveries")
        forms = await asked(database_url, tmp_path, "--source", "forms", "--json")
    assert shown.exit_code == 0
    assert "then taken" in shown.stdout
    assert kept == {"url": "https://segue.example/webhooks/forms/[verified]", "reason": "missing_field"}
    checks = {check["check"]: check["passed"] for check in json.loads(forms.stdout)["checks"]}
    assert checks == {"method": True, "proof": True, "content": False}


async def test_verify_says_what_it_cannot_find(database_url: str, tmp_path: Path) -> None:
    written(tmp_path)
    nothing = await asked(database_url, tmp_path, "dlv_none")
    neither = await asked(database_url, tmp_path)
    assert "there is no delivery dlv_none" in str(nothing.exception)
    assert "name either" in str(neither.exception)
