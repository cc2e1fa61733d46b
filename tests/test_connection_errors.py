"""A failure to connect is named by its cause, by real sockets and certificates."""

from __future__ import annotations

import asyncio
import ipaddress
import ssl
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from app.clock import utc_now
from app.connection_errors import cause_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


def certificate(path: Path, *, name: str = "127.0.0.1", days: int = 1) -> Path:
    """Write a key and its own certificate for this address, which ends in so many days."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "far end")])
    built = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(utc_now() - timedelta(days=9))
        .not_valid_after(utc_now() + timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(name))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    plain = serialization.NoEncryption()
    written = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    path.write_bytes(written + built.public_bytes(serialization.Encoding.PEM))
    return path


@asynccontextmanager
async def serving(proof: Path | None) -> AsyncIterator[str]:
    """Serve TLS with this certificate, or no TLS at all, and yield the address with https."""
    tls = None
    if proof is not None:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(proof)

    async def close(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"no TLS\r\n")
        writer.close()

    server = await asyncio.start_server(close, "127.0.0.1", 0, ssl=tls)
    async with server:
        yield f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/"


async def failure(url: str, trusted: Path | None = None) -> str:
    context = ssl.create_default_context(cafile=str(trusted) if trusted else None)
    async with httpx.AsyncClient(verify=context, trust_env=False) as client:
        with pytest.raises(httpx.HTTPError) as caught:
            await client.get(url)
    return cause_of(caught.value)


async def test_certificates_are_told_from_dead_hosts(tmp_path: Path) -> None:
    good = certificate(tmp_path / "good.pem")
    async with serving(good) as url:
        assert await failure(url) == "certificate_self_signed"
    old = certificate(tmp_path / "old.pem", days=-1)
    async with serving(old) as url:
        assert await failure(url, old) == "certificate_expired"
    other = certificate(tmp_path / "other.pem", name="127.0.0.2")
    async with serving(other) as url:
        assert await failure(url, other) == "certificate_wrong_host"
    async with serving(None) as url:
        assert await failure(url) == "tls"


async def test_a_name_without_address_and_a_port_where_nothing_listens() -> None:
    assert await failure("http://no-such-host.invalid/") == "dns"
    async with serving(None) as url:
        gone = url
    assert await failure(gone) == "refused"


def test_any_other_error_is_named_by_its_class() -> None:
    assert cause_of(httpx.ReadTimeout("slow")) == "ReadTimeout"
    looping = ValueError("a")
    looping.__cause__ = looping
    assert cause_of(looping) == "ValueError"
