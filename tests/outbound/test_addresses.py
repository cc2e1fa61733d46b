"""Which addresses an endpoint may stand at: public ones, and those within the networks that the operator names."""

from __future__ import annotations

import ssl
from contextlib import aclosing
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import httpx
import pytest

from app.networks import is_allowed, read_networks
from app.outbound.client import EndpointClient
from app.outbound.transport import CheckedTransport
from tests.outbound.conftest import endpoint

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.support.far_endpoint import Far

NOW = datetime(2026, 11, 3, 12, tzinfo=UTC)
LOOPBACK = read_networks("127.0.0.0/8")
PRIVATE = (
    "127.0.0.1",
    "0.0.0.0",  # noqa: S104  # not listened on
    "10.0.0.5",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "224.0.0.1",
    "::1",
    "::",
    "fe80::1%eth0",
    "fd00::1",
    "ff02::1",
    "::ffff:169.254.169.254",
    "64:ff9b::7f00:1",
    "2002:7f00:1::",
)


@pytest.mark.parametrize("address", PRIVATE)
def test_an_address_that_is_not_public_needs_a_network_of_the_settings(address: str) -> None:
    assert not is_allowed(address, ())
    assert not is_allowed(address, read_networks("203.0.113.0/24, 2001:db8::/32"))


@pytest.mark.parametrize(
    ("address", "networks"),
    [
        ("93.184.216.34", ""),
        ("2606:2800:220:1:248:1893:25c8:1946", ""),
        ("::ffff:93.184.216.34", ""),
        ("10.0.0.5", "10.0.0.0/8"),
        ("::ffff:10.0.0.5", "192.168.0.0/16, 10.0.0.5"),
        ("::1", "::1"),
    ],
)
def test_a_public_address_and_one_of_a_named_network_are_allowed(address: str, networks: str) -> None:
    assert is_allowed(address, read_networks(networks))


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:{port}/", "http://localhost:{port}/", "http://[::ffff:127.0.0.1]:{port}/", "http://0:{port}/"],
)
async def test_nothing_is_sent_to_a_private_address(far: Far, url: str) -> None:
    async with aclosing(EndpointClient()) as client:
        reply = await client.post(endpoint("crm", url.format(port=far.port)), "m1", b"{}", NOW)
    assert (reply.status, reply.error) == (None, "address_not_allowed")
    assert far.posted == []


def resolving(*answers: list[str]) -> Callable[[str, int], Awaitable[list[str]]]:
    """Return a resolver that answers each question with the next of `answers`."""
    left = iter(answers)

    async def resolve(host: str, port: int) -> list[str]:  # noqa: ARG001  # as the transport calls it
        return next(left)

    return resolve


async def test_the_address_that_was_checked_is_the_one_that_is_connected_to(far: Far) -> None:
    resolve = resolving(["10.0.0.5", "127.0.0.1"], ["169.254.169.254"])
    transport = CheckedTransport(ssl.create_default_context(), LOOPBACK, resolve=resolve)
    async with httpx.AsyncClient(transport=transport) as client:
        assert (await client.post(f"http://crm.example:{far.port}/hooks")).is_success
        with pytest.raises(httpx.ConnectError):
            await client.post(f"http://crm.example:{far.port}/hooks")
    (posted,) = far.posted
    assert posted.headers["host"] == f"crm.example:{far.port}"


async def test_the_next_address_is_tried_where_one_does_not_answer(far: Far) -> None:
    networks = read_networks("127.0.0.0/8, ::1")
    transport = CheckedTransport(ssl.create_default_context(), networks, resolve=resolving(["::1", "127.0.0.1"]))
    async with httpx.AsyncClient(transport=transport) as client:
        assert (await client.post(f"http://crm.example:{far.port}/")).is_success


async def test_a_proxy_of_the_environment_is_used(far: Far, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{far.port}")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    async with aclosing(EndpointClient()) as client:
        reply = await client.post(endpoint("crm", "http://crm.example/hooks"), "m1", b"{}", NOW)
    assert (reply.status, [posted.path for posted in far.posted]) == (204, ["http://crm.example/hooks"])
