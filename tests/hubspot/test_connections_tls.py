"""The client's own connections over TLS: encrypted, and only with a server that proves its name."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import ssl
import threading
from datetime import timedelta
from typing import TYPE_CHECKING

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from app.clock import utc_now
from app.errors import NotSent
from app.hubspot.api.sequences import enrollment_status
from app.hubspot.connections import Connections
from app.tls import tls_context

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import aclosing
    from pathlib import Path

    from app.hubspot.client import CallRecord, HubSpotClient

    Clients = Callable[..., aclosing[HubSpotClient]]

WATCHDOG_SECONDS = 60
NONE = b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\n{}"


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a file with a key and its certificate, which is valid for 127.0.0.1 alone."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "far end")])
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    built = (
        builder.not_valid_before(utc_now() - timedelta(days=1))
        .not_valid_after(utc_now() + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    written = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = tmp_path_factory.mktemp("tls") / "certificate.pem"
    path.write_bytes(written + built.public_bytes(serialization.Encoding.PEM))
    return path


@pytest.fixture
def server_tls(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    context.set_alpn_protocols(["h2", "http/1.1"])
    return context


async def test_requests_are_encrypted_and_their_connection_is_kept(
    new_client: Clients, certificate: Path, server_tls: ssl.SSLContext
) -> None:
    protocols: list[str | None] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        protocols.append(writer.get_extra_info("ssl_object").selected_alpn_protocol())
        while await reader.read(65536):
            writer.write(NONE)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=server_tls)
    async with server:
        url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        trusting = Connections(httpx.URL(url), ssl.create_default_context(cafile=str(certificate)))
        async with new_client(trusting, base_url=url) as client:
            assert [await client.send(enrollment_status("501")) for _ in range(2)] == [None, None]
    assert protocols == ["http/1.1"]


class LateTickets:
    """A far end on a socket that listens: it sends the tickets of a session when `release` is set, and then answers."""

    def __init__(self, listening: socket.socket, tls: ssl.SSLContext) -> None:
        self.shaken, self.release, self.sent = threading.Event(), threading.Event(), threading.Event()
        self._listening = listening
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = tls.wrap_bio(self._in, self._out, server_side=True)

    def serve(self) -> None:
        """Answer one request."""
        with self._listening.accept()[0] as connection:
            self._with(connection, self._tls.do_handshake)
            self.shaken.set()
            self.release.wait(WATCHDOG_SECONDS)
            connection.sendall(self._out.read())
            self.sent.set()
            self._with(connection, lambda: self._tls.read(65536))
            self._tls.write(NONE)
            connection.sendall(self._out.read())

    def _with(self, connection: socket.socket, action: Callable[[], object]) -> None:
        while True:
            try:
                action()
            except ssl.SSLWantReadError:
                connection.sendall(self._out.read())
                received = connection.recv(65536)
                assert received, "the client has closed the connection"
                self._in.write(received)
            else:
                return


async def test_a_session_ticket_that_has_not_been_read_does_not_end_a_new_connection(
    new_client: Clients, certificate: Path, server_tls: ssl.SSLContext
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        far_end = LateTickets(listening, server_tls)
        serving = asyncio.create_task(asyncio.to_thread(far_end.serve))

        async def before_send() -> None:
            await asyncio.to_thread(far_end.shaken.wait, WATCHDOG_SECONDS)
            far_end.release.set()
            assert far_end.sent.wait(WATCHDOG_SECONDS)  # the event loop reads nothing meanwhile

        url = f"https://127.0.0.1:{listening.getsockname()[1]}"
        trusting = Connections(httpx.URL(url), ssl.create_default_context(cafile=str(certificate)))
        async with new_client(trusting, base_url=url) as client:
            assert await client.send(enrollment_status("501"), before_send=before_send) is None
        await serving


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_a_server_that_does_not_prove_its_name_receives_nothing(
    new_client: Clients, certificate: Path, server_tls: ssl.SSLContext, records: list[CallRecord], host: str
) -> None:
    received: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        received.append(await reader.read(65536))
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=server_tls)
    async with server:
        url = f"https://{host}:{server.sockets[0].getsockname()[1]}"
        # The name is wrong where the certificate is trusted, and the certificate is unknown where the name is right.
        tls = ssl.create_default_context(cafile=str(certificate)) if host == "localhost" else tls_context()
        async with new_client(Connections(httpx.URL(url), tls), base_url=url) as client:
            with pytest.raises(NotSent):
                await client.send(enrollment_status("501"))
    assert b"".join(received) == b""
    cause = "certificate_wrong_host" if host == "localhost" else "certificate_self_signed"
    assert [record.error_type for record in records] == [cause]
