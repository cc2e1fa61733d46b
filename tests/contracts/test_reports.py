"""What senders and people have reported in public: each case goes through a whole service to the sandbox.

The cases are kept beside the repository, in the folder that `REPORT_CASES` names, or in `reports` beside SOURCE_CASES.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import yaml
from sqlalchemy import text

from app import workers
from app.clock import utc_now
from app.sources import PROVIDERS
from tests.support.service import ADMIN_TOKEN, BASE, Running, running

if TYPE_CHECKING:
    from collections.abc import Iterator

SENDERS = {"anna": {"user_id": "7001", "email": "anna@acme.example"}}
# Contact properties of other types than text.
DEFINITIONS: dict[str, dict[str, Any]] = {
    "interests": {"type": "enumeration", "several": True, "options": ["Bees", "Honey", "a", "b"]},
    "demo_date": {"type": "date"},
}
KEY = "hubspot_properties_now_there"
SEEDED = {"email", "firstname", "lastname", "company"}
# The cases' sequence that is over at once, which the sandbox has under another id.
ENDING, SHORT = "310007", "310003"
# What a note of a case says in words.
MORE_RULES: dict[str, dict[str, Any]] = {
    "shopify-two-topics-one-event": {"type": "orders/create", "update": True},
}
UNDER_WAY = """
    SELECT id FROM enrollments WHERE state IN ('ready', 'working', 'uncertain')
    UNION ALL SELECT event_id FROM enrichments WHERE state IN ('ready', 'working')
"""


def load() -> Iterator[Any]:
    sources = os.environ.get("SOURCE_CASES")
    folder = os.environ.get("REPORT_CASES") or (Path(sources).parent / "reports" if sources else None)
    for path in sorted(Path(folder).glob("*.json")) if folder else []:
        for case in json.loads(path.read_text())["cases"]:
            yield pytest.param(case, id=case["name"])


def rules(case: dict[str, Any]) -> str:
    more = MORE_RULES.get(case["name"])
    others = [{"id": "more", "source": case["rule"]["source"], **more}] if more else []
    document = {
        "version": 1,
        "accounts": {"main": {"token": "${SEGUE_HUBSPOT_TOKEN}", **case.get("account", {})}},
        "suppress": case.get("given", {}).get("suppressions", []),
        "sources": case["source"],
        "senders": SENDERS,
        "rules": [case["rule"], *others],
    }
    return yaml.safe_dump(document, allow_unicode=True).replace(ENDING, SHORT)


@dataclass(frozen=True)
class Replay:
    """One case, a service at work, and the sandbox that it enrolls in."""

    case: dict[str, Any]
    service: Running
    hubspot: httpx.AsyncClient

    async def control(self, path: str, body: Any = None) -> Any:
        url = f"/_sandbox/{path}"
        answer = await (self.hubspot.get(url) if body is None else self.hubspot.post(url, json=body))
        return answer.raise_for_status().json()

    async def prepare(self) -> None:
        """Give HubSpot the properties and contacts that the case takes for granted."""
        later = {name for sent in self.case["deliveries"] for name in sent.get("before", {}).get(KEY, [])}
        written = self.case["rule"].get("contact", {}).get("set", {}).keys() - SEEDED - later
        await self.define(*written)
        for contact in self.case.get("given", {}).get("hubspot_contacts", []):
            await self.control("contacts", contact)

    async def define(self, *names: str) -> None:
        properties = [{"name": name, **DEFINITIONS.get(name, {})} for name in names]
        await self.control("settings", {"extra_properties": properties, "one_step_seconds": 0.001})

    async def deliver(self) -> None:
        for sent in self.case["deliveries"]:
            if before := sent.get("before"):
                await self.define(*before[KEY])
            if seconds := sent.get("wait_before_s"):
                await self.pass_time(seconds)
            answer = await self.send(sent)
            assert answer.is_success, answer.text
            await self.come_to_rest()

    async def release(self) -> None:
        """Release what is parked, as an operator does where a case says that one can take it up again."""
        headers = {"authorization": f"Bearer {ADMIN_TOKEN}"}
        for row in await self.service.rows("SELECT id FROM enrollments WHERE state = 'parked'"):
            path = f"/api/v1/enrollments/{row['id']}/release"
            (await self.service.client.post(path, headers=headers)).raise_for_status()
        await self.come_to_rest()

    async def pass_time(self, seconds: float) -> None:
        """Let the periods that hold people back end so much earlier, as if the time had passed."""
        earlier = text("UPDATE intents SET until = until - make_interval(secs => :seconds)")
        async with self.service.process.engine.begin() as connection:
            await connection.execute(earlier, {"seconds": seconds})

    async def send(self, sent: dict[str, Any]) -> httpx.Response:
        encoded = sent.get("body_base64")
        body = base64.b64decode(encoded) if encoded else sent["body"].encode()
        url, headers = BASE + sent["path"], dict(sent["headers"])
        if provider := sent.get("sign_when_sending"):
            (name,) = self.case["source"]
            config = self.service.process.current_rulebook().sources[name]
            headers |= PROVIDERS[provider].sign(body, config, utc_now(), method=sent["method"], url=url)
        return await self.service.client.request(sent["method"], url, content=body, headers=headers)

    async def come_to_rest(self) -> None:
        async with asyncio.timeout(300):
            while await self.service.rows(UNDER_WAY):
                pass

    async def check(self) -> None:
        must = self.case["must"]
        requested = [entry["email"] for entry in await self.control("ledger")]
        contacts = {one["properties"]["email"]: one["properties"] for one in await self.control("people")}
        assert set(must.get("enrolled", [])) <= set(requested)
        assert not set(must.get("not_enrolled", [])) & set(requested)
        assert {email: requested.count(email) for email in must.get("enroll_posts", {})} == must.get("enroll_posts", {})
        for email, properties in must.get("properties", {}).items():
            assert {name: contacts[email].get(name) for name in properties} == properties
        if "told" in must:
            assert ("suppressed" if "suppressed" in must["told"] else "address") in await self.said()

    async def said(self) -> str:
        """Return the reasons of decisions and enrollments."""
        rows = await self.service.rows("SELECT reason FROM decisions UNION ALL SELECT reason FROM enrollments")
        return " ".join(str(row["reason"]) for row in rows)


@pytest.mark.parametrize("case", list(load()))
async def test_a_reported_case(case: dict[str, Any], database_url: str, sandbox_url: str, tmp_path: Path) -> None:
    file = tmp_path / "rules.yaml"
    file.write_text(rules(case), encoding="utf-8")
    secrets = {"SEGUE_HUBSPOT_TOKEN": "pat-sandbox"}
    headers = {"authorization": "Bearer pat-sandbox"}
    async with (
        httpx.AsyncClient(base_url=sandbox_url, headers=headers, trust_env=False) as hubspot,
        running(database_url, file, secrets=secrets, hubspot_base_url=sandbox_url) as service,
    ):
        replay = Replay(case, service, hubspot)
        await replay.prepare()
        await workers.start(service.process)
        await replay.deliver()
        if "an operator can" in case["must"].get("or", ""):
            await replay.release()
        await replay.check()
