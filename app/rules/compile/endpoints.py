"""Compile endpoints: entries of the rules file -> which system receives which events, signed with which secrets."""

from __future__ import annotations

import base64
import hashlib
import re
from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from app.model import Endpoint, Secret
from app.rules.file.documents import PLACEHOLDER
from app.rules.file.recovery import UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.rules.file.diagnostics import Diagnostics
    from app.rules.file.parse import Part
    from app.rules.file.parsed import Place
    from app.rules.file.schema import EndpointEntry

PREFIX = "whsec_"
# The length in bytes that Standard Webhooks requires of a secret.
SHORTEST, LONGEST = 24, 64
LABEL = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)")
LONGEST_NAME = 253
HOW = f"make one by `echo {PREFIX}$(openssl rand -base64 32)`"


def compile_endpoints(
    parts: list[Part], diagnostics: Diagnostics, require_account: Callable[[str, Part, Place], object]
) -> dict[str, Endpoint]:
    """Return the endpoints by name; mistakes are noted. `require_account` notes an account that does not exist."""
    endpoints: dict[str, Endpoint] = {}
    for name, part in diagnostics.merged(parts, "endpoints").items():
        entry, place = part.file.endpoints[name], ("endpoints", name)
        # A variable that is not set leaves a value empty, and is itself a mistake that is noted already.
        if not part.parsed.mistakes:
            _check(entry, part, place, diagnostics)
        for number, account in enumerate(entry.accounts or ()):
            require_account(account, part, (*place, "accounts", number))
        endpoints[name] = _endpoint(name, entry, part.parsed.written((*place, "url")))
    return endpoints


def _check(entry: EndpointEntry, part: Part, place: Place, diagnostics: Diagnostics) -> None:
    if message := _wrong_url(entry.url):
        diagnostics.note(part, (*place, "url"), message)
    if not entry.secrets:
        diagnostics.note(part, place, f"it needs `secrets`, with which events are signed: {HOW}")
    for number, secret in enumerate(entry.secrets):
        if message := _wrong_secret(secret):
            diagnostics.note(part, (*place, "secrets", number), message)


def _wrong_url(url: str) -> str | None:
    """Return what is wrong with a URL, without showing it: it may hold a secret."""
    if url in {PLACEHOLDER, UNKNOWN}:
        return None
    try:
        split = urlsplit(url)
        named = split.scheme in {"http", "https"} and (split.port is None or split.port > 0)
        usable = named and _is_host(split.hostname or "")
    except ValueError:
        usable = False
    if not usable or not url.isascii() or any(character.isspace() for character in url):
        return "must be a URL like https://crm.acme.example/hooks/segue"
    if split.username is not None or split.fragment:
        return "a URL with a user or a #fragment cannot be posted to: the signature says who sends"
    return None


def _is_host(name: str) -> bool:
    """Tell whether this is an IP address or a name that DNS can hold; a name never ends in a number."""
    try:
        ip_address(name)
    except ValueError:
        labels = name.removesuffix(".").split(".")
        short = len(name) <= LONGEST_NAME and not labels[-1].isdigit()
        return short and all(LABEL.fullmatch(label) for label in labels)
    return True


def _wrong_secret(secret: str) -> str | None:
    """Return what is wrong with a secret, without showing it."""
    if secret.removeprefix(PREFIX) == PLACEHOLDER:
        return None
    if not secret.startswith(PREFIX):
        return f"a secret begins with {PREFIX}: {HOW}"
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except ValueError:
        return f"what follows {PREFIX} is not base64: {HOW}"
    if not SHORTEST <= len(key) <= LONGEST:
        return f"a secret is {SHORTEST} to {LONGEST} bytes, this one {len(key)}: {HOW}"
    return None


def _endpoint(name: str, entry: EndpointEntry, shown: str) -> Endpoint:
    accounts = None if entry.accounts is None else frozenset(entry.accounts)
    known = hashlib.sha256("\n".join([entry.url, *entry.secrets]).encode()).hexdigest()[:16]
    secrets = tuple(Secret(secret) for secret in entry.secrets)
    return Endpoint(name, entry.url, secrets, frozenset(entry.events), accounts, shown, known)
