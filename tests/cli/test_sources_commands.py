"""`sources`, `send-sample` and `verify` as an operator runs them, the last two against a service of real processes."""

from __future__ import annotations

import asyncio
import json
import threading
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import yaml
from typer.testing import CliRunner

from app.__main__ import build
from app.clock import utc_now
from app.errors import StartError
from app.model import Secret, SourceConfig
from app.sources import PROVIDERS
from app.sources.assurance import for_so_long
from app.sources.sample_files import FOLDER, samples
from tests.crash.harness import World
from tests.web.service import running

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from typer.testing import Result

NOW = datetime(2026, 11, 3, 12, tzinfo=UTC)


def configured(name: str) -> dict[str, Any]:
    """A source of this provider, with the secret and the options of its first sample."""
    (top, *_) = [json.loads(path.read_text()) for path in sorted((FOLDER / name).glob("*.json"))]
    secret = f"${{{name.upper().replace('-', '_')}_SECRET}}"
    return {"provider": name, "secrets": [secret], "map": top.get("map", {}), **top.get("options", {})}


def secrets() -> dict[str, str]:
    tops = {name: json.loads(min((FOLDER / name).glob("*.json")).read_text()) for name in PROVIDERS}
    return {f"{name.upper().replace('-', '_')}_SECRET": top["secret"] for name, top in tops.items()}


def kinds(name: str) -> list[str]:
    tops = [json.loads(path.read_text()) for path in (FOLDER / name).glob("*.json")]
    cases = [case for top in tops for case in (top, *top["more_cases"])]
    return sorted({case["event"]["type"] for case in cases if case.get("event")} - {""}) or ["none"]


def rules() -> str:
    sources = {name: configured(name) for name in PROVIDERS}
    ignoring = [{"id": name, "source": name, "type": kinds(name), "ignore": True} for name in PROVIDERS]
    enrolling: dict[str, Any] = {"id": "demo", "source": "typeform", "type": kinds("typeform")}
    enrolling["enroll"] = {"sequence": "310001", "sender": "anna"}
    document = {
        "version": 1,
        "accounts": {"main": {"token": "${HUBSPOT_TOKEN}"}},
        "sources": sources,
        "senders": {"anna": {"user_id": "7001", "email": "anna@acme.example"}},
        "rules": [enrolling, *[rule for rule in ignoring if rule["source"] != "typeform"]],
    }
    return yaml.safe_dump(document, sort_keys=False)


def run(*arguments: object, **environment: str) -> Result:
    variables = {"HUBSPOT_TOKEN": "pat-sandbox", "COLUMNS": "200", **secrets()} | environment
    return CliRunner().invoke(build(), [str(each) for each in arguments], env=variables)


def test_sources_lists_every_provider_with_what_it_proves() -> None:
    listed = json.loads(run("sources", "--json").stdout)
    assert [row["provider"] for row in listed] == sorted(PROVIDERS)
    told = {row["provider"]: (row["proof"], row["covers"], row["replay"]) for row in listed}
    assert told["stripe"] == ("HMAC-SHA256 in stripe-signature", "timestamp, body", "for 5 min")
    assert told["jotform"][1:] == ("the sender, not what is sent", "while the secret is in force")
    assert told["segment"][1] == "an event, or the first of a batch"
    shown = run("sources").stdout
    assert all(name in shown for name in PROVIDERS)


@pytest.fixture
async def world(empty_database: str) -> AsyncIterator[World]:
    async with World(empty_database, lease=15.0) as world:
        await asyncio.to_thread(Path(world.environment["SEGUE_CONFIG"]).write_text, rules())
        world.environment |= {**secrets(), "SEGUE_PUBLIC_URL": "https://segue.example"}
        await world.start("serve")
        yield world


async def send(world: World, *arguments: object) -> Result:
    url = f"http://127.0.0.1:{world.port}"
    return await asyncio.to_thread(run, "send-sample", *arguments, "--url", url, **world.environment)


async def test_a_sample_of_every_provider_is_signed_and_taken(world: World) -> None:
    for name in PROVIDERS:
        sent = await send(world, name, "--yes")
        assert (sent.exit_code, name, sent.stdout) == (0, name, sent.stdout), sent.output
        assert "answered 200" in sent.stdout


async def test_a_sample_enrolls_whom_the_operator_names(world: World) -> None:
    refused = await send(world, "typeform")
    assert isinstance(refused.exception, StartError)
    assert "made up" in str(refused.exception)

    sent = await send(world, "typeform", "--email", "me@acme.example", "--new")
    again = await send(world, "typeform", "--email", "me@acme.example", "--new")
    assert "the rules say: enroll 310001 by rule demo" in sent.stdout
    assert '"duplicate"' not in again.stdout
    await world.until_settled(30)
    (entry,) = await world.control("ledger")
    assert (entry["email"], entry["sequence"]) == ("me@acme.example", "310001")

    first, second = [await send(world, "typeform", "--email", "you@acme.example") for _ in range(2)]
    assert '"duplicate":true' not in first.stdout
    assert "--new gives it an id of its own" in second.stdout


def test_a_dry_run_shows_what_would_be_sent_and_no_secret(tmp_path: Path) -> None:
    path = tmp_path / "rules.yaml"
    path.write_text(rules())
    shown = run("send-sample", "stripe", "--rules", path, "--dry-run")
    assert shown.exit_code == 0
    assert "POST http://127.0.0.1:8080/webhooks/stripe" in shown.stdout
    assert secrets()["STRIPE_SECRET"] not in shown.stdout
    hidden = run("send-sample", "jotform", "--rules", path, "--dry-run")
    assert "POST http://127.0.0.1:8080/webhooks/jotform/[verified]" in hidden.stdout
    assert secrets()["JOTFORM_SECRET"] not in hidden.stdout


def test_a_sample_is_of_the_organization_that_a_source_takes(tmp_path: Path) -> None:
    path = tmp_path / "rules.yaml"
    path.write_text(rules().replace("00D000000000001AAA", "00D0000000000OURS1"))
    shown = run("send-sample", "salesforce", "--rules", path, "--dry-run")
    assert "<OrganizationId>00D0000000000OURS1<" in shown.stdout


class Wanting(BaseHTTPRequestHandler):
    """A service that takes nothing, and remembers what it was sent."""

    seen: list[tuple[str, bytes]] = []  # noqa: RUF012  # one per test run, emptied by the fixture

    def do_POST(self) -> None:
        self.seen.append((self.path, self.rfile.read(int(self.headers["content-length"]))))
        self.send_response(401)
        self.end_headers()

    def log_message(self, *_: Any) -> None:  # the library's signature
        return


@pytest.fixture
def wanting() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Wanting)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    Wanting.seen.clear()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_body_of_ones_own_goes_out_as_it_is_and_a_no_is_exit_1(tmp_path: Path, wanting: str) -> None:
    path, body = tmp_path / "rules.yaml", tmp_path / "body.json"
    path.write_text(rules())
    body.write_text('{"id": "evt_9", "type": "x"}')
    sent = run("send-sample", "stripe", "--rules", path, "--body", body, "--url", wanting)
    assert (sent.exit_code, Wanting.seen) == (1, [("/webhooks/stripe", body.read_bytes())])
    assert "no rule listens to 'x'" in sent.stdout
    assert "answered 401" in sent.stdout


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["nobody"], "there is no source 'nobody'"),
        (["stripe", "--sample", "zzz"], "no sample of stripe begins with 'zzz'"),
        (["stripe", "--body", "/nowhere"], "cannot read /nowhere"),
        (["stripe", "--url", "http://127.0.0.1:1", "--yes"], "cannot reach http://127.0.0.1:1"),
        (["formspree", "--new"], "told by their content"),
    ],
)
def test_what_cannot_be_sent_is_told(tmp_path: Path, arguments: list[str], told: str) -> None:
    path = tmp_path / "rules.yaml"
    path.write_text(rules())
    failed = run("send-sample", *arguments, "--rules", path)
    assert isinstance(failed.exception, StartError)
    assert told in str(failed.exception)


@pytest.mark.parametrize("name", sorted(PROVIDERS))
def test_every_provider_has_a_sample_to_send(name: str) -> None:
    (first, *_) = samples(PROVIDERS[name], NOW)
    assert first.about("me@acme.example").email in {"me@acme.example", None}
    if first.email is not None:
        changed = first.about("me+1@acme.example")
        assert first.email not in changed.body + changed.query


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


def test_a_window_is_told_in_words_that_people_use() -> None:
    assert [for_so_long(timedelta(seconds=s)) for s in (5, 60, 90, 300)] == [
        "for 5 s",
        "for 1 min",
        "for 90 s",
        "for 5 min",
    ]
