"""Why a request had no answer, in a word: httpx names the same class for a dead host and an expired certificate."""

from __future__ import annotations

import errno
import socket
import ssl
from typing import TYPE_CHECKING

from app.errors import AddressNotAllowed

if TYPE_CHECKING:
    from collections.abc import Iterator

# What OpenSSL says of a certificate (its X509_V_ERR_ codes), as far as an operator does something else about it.
CERTIFICATE = {
    10: "certificate_expired",
    18: "certificate_self_signed",
    19: "certificate_self_signed",
    20: "certificate_unknown_issuer",
    62: "certificate_wrong_host",
    64: "certificate_wrong_host",
}
UNREACHABLE = frozenset({errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EADDRNOTAVAIL})


def cause_of(error: BaseException) -> str:
    """Return `dns`, `refused`, `unreachable`, `tls`, `certificate_...`, `address_not_allowed`, else the class's name.

    The error's own message is not used: it may hold a URL.
    """
    return next((word for one in _behind(error) if (word := _word(one))), type(error).__name__)


def _word(error: BaseException) -> str | None:
    if isinstance(error, AddressNotAllowed):
        return "address_not_allowed"
    if isinstance(error, ssl.SSLCertVerificationError):
        return CERTIFICATE.get(error.verify_code, "certificate_not_valid")
    if isinstance(error, ssl.SSLError):
        return "tls"
    if isinstance(error, socket.gaierror):
        return "dns"
    if isinstance(error, ConnectionRefusedError):
        return "refused"
    return "unreachable" if isinstance(error, OSError) and error.errno in UNREACHABLE else None


def _behind(error: BaseException) -> Iterator[BaseException]:
    """Yield the error and those that led to it, also those of several addresses that were tried."""
    waiting, seen = [error], set[int]()
    while waiting:
        one = waiting.pop(0)
        if id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        waiting += one.exceptions if isinstance(one, BaseExceptionGroup) else ()
        waiting += [other for other in (one.__cause__, one.__context__) if other is not None]
