"""The client's address: the peer's, unless a proxy that the operator trusts names another one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest
from structlog.testing import capture_logs

from app.networks import read_networks
from app.web.access.client_address import client_address, client_scheme
from app.web.wiring import bind, listeners
from tests.support.service import VIEWER_TOKEN, Running, running
from tests.web.wire import serving

if TYPE_CHECKING:
    from pathlib import Path

TRUSTED = read_networks("10.0.0.0/8, 192.0.2.7, 2001:db8::/32")


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("203.0.113.5", ["198.51.100.1"], "203.0.113.5"),
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["1.1.1.1, 198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["1.1.1.1, 198.51.100.1, 192.0.2.7"], "198.51.100.1"),
        ("10.0.0.1", ["1.1.1.1", "198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["10.0.0.9, 10.0.0.2"], "10.0.0.9"),
        ("10.0.0.1", ["nonsense"], "10.0.0.1"),
        ("10.0.0.1", ["198.51.100.1, <script>"], "10.0.0.1"),
        ("10.0.0.1", ["198.51.100.1:4321"], "198.51.100.1"),
        ("10.0.0.1", ["[2001:db9::1]:4321"], "2001:db9::1"),
        ("::ffff:10.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        ("", ["198.51.100.1"], ""),
    ],
)
def test_forwarded_addresses_are_read_from_the_right_as_far_as_hops_are_trusted(
    peer: str, forwarded: list[str], address: str
) -> None:
    headers = [(b"x-forwarded-for", value.encode()) for value in forwarded]
    assert client_address((peer, 1), headers, TRUSTED) == address
    assert client_address((peer, 1), headers, ()) == peer


@pytest.mark.parametrize(
    ("peer", "said", "scheme"),
    [
        ("10.0.0.1", ["https"], "https"),
        ("10.0.0.1", ["http", "https"], "https"),
        ("10.0.0.1", ["<script>"], "http"),
        ("10.0.0.1", [], "http"),
        ("203.0.113.5", ["https"], "http"),
    ],
)
def test_a_scheme_is_believed_of_a_trusted_proxy(peer: str, said: list[str], scheme: str) -> None:
    headers = [(b"X-Forwarded-Proto", value.encode()) for value in said]
    assert client_scheme((peer, 1), headers, TRUSTED, "http") == scheme
    assert client_scheme(None, headers, TRUSTED, "http") == "http"


async def test_what_is_no_address_is_not_taken_for_one(database_url: str, rules: Path) -> None:
    headers = {"x-forwarded-for": "ada@corp.example <script>"}
    async with running(database_url, rules, trusted_proxies="127.0.0.0/8", port="0") as web:
        assert {address for _, address in await refused(web, headers)} == {"127.0.0.1"}
        assert {row["origin"] for row in await web.rows("SELECT origin FROM audit WHERE who <> 'system'")} <= {
            "127.0.0.1"
        }


def test_a_connection_without_an_address_has_none() -> None:
    assert client_address(None, [], TRUSTED) == "unknown"


@pytest.mark.parametrize(("proxies", "seen"), [("127.0.0.0/8", "198.51.100.1"), ("", "127.0.0.1")])
async def test_the_log_has_the_clients_address_on_every_way_in(
    database_url: str, rules: Path, proxies: str, seen: str
) -> None:
    async with running(database_url, rules, trusted_proxies=proxies, port="0") as web:
        lines = await refused(web, {"x-forwarded-for": "6.6.6.6, 198.51.100.1"})
    assert [(event, address) for event, address in lines if event != "admin.request"] == [
        ("delivery.refused", seen),
        ("delivery.refused", seen),
        ("admin.refused", seen),
        ("request.refused", seen),
    ]
    assert ("admin.request", seen) in lines


async def refused(web: Running, headers: dict[str, str]) -> list[tuple[str, str]]:
    """Send what is refused, on the short way, on the long way, to operators' routes and to the parser."""
    (listener,) = listeners(web.process, bind(web.process.settings))
    with capture_logs() as logs:
        async with serving(listener, web.public), httpx.AsyncClient(trust_env=False, headers=headers) as client:
            base = f"http://127.0.0.1:{listener.port}"
            await client.post(f"{base}/webhooks/crm", content=b"{}")
            await client.post(f"{base}/webhooks/crm", content=b"{}", headers={"x-forwarded-proto": "http"})
            await client.get(f"{base}/api/v1/events")
            await client.get(f"{base}/api/v1/events", headers={"authorization": f"Bearer {VIEWER_TOKEN}"})
            await client.get(f"{base}/healthz", headers={"x-large": "x" * 40_000})
    return [(line["event"], line["address"]) for line in logs if "address" in line]
