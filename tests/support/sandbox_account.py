"""The sandbox inside this process, with a clock that only a test moves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx

from app.sandbox.app import create_app
from app.sandbox.state.settings import Settings

if TYPE_CHECKING:
    from app.sandbox.state.account import Account

START = 1_800_000_000.0
CONTACTS = "/crm/objects/2026-03/contacts"
OWNERS = "/crm/owners/2026-03"
SEQUENCES = "/automation/sequences/2026-03"
ENROLL = f"{SEQUENCES}/enrollments"
ANNA = {"userId": "7001"}
ANNAS_ADDRESS = "anna@acme.example"


@dataclass
class Clock:
    now: float = START

    def __call__(self) -> float:
        return self.now


class SandboxAccount:
    """A sandbox, a client that is allowed everything, and the clock."""

    def __init__(
        self, token: str = "pat-sandbox", outside: httpx.AsyncBaseTransport | None = None, **settings: Any
    ) -> None:
        """`outside` receives what the sandbox itself sends."""
        self.clock = Clock()
        app = create_app(Settings(**settings), self.clock, outside)
        self.state: Account = app.state.sandbox
        self._transport = httpx.ASGITransport(app)
        self.client = self.with_token(token)

    def with_token(self, token: str) -> httpx.AsyncClient:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return httpx.AsyncClient(transport=self._transport, base_url="http://sandbox.test", headers=headers)

    async def control(self, path: str, body: Any, portal: str = "") -> Any:
        params = {"portal": portal} if portal else {}
        answer = await self.client.post(f"/_sandbox/{path}", params=params, json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def id_of(self, email: str) -> str:
        contact = self.state.contact(email, by_email=True)
        assert contact is not None
        return contact.id

    async def upsert(self, *inputs: dict[str, Any]) -> httpx.Response:
        return await self.client.post(f"{CONTACTS}/batch/upsert", json={"inputs": list(inputs)})

    async def enroll(
        self, email: str, sequence: str = "310001", *, sender: str = ANNAS_ADDRESS, user: str = "7001"
    ) -> httpx.Response:
        body = {"contactId": self.id_of(email), "sequenceId": sequence, "senderEmail": sender}
        return await self.client.post(ENROLL, params={"userId": user}, json=body)

    async def status(self, email: str) -> httpx.Response:
        return await self.client.get(f"{ENROLL}/contact/{self.id_of(email)}")

    async def write(self, email: str, **properties: str) -> None:
        named = {"idProperty": "email"}
        answer = await self.client.patch(f"{CONTACTS}/{email}", params=named, json={"properties": properties})
        assert answer.status_code == 200

    async def properties(self, email: str, *names: str) -> dict[str, str | None]:
        params = {"idProperty": "email", "properties": ",".join(names)}
        answer = await self.client.get(f"{CONTACTS}/{email}", params=params)
        assert answer.status_code == 200
        shown: dict[str, str | None] = answer.json()["properties"]
        return shown

    async def refused_as(self, email: str, **how: str) -> str:
        """Return the errorType of an enrollment that is refused as a sequence error."""
        answer = await self.enroll(email, **how)
        assert answer.status_code == 400
        body = answer.json()
        assert body.keys() == {"status", "message", "errorType", "correlationId"}
        return str(body["errorType"])
