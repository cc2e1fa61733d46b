"""One-time links that sign a browser in: for `make run`, and for an operator who has the machine and no token."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from app.console.signin.paths import LINK
from app.console.signin.sessions import hashed, new_secret
from app.console.signin.visitor import Person, Way
from app.operators import Role

if TYPE_CHECKING:
    from datetime import datetime

    from app.console.signin.store import SignInStore

LIFE = timedelta(minutes=10)


def base_url(configured: str | None, host: str, port: int) -> str:
    """Return where a browser reaches the console: as configured, else at the address that the service listens on."""
    anywhere = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104  # no address to listen on
    shown = f"[{anywhere}]" if ":" in anywhere else anywhere
    return configured or f"http://{shown}:{port}"


async def make_link(store: SignInStore, base: str, *, role: Role, name: str, now: datetime) -> str:
    """Return a URL below `base` that signs one browser in, once, within ten minutes. Raises Busy."""
    secret = new_secret()
    await store.add_link(hashed(secret), role, name, now=now, expires_at=now + LIFE)
    return f"{base}{LINK}?{urlencode({'link': secret})}"


async def person_of(store: SignInStore, secret: str, now: datetime) -> Person | None:
    """Return the person of a link, None where it was used, is too old, or never existed.

    It stays good: programs that look at links must not use them up. The session that is begun with it does.
    """
    found = await store.link(hashed(secret), now)
    if found is None:
        return None
    role, name = found
    return Person(f"link:{name}", name, Role(role), Way.LINK, link=hashed(secret))
