"""Build what signs people in, over a process and the gate of its operators' routes."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from app.clock import utc_now
from app.console.signin.client import ProviderClient
from app.console.signin.desk import Desk
from app.console.signin.login import Login
from app.console.signin.origins import Origins
from app.console.signin.provider import Provider
from app.console.signin.sessions import Sessions, Terms
from app.console.signin.store import SignInStore
from app.operators import read_role_values

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from app.process import Process
    from app.settings import Settings
    from app.web.access.gate import Gate
    from app.web.access.record import Recorder


def open_desk(process: Process, gate: Gate, recorder: Recorder, now: Callable[[], datetime] = utc_now) -> Desk:
    """Return what signs people in. The process closes its connections when it ends."""
    settings, store = process.settings, SignInStore(process.engine)
    sessions = Sessions(store, gate.tokens.current, terms(settings))
    found = origins(settings)
    login = _login(process, store, found.callback)
    return Desk(gate, sessions, store, found, login, settings.missing_for_oidc, recorder.refused, now)


def terms(settings: Settings) -> Terms:
    """Return how long sessions last."""
    life, idle = timedelta(hours=settings.console_session_hours), timedelta(hours=settings.console_idle_hours)
    return Terms(life, idle, oidc=not settings.missing_for_oidc)


def origins(settings: Settings) -> Origins:
    """Return the addresses by which browsers call the console."""
    console_url, public_url = (str(url) if url else None for url in (settings.console_url, settings.public_url))
    return Origins.of(console_url, public_url, settings.trusted_proxies, apart=settings.admin_port is not None)


def _login(process: Process, store: SignInStore, origin: str | None) -> Login | None:
    """Return logins by the identity provider, None where the settings do not have all that they need."""
    settings = process.settings
    issuer, client_id, secret = settings.oidc_issuer, settings.oidc_client_id, settings.oidc_client_secret
    if not (issuer and client_id and secret and settings.oidc_roles and origin):
        return None
    client = ProviderClient()
    process.stack.push_async_callback(client.aclose)

    async def pseudonym(subject: str) -> str:
        return (await process.hasher())(subject)

    provider = Provider(issuer, client_id, secret.get_secret_value(), client)
    return Login(provider, store, origin, settings.oidc_claim, read_role_values(settings.oidc_roles), pseudonym)
